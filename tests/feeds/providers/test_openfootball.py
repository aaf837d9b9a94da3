"""openfootball's season files, and what may be known of them when."""

import datetime as dt
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from soccer_assets.clock import FixedClock, SystemClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.football.alias_learning import Meeting, learn_aliases
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, UnreadableFile
from soccer_assets.settings import Settings

NOW = parse_instant("2025-04-25T09:00:00Z")
SPRING = Window(dt.date(2025, 3, 1), dt.date(2025, 6, 1))
SEASON = Window(dt.date(2024, 6, 1), dt.date(2025, 8, 1))

PLAYED: dict[str, Any] = {
    "round": "Matchday 33",
    "date": "2025-04-20",
    "time": "14:00",
    "team1": "Fulham FC",
    "team2": "Chelsea FC",
    "score": {"ht": [1, 0], "ft": [1, 2]},
}


class Mirror:
    """A folder laid out like the repository, read through ``file://``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, *matches: Any, name: str = "A season") -> None:
        """Put a season file there."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"name": name, "matches": matches}))

    def feed(self) -> OpenFootballFeed:
        """A feed of the folder."""
        environ = {"SOCCER_HOME": str(self.folder / "home"), "SOCCER_FEED_URL": self.folder.as_uri()}
        return OpenFootballFeed.from_settings(Settings.from_env(environ))

    def fetch(self, window: Window = SPRING, now: dt.datetime = NOW) -> list[RawMatch | Rejection]:
        """All rows of a window."""
        return list(self.feed().fetch(window, FixedClock(now)))


@pytest.fixture
def mirror(tmp_path) -> Mirror:
    return Mirror(tmp_path)


def test_played_match_has_its_score_in_utc(mirror):
    """A finished row carries all it says; 14:00 in London's summer is 13:00 UTC."""
    mirror.write("2024-25/en.1.json", PLAYED)

    (match,) = mirror.fetch()

    assert match == RawMatch(
        source="openfootball",
        source_match_id=None,
        payload=PLAYED,
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham FC",
        away_team="Chelsea FC",
        status=MatchStatus.FINISHED,
        round="Matchday 33",
        home_goals=1,
        away_goals=2,
        home_goals_half_time=1,
        away_goals_half_time=0,
    )


@pytest.mark.parametrize(
    ("path", "kickoff"),
    [
        ("2024-25/en.1.json", "2025-04-20T13:00:00Z"),
        ("2024-25/es.1.json", "2025-04-20T12:00:00Z"),
        ("2024-25/tr.1.json", "2025-04-20T11:00:00Z"),
        ("2025/br.1.json", "2025-04-20T17:00:00Z"),
        ("2025/jp.1.json", "2025-04-20T05:00:00Z"),
    ],
)
def test_local_time_is_the_competitions(mirror, path, kickoff):
    """A time without a zone is one of the competition's country."""
    mirror.write(path, PLAYED)

    (match,) = mirror.fetch()

    assert match.kickoff == parse_instant(kickoff)


@pytest.mark.parametrize(
    ("change", "kickoff"),
    [
        ({"time": "20:30 UTC+1"}, "2025-04-20T19:30:00Z"),
        ({"time": "19:45 (GMT)"}, "2025-04-20T19:45:00Z"),
        ({"time": "13:00 UTC-6"}, "2025-04-20T19:00:00Z"),
        ({"time": "00:30 UTC+5:30"}, "2025-04-19T19:00:00Z"),
        ({"time": "20.45 (CEST)"}, "2025-04-20T18:45:00Z"),
        ({"time": "18:00:00", "timezone": "UTC+3"}, "2025-04-20T15:00:00Z"),
    ],
)
def test_time_with_a_zone_is_of_that_zone(mirror, change, kickoff):
    """A zone behind the time, or in a field of its own, goes before the competition's."""
    mirror.write("2024-25/en.1.json", {**PLAYED, **change})

    (match,) = mirror.fetch()

    assert (match.kickoff, match.kickoff_precision) == (parse_instant(kickoff), KickoffPrecision.MINUTE)


