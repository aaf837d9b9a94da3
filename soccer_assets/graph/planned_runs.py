"""The next run of every schedule that is on, and which watched assets it makes anew."""

import datetime as dt

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from soccer_assets.clock import isoformat
from soccer_assets.contract.pipeline import PlannedRun
from soccer_assets.graph.freshness import PROMISES
from soccer_assets.graph.schedules import SCHEDULES

_STOPPED = "STOPPED"


def planned_runs(instance: dg.DagsterInstance, wall: dt.datetime) -> tuple[PlannedRun, ...]:
    """The earliest first; a schedule that somebody has stopped plans nothing.

    Args:
        instance: knows which schedules were stopped.
        wall: the wall clock.
    """
    # An instance in memory, as in tests of the graph, keeps no schedules.
    states = instance.all_instigator_state() if instance.schedule_storage is not None else ()
    stopped = {state.name for state in states if state.status.value == _STOPPED}
    runs = [
        PlannedRun(
            job=schedule.job_name,
            starts_at=isoformat(_next(schedule, wall)),
            makes=_made_by(schedule.job_name),
        )
        for schedule in SCHEDULES
        if schedule.name not in stopped
    ]
    return tuple(sorted(runs, key=lambda run: (run.starts_at, run.job)))


def _next(schedule: dg.ScheduleDefinition, wall: dt.datetime) -> dt.datetime:
    times = schedule_execution_time_iterator(
        wall.timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    return next(time for time in times if time > wall)


def _made_by(job: str) -> tuple[str, ...]:
    return tuple(sorted(key.to_user_string() for key, promise in PROMISES.items() if job in promise.jobs))
