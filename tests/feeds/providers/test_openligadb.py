"""OpenLigaDB's seasons, and what may be known of them when."""

import datetime as dt
import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.openligadb import OpenLigaDbFeed
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import (
    AfterNinety,
    RawMatch,
    Rejection,
    UndrawnFixture,
    UnreadableFile,
    Venue,
)
from soccer_assets.stores.matches.grounds import ground_columns

NOW = parse_instant("2025-04-25T09:00:00Z")
SPRING = Window(dt.date(2025, 3, 1), dt.date(2025, 6, 1))


def result(type_id: int, home: int, away: int, **more: Any) -> dict[str, Any]:
    return {"resultTypeID": type_id, "pointsTeam1": home, "pointsTeam2": away, **more}


PLAYED: dict[str, Any] = {
    "matchID": 72000,
    "matchDateTime": "2025-04-20T15:30:00",
    "timeZoneID": "W. Europe Standard Time",
    "matchDateTimeUTC": "2025-04-20T13:30:00Z",
    "leagueShortcut": "bl1",
    "leagueSeason": 2024,
    "group": {"groupName": "30. Spieltag", "groupOrderID": 30, "groupID": 45000},
    "team1": {"teamId": 40, "teamName": "FC Bayern München", "shortName": "Bayern"},
    "team2": {"teamId": 7, "teamName": "Borussia Dortmund", "shortName": "BVB"},
    "lastUpdateDateTime": "2025-04-20T17:25:00",
    "matchIsFinished": True,
    "matchResults": [result(1, 1, 0), result(2, 2, 1)],
    "goals": [],
}


class Copy:
    """A folder laid out like the interface, read through ``file://``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *rows: Any, league: str = "bl1") -> None:
        """Put a season there."""
        file = self.folder / "getmatchdata" / league / "2024"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(rows))

    def fetch(self, now: dt.datetime = NOW, window: Window = SPRING) -> list[RawMatch | Rejection]:
        """All rows of a window."""
        feed = OpenLigaDbFeed(self.folder.as_uri(), FileClient("SOCCER_FEED_URL", self.folder / "cache"))
        return list(feed.fetch(window, FixedClock(now)))


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy(tmp_path)


def test_played_match_has_its_score(copy):
    """A finished match carries result type 2, the half-time score, and the provider's id."""
    copy.write(PLAYED)

    (match,) = copy.fetch()

    assert match == RawMatch(
        source="openligadb",
        source_match_id="72000",
        payload=match.payload,
        competition="GER-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:30:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="FC Bayern München",
        away_team="Borussia Dortmund",
        status=MatchStatus.FINISHED,
        round="30. Spieltag",
        home_goals=2,
        away_goals=1,
        home_goals_half_time=1,
        away_goals_half_time=0,
        team_ids=("40", "7"),
    )
    assert match.payload["matchResults"] == PLAYED["matchResults"]


def test_older_answers_in_pascal_case_are_the_same(copy):
    """``MatchID`` is read like ``matchID``."""

    def pascal(value: Any) -> Any:
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: pascal(inner) for key, inner in value.items()}
        return [pascal(inner) for inner in value] if isinstance(value, list) else value

    copy.write(PLAYED)
    wanted = copy.fetch()
    copy.write(pascal(PLAYED))

    assert copy.fetch() == wanted


@pytest.mark.parametrize(
    ("results", "score"),
    [
        ([result(2, 1, 0), result(3, 2, 1), result(4, 5, 4)], (None, None)),
        (
            [
                result(2, 1, 0, resultTypeKind="After90Minutes"),
                result(3, 2, 1, resultTypeKind="AfterExtraTime"),
                result(4, 5, 4, resultTypeKind="AfterPenalties"),
            ],
            (1, 0),
        ),
        ([result(1, 0, 0), result(2, 1, 0)], (1, 0)),
    ],
)
def test_second_leg_decided_later_counts_at_90_where_the_provider_says_so(copy, results, score):
    """1-0 at 90, then extra time, then penalties: 1-0 where the results' kinds are named, else unknown."""
    copy.write({**PLAYED, "matchResults": results}, league="dfb")

    (match,) = copy.fetch()

    assert (match.status, match.competition) == (MatchStatus.FINISHED, "GER-CUP")
    assert (match.home_goals, match.away_goals) == score