def test_rounds_of_the_older_layout_are_read(mirror):
    """Rounds of matches with teams as objects and numbered scores; what is no round is rejected."""
    match = {
        "date": "2025-04-20",
        "time": "14:00",
        "team1": {"key": "fulham", "name": "Fulham FC", "code": "FUL"},
        "team2": {"key": "chelsea", "name": "Chelsea FC", "code": "CHE"},
        "score1": 1,
        "score2": 2,
        "score1i": 1,
        "score2i": 0,
    }
    rounds = [{"name": "Matchday 33", "matches": [match, 7]}, {"name": "Matchday 34"}]
    mirror.write("2024-25/en.1.json")
    (mirror.folder / "2024-25" / "en.1.json").write_text(json.dumps({"name": "A season", "rounds": rounds}))

    read, *rejected = mirror.fetch()

    assert isinstance(read, RawMatch)
    assert (read.round, read.home_team, read.away_team) == ("Matchday 33", "Fulham FC", "Chelsea FC")
    assert (read.home_goals, read.away_goals) == (1, 2)
    assert (read.home_goals_half_time, read.away_goals_half_time) == (1, 0)
    assert [one.reason for one in rejected] == [
        "the row is 7, not an object; correct it at the source",
        "the date is missing; add it at the source",
    ]


@pytest.mark.parametrize(
    ("score", "status", "home_goals", "after"),
    [
        ([1, 0], MatchStatus.FINISHED, 1, None),
        ({"ft": [1, 0], "ht": []}, MatchStatus.FINISHED, 1, None),
        ({"ft": [], "et": [2, 1]}, MatchStatus.FINISHED, None, "extra_time"),
        ({"et": [2, 2], "p": [4, 3]}, MatchStatus.FINISHED, None, "penalties"),
        ({"ft": [2, 1], "et": [0, 0]}, MatchStatus.FINISHED, 2, None),
        ({"ft": [2, 1], "p": [0, 0]}, MatchStatus.FINISHED, 2, None),
        ([], MatchStatus.SCHEDULED, None, None),
        (None, MatchStatus.SCHEDULED, None, None),
    ],
)
def test_score_in_any_shape(mirror, score, status, home_goals, after):
    """A lone pair is the 90-minute score; one that went on was played, whatever its 90 minutes were."""
    mirror.write("2024-25/uefa.cl.json", {**PLAYED, "score": score})

    (match,) = mirror.fetch()

    assert (match.status, match.home_goals) == (status, home_goals)
    decided_by = None if match.after_90 is msgspec.UNSET else match.after_90.decided_by
    assert decided_by == after


def test_second_leg_decided_on_penalties_is_a_home_win(mirror):
    """A second leg won 1-0 at 90, then extra time, then penalties counts with its 90-minute score."""
    score = {"ht": [0, 0], "ft": [1, 0], "et": [2, 1], "p": [3, 4]}
    mirror.write("2024-25/uefa.cl.json", {**PLAYED, "score": score})

    (match,) = mirror.fetch()

    assert (match.status, match.home_goals, match.away_goals) == (MatchStatus.FINISHED, 1, 0)
    assert match.payload["score"] == score
    assert match.after_90 == AfterNinety(
        decided_by="penalties", home_goals=2, away_goals=1, home_penalties=3, away_penalties=4
    )


def test_match_ahead_is_a_fixture_whatever_its_row_says(mirror):
    """Before the match is over, score and status are neither shown nor read."""
    mirror.write("2024-25/en.1.json", {**PLAYED, "date": "2025-04-26", "score": "many", "status": 5})

    (match,) = mirror.fetch()

    assert match.status is MatchStatus.SCHEDULED
    assert match.payload.keys() == {"round", "date", "time", "team1", "team2"}
    assert (match.home_goals, match.home_goals_half_time) == (None, None)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED),
        ("2025-04-20T13:00:00Z", MatchStatus.LIVE),
        ("2025-04-20T15:00:00Z", MatchStatus.FINISHED),
    ],
)
def test_match_is_over_two_hours_after_kickoff(mirror, now, status):
    """Scheduled, live from kickoff, finished two hours later; a score only then."""
    mirror.write("2024-25/en.1.json", PLAYED)

    (match,) = mirror.fetch(now=parse_instant(now))

    assert (match.status, match.home_goals is not None) == (status, status is MatchStatus.FINISHED)


