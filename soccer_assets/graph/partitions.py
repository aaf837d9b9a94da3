"""Partitions: the months of history, from the home's first month to the current one."""

import datetime as dt

import dagster as dg

from soccer_assets.clock import Clock


def match_months(history_start: dt.date, clock: Clock) -> dg.MonthlyPartitionsDefinition:
    """Months of kickoff (UTC), including the current one; open-ended, so that a new month needs no restart.

    Under a fixed clock the last partition is that clock's month: a replay has no months of its future.
    """
    end = (clock.now().replace(day=1) + dt.timedelta(days=32)).replace(day=1) if clock.is_fixed else None
    return dg.MonthlyPartitionsDefinition(
        start_date=history_start.strftime("%Y-%m-%d"),
        end_date=end.strftime("%Y-%m-%d") if end else None,
        end_offset=1,
    )
