"""A provider of one league of eight toy clubs, a round a week since 2022: stronger clubs win more often.

It imports the old name ``FileDoor``, as a wheel built for an earlier version does: such a wheel must keep
working.
"""

import datetime as dt
import random
from collections.abc import Iterator, Mapping
from typing import Self

from soccer_assets.clock import Clock
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.protocol import RawMatch, Rejection
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.settings import Settings

CLUBS = [f"Toy Club {letter}" for letter in "ABCDEFGH"]
FIRST = dt.datetime(2022, 7, 2, 15, tzinfo=dt.UTC)
LEAGUE = Competition(
    code="TOY-1", name="Toy League", country="Toyland", tier=1, time_zone="UTC", calendar="autumn"
)


class ToyFeed:
    """The feed `toy`."""

    name = "toy"
    is_simulated = True
    result_lag = dt.timedelta(hours=1)

    def __init__(self, files: FileDoor) -> None:
        self._files = files

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Nothing has to be set."""
        return cls(FileDoor("SOCCER_FEED_URL", settings.home / "cache"))

    def first_month(self) -> dt.date:
        """July 2022."""
        return FIRST.date().replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """One league."""
        return {LEAGUE.code: LEAGUE}

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match of the window."""
        week = 0
        while (kickoff := FIRST + dt.timedelta(weeks=week)).date() < window.end:
            if kickoff.date() in window:
                yield from _round(week, kickoff, clock.now())
            week += 1


def _round(week: int, kickoff: dt.datetime, now: dt.datetime) -> Iterator[RawMatch]:
    order = random.Random(week).sample(range(len(CLUBS)), len(CLUBS))  # noqa: S311 - a toy, not a secret
    for home, away in zip(order[::2], order[1::2], strict=True):
        chance = random.Random(f"{week}-{home}")  # noqa: S311
        is_over = kickoff + dt.timedelta(hours=3) <= now
        goals = [sum(chance.random() < 0.1 + 0.03 * club for _ in range(9)) for club in (home, away)]
        start = kickoff.year if kickoff.month > 6 else kickoff.year - 1
        yield RawMatch(
            source="toy",
            source_match_id=f"{week}-{home}-{away}",
            payload={"week": week, "home": CLUBS[home], "away": CLUBS[away]},
            competition=LEAGUE.code,
            season=f"{start}/{start + 1}",
            kickoff=kickoff,
            kickoff_precision=KickoffPrecision.MINUTE,
            home_team=CLUBS[home],
            away_team=CLUBS[away],
            status=MatchStatus.FINISHED if is_over else MatchStatus.SCHEDULED,
            home_goals=goals[0] if is_over else None,
            away_goals=goals[1] if is_over else None,
        )
