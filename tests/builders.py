"""Matches as a feed provides them, and a feed that provides given rows."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from soccer_assets.clock import Clock, FixedClock, parse_instant
from soccer_assets.contract.installation import RedisNames
from soccer_assets.feeds.protocol import FeedError
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection

NOW = parse_instant("2025-04-25T09:00:00Z")
CLOCK = FixedClock(NOW)

# The id of every database and store that a fixture makes.
INSTALLATION = "0123456789abcdef"
EVENT_STREAM = RedisNames(INSTALLATION).events

COMPETITIONS = {
    code: Competition(
        code=code, name=f"Division {tier}", country="Testland", tier=tier, time_zone="UTC", calendar="autumn"
    )
    for tier, code in enumerate(("TST-1", "TST-2"), start=1)
}


def raw_match(**changes: Any) -> RawMatch:
    """Leeds against Derby at 14:00 on 26 April 2025, the day after `NOW`, with the given changes."""
    match = RawMatch(
        source="fake",
        source_match_id="m1",
        payload={"id": "m1"},
        competition="TST-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-26T14:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Leeds",
        away_team="Derby",
        status=MatchStatus.SCHEDULED,
    )
    return msgspec.structs.replace(match, **changes)


def finished(score: str, kickoff: str = "2025-04-20T14:00:00Z", **changes: Any) -> RawMatch:
    """The same match played, with a score such as ``2-1``."""
    home_goals, away_goals = (int(goals) for goals in score.split("-"))
    played = {"status": MatchStatus.FINISHED, "home_goals": home_goals, "away_goals": away_goals}
    return raw_match(kickoff=parse_instant(kickoff), **(played | changes))


def rejection(**changes: Any) -> Rejection:
    """A row without a date, with the given changes."""
    return msgspec.structs.replace(
        Rejection(source="fake", reason="the date is missing", payload={"id": "x1"}), **changes
    )


def two_leagues(matches_a_league: int = 60) -> list[RawMatch]:
    """Two leagues of six teams, a match a day each since 1 March 2025: played before `NOW`, then fixtures."""
    rows = []
    for code in COMPETITIONS:
        teams = [f"{code} team {letter}" for letter in "ABCDEF"]
        pairs = itertools.cycle(itertools.permutations(teams, 2))
        for number, (home, away) in enumerate(itertools.islice(pairs, matches_a_league)):
            match = raw_match(
                source_match_id=f"{code}-{number}",
                payload={"id": f"{code}-{number}"},
                competition=code,
                kickoff=parse_instant("2025-03-01T18:00:00Z") + dt.timedelta(days=number),
                home_team=home,
                away_team=away,
            )
            if match.kickoff < NOW:
                goals = {"home_goals": number % 4, "away_goals": number % 3}
                match = msgspec.structs.replace(match, status=MatchStatus.FINISHED, **goals)
            rows.append(match)
    return rows


class FakeFeed:
    """Provides given rows within the window, and records the requested windows."""

    name = "fake"
    is_simulated = True
    result_lag = dt.timedelta(hours=1)

    def __init__(self, items: Sequence[RawMatch | Rejection] = (), error: FeedError | None = None) -> None:
        self.items = list(items)
        self.error = error
        self.windows: list[Window] = []

    def first_month(self) -> dt.date:
        """March 2025."""
        return dt.date(2025, 3, 1)

    def competitions(self) -> dict[str, Competition]:
        """The two test leagues."""
        return COMPETITIONS

    def fetch(self, window: Window, _clock: Clock) -> Iterator[RawMatch | Rejection]:
        """The matches of the window and every rejection, or the error."""
        self.windows.append(window)
        if self.error is not None:
            raise self.error
        for item in self.items:
            if isinstance(item, Rejection) or item.kickoff.date() in window:
                yield item
