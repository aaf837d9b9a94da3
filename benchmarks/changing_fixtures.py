"""A feed of real files whose fixtures change before they are played, as providers' do.

For ``benchmarks/daily_looks.py``: files of past seasons have neither the old day of a match that was put off,
nor one that was never played, nor the other names by which lists of fixtures call clubs.
"""

import datetime as dt
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from soccer_assets.clock import Clock, FixedClock, midnight
from soccer_assets.feeds.protocol import Feed
from soccer_assets.football.matches import STATUS_RULES, MatchStatus, Window
from soccer_assets.football.records import RawMatch, Row

_DAY = dt.timedelta(days=1)
_LONGEST_PUT_OFF = 100
# Two names that share this part of their results are one club: day, ground and score.
_LEAST_SHARED = 0.5

_Sign = tuple[dt.date, bool, int | None, int | None]


class ChangingFixtures:
    """A feed whose fixtures change before they are played; itself a member's worth of `Feed`.

    Args:
        feed: what is really there.
        moved: by the key of a match, the fixture that is listed in its place, and until when.
        phantoms: fixtures that are never played, each with the instant at which it is struck off.
        names: by feed, competition and a club's name the one by which it goes until a match is over.
    """

    def __init__(
        self,
        feed: Feed,
        moved: Mapping[str, tuple[RawMatch, dt.datetime]],
        phantoms: Iterable[tuple[RawMatch, dt.datetime]],
    ) -> None:
        self.feed, self.moved, self.phantoms = feed, moved, list(phantoms)
        self.names: Mapping[tuple[str, str, str], str] = {}

    @classmethod
    def of(cls, feed: Feed, window: Window, put_off: float, struck_off: float) -> "ChangingFixtures":
        """The feed with changes that follow from its matches alone: the same ones in every run."""
        moved: dict[str, tuple[RawMatch, dt.datetime]] = {}
        phantoms: list[tuple[RawMatch, dt.datetime]] = []
        if not put_off + struck_off:
            return cls(feed, moved, phantoms)
        clock = FixedClock(midnight(window.end))
        rows = [row for row in feed.fetch(window, clock) if isinstance(row, RawMatch)]
        busy: defaultdict[tuple[str, str], set[dt.date]] = defaultdict(set)
        for row in rows:
            for name in (row.home_team, row.away_team):
                busy[row.source, name].add(row.kickoff.date())
        for row in rows:
            lot, how_far, when = _lots(row)
            if lot >= put_off + struck_off:
                continue
            days = 2 + int(how_far**2 * _LONGEST_PUT_OFF)
            earlier = row.kickoff - days * _DAY
            near = {earlier.date() + shift * _DAY for shift in (-1, 0, 1)}
            if any(not near.isdisjoint(busy[row.source, name]) for name in (row.home_team, row.away_team)):
                continue
            fixture = _unplayed(row, earlier)
            # Some are put off ten days before, some two days after nobody played.
            told_at = min(earlier + (12 * when - 10) * _DAY, row.kickoff - _DAY)
            if lot < put_off:
                moved[_key(row)] = (fixture, told_at)
            elif row.kickoff > earlier + 14 * _DAY:
                # The pair the other way round: the season has that match elsewhere, or not at all.
                phantoms.append((replace(fixture, home_team=row.away_team, away_team=row.home_team), told_at))
        return cls(feed, moved, phantoms)

    def fetch(self, member: Feed, window: Window, clock: Clock) -> Iterator[Row]:
        """The member's rows with what it lists at the clock's instant."""
        now = clock.now()
        for row in member.fetch(window, clock):
            if isinstance(row, RawMatch) and (found := self.moved.get(_key(row))) and now < found[1]:
                continue
            yield self._by_other_names(row) if isinstance(row, RawMatch) else row
        for fixture, until in itertools.chain(self.moved.values(), self.phantoms):
            if fixture.source == member.name and now < until and fixture.kickoff.date() in window:
                yield self._by_other_names(fixture)

    def _by_other_names(self, row: RawMatch) -> RawMatch:
        if not self.names or STATUS_RULES[row.status].settles:
            return row
        home, away = (
            self.names.get((row.source, row.competition, name), name)
            for name in (row.home_team, row.away_team)
        )
        return replace(row, home_team=home, away_team=away)


def other_names(feed: Feed, other: Feed, window: Window) -> dict[tuple[str, str, str], str]:
    """By feed, competition and name, the name of the club of another feed with the same results."""
    mine, theirs = (_results(one, window) for one in (feed, other))
    found: dict[tuple[str, str, str], str] = {}
    for (source, competition, name), signs in mine.items():
        shared = Counter(
            {key[2]: len(signs & results) for key, results in theirs.items() if key[1] == competition}
        )
        best = shared.most_common(1)
        if best and best[0][1] > _LEAST_SHARED * len(signs) and best[0][0] != name:
            found[source, competition, name] = best[0][0]
    return found


def _results(feed: Feed, window: Window) -> dict[tuple[str, str, str], set[_Sign]]:
    found: defaultdict[tuple[str, str, str], set[_Sign]] = defaultdict(set)
    for row in feed.fetch(window, FixedClock(midnight(window.end))):
        if isinstance(row, RawMatch) and STATUS_RULES[row.status].settles:
            for name, is_home in ((row.home_team, True), (row.away_team, False)):
                sign = (row.kickoff.date(), is_home, row.home_goals, row.away_goals)
                found[row.source, row.competition, name].add(sign)
    return dict(found)


def _unplayed(row: RawMatch, kickoff: dt.datetime) -> RawMatch:
    """The match as a fixture of another day."""
    return replace(
        row,
        kickoff=kickoff,
        status=MatchStatus.SCHEDULED,
        home_goals=None,
        away_goals=None,
        home_goals_half_time=None,
        away_goals_half_time=None,
        odds=None,
        stats=None,
        payload={"fixture": f"{kickoff:%Y-%m-%d}", "home": row.home_team, "away": row.away_team},
    )


def _key(row: RawMatch) -> str:
    day = f"{row.kickoff:%Y-%m-%d}"
    return f"{row.source}|{row.competition}|{row.season}|{day}|{row.home_team}|{row.away_team}"


def _lots(row: RawMatch) -> tuple[float, float, float]:
    """Three numbers from 0 to 1 that follow from the match."""
    digest = hashlib.blake2b(_key(row).encode(), digest_size=12).digest()
    first, second, third = (int.from_bytes(digest[at : at + 4]) / 2**32 for at in (0, 4, 8))
    return first, second, third
