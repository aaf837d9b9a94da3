"""Audits of feeds: every row accounted for."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping

import pytest

from soccer_assets.clock import Clock, FixedClock, parse_instant
from soccer_assets.feeds.audit import Duplicate, NameWithoutHistory, audit
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import MatchOdds, RawMatch, RejectedResult, Rejection, UnreadableFile

CLOCK = FixedClock(parse_instant("2025-07-10T00:00:00Z"))


def match(**change: object) -> RawMatch:
    fields = {
        "source": "listed",
        "source_match_id": None,
        "payload": {},
        "competition": "ENG-1",
        "season": "2024/2025",
        "kickoff": parse_instant("2025-04-20T13:00:00Z"),
        "kickoff_precision": KickoffPrecision.MINUTE,
        "home_team": "Fulham",
        "away_team": "Chelsea",
        "status": MatchStatus.FINISHED,
        "home_goals": 1,
        "away_goals": 2,
    }
    return RawMatch(**{**fields, **change})


class ListedFeed:
    """A feed of given rows."""

    name = "listed"
    is_simulated = False
    result_lag = dt.timedelta(0)

    def __init__(self, *rows: RawMatch | Rejection) -> None:
        self._rows = rows
        self.asked: list[Window] = []

    def first_month(self) -> dt.date:
        """A first month."""
        return dt.date(2020, 3, 1)

    def competitions(self) -> Mapping[str, Competition]:
        """No competitions."""
        return {}

    def fetch(self, window: Window, _: Clock) -> Iterator[RawMatch | Rejection]:
        """The rows, whatever the window."""
        self.asked.append(window)
        yield from self._rows


def test_a_rejected_result_and_its_fixture_are_one_row():
    """A provider without a status tells a result that is not one: its match stays due, no second row."""
    reason = "the match is finished, but has no result; add it at the source"
    due = match(status=MatchStatus.SCHEDULED, home_goals=None, away_goals=None)
    other = match(home_team="Arsenal", away_team="Everton")

    found = audit(ListedFeed(RejectedResult(source="listed", reason=reason, payload={}), due, other), CLOCK)

    assert (found.rows, found.matches, found.rejected) == (2, 1, 1)
    assert found.reasons == {reason: 1}


def test_every_row_is_a_match_a_duplicate_or_rejected():
    """The three add up to the rows; reasons are counted, and statuses and competitions of the matches."""
    no = Rejection(source="listed", reason="no score", payload={})
    ahead = fixture()
    feed = ListedFeed(match(), no, match(home_team="Arsenal"), no, ahead, match(home_team="FULHAM"))

    found = audit(feed, CLOCK)

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (6, 3, 1, 2)
    assert found.scored == 2
    assert found.statuses == {"finished": 2, "scheduled": 1}
    assert found.competitions == {"ENG-1": 3}
    assert found.reasons == {"no score": 2}
    assert feed.asked == [Window(dt.date(2020, 3, 1), dt.date(2026, 7, 11))]


@pytest.mark.parametrize(
    ("change", "is_twin"),
    [
        ({"home_team": "fulham "}, True),
        ({"home_team": "Everton"}, True),
        ({"source_match_id": "8", "home_goals": 5}, True),
        ({"source_match_id": "8", "home_team": "Everton"}, False),
        ({"source_match_id": "8", "kickoff": parse_instant("2025-04-21T13:00:00Z")}, False),
        ({"source_match_id": "8", "competition": "ENG-2"}, False),
    ],
)
def test_duplicate_names_its_twin(change, is_twin):
    """Rows with one id, or one competition, day and pair of teams, are one match."""
    first, second = match(source_match_id="7"), match(**{"source_match_id": "7", **change})

    found = audit(ListedFeed(first, second), CLOCK)

    assert found.matches == 2 - is_twin
    assert [one.twin for one in found.duplicates] == is_twin * [
        "ENG-1 2024/2025 2025-04-20 Fulham 1-2 Chelsea (id 7)"
    ]


def test_duplicate_says_which_row_it_is():
    """Both tellings are written out."""
    found = audit(ListedFeed(match(), match(home_goals=3)), CLOCK)

    assert found.duplicates == (
        Duplicate(
            row="ENG-1 2024/2025 2025-04-20 Fulham 3-2 Chelsea",
            twin="ENG-1 2024/2025 2025-04-20 Fulham 1-2 Chelsea",
        ),
    )


def fixture(**change: object) -> RawMatch:
    """A match of the next season that is to be played."""
    return match(
        **{
            "kickoff": parse_instant("2025-08-20T13:00:00Z"),
            "season": "2025/2026",
            "status": MatchStatus.SCHEDULED,
            "home_goals": None,
            "away_goals": None,
            **change,
        }
    )


def test_a_name_with_fixtures_and_no_result_is_told():
    """A club that the list of fixtures spells otherwise than the results."""
    feed = ListedFeed(
        match(), fixture(), fixture(home_team="FC Fulham"), fixture(home_team="FC Fulham", away_team="Hull")
    )

    assert audit(feed, CLOCK).names_without_history == (
        NameWithoutHistory("ENG-1", "FC Fulham", 2),
        NameWithoutHistory("ENG-1", "Hull", 1),
    )


def test_a_season_with_more_names_than_clubs_is_told():
    """The Premier League has 20 clubs: with more names one club goes by two."""
    rows = [match(home_team=f"Club {number}", away_team="Chelsea") for number in range(19)]
    full, beyond = (
        audit(ListedFeed(*rows), CLOCK),
        audit(ListedFeed(*rows, match(away_team="Chelsea FC")), CLOCK),
    )

    assert full.too_many_clubs == ()
    (found,) = beyond.too_many_clubs
    assert (found.competition, found.season, found.most, len(found.names)) == ("ENG-1", "2024/2025", 20, 22)


def test_the_two_names_of_one_club_are_shown_among_the_names_of_a_full_season():
    """Norway's league has a guest in its play-off: beside 16 clubs `HamKam` is one, unless it is Ham-Kam.

    A name that plays on a day of the other's, or is only like it as a neighbour is, is another club.
    """
    days = [parse_instant(f"2023-05-{day:02}T13:00:00Z") for day in (1, 8)]
    played = {"competition": "NOR-1", "season": "2023", "kickoff": days[0]}
    rows = [
        match(**played, home_team=f"Home {number}", away_team=f"Away {number}") for number in range(7)
    ] + [match(**played, home_team="Ham-Kam", away_team="Dundee")]
    second = played | {"kickoff": days[1]}

    other_name = match(**second, home_team="HamKam", away_team="Dundee")
    (found,) = audit(ListedFeed(*rows, other_name), CLOCK).too_many_clubs

    assert (found.competition, found.most, len(found.names)) == ("NOR-1", 17, 17)
    assert found.alike == (("Ham-Kam", "HamKam"),)
    neighbour = match(**second, home_team="Home 1", away_team="Dundee United")
    same_day = match(**played, home_team="HamKam", away_team="Dundee")
    for guest in (neighbour, same_day):
        assert audit(ListedFeed(*rows, guest), CLOCK).too_many_clubs == ()


def test_a_meeting_told_on_two_days_is_told_and_a_replay_elsewhere_is_none():
    """A pair meets once at one ground in the Premier League; where no format is told the score decides."""
    later = parse_instant("2025-04-22T13:00:00Z")
    league = ListedFeed(match(), match(kickoff=later))
    cup = ListedFeed(match(competition="X"), match(competition="X", kickoff=later))
    replay = ListedFeed(match(competition="X"), match(competition="X", kickoff=later, home_goals=2))

    (found,) = audit(league, CLOCK).meetings_told_twice
    assert (found.competition, found.most, len(found.matches)) == ("ENG-1", 1, 2)
    assert [one.most for one in audit(cup, CLOCK).meetings_told_twice] == [1]
    assert audit(replay, CLOCK).meetings_told_twice == ()


def test_two_scores_of_one_match_are_a_contradiction():
    """A repeat that agrees is none."""
    found = audit(ListedFeed(match(), match(), match(home_goals=3)), CLOCK)

    assert (len(found.duplicates), len(found.contradictions)) == (2, 1)
    assert "Fulham 3-2 Chelsea" in found.contradictions[0].row


def test_a_season_with_home_and_away_exchanged_is_named():
    """The sides, of 150 results or more."""
    rows = [
        match(source_match_id=str(number), home_team=f"Host {number}", away_team=f"Guest {number}")
        for number in range(150)
    ]
    assert audit(ListedFeed(*rows[1:]), CLOCK).exchanged_sides == ()
    (found,) = audit(ListedFeed(*rows), CLOCK).exchanged_sides
    assert found.startswith("ENG-1 2024/2025 (listed): 0 wins at home, 150 away in 150 results")


def test_what_is_no_match_is_told_apart():
    """Files are no rows; placeholders are no rejections; unknown competitions have their rows."""
    bad = UnreadableFile(source="listed", reason="file passed over: E1.csv: it is empty", payload={})
    unknown = Rejection(
        source="listed", reason="the competition 'Narnia/Cup' is not in competitions.toml; add it", payload={}
    )
    found = audit(
        ListedFeed(match(), bad, unknown, unknown, fixture(home_team="W49"), match(competition="OWN")), CLOCK
    )

    assert found.files_passed_over == (bad.reason,)
    assert found.unknown_competitions == {"Narnia/Cup": 2, "OWN": 1}
    assert list(found.undrawn.values()) == [1]
    assert (found.rows, found.matches, found.rejected) == (5, 2, 2)


def test_reasons_that_differ_in_values_alone_are_counted_together():
    """A file with thousands of bad dates has one reason, and the report stays short."""
    texts = (
        "the date '8/9/2024' lies outside",
        "the score 99-1 is wrong",
        "the date '9/9/2024' lies outside",
    )
    rows = [Rejection(source="listed", reason=text, payload={}) for text in texts]

    assert audit(ListedFeed(*rows), CLOCK).reasons == {texts[0]: 2, texts[1]: 1}


def test_implausible_prices_cost_no_row():
    """The match stays, and its prices are counted."""
    found = audit(ListedFeed(match(odds=MatchOdds("x", 9.0, 9.0, 9.0))), CLOCK)

    assert (found.rows, found.matches, found.rejected, found.prices_removed) == (1, 1, 0, 1)


def test_rows_no_window_reaches_are_rejected(tmp_path):
    """A row before the provider's first day, or over a year ahead, is counted with the day before it."""
    new = tmp_path / "new"
    new.mkdir()
    dates = {
        "15/08/1992": "1992",
        "10/07/2025": "2025",
        "11/07/2026": "2026",
        "10/07/2026": "2026",
        "01/01/2030": "",
    }
    rows = [
        f"Argentina,Liga Profesional,{season},{date},20:00,A{season},B{season}"
        for date, season in dates.items()
    ]
    (new / "ARG.csv").write_text("\n".join(("Country,League,Season,Date,Time,Home,Away", *rows)))

    found = audit(FootballDataFeed(tmp_path.as_uri(), FileClient("X", tmp_path)), CLOCK)

    assert (found.rows, found.matches, found.rejected) == (5, 2, 3)
    assert found.reasons == {
        "the date 2026-07-11 lies more than a year ahead; correct it at the source": 2,
        "the date 1992-08-15 lies before 1993-07-01; correct it at the source": 1,
    }