def test_match_without_time_is_known_to_the_day(mirror):
    """Without a time the kickoff is the day's 12:00 UTC, and its precision says so."""
    mirror.write("2024-25/en.1.json", {key: value for key, value in PLAYED.items() if key != "time"})

    (match,) = mirror.fetch()

    assert (match.kickoff, match.kickoff_precision) == (
        parse_instant("2025-04-20T12:00:00Z"),
        KickoffPrecision.DAY,
    )


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        ("cancelled", MatchStatus.CANCELLED),
        ("Canceled", MatchStatus.CANCELLED),
        ("annulled", MatchStatus.CANCELLED),
        ("walkover", MatchStatus.AWARDED),
        ("SUSPENDED", MatchStatus.ABANDONED),
        ("awarded", MatchStatus.AWARDED),
        ("postponed", MatchStatus.POSTPONED),
        ("abandoned", MatchStatus.ABANDONED),
        ("replay", MatchStatus.REPLAYED),
    ],
)
def test_match_that_was_not_played_out_has_no_score(mirror, reported, status):
    """What the provider calls off keeps its status; the score of an award stays in the payload alone."""
    mirror.write("2024-25/en.1.json", {**PLAYED, "status": reported, "score": {"ft": [3, 0]}})

    (match,) = mirror.fetch()

    assert (match.status, match.home_goals) == (status, None)
    assert match.payload["score"] == {"ft": [3, 0]}


@pytest.mark.parametrize(("days", "status"), [(6, MatchStatus.SCHEDULED), (8, MatchStatus.POSTPONED)])
def test_match_without_a_result_counts_as_postponed_after_the_lag(mirror, days, status):
    """A result may take a week; after that the match was not played that day."""
    mirror.write("2024-25/en.1.json", {**PLAYED, "score": {}})

    (match,) = mirror.fetch(now=parse_instant("2025-04-20T15:00:00Z") + dt.timedelta(days=days))

    assert (match.status, match.home_goals) == (status, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"date": "20.04.2025"}, "the date '20.04.2025' is no day yyyy-mm-dd"),
        ({"date": "2019-04-20"}, "the date '2019-04-20' lies outside the file's season"),
        ({"time": "25:00"}, "the time '25:00' is not hh:mm"),
        ({"team2": "Fulham FC"}, "Fulham FC cannot play itself"),
        ({"team1": None}, "the home team is missing"),
        ({"score": {"ft": [1]}}, "the score [1] is not two numbers"),
        ({"score": {"ft": [1, None]}}, "the score 1-None has one side alone"),
        ({"score": {"ft": [-1, 0]}}, "the score -1 is not from 0 to 36"),
        ({"score": "1-2"}, "the score is '1-2', not an object"),
        ({"score": [[1, 2], [0, 1]]}, "the score [1, 2] is not a number"),
        ({"score": None, "score1": 2}, "the score 2-None has one side alone"),
        ({"time": "20:30 XYZ"}, "the time zone 'XYZ' is not known"),
        ({"time": "20:30 UTC+15"}, "the time zone 'UTC+15' is not known"),
        ({"status": "strange"}, "the status 'strange' is not known"),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(mirror, change, reason):
    """A bad row is rejected with its reason and on the day before it, and its neighbour is read."""
    mirror.write("2024-25/en.1.json", {**PLAYED, "team2": "Everton FC"}, {**PLAYED, **change})

    match, rejection = mirror.fetch()

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")


def test_files_of_both_calendars_are_found(mirror):
    """Argentina's league is read from a folder of two years and from one of a single year."""
    mirror.write("2024-25/ar.1.json", PLAYED)
    mirror.write("2025/ar.1.json", {**PLAYED, "date": "2025-04-21"})

    assert [match.season for match in mirror.fetch()] == ["2024/2025", "2025"]


