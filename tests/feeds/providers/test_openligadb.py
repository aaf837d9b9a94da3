"""OpenLigaDB's seasons, and what may be known of them when."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.openligadb import OpenLigaDbFeed
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection

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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"team2": {"teamId": 0, "teamName": "n.n."}}, "the draw is not made: a team is not known yet"),
        ({"matchDateTimeUTC": "2025-04-20T13:30:00"}, "the kickoff '2025-04-20T13:30:00' has no time zone"),
        ({"matchResults": [result(1, 1, 0)]}, "the match is finished, but has no result of its end"),
        (
            {"matchResults": [result(2, 1, 0), result(2, 2, 0)]},
            "the match has 2 different results of its end",
        ),
        ({"matchResults": [result(2, -1, 0)]}, "the score -1 is no number from 0 to 36"),
        ({"matchID": None}, "matchID is None, not an id"),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(copy, change, reason):
    """A bad row is rejected with its reason, and its neighbour is read."""
    copy.write({**PLAYED, "matchID": 1}, {**PLAYED, **change})

    match, rejection = copy.fetch()

    assert isinstance(match, RawMatch)
    assert rejection.reason == reason


def test_wrong_address_is_refused(copy):
    """Where no season is there at all the setting is named."""
    with pytest.raises(FeedRefusedError, match="SOCCER_FEED_URL: no season is there"):
        copy.fetch()


def test_other_answer_is_refused(copy):
    """An object in place of the list is refused."""
    file = copy.folder / "getmatchdata" / "bl1" / "2024"
    file.parent.mkdir(parents=True)
    file.write_text('{"message": "no"}')

    with pytest.raises(FeedRefusedError, match="a list of matches was expected"):
        copy.fetch()
