"""Matches whose result is due and missing: which, whether the home or the provider is late, and what to do.

Not here: how far back a look reads to find them (``look_windows.py``), and when an answer is stale for it
(``contract/status.py``).
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.meetings import ABANDONED_AFTER, WITHDRAWN_AFTER
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.look_windows import MOST_LOOK_BACK, days_never_read, looks_since
from soccer_assets.tables import (
    AWAITING,
    AWAITS_RESULT,
    match,
    match_raw,
    match_source_id,
    vanished_match,
)

# A match lasts two hours; the third is for the provider's first update.
SETTLING_TIME = dt.timedelta(hours=3)
# A month of history has failed where a result is missing this long after kickoff and lag: not for a late
# evening of its last day.
HOLE_AFTER = dt.timedelta(hours=36)
_SHOWN = 5


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


class MissingResults(msgspec.Struct, frozen=True, kw_only=True):
    """The results that are due and missing, and whether the home or the provider is late.

    Attributes:
        due: by competition, most first; empty where nothing is missing.
        unread: how many of them are of days that no look has read since the result was due.
        days_never_read: days between two looks that no look has read, and that the next one will not read
            either: the home was off, and they are older than `MOST_LOOK_BACK`. Their matches may be unknown.
        command: the command that reads all of these days again; empty where nothing is missing.
    """

    due: tuple[DueMatches, ...] = ()
    unread: int = 0
    days_never_read: tuple[dt.date, ...] = ()
    command: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.due and not self.days_never_read

    @property
    def matches(self) -> int:
        """How many results are missing."""
        return sum(found.matches for found in self.due)

    @property
    def months(self) -> tuple[str, ...]:
        """Their months, in order."""
        months = {month for found in self.due for month in found.months}
        return tuple(sorted(months | {f"{day:%Y-%m}-01" for day in self.days_never_read}))

    @property
    def text(self) -> str:
        """How many are missing, since when, of which competitions, and who is late."""
        never_read = ""
        if days := self.days_never_read:
            never_read = f"{_counted(len(days), 'day', 'days')} from {days[0]} to {days[-1]} were never read"
        if not self.due:
            return never_read or "no result is missing"
        since = min(found.since for found in self.due)
        late = f"{self.unread} of them are of days that nobody has read since"
        if self.unread == self.matches:
            late = "nobody has read these days since"
        elif not self.unread:
            late = "the feed was read since and does not have them"
        return (
            f"{_counted(self.matches, 'result is', 'results are')} missing since {since:%Y-%m-%d} "
            f"({_listed(self.due)}): {late}" + (f"; {never_read}" if never_read else "")
        )

    @property
    def remedy(self) -> str:
        """What to do, with the one command; empty where nothing is missing."""
        if self.is_complete:
            return ""
        if self.unread or self.days_never_read:
            return f"run `{self.command}`"
        return (
            f"check the provider's status page; another feed in SOCCER_FEED can take over; "
            f"`{self.command}` reads these days again"
        )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _listed(due: Sequence[DueMatches]) -> str:
    """The competitions with their counts, as many as fit into a line."""
    more = f" and {len(due) - _SHOWN} more" if len(due) > _SHOWN else ""
    return ", ".join(f"{found.competition} {found.matches}" for found in due[:_SHOWN]) + more


def result_due_at(kickoff: dt.datetime, precision: str, result_lag: dt.timedelta) -> dt.datetime:
    """When a result is due: 3 h and the feed's lag after kickoff, or after the day where only it is known."""
    if precision != KickoffPrecision.MINUTE:
        kickoff = kickoff.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    return kickoff + SETTLING_TIME + result_lag


def due_matches(
    database: Database, result_lag: dt.timedelta, now: dt.datetime, since: dt.datetime | None = None
) -> list[DueMatches]:
    """Matches whose result is due and missing, by competition, most first.

    Args:
        database: the normalised matches.
        result_lag: the feed's.
        now: decides with the lag which results are due.
        since: the first kickoff that counts; None for all.
    """
    with database.reading() as connection:
        rows = _due_rows(connection, result_lag, now)
    return _by_competition(
        (row.competition, row.kickoff) for row in rows if since is None or row.kickoff >= since
    )


def missing_results(
    database: Database, sources: Iterable[str], result_lag: dt.timedelta, now: dt.datetime
) -> MissingResults:
    """The results that are due and missing, with the command that reads their days again.

    Args:
        database: the normalised matches, and the looks at the feeds.
        sources: names of the home's feeds.
        result_lag: the longest of these feeds.
        now: decides with the lag which results are due.
    """
    with database.reading() as connection:
        rows = _due_rows(connection, result_lag, now)
        never_read = sorted({day for source in sources for day in days_never_read(connection, source, now)})
        if not rows and not never_read:
            return MissingResults()
        looks = looks_since(connection, min((_due_at(row, result_lag) for row in rows), default=now))
    unread = sum(
        not any(
            row.kickoff.date() in window and checked_at > _due_at(row, result_lag)
            for window, checked_at in looks.get(row.source, ())
        )
        for row in rows
    )
    due = tuple(_by_competition((row.competition, row.kickoff) for row in rows))
    days = sorted([*never_read, *(row.kickoff.date() for row in rows)])
    return MissingResults(
        due=due, unread=unread, days_never_read=tuple(never_read), command=_command(days[0], days[-1], now)
    )