def test_wrong_address_is_refused(mirror):
    """Where no file is there at all the setting is named."""
    with pytest.raises(FeedRefusedError, match=r"SOCCER_FEED_URL: none of \d+ files is there"):
        mirror.fetch()


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (b"<html>", FeedRefusedError, "JSON was expected, not '<html>'"),
        (b"", FeedRefusedError, "JSON was expected"),
        (b'{"matches": 5}', FeedRefusedError, "a list 'matches' was expected"),
        (b"[]", FeedRefusedError, "a list 'matches' was expected"),
        (b'{"matches": [{"date": "2025-', FeedUnavailableError, "cut or broken"),
        (b"[" * 100_000, FeedUnavailableError, "cut or broken"),
    ],
)
def test_file_of_another_kind_is_refused(mirror, content, error, reason):
    """What is not the provider's JSON is refused, and a file cut short may be whole later."""
    mirror.write("2024-25/en.1.json")
    (mirror.folder / "2024-25" / "en.1.json").write_bytes(content)

    with pytest.raises(error, match=reason):
        mirror.fetch()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "a page of a website"),
        (b"", "the file is empty"),
        (b'{"matches": 5}', "a list 'matches' was expected"),
        (b'{"matches": [{"date": "2025-', "cut or broken"),
    ],
)
def test_file_that_cannot_be_read_is_reported_and_the_others_are_read(mirror, content, reason):
    """It costs its own matches, and comes with its address and competition."""
    mirror.write("2024-25/en.1.json", PLAYED)
    bad = mirror.folder / "2024-25" / "es.1.json"
    bad.write_bytes(content)

    match, report = mirror.fetch()

    assert (match.competition, match.home_goals) == ("ENG-1", 1)
    assert isinstance(report, UnreadableFile)
    assert report.reason.startswith(f"file passed over: {bad.as_uri()}: ")
    assert reason in report.reason
    assert (report.payload["file"], report.payload["competition"]) == (bad.as_uri(), "ESP-1")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_read(mirror, encoding):
    """Windows PowerShell writes what it loads so."""
    mirror.write("2024-25/en.1.json", PLAYED)
    file = mirror.folder / "2024-25" / "en.1.json"
    file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))

    (match,) = mirror.fetch()

    assert match.competition == "ENG-1"


def test_a_file_with_the_matches_of_another_league_is_passed_over(mirror):
    """`ru.2.json` of 2019/20 is `ru.1.json` again: it is reported, and the first league keeps its matches.

    Clubs that meet by chance on one day, another country or another season make no copy.
    """
    names = [f"Club {number}" for number in range(24)]
    rows = [
        PLAYED | {"team1": home, "team2": away} for home, away in zip(names[::2], names[1::2], strict=True)
    ]
    later = [PLAYED | {"team1": row["team2"], "team2": row["team1"], "date": "2025-05-04"} for row in rows]
    mirror.write("2024-25/en.1.json", *rows)
    mirror.write("2024-25/en.2.json", *(row | {"team1": row["team1"].upper()} for row in rows), *later[:3])
    mirror.write("2024-25/en.3.json", *rows[:3], *later)
    mirror.write("2024-25/de.1.json", *rows)

    found = mirror.fetch()

    (report,) = (row for row in found if isinstance(row, UnreadableFile))
    assert "2024-25/en.2.json: it has the matches of 2024-25/en.1.json" in report.reason
    assert report.payload["competition"] == "ENG-2"
    assert Counter(row.competition for row in found if isinstance(row, RawMatch)) == {
        "ENG-1": 12,
        "ENG-3": 15,
        "GER-1": 12,
    }


@pytest.mark.parametrize(
    "name", ["Deutsche Bundesliga 2024/25", "Algeria | Ligue 1 2024/25", "Italian Serie A 2024-25"]
)
def test_a_file_that_is_named_as_another_league_is_passed_over(mirror, name):
    """Its clubs would become clubs of the league in whose place it lies; the league beside it is read."""
    mirror.write("2024-25/es.1.json", PLAYED, name=name)
    mirror.write("2024-25/en.1.json", PLAYED, name="English Premier League 2024/25")

    match, report = mirror.fetch()

    assert match.competition == "ENG-1"
    assert isinstance(report, UnreadableFile)
    assert f"es.1.json: its name is {name!r}, which " in report.reason
    assert report.payload["found"] == repr(name)


