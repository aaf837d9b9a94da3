"""Which days a look at a feed must read: the newest, and older ones that lack something.

A home that slept, and a provider that is late, leave matches behind that a window of the last days would not
read again. Not here: what is missing, and whose fault it is (``due.py``).
"""

import datetime as dt

import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.tables import AWAITS_RESULT, ingest, match

# Every look reads the last days again: corrections, and kickoffs that moved.
LEAST_LOOK_BACK = dt.timedelta(days=3)
# One look a day reads further: corrections and awards come within weeks.
DAILY_LOOK_BACK = dt.timedelta(days=30)
# Further back a month is read again as a partition of the history, by hand.
MOST_LOOK_BACK = dt.timedelta(days=120)
# Requests for older days in one look: twelve hourly looks make up for 120 days of a provider of days.
MOST_OLD_REQUESTS = 10
_DAY = dt.timedelta(days=1)
_RECENT = "livescores/recent"


def windows_to_read(
    database: Database,
    source: str,
    now: dt.datetime,
    *,
    result_lag: dt.timedelta = dt.timedelta(0),
    is_cheap_to_read_again: bool = False,
    days_a_request: int | None = None,
) -> list[Window]:
    """The UTC days that a look at the newest matches must read, the newest window first.

    The first window is of today and the last three days, or the lag if that is longer. To it come older days,
    at most `MOST_LOOK_BACK` ago:

    - days with a match that is still without a result;
    - days that nobody has read since their results were there, because the home was off or the feed failed;
    - once a day, where that is cheap, the last `DAILY_LOOK_BACK`: corrections and awards come after weeks.

    Where any window costs a provider the same, that is one window. Else it is those days alone, in windows of
    one request and at most `MOST_OLD_REQUESTS` of them a look, so that a long sleep is made up for over some
    looks and within the provider's limits; and a day with an open match is asked for once a day: what a
    provider has not told for days, it does not tell within the hour.

    Args:
        database: the matches, and the looks at the feeds.
        source: name of the feed.
        now: the current time.
        result_lag: the feed's.
        is_cheap_to_read_again: whether 30 days cost the feed's provider little more than three.
        days_a_request: days that one request asks for; None where any window costs the same.
    """
    today, oldest = now.date(), now - MOST_LOOK_BACK
    recent = Window((now - max(LEAST_LOOK_BACK, result_lag)).date(), today + _DAY)
    with database.reading() as connection:
        began = _first_day_read(connection, source)
        looks = looks_since(connection, oldest).get(source, [])
        open_days = _open_days(connection, source, oldest, now)

    def is_read(day: dt.date, since: dt.datetime) -> bool:
        return any(day in window and checked_at >= since for window, checked_at in looks)

    # A day is complete when it was read after its end and the lag; of a lag of days, on the last of the days
    # that every look reads.
    wait = _DAY + min(result_lag, max(LEAST_LOOK_BACK, result_lag) - _DAY)
    old_days = [oldest.date() + dt.timedelta(days=number) for number in range(MOST_LOOK_BACK.days)]
    wanted = {day for day in open_days if days_a_request is None or not is_read(day, midnight(today))}
    if began is not None:
        wanted |= {day for day in old_days if day >= began and not is_read(day, midnight(day) + wait)}
    if is_cheap_to_read_again:
        far_back = (now - DAILY_LOOK_BACK).date()
        wanted |= {day for day in old_days if day >= far_back and not is_read(day, midnight(today))}
    older = sorted((day for day in wanted if day < recent.start), reverse=True)
    if days_a_request is None:
        return [Window(min([recent.start, *older]), recent.end)]
    windows = [recent]
    for day in older:
        if len(windows) > 1 and (windows[-1].end - day).days <= days_a_request:
            windows[-1] = Window(day, windows[-1].end)
        elif len(windows) <= MOST_OLD_REQUESTS:
            windows.append(Window(day, day + _DAY))
    return windows


def looks_since(connection: sa.Connection, since: dt.datetime) -> dict[str, list[tuple[Window, dt.datetime]]]:
    """By feed, each window that was read after an instant, and when it was read last."""
    query = (
        sa.select(
            ingest.c.source,
            ingest.c.window_start,
            ingest.c.window_end,
            sa.func.max(ingest.c.checked_at, type_=ingest.c.checked_at.type),
        )
        .where(ingest.c.checked_at > since)
        .group_by(ingest.c.source, ingest.c.window_start, ingest.c.window_end)
    )
    looks: dict[str, list[tuple[Window, dt.datetime]]] = {}
    for source, start, end, checked_at in connection.execute(query):
        looks.setdefault(source, []).append((Window(start, end), checked_at))
    return looks


def days_never_read(connection: sa.Connection, source: str, now: dt.datetime) -> list[dt.date]:
    """Days since the first look that none has read after their end, and that the next one does not reach."""
    began = _first_day_read(connection, source)
    if began is None:
        return []
    read = {
        window.start + dt.timedelta(days=number)
        for window, checked_at in looks_since(connection, midnight(began)).get(source, ())
        for number in range((min(window.end, checked_at.date()) - window.start).days)
    }
    old = (now - MOST_LOOK_BACK).date() - began
    days = (began + dt.timedelta(days=number) for number in range(old.days))
    return [day for day in days if day not in read]


def _first_day_read(connection: sa.Connection, source: str) -> dt.date | None:
    """The first day that the first look at the newest matches of a feed read; before it lies the history."""
    looks = sa.select(ingest.c.window_start).where(ingest.c.asset == _RECENT, ingest.c.source == source)
    return connection.execute(looks.order_by(ingest.c.ingest_id).limit(1)).scalar()


def _open_days(
    connection: sa.Connection, source: str, oldest: dt.datetime, now: dt.datetime
) -> list[dt.date]:
    """Days of the feed's matches that have begun and are without a result, in order."""
    kickoffs = connection.execute(
        sa.select(match.c.kickoff).where(
            match.c.source == source,
            AWAITS_RESULT,
            match.c.kickoff >= oldest,
            match.c.kickoff < now,
        )
    )
    return sorted({kickoff.date() for kickoff in kickoffs.scalars()})
