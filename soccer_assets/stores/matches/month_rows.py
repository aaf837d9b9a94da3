"""What each month of history holds: the numbers of one partition's page."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.resources.database import Database
from soccer_assets.tables import UtcDateTime, match_raw


class MonthRows(msgspec.Struct, frozen=True, kw_only=True):
    """The stored rows of one month of kickoffs.

    Attributes:
        rows: matches as the feeds report them.
        with_result: those that are finished.
        competitions: how many there are.
        last_change: when the newest of them was written; None where there is none.
    """

    rows: int
    with_result: int
    competitions: int
    last_change: dt.datetime | None


def rows_by_month(
    database: Database, sources: Sequence[str], months: Iterable[str]
) -> Mapping[str, MonthRows]:
    """The rows of each month, such as ``2025-03-01``, of these feeds."""
    finished = sa.func.sum(sa.case((match_raw.c.status.in_(SETTLED_STATUSES), 1), else_=0))
    counts = sa.select(
        sa.func.count(),
        finished,
        sa.func.count(sa.distinct(match_raw.c.competition)),
        sa.func.max(match_raw.c.changed_at, type_=UtcDateTime()),
    ).where(match_raw.c.source.in_(sources))
    found = {}
    with database.reading() as connection:
        # A query a month: each is a range of the index of source and kickoff.
        for month in months:
            first = dt.date.fromisoformat(month)
            start, end = midnight(first), midnight((first + dt.timedelta(days=32)).replace(day=1))
            rows, results, competitions, changed = connection.execute(
                counts.where(match_raw.c.kickoff >= start, match_raw.c.kickoff < end)
            ).one()
            found[month] = MonthRows(
                rows=rows, with_result=results or 0, competitions=competitions, last_change=changed
            )
    return found
