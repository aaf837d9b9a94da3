"""The queue of runs that publish: when it stands, and what the alert says."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from soccer_assets.alerting.publish_queue import OpenRun, PublishQueue, queue_conditions, read_queue
from soccer_assets.alerting.watchdog import Watchdog
from soccer_assets.graph.jobs import PUBLISHES, refresh_hourly
from soccer_assets.graph.schedules import SCHEDULES
from soccer_assets.settings import Settings
from tests.graph.test_jobs import add_run

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)


def ago(minutes: float) -> dt.datetime:
    """An instant before now."""
    return NOW - dt.timedelta(minutes=minutes)


def queue(
    *, runs_for: float | None = None, waits_for: float | None = None, ended: float | None = 50
) -> PublishQueue:
    """A queue, in minutes before now."""

    def of(minutes: float | None, name: str) -> list[OpenRun]:
        return [] if minutes is None else [OpenRun(run_id=name, job="refresh_hourly", since=ago(minutes))]

    running, last = of(runs_for, "running"), None if ended is None else ago(ended)
    return PublishQueue(
        running=running[0] if running else None,
        waiting=of(waits_for, "waiting"),
        last_ended=last,
        last_published=last,
    )


@pytest.mark.parametrize(
    ("well", "is_standing"),
    [
        (queue(ended=None), False),  # a new home
        (queue(ended=59), False),
        (queue(ended=125), False),  # 06:07 to 08:07, and a run of some minutes
        (queue(runs_for=59, waits_for=55, ended=65), False),
        (queue(runs_for=140, ended=200), False),  # a long training that holds nobody up
        (queue(runs_for=200, waits_for=61, ended=200), True),
        (queue(waits_for=61), True),  # nothing starts it
        (queue(ended=151), True),  # nothing was started: the code server is gone
        (queue(runs_for=151, ended=200), True),
    ],
)
def test_the_queue_stands_where_a_run_waits_or_none_ends(well: PublishQueue, is_standing: bool) -> None:
    """Not for a run that takes long, nor in a home that has never published."""
    assert well.is_standing(NOW) is is_standing
    assert bool(queue_conditions(well, NOW)) is is_standing


def test_the_alert_names_the_time_and_the_run_that_holds_the_queue() -> None:
    """With the page of that run and what to do."""
    (fault,) = queue_conditions(queue(runs_for=190, waits_for=130, ended=200), NOW)

    assert f"{fault.subject} {fault.what}" == (
        "publishing has stopped: no run has published for 3 h 20 min, the queue stands"
    )
    assert fault.cause == (
        "last run that published ended 3 h 20 min ago; refresh_hourly runs for 3 h 10 min, 1 wait"
    )
    assert fault.path == "/runs/running"
    assert "terminate it" in fault.action


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance without runs."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_the_queue_is_read_from_dagsters_runs(instance: dg.DagsterInstance) -> None:
    """Runs without the tag hold nothing; a failed run ended, but published nothing."""
    status = dg.DagsterRunStatus
    for job, tags, state in (
        ("refresh_hourly", PUBLISHES, status.FAILURE),
        ("retrain_model", PUBLISHES, status.STARTED),
        ("refresh_daily", PUBLISHES, status.QUEUED),
        ("monitor_daily", {}, status.QUEUED),
        ("monitor_daily", {}, status.SUCCESS),
    ):
        add_run(instance, job, tags, state)
    found = read_queue(instance)

    assert found.running is not None
    assert found.running.job == "retrain_model"
    assert [run.job for run in found.waiting] == ["refresh_daily"]
    assert found.last_ended is not None
    assert found.last_published is None


def test_the_watchdog_tells_of_a_standing_queue_but_not_on_waking(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """A machine that slept ten hours has ten minutes to run; after that the fault is told."""
    add_run(instance, refresh_hourly.name, PUBLISHES)
    awake = dt.datetime.now(dt.UTC) + dt.timedelta(hours=10)
    watchdog = Watchdog(Settings.from_env({"SOCCER_HOME": str(tmp_path)}), awake - dt.timedelta(hours=10))
    told = {
        minutes: [fault.key for fault in watchdog._queue(instance, awake + dt.timedelta(minutes=minutes))]
        for minutes in (0, 1, 3, 4, 5)
    }

    assert told == {0: [], 1: [], 3: [], 4: [], 5: ["queue:publishing"]}


def test_the_schedule_has_no_longer_pause_than_the_alert_allows() -> None:
    """The hourly and the daily run together leave an hour between two runs."""
    minutes = {schedule.cron_schedule for schedule in SCHEDULES if "refresh" in schedule.name}

    assert minutes == {"7 0-5,7-23 * * *", "7 6 * * *"}
