"""Schedules: the hours of the day (UTC) at which jobs start."""

import datetime as dt

import dagster as dg

from soccer_assets.automation.jobs import (
    monitor_daily,
    prune_daily,
    refresh_daily,
    refresh_hourly,
    tune_parameters,
)

DAILY_AT = dt.time(6, 7, tzinfo=dt.UTC)

SCHEDULES = [
    dg.ScheduleDefinition(
        name="refresh_hourly_schedule",
        job=refresh_hourly,
        # Not at 06:00, when the daily run does the same and more.
        cron_schedule="7 0-5,7-23 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
    dg.ScheduleDefinition(
        name="refresh_daily_schedule",
        job=refresh_daily,
        cron_schedule=f"{DAILY_AT.minute} {DAILY_AT.hour} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
    dg.ScheduleDefinition(
        name="monitor_daily_schedule",
        job=monitor_daily,
        # After the daily run, with last night's results in the ledger.
        cron_schedule="37 6 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
    dg.ScheduleDefinition(
        name="tune_parameters_schedule",
        job=tune_parameters,
        # The first of the month, between two hourly runs.
        cron_schedule="22 2 1 * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
    dg.ScheduleDefinition(
        name="prune_daily_schedule",
        job=prune_daily,
        cron_schedule="37 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    ),
]