def test_every_day_of_a_season_file_is_counted(tmp_path):
    """The files of openfootball begin in January 2010; a next season's may end over a year ahead."""
    rows = {
        "2010/br.1.json": ["2010-01-01", "2010-12-05"],
        "2010-11/en.1.json": ["2010-06-15"],
        "2026-27/en.1.json": ["2026-07-01", "2027-05-20"],
    }
    for path, days in rows.items():
        file = tmp_path / path
        file.parent.mkdir()
        matches = [{"date": day, "team1": "A", "team2": "B"} for day in days]
        file.write_text(json.dumps({"matches": matches}))

    found = audit(OpenFootballFeed(tmp_path.as_uri(), FileClient("X", tmp_path)), CLOCK)

    assert (found.rows, found.matches) == (5, 4)
    assert found.reasons == {"the date 2027-05-20 lies more than a year ahead; correct it at the source": 1}


def test_mirror_of_football_data_is_accounted_for(shared_data, tmp_path):
    """All 79,831 rows of the mirror are matches but two, whose league has no block in the catalogue."""
    url = (shared_data / "mirror" / "www.football-data.co.uk").as_uri()

    found = audit(FootballDataFeed(url, FileClient("X", tmp_path)), CLOCK)

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (79_831, 79_829, 0, 2)
    assert found.scored == 79_828
    (reason,) = found.reasons
    assert reason.startswith("the competition 'Switzerland/Challenge League' is not in competitions.toml")
    assert found.reasons[reason] == 2
    assert found.unknown_competitions == {"Switzerland/Challenge League": 2}
    # Ham-Kam and HamKam, Gornik Z. and Gornik Zabrze, U Craiova and Univ. Craiova.
    assert [one.competition for one in found.too_many_clubs] == ["NOR-1", "POL-1", "ROU-1"]
    assert (found.contradictions, found.files_passed_over) == ((), ())


def test_mirror_of_openfootball_is_accounted_for(shared_data, tmp_path):
    """All 83,391 rows are matches but five fixtures whose teams were never filled in; a file is a copy."""
    url = (shared_data / "mirror" / "openfootball" / "football.json").as_uri()

    found = audit(OpenFootballFeed(url, FileClient("X", tmp_path)), CLOCK)

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (83_391, 83_386, 0, 0)
    assert found.statuses == {"finished": 82_593, "cancelled": 583, "postponed": 162, "awarded": 48}
    (copy,) = found.files_passed_over
    assert "2019-20/ru.2.json: it has the matches of 2019-20/ru.1.json" in copy
    waits = "the fixture is read once its teams are known"
    assert found.undrawn == {
        f"'Sieger EF' is a placeholder: {waits}": 4,
        f"'N.N.' are placeholders: {waits}": 1,
    }
    assert [(one.competition, one.season, one.most) for one in found.too_many_clubs] == [
        ("TUR-1", "2019/2020", 18)
    ]
