"""Saved WhoScored files, and what may be known of them when."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.providers.whoscored_json import WhoScoredJsonFeed
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection, UnreadableFile
from soccer_assets.settings import Settings

NOW = parse_instant("2025-04-25T09:00:00Z")
SPRING = Window(dt.date(2025, 3, 1), dt.date(2025, 6, 1))
LEAGUE = {
    "tournamentId": 2,
    "tournamentName": "Premier League",
    "regionId": 252,
    "regionName": "England",
    "seasonName": "2024/2025",
    "sex": 0,
}
CUP = {**LEAGUE, "tournamentName": "Champions League", "regionName": "Europe"}

PLAYED: dict[str, Any] = {
    "id": 1821371,
    "stageId": 23400,
    "startTimeUtc": "2025-04-20T13:00:00Z",
    "status": 6,
    "period": 7,
    "elapsed": "FT",
    "homeTeamId": 170,
    "homeTeamName": "Fulham",
    "homeScore": 1,
    "awayTeamId": 15,
    "awayTeamName": "Chelsea",
    "awayScore": 2,
    "incidents": [{"minute": "20", "type": 1}],
}


class Saved:
    """A folder of saved files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "saved files"

    def write(self, *rows: Any, tournament: dict[str, Any] = LEAGUE, name: str = "20250420.json") -> None:
        """Put a file there."""
        self.folder.mkdir(exist_ok=True)
        document = {"tournaments": [{**tournament, "matches": list(rows)}]}
        (self.folder / name).write_text(json.dumps(document))

    def fetch(self, now: dt.datetime = NOW) -> list[RawMatch | Rejection]:
        """All rows of the spring."""
        return list(WhoScoredJsonFeed(self.folder).fetch(SPRING, FixedClock(now)))


@pytest.fixture
def saved(tmp_path) -> Saved:
    return Saved(tmp_path)


def test_played_match_has_its_score(saved):
    """A finished match carries its score and WhoScored's own id."""
    saved.write(PLAYED)

    (match,) = saved.fetch()

    assert match == RawMatch(
        source="whoscored-json",
        source_match_id="1821371",
        payload=match.payload,
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham",
        away_team="Chelsea",
        status=MatchStatus.FINISHED,
        home_goals=1,
        away_goals=2,
        team_ids=("170", "15"),
    )
    assert (match.payload["homeScore"], match.payload["tournamentName"]) == (1, "Premier League")


@pytest.mark.parametrize(
    ("change", "goals", "decided_by"),
    [
        ({"elapsed": "AET"}, (None, None), "extra_time"),
        ({"elapsed": "PEN", "homePenaltyScore": 3, "awayPenaltyScore": 4}, (None, None), "penalties"),
        ({"homeExtratimeScore": 2, "awayExtratimeScore": 1}, (None, None), "extra_time"),
        ({"elapsed": None}, (None, None), "unknown"),
        ({"elapsed": "90'"}, (None, None), "unknown"),
        ({"elapsed": "FT", "homeExtratimeScore": 0, "awayExtratimeScore": 0}, (1, 0), None),
        ({"elapsed": "FT", "homePenaltyScore": 0, "awayPenaltyScore": 0}, (1, 0), None),
        ({"elapsed": "FT"}, (1, 0), None),
    ],
)
def test_second_leg_decided_later_has_no_score(saved, change, goals, decided_by):
    """A second leg won 1-0 at 90 is unknown once it went on, or where nobody says that it did not."""
    saved.write({**PLAYED, "awayScore": 0, **change}, tournament=CUP)

    (match,) = saved.fetch()

    assert (match.competition, match.status) == ("UEFA-CL", MatchStatus.FINISHED)
    assert (match.home_goals, match.away_goals) == goals
    assert (match.after_90.decided_by if match.after_90 else None) == decided_by


@pytest.mark.parametrize(
    ("elapsed", "status"),
    [
        ("Post", MatchStatus.POSTPONED),
        ("Abd", MatchStatus.ABANDONED),
        ("Can", MatchStatus.CANCELLED),
        ("Awd", MatchStatus.AWARDED),
    ],
)
def test_a_match_that_was_called_off_is_not_finished(saved, elapsed, status):
    """The code of a result, and a word in place of the minute that says otherwise."""
    saved.write({**PLAYED, "elapsed": elapsed})

    (match,) = saved.fetch()

    assert (match.status, match.home_goals) == (status, None)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED),
        ("2025-04-20T14:59:59Z", MatchStatus.LIVE),
        ("2025-04-20T15:00:00Z", MatchStatus.FINISHED),
    ],
)
def test_nothing_is_known_before_it_happened(saved, now, status):
    """Before the match is over its score is not shown."""
    saved.write(PLAYED)

    (match,) = saved.fetch(parse_instant(now))

    is_over = status is MatchStatus.FINISHED
    assert (match.status, match.home_goals is not None, "homeScore" in match.payload) == (
        status,
        is_over,
        is_over,
    )