def test_goal_in_overtime_makes_the_result_unknown(copy):
    """In a cup the only result is not the one of 90 minutes where a goal fell in overtime."""
    copy.write({**PLAYED, "goals": [{"matchMinute": 112, "isOvertime": True}]}, league="dfb")

    (match,) = copy.fetch()

    assert (match.status, match.home_goals) == (MatchStatus.FINISHED, None)


def named(name: str, type_id: int, home: int, away: int) -> dict[str, Any]:
    """A result with the name that the provider's pages show."""
    return result(type_id, home, away, resultName=name)


def test_results_of_type_zero_go_by_their_names(copy):
    """Seasons before 2010 give every result the type 0."""
    copy.write({**PLAYED, "matchResults": [named("Endergebnis", 0, 2, 2), named("Halbzeit", 0, 2, 1)]})

    (match,) = copy.fetch()

    assert (match.home_goals, match.away_goals) == (2, 2)
    assert (match.home_goals_half_time, match.away_goals_half_time) == (2, 1)


def test_a_league_has_no_extra_time(copy):
    """A stray result after extra time changes nothing in a league."""
    stray = [named("Endergebnis", 2, 0, 2), named("nach Verlängerung", 3, 0, 0)]
    copy.write({**PLAYED, "matchResults": stray})

    (match,) = copy.fetch()

    assert (match.home_goals, match.away_goals, match.after_90) == (0, 2, msgspec.UNSET)


def test_a_level_cup_match_keeps_its_90_minutes_and_how_it_went_on(copy):
    """2-2 after 90 minutes, 3-2 after extra time."""
    results = [named("Halbzeit", 1, 0, 0), named("Endergebnis", 2, 2, 2), named("nach Verlängerung", 3, 3, 2)]
    copy.write({**PLAYED, "matchResults": results}, league="dfb")

    (match,) = copy.fetch()

    assert (match.home_goals, match.away_goals) == (2, 2)
    assert match.after_90 == AfterNinety(decided_by="extra_time", home_goals=3, away_goals=2)


def test_a_shoot_out_told_in_comments_alone_is_one(copy):
    """The goals of the shoot-out are entered like others, with a comment."""
    goals = [
        {"scoreTeam1": 0, "scoreTeam2": 1, "isOvertime": False},
        {"scoreTeam1": 1, "scoreTeam2": 1, "isOvertime": False},
        {"scoreTeam1": 2, "scoreTeam2": 1, "isPenalty": True, "comment": "Elfmeterschießen"},
    ]
    copy.write({**PLAYED, "matchResults": [result(2, 1, 1)], "goals": goals}, league="dfb")

    (match,) = copy.fetch()

    assert (match.home_goals, match.away_goals, match.after_90.decided_by) == (1, 1, "penalties")


@pytest.mark.parametrize(
    "comment", ["i.E.", "n. E.", "Elfmeterschiessen", "Elferschießen", "im Elfmeterschießen"]
)
def test_a_shoot_out_is_one_however_it_is_called(copy, comment):
    """A result of 5-4 that holds the shoot-out is no score of 90 minutes."""
    goals = [{"scoreTeam1": 5, "scoreTeam2": 4, "isPenalty": True, "comment": comment}]
    copy.write({**PLAYED, "matchResults": [result(2, 5, 4)], "goals": goals}, league="dfb")

    (match,) = copy.fetch()

    assert (match.home_goals, match.after_90.decided_by) == (None, "penalties")


def test_a_goal_at_a_minute_of_extra_time_is_one_without_a_mark(copy):
    """Stoppage time of a second half never came to 15 minutes."""
    goals = [{"scoreTeam1": 2, "scoreTeam2": 1, "matchMinute": 118, "isOvertime": None}]
    copy.write({**PLAYED, "matchResults": [result(2, 2, 1)], "goals": goals}, league="dfb")

    (match,) = copy.fetch()

    assert (match.home_goals, match.after_90.decided_by) == (None, "extra_time")


