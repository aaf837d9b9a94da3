"""What may be known of a match at an instant: nobody sees a score before the match is over.

Providers answer with what they know today; the clock may stand in the past. What had not happened by its now
is not shown, and is not even parsed.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.football.matches import KickoffPrecision, MatchStatus

# A match is over two hours after its kickoff; with the day alone, two hours past its end.
MATCH_LENGTH = dt.timedelta(hours=2)

# Fixture lists end with the season they belong to.
LOOK_AHEAD = dt.timedelta(days=366)

_CALLED_OFF = frozenset(
    {
        MatchStatus.POSTPONED,
        MatchStatus.ABANDONED,
        MatchStatus.REPLAYED,
        MatchStatus.AWARDED,
        MatchStatus.CANCELLED,
    }
)


class Dated(msgspec.Struct, frozen=True):
    """A row of a file with its kickoff.

    Attributes:
        kickoff: UTC, 12:00 where only the day is known. A row without a usable date takes the one of the
            row before it, so that it is reported with that day's matches; the first ones the next row's.
        fault: why the date or time cannot be used, or an empty text.
    """

    kickoff: dt.datetime
    precision: KickoffPrecision
    fault: str


D = TypeVar("D", bound=Dated)


class Known(msgspec.Struct, frozen=True):
    """What may be told of a match.

    Attributes:
        has_score: the score, final or so far, may be shown.
        is_over: half-time score, odds and statistics may be shown too.
    """

    status: MatchStatus
    has_score: bool
    is_over: bool


def begins_at(kickoff: dt.datetime, precision: KickoffPrecision) -> dt.datetime:
    """The instant before which nothing can have happened: the kickoff, or 00:00 of its day."""
    if precision is KickoffPrecision.MINUTE:
        return kickoff
    return kickoff.replace(hour=0, minute=0, second=0, microsecond=0)


def over_at(kickoff: dt.datetime, precision: KickoffPrecision) -> dt.datetime:
    """The instant from which the match counts as over; ``kickoff`` is 12:00 where only the day is known."""
    if precision is KickoffPrecision.MINUTE:
        return kickoff + MATCH_LENGTH
    return begins_at(kickoff, precision) + dt.timedelta(days=1) + MATCH_LENGTH


def within_reach(rows: Iterable[D], start: dt.date, now: dt.datetime) -> Iterator[D]:
    """The rows of a file; one dated before ``start`` or over a year ahead gets a fault and the day before.

    No window reaches its own day, so it would be neither a match nor rejected.
    """
    end = now.date() + LOOK_AHEAD
    last: dt.datetime | None = None
    for row in rows:
        day = row.kickoff.date()
        if start <= day < end:
            last = row.kickoff
            yield row
            continue
        limit, where = (
            (start, f"before {start}")
            if day < start
            else (end - dt.timedelta(days=1), "more than a year ahead")
        )
        yield msgspec.structs.replace(
            row,
            kickoff=last or dt.datetime.combine(limit, dt.time(12), dt.UTC),
            precision=KickoffPrecision.TBD,
            fault=row.fault or f"the date {day} lies {where}",
        )


def known_by_time(
    kickoff: dt.datetime,
    precision: KickoffPrecision,
    now: dt.datetime,
    *,
    has_result: bool,
    result_lag: dt.timedelta,
) -> Known:
    """For providers that name no status: finished where a result stands and the match is over.

    Without a result it stays scheduled for ``result_lag`` after its end, then counts as postponed.

    ``has_result`` says whether the provider has one; it is not looked at before the match is over.
    """
    over = over_at(kickoff, precision)
    if now >= over and has_result:
        return Known(MatchStatus.FINISHED, has_score=True, is_over=True)
    if now >= over + result_lag:
        return Known(MatchStatus.POSTPONED, has_score=False, is_over=True)
    if precision is KickoffPrecision.MINUTE and kickoff <= now < over:
        return Known(MatchStatus.LIVE, has_score=False, is_over=False)
    return Known(MatchStatus.SCHEDULED, has_score=False, is_over=now >= over)


def known_of(claimed: MatchStatus, kickoff: dt.datetime, precision: KickoffPrecision, clock: Clock) -> Known:
    """For providers that name the status.

    A result that stands before the match can be over is not believed yet. Nobody says when a match was called
    off: a fixed clock learns of it at the kickoff, real time at once.
    """
    now = clock.now()
    has_begun = begins_at(kickoff, precision) <= now
    is_over = over_at(kickoff, precision) <= now
    if claimed in _CALLED_OFF:
        status = claimed if has_begun or not clock.is_fixed else MatchStatus.SCHEDULED
        return Known(status, has_score=False, is_over=is_over)
    if claimed is MatchStatus.FINISHED and is_over:
        return Known(claimed, has_score=True, is_over=True)
    if claimed in {MatchStatus.FINISHED, MatchStatus.LIVE}:
        if not has_begun:
            return Known(MatchStatus.SCHEDULED, has_score=False, is_over=False)
        is_live_now = claimed is MatchStatus.LIVE and not clock.is_fixed
        is_timed = precision is KickoffPrecision.MINUTE
        status = MatchStatus.LIVE if is_timed or is_live_now else MatchStatus.SCHEDULED
        return Known(status, has_score=is_live_now, is_over=False)
    return Known(claimed, has_score=False, is_over=is_over)
