"""The code location with a schedule that ticks every minute: a test cannot wait for minute 7 of an hour."""

import dagster as dg

from soccer_assets.automation.jobs import refresh_hourly
from soccer_assets.definitions import build_definitions
from soccer_assets.settings import Settings

_every_minute = dg.ScheduleDefinition(
    name="refresh_every_minute",
    job=refresh_hourly,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
defs = dg.Definitions.merge(build_definitions(Settings.from_env()), dg.Definitions(schedules=[_every_minute]))