@pytest.mark.parametrize("name", ["Primera División de España 2024/25", "LaLiga 2025", "", None, 5])
def test_a_league_may_have_any_name_that_is_no_other_leagues(mirror, name):
    """Providers rename leagues: a name that nobody has says nothing."""
    mirror.write("2024-25/es.1.json", PLAYED, name=name)

    (match,) = mirror.fetch()

    assert match.competition == "ESP-1"


def test_saved_answer_of_a_missing_file_is_no_file(mirror):
    """What a server says of a file that it does not have is nothing to report."""
    mirror.write("2024-25/en.1.json", PLAYED)
    (mirror.folder / "2024-25" / "es.1.json").write_bytes(b"404: Not Found\n")

    assert len(mirror.fetch()) == 1


def test_bad_bytes_cost_a_character(mirror):
    """A byte that is no UTF-8, half a surrogate pair and a number of 5,000 digits harm one row at most."""
    mirror.write(
        "2024-25/en.1.json", {**PLAYED, "round": "A"}, {**PLAYED, "team2": "B"}, {**PLAYED, "score": 7}
    )
    file = mirror.folder / "2024-25" / "en.1.json"
    data = (
        file.read_bytes().replace(b'"A"', b'"\xff"').replace(b'"B"', b'"\\ud800"').replace(b"7", b"7" * 5000)
    )
    file.write_bytes(data)

    first, second, third = mirror.fetch()

    assert (first.round, second.away_team) == ("\ufffd", "?")
    assert third.reason.startswith("the score is '777")


def test_called_off_ahead_is_known_in_real_time(mirror):
    """Real time hears of a cancellation at once."""
    tomorrow = SystemClock().now() + dt.timedelta(days=2)
    year = tomorrow.year if tomorrow.month > 7 else tomorrow.year - 1
    row = {**PLAYED, "date": f"{tomorrow:%Y-%m-%d}", "status": "cancelled", "score": {}}
    mirror.write(f"{year}-{(year + 1) % 100:02}/en.1.json", row)
    window = Window(tomorrow.date() - dt.timedelta(days=1), tomorrow.date() + dt.timedelta(days=2))

    (match,) = mirror.feed().fetch(window, SystemClock())

    assert match.status is MatchStatus.CANCELLED


def test_scores_agree_with_football_data(shared_data, tmp_path):
    """On 99.5 % and more of the fixtures both have, openfootball and football-data.co.uk tell one score."""
    client, clock = FileClient("X", tmp_path), FixedClock(parse_instant("2025-07-10T00:00:00Z"))
    mirror = shared_data / "mirror"
    feeds = (
        FootballDataFeed((mirror / "www.football-data.co.uk").as_uri(), client),
        OpenFootballFeed((mirror / "openfootball" / "football.json").as_uri(), client),
    )
    window = Window(dt.date(2022, 7, 1), dt.date(2025, 7, 1))
    scores: list[defaultdict[str, dict[Meeting, tuple[int, int]]]] = []
    for feed in feeds:
        by_country: defaultdict[str, dict[Meeting, tuple[int, int]]] = defaultdict(dict)
        for row in feed.fetch(window, clock):
            competition = load_competitions()[row.competition] if isinstance(row, RawMatch) else None
            if competition and competition.tier and row.home_goals is not None:
                meeting = Meeting(row.kickoff.date(), row.home_team, row.away_team)
                by_country[competition.country][meeting] = (row.home_goals, row.away_goals)
        scores.append(by_country)

    shared = agreeing = 0
    for country in scores[0].keys() & scores[1].keys():
        known, other = scores[0][country], scores[1][country]
        names = learn_aliases(known, other)
        for meeting, score in other.items():
            same = Meeting(meeting.day, names.get(meeting.home, ""), names.get(meeting.away, ""))
            if same in known:
                shared += 1
                agreeing += known[same] == score

    assert shared > 12_000
    assert agreeing / shared >= 0.995