@pytest.mark.parametrize(
    "results",
    [
        [named("Halbzeit", 2, 1, 0), named("Endergebnis", 1, 2, 1)],
        [named("Halbzeitergebnis", 2, 1, 0)],
        [named("Halbzeit", 2, 1, 0), result(2, 2, 1, resultTypeKind="After90Minutes")],
        [named("Endergebnis", 2, 2, 1), named("Endergebnis", 1, 1, 0)],
    ],
)
def test_a_result_whose_name_and_type_contradict_each_other_is_rejected(copy, results):
    """The score of half-time is never a match's."""
    copy.write({**PLAYED, "matchResults": results})

    (rejection,) = copy.fetch()

    assert "has the type" in rejection.reason


def test_a_finished_match_without_goals_says_why(copy):
    """Whatever results a match has, its 90-minute score is there, or how it went on, or it is rejected."""
    kinds = [("Endergebnis", 0), ("Endergebnis", 2), ("Halbzeit", 1), ("nach Verlängerung", 3)]
    for league in ("bl1", "dfb"):
        for size in range(1, 4):
            for chosen in itertools.combinations(kinds, size):
                results = [named(name, type_id, 1, type_id % 2) for name, type_id in chosen]
                copy.write({**PLAYED, "matchResults": results}, league=league)

                rows = [row for row in copy.fetch() if isinstance(row, RawMatch)]

                assert all(row.home_goals is not None or row.after_90 for row in rows)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"matchResults": []}, "the match is finished, but has no result; add it at the source"),
        ({"matchIsFinished": False}, "the match has a result, but is not finished; finish it at the source"),
    ],
)
def test_a_match_that_was_played_is_not_taken_for_postponed(copy, change, reason):
    """Its result may come within the feed's lag; then it is rejected, and stays open while looks read it."""
    copy.write(PLAYED | change)
    (waits,) = copy.fetch()
    rejected, still_open = copy.fetch(NOW + dt.timedelta(days=3))
    (given_up,) = copy.fetch(NOW + dt.timedelta(days=120))

    assert isinstance(waits, RawMatch)
    assert isinstance(rejected, Rejection)
    assert isinstance(still_open, RawMatch)
    assert waits.status is still_open.status is MatchStatus.SCHEDULED
    assert waits.source_match_id == still_open.source_match_id
    assert rejected.reason == reason
    assert isinstance(given_up, Rejection)
    assert (given_up.reason, given_up.payload) == (rejected.reason, rejected.payload)


def test_a_final_is_on_neutral_ground_and_a_league_match_is_not(copy):
    """The final of the DFB-Pokal is played in Berlin, whoever is named first."""
    stadium = {"locationID": 1, "locationCity": "Berlin", "locationStadium": "Olympiastadion"}
    final = {**PLAYED, "group": {"groupName": "Finale"}, "location": stadium}
    copy.write(final, league="dfb")
    (cup,) = copy.fetch()
    copy.write(final, league="bl1")

    league = [match for match in copy.fetch() if match.competition == "GER-1"]
    assert ground_columns(cup, load_competitions()["GER-CUP"])["neutral"]
    assert [ground_columns(match, load_competitions()["GER-1"])["neutral"] for match in league] == [False]
    assert cup.venue == Venue("Olympiastadion", "Berlin")


def test_a_kickoff_outside_its_season_is_rejected(copy):
    """9 May written as 5 September lies in the season after."""
    copy.write({**PLAYED, "matchDateTimeUTC": "2025-09-05T13:30:00Z"})

    (rejection,) = copy.fetch(
        parse_instant("2025-10-01T00:00:00Z"), Window(dt.date(2025, 3, 1), dt.date(2025, 10, 1))
    )

    assert "outside the season 2024/2025" in rejection.reason


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2025-04-20T13:29:59Z", MatchStatus.SCHEDULED),
        ("2025-04-20T13:30:00Z", MatchStatus.LIVE),
        ("2025-04-20T15:30:00Z", MatchStatus.FINISHED),
    ],
)
def test_nothing_is_known_before_it_happened(copy, now, status):
    """Before the match is over neither score nor results are shown."""
    copy.write(PLAYED)

    (match,) = copy.fetch(parse_instant(now))

    is_over = status is MatchStatus.FINISHED
    assert (match.status, match.home_goals is not None) == (status, is_over)
    assert ("matchResults" in match.payload, "matchIsFinished" in match.payload) == (is_over, is_over)


