"""What may be shown of a match at an instant: no score before the match is over.

Providers answer with what they know today, while the clock may stand in the past. What had not happened by
then is neither shown nor parsed.
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
        kickoff: UTC, 12:00 where only the day is known. A row without a usable date takes the kickoff of the
            row before it, so that it is rejected with that day's matches; rows at the start of a file take
            that of the next row.
        fault: why the date or time is invalid; empty where it is valid.
    """

    kickoff: dt.datetime
    precision: KickoffPrecision
    fault: str


D = TypeVar("D", bound=Dated)


class Visibility(msgspec.Struct, frozen=True):
    """What may be shown of a match.

    Attributes:
        has_score: the score, final or live, is visible.
        is_over: half-time score, odds and statistics are visible too.
    """

    status: MatchStatus
    has_score: bool
    is_over: bool


def begins_at(kickoff: dt.datetime, precision: KickoffPrecision) -> dt.datetime:
    """The earliest instant of the match: the kickoff, or 00:00 of its day where only the day is known."""
    if precision is KickoffPrecision.MINUTE:
        return kickoff
    return kickoff.replace(hour=0, minute=0, second=0, microsecond=0)


def over_at(kickoff: dt.datetime, precision: KickoffPrecision) -> dt.datetime:
    """The instant from which the match counts as over; ``kickoff`` is 12:00 where only the day is known."""
    if precision is KickoffPrecision.MINUTE:
        return kickoff + MATCH_LENGTH
    return begins_at(kickoff, precision) + dt.timedelta(days=1) + MATCH_LENGTH


def flag_far_dates(rows: Iterable[D], start: dt.date, now: dt.datetime) -> Iterator[D]:
    """The rows of a file; a row dated before ``start`` or over a year ahead gets a fault.

    It also takes the kickoff of the row before: no window contains its own day, so it would be neither a
    match nor rejected.
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
            fault=row.fault or f"the date {day} lies {where}; correct it at the source",
        )


def visibility_by_time(
    kickoff: dt.datetime,
    precision: KickoffPrecision,
    now: dt.datetime,
    *,
    has_result: bool,
    result_lag: dt.timedelta,
) -> Visibility:
    """For providers without a status: finished where there is a result and the match is over.

    Without a result it stays scheduled for ``result_lag`` after its end, then counts as postponed.
    ``has_result`` is ignored until the match is over.
    """
    over = over_at(kickoff, precision)
    if now >= over and has_result:
        return Visibility(MatchStatus.FINISHED, has_score=True, is_over=True)
    if now >= over + result_lag:
        return Visibility(MatchStatus.POSTPONED, has_score=False, is_over=True)
    if precision is KickoffPrecision.MINUTE and kickoff <= now < over:
        return Visibility(MatchStatus.LIVE, has_score=False, is_over=False)
    return Visibility(MatchStatus.SCHEDULED, has_score=False, is_over=now >= over)


def visibility_by_status(
    reported_status: MatchStatus, kickoff: dt.datetime, precision: KickoffPrecision, clock: Clock
) -> Visibility:
    """For providers with a status.

    A result reported before the match can be over is not shown. Providers do not say when a match was called
    off: a fixed clock shows it from the kickoff on, the system clock at once.
    """
    now = clock.now()
    has_begun = begins_at(kickoff, precision) <= now
    is_over = over_at(kickoff, precision) <= now
    if reported_status in _CALLED_OFF:
        status = reported_status if has_begun or not clock.is_fixed else MatchStatus.SCHEDULED
        return Visibility(status, has_score=False, is_over=is_over)
    if reported_status is MatchStatus.FINISHED and is_over:
        return Visibility(reported_status, has_score=True, is_over=True)
    if reported_status in {MatchStatus.FINISHED, MatchStatus.LIVE}:
        if not has_begun:
            return Visibility(MatchStatus.SCHEDULED, has_score=False, is_over=False)
        is_live_now = reported_status is MatchStatus.LIVE and not clock.is_fixed
        is_timed = precision is KickoffPrecision.MINUTE
        status = MatchStatus.LIVE if is_timed or is_live_now else MatchStatus.SCHEDULED
        return Visibility(status, has_score=is_live_now, is_over=False)
    return Visibility(reported_status, has_score=False, is_over=is_over)
