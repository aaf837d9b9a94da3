"""Schedules: the hours of the day (UTC) at which jobs start."""

import datetime as dt
from typing import Any

import dagster as dg

from soccer_assets.graph.jobs import monitor_daily, refresh_daily, refresh_hourly, tune_parameters
from soccer_assets.graph.maintenance import prune_daily

DAILY_AT = dt.time(6, 7, tzinfo=dt.UTC)


def _at(cron: str, job: Any, description: str) -> dg.ScheduleDefinition:
    """A schedule that is on by default, named after its job."""
    return dg.ScheduleDefinition(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )


SCHEDULES = [
    # Not at 06:07, when the daily run does the same and more.
    _at(
        "7 0-5,7-23 * * *",
        refresh_hourly,
        "Every hour at minute 7, except at 06:07, when the daily job runs.",
    ),
    _at(f"{DAILY_AT.minute} {DAILY_AT.hour} * * *", refresh_daily, "Every day at 06:07 UTC."),
    # After the daily run, with last night's results in the ledger.
    _at("37 6 * * *", monitor_daily, "Every day at 06:37 UTC, after the daily refresh."),
    # The first of the month, between two hourly runs.
    _at("22 2 1 * *", tune_parameters, "On the first of each month at 02:22 UTC."),
    _at("37 4 * * *", prune_daily, "Every day at 04:37 UTC."),
]