@pytest.mark.parametrize("mark", ["true", 1, None, "", [True]])
def test_a_mark_of_the_end_that_is_neither_true_nor_false_is_rejected(copy, mark):
    """Read as no, a match with a result would wait for one for ever."""
    copy.write({**PLAYED, "matchIsFinished": mark})

    (rejection,) = copy.fetch()

    assert "neither true nor false; correct it at the source" in rejection.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"matchDateTimeUTC": "2025-04-20T13:30:00"}, "the kickoff '2025-04-20T13:30:00' has no time zone"),
        (
            {"matchDateTime": "2025-01-20T15:30:00"},
            "matchDateTime '2025-01-20T15:30:00' and matchDateTimeUTC 2025-04-20T13:30:00Z are 89 days apart",
        ),
        ({"matchResults": [result(1, 1, 0)]}, "the match is finished, but has no result of its end"),
        (
            {"matchResults": [result(2, 1, 0), result(2, 2, 0)]},
            "the match has 2 different results of its end",
        ),
        ({"matchResults": [result(2, -1, 0)]}, "the score -1 is not from 0 to 36"),
        ({"matchID": None}, "matchID is None, not an id"),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(copy, change, reason):
    """A bad row is rejected with its reason, and its neighbour is read."""
    copy.write({**PLAYED, "matchID": 1}, {**PLAYED, **change})

    match, rejection = copy.fetch()

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")


@pytest.mark.parametrize("name", ["n.n.", "", None, "A name"])
def test_a_team_with_the_id_zero_is_not_known_yet(copy, name):
    """Before the draw a team has the id 0, whatever its name says: a placeholder for validation to keep."""
    copy.write({**PLAYED, "team2": {"teamId": 0, "teamName": name}, "matchIsFinished": False})

    (row,) = validate_rows(copy.fetch(), NOW)

    assert isinstance(row, UndrawnFixture)
    assert row.reason == (
        f"the away team {name!r} has the id 0, which is no team's: "
        f"the fixture is read once its teams are known"
    )


def test_wrong_address_is_refused(copy):
    """Where no season is there at all the setting is named."""
    with pytest.raises(FeedRefusedError, match="SOCCER_FEED_URL: no season is there"):
        copy.fetch()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<!DOCTYPE html><title>Wartung</title>", "the file is a page of a website"),
        ("", "the file is empty"),
        ('[{"matchID": 7', "the JSON is cut or broken"),
        ('{"message": "no"}', "a list of matches was expected"),
    ],
)
def test_a_bad_answer_costs_its_league_and_season(copy, content, reason):
    """It is reported with its competition, and the other leagues are read."""
    copy.write(PLAYED)
    copy.write(league="bl2")
    (copy.folder / "getmatchdata" / "bl2" / "2024").write_text(content)

    match, report = copy.fetch()

    assert (match.competition, match.home_goals) == ("GER-1", 2)
    assert isinstance(report, UnreadableFile)
    assert reason in report.reason
    assert report.payload["competition"] == "GER-2"


def test_a_saved_page_of_a_missing_season_is_no_season(copy):
    """What a server says of a season that it does not have yet is nothing to report."""
    copy.write(PLAYED)
    copy.write(league="bl2")
    page = "<html><head><title>300 Multiple Choices</title></head></html>"
    (copy.folder / "getmatchdata" / "bl2" / "2024").write_text(page)

    assert len(copy.fetch()) == 1


def test_other_answer_is_refused(copy):
    """An object in place of the list is refused."""
    file = copy.folder / "getmatchdata" / "bl1" / "2024"
    file.parent.mkdir(parents=True)
    file.write_text('{"message": "no"}')

    with pytest.raises(FeedRefusedError, match="a list of matches was expected"):
        copy.fetch()
