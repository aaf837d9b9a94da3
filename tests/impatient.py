"""The code location for live tests: its sensors look every six seconds, and a message is retried after one.

``every_two_minutes`` has one schedule in place of its own: a test cannot wait for minute 7 of an hour. Not
every minute: on busy cores a run takes longer, and the daemon would start one behind the other.
``without_schedules`` has none: what happens there was started by hand or by a sensor. ``retrain_alone`` and
``alerts_alone`` have one sensor.
"""

import datetime as dt

import dagster as dg

from soccer_assets.alerting import outbox
from soccer_assets.graph.build import SENSORS, build_definitions
from soccer_assets.graph.jobs import refresh_hourly
from soccer_assets.graph.sensors.alerts import alert_sensor
from soccer_assets.graph.sensors.retrain import retrain_sensor
from soccer_assets.settings import Settings

_SECONDS = 6  # a look of all sensors is .5 s of CPU

outbox._FIRST_BACKOFF = dt.timedelta(seconds=1)
for _sensor in SENSORS:
    _sensor._min_interval = _SECONDS  # a sensor cannot be copied with another interval
_built = build_definitions(Settings.from_env())


def _with(sensors: list[dg.SensorDefinition]) -> dg.Definitions:
    return dg.Definitions(
        assets=_built.assets,
        asset_checks=_built.asset_checks,
        jobs=_built.jobs,
        sensors=sensors,
        resources=_built.resources,
        executor=_built.executor,
    )


without_schedules = _with(SENSORS)
retrain_alone = _with([retrain_sensor])
alerts_alone = _with([alert_sensor])
_schedule = dg.ScheduleDefinition(
    name="refresh_every_two_minutes",
    job=refresh_hourly,
    cron_schedule="*/2 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
every_two_minutes = dg.Definitions.merge(without_schedules, dg.Definitions(schedules=[_schedule]))