def test_last_file_of_a_match_counts(saved):
    """A match saved before and after it was played is one row, as it was saved last."""
    saved.write({**PLAYED, "status": 1, "homeScore": None, "awayScore": None}, name="20250419.json")
    saved.write(PLAYED, name="20250421.json")

    (match,) = saved.fetch()

    assert match.status is MatchStatus.FINISHED


@pytest.mark.parametrize(
    ("tournament", "change", "reason"),
    [
        (LEAGUE, {"status": 4}, "the status 4 is not known"),
        (LEAGUE, {"homeScore": None}, "the score None-2 has one side alone"),
        (LEAGUE, {"startTimeUtc": "20.04.2025"}, "the kickoff '20.04.2025' is not an ISO 8601 instant"),
        (
            LEAGUE,
            {"startTime": "2025-04-27T14:00:00"},
            ("startTime '2025-04-27T14:00:00' and startTimeUtc 2025-04-20T13:00:00Z are 7 days apart"),
        ),
        (
            {**LEAGUE, "regionName": None},
            {},
            "the competition 'None/Premier League' is not in competitions.toml",
        ),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(saved, tournament, change, reason):
    """A bad row is rejected with its reason, and its neighbour is read."""
    saved.write({**PLAYED, "id": 1}, name="1.json")
    saved.write({**PLAYED, **change}, tournament=tournament, name="2.json")

    rejection, match = saved.fetch()

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")


def test_tournaments_outside_the_catalogue_are_left_out_and_counted(saved):
    """A saved day holds every tournament of the world, the women's under the men's name too."""
    saved.write({**PLAYED, "id": 1}, tournament={**LEAGUE, "sex": 1}, name="1.json")
    saved.write({**PLAYED, "id": 2}, tournament={**LEAGUE, "regionName": "Narnia"}, name="2.json")
    saved.write(PLAYED, name="3.json")
    feed = WhoScoredJsonFeed(saved.folder)

    for _ in range(2):
        (match,) = feed.fetch(SPRING, FixedClock(NOW))

    assert match.source_match_id == "1821371"
    assert feed.outside_catalogue == {"England/Premier League (women)": 1, "Narnia/Premier League": 1}


@pytest.mark.parametrize("url", ["", "https://www.whoscored.com", "http://localhost/files"])
def test_network_is_refused(tmp_path, url):
    """Only a folder is read."""
    environ = {"SOCCER_HOME": str(tmp_path), "SOCCER_FEED_URL": url}

    with pytest.raises(FeedRefusedError, match="saved files alone: set SOCCER_FEED_URL to their folder"):
        WhoScoredJsonFeed.from_settings(Settings.from_env(environ))


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_folder_is_a_path_or_an_address(saved, tmp_path, form):
    """Both forms of the setting find the files."""
    saved.folder = tmp_path / "saved"
    saved.write(PLAYED)
    environ = {"SOCCER_HOME": str(tmp_path), "SOCCER_FEED_URL": form.format(saved.folder)}

    feed = WhoScoredJsonFeed.from_settings(Settings.from_env(environ))

    assert len(list(feed.fetch(SPRING, FixedClock(NOW)))) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<html>", "the file is a page of a website"),
        ("", "the file is empty"),
        ("{}", "an object with a list 'tournaments' was expected"),
        ('{"tournaments": [', "the JSON is cut or broken"),
    ],
)
def test_a_bad_file_costs_itself(saved, content, reason):
    """It is reported with its address, and the other files are read."""
    saved.write(PLAYED)
    bad = saved.folder / "20250421.json"
    bad.write_text(content)

    match, report = saved.fetch()

    assert match.home_goals == 1
    assert isinstance(report, UnreadableFile)
    assert reason in report.reason
    assert report.payload["file"] == bad.as_uri()


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (None, FeedRefusedError, "there is no \\*.json file"),
        ("<html>", FeedRefusedError, "JSON was expected"),
        ("{}", FeedRefusedError, "a list 'tournaments' was expected"),
        ('{"tournaments": [', FeedUnavailableError, "cut or broken"),
    ],
)
def test_other_files_are_refused(saved, content, error, reason):
    """No file, or one that is no saved livescores, is an error that names the setting."""
    saved.folder.mkdir()
    if content is not None:
        (saved.folder / "a.json").write_text(content)

    with pytest.raises(error, match=f"SOCCER_FEED_URL.*{reason}"):
        saved.fetch()