def missing_in_history(
    database: Database,
    lags: Mapping[str, dt.timedelta],
    owners: Mapping[str, str] | None,
    window: Window,
    now: dt.datetime,
) -> MissingResults:
    """Stored rows of a window that are without a result `HOLE_AFTER` and the lag after their kickoff.

    Read from the raw rows, as a run over past months leaves them: matches are made of them by a later run. A
    row whose match has a result by another row, or is over without one, is not missing; nor is one that the
    next run makes withdrawn or abandoned (``football/meetings.py``).

    Args:
        database: the raw rows.
        lags: by feed, how long a result may take.
        owners: by competition the feed whose matches count; None where there is one feed.
        window: days of the kickoffs.
        now: nothing later is missing.
    """
    start, end = midnight(window.start), midnight(window.end)
    query = (
        sa.select(match_raw.c.competition, match_raw.c.kickoff, match_raw.c.source)
        .select_from(match_raw)
        .outerjoin(
            match_source_id,
            sa.and_(
                match_source_id.c.source == match_raw.c.source,
                match_source_id.c.source_match_id == match_raw.c.source_match_id,
            ),
        )
        .outerjoin(match, match.c.match_id == match_source_id.c.match_id)
        .outerjoin(
            vanished_match,
            sa.and_(
                vanished_match.c.source == match_raw.c.source,
                vanished_match.c.source_match_id == match_raw.c.source_match_id,
            ),
        )
        .where(
            match_raw.c.source.in_(list(lags)),
            match_raw.c.kickoff >= start,
            match_raw.c.kickoff < min(end, now),
            match_raw.c.status.in_(AWAITING),
            sa.or_(match.c.status.is_(None), match.c.status.in_(AWAITING)),
            sa.or_(
                vanished_match.c.vanished_at.is_(None), vanished_match.c.vanished_at > now - WITHDRAWN_AFTER
            ),
            sa.or_(match_raw.c.status != MatchStatus.LIVE.value, match_raw.c.kickoff > now - ABANDONED_AFTER),
        )
        .order_by(match_raw.c.kickoff)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    missing = [
        (row.competition, row.kickoff)
        for row in rows
        if row.kickoff + lags[row.source] + HOLE_AFTER < now
        and (owners is None or owners.get(row.competition) == row.source)
    ]
    if not missing:
        return MissingResults()
    # The run that asks has read these days itself: none is unread.
    return MissingResults(
        due=tuple(_by_competition(missing)),
        command=_command(missing[0][1].date(), missing[-1][1].date(), now),
    )


def _due_rows(connection: sa.Connection, result_lag: dt.timedelta, now: dt.datetime) -> list[sa.Row[Any]]:
    """Matches that are due, the oldest first."""
    query = (
        sa.select(match.c.competition, match.c.kickoff, match.c.kickoff_precision, match.c.source)
        .where(AWAITS_RESULT, match.c.kickoff < now)
        .order_by(match.c.kickoff)
    )
    rows: list[sa.Row[Any]] = list(connection.execute(query))
    return [row for row in rows if _due_at(row, result_lag) < now]


def _due_at(row: sa.Row[Any], result_lag: dt.timedelta) -> dt.datetime:
    return result_due_at(row.kickoff, row.kickoff_precision, result_lag)


def _by_competition(matches: Iterable[tuple[str, dt.datetime]]) -> list[DueMatches]:
    """Competition and kickoff of each match in; most matches first."""
    kickoffs: dict[str, list[dt.datetime]] = {}
    for competition, kickoff in matches:
        kickoffs.setdefault(competition, []).append(kickoff)
    found = [
        DueMatches(
            competition=competition,
            matches=len(times),
            since=min(times),
            months=tuple(sorted({f"{time:%Y-%m}-01" for time in times})),
        )
        for competition, times in kickoffs.items()
    ]
    return sorted(found, key=lambda due: (-due.matches, due.competition))


def _command(first: dt.date, last: dt.date, now: dt.datetime) -> str:
    """The command that reads the days from the first to the last again."""
    if first >= (now - MOST_LOOK_BACK).date():
        return "soccer run refresh_hourly"
    return f"soccer run reload_history --months {first:%Y-%m} {last:%Y-%m}"
