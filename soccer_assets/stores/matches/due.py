"""Matches whose result is due and missing, and how far back a look at the feed must reach to find it.

A home that slept, and a provider that is late, leave matches behind that a window of the last days would not
read again. Not here: when an answer is stale for it (``contract/status.py``).
"""

import datetime as dt
from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.resources.database import Database
from soccer_assets.tables import AWAITS_RESULT, ingest, match

# A match lasts two hours; the third is for the provider's first update.
SETTLING_TIME = dt.timedelta(hours=3)
# Every look reads the last days again: corrections, and kickoffs that moved.
LEAST_LOOK_BACK = dt.timedelta(days=3)
# Further back a month is read again as a partition of the history, by hand.
MOST_LOOK_BACK = dt.timedelta(days=120)
_RECENT = "livescores/recent"


class DueMatches(msgspec.Struct, frozen=True, kw_only=True):
    """Matches of one competition whose result should be there.

    Attributes:
        since: kickoff of the earliest.
        months: of their kickoffs, as partitions of `livescores/history` are named: ``2025-04-01``.
    """

    competition: str
    matches: int
    since: dt.datetime
    months: tuple[str, ...]


def result_due_at(kickoff: dt.datetime, precision: str, result_lag: dt.timedelta) -> dt.datetime:
    """When a result is due: 3 h and the feed's lag after kickoff, or after the day where only it is known."""
    if precision != KickoffPrecision.MINUTE:
        kickoff = kickoff.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    return kickoff + SETTLING_TIME + result_lag


def due_matches(database: Database, result_lag: dt.timedelta, now: dt.datetime) -> list[DueMatches]:
    """Matches whose result is due and missing, by competition, most first."""
    query = (
        sa.select(match.c.competition, match.c.kickoff, match.c.kickoff_precision)
        .where(AWAITS_RESULT, match.c.kickoff < now)
        .order_by(match.c.kickoff)
    )
    kickoffs: dict[str, list[dt.datetime]] = {}
    with database.reading() as connection:
        for competition, kickoff, precision in connection.execute(query):
            if result_due_at(kickoff, precision, result_lag) < now:
                kickoffs.setdefault(competition, []).append(kickoff)
    found = [
        DueMatches(
            competition=competition,
            matches=len(times),
            since=times[0],
            months=tuple(sorted({f"{time:%Y-%m}-01" for time in times})),
        )
        for competition, times in kickoffs.items()
    ]
    return sorted(found, key=lambda due: (-due.matches, due.competition))


def first_day_to_read(database: Database, source: str, now: dt.datetime) -> dt.date:
    """The first UTC day that a look at the newest matches must read.

    The earliest of three days ago, the last successful look, and the oldest match that is still without a
    result; at most `MOST_LOOK_BACK` ago.
    """
    oldest = now - MOST_LOOK_BACK
    with database.reading() as connection:
        last_look = connection.execute(
            sa.select(sa.func.max(ingest.c.checked_at, type_=ingest.c.checked_at.type)).where(
                ingest.c.asset == _RECENT, ingest.c.source == source
            )
        ).scalar()
        unsettled = connection.execute(
            sa.select(sa.func.min(match.c.kickoff, type_=match.c.kickoff.type)).where(
                match.c.source == source,
                AWAITS_RESULT,
                match.c.kickoff >= oldest,
                match.c.kickoff < now,
            )
        ).scalar()
    starts = [now - LEAST_LOOK_BACK, *_known(last_look, unsettled)]
    return max(min(starts), oldest).date()


def _known(*instants: dt.datetime | None) -> Iterable[dt.datetime]:
    return [instant for instant in instants if instant is not None]
