"""The skip reasons of the status and alert sensors: sentences with their numbers."""

import datetime as dt
from pathlib import Path

import dagster as dg
import msgspec
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)

from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.open_alerts import open_alerts
from soccer_assets.contract.pipeline import PIPELINE_KEY, PipelineState
from soccer_assets.graph.planned_runs import planned_runs
from soccer_assets.graph.schedules import SCHEDULES
from soccer_assets.graph.sensors.alerts import alert_sensor
from soccer_assets.graph.sensors.status import status_sensor
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings
from tests.alerting.flaky_graph import run
from tests.alerting.test_delivery import HandClock
from tests.builders import NOW
from tests.graph.assets.conftest import Graph, graph  # noqa: F401 - a fixture
from tests.graph.assets.test_refresh import HOURLY, filled  # noqa: F401 - a fixture


def _status(graph: Graph) -> str:  # noqa: F811
    resources = {
        "database": graph.database,
        "object_store": graph.store,
        "releases": graph.releases,
        "feed": graph.feed,
        "clock": graph.clock,
    }
    skipped = status_sensor(dg.build_sensor_context(instance=graph.instance, resources=resources))
    assert isinstance(skipped, dg.SkipReason)
    return skipped.skip_message or ""


def test_the_status_sensor_counts_assets_by_state_and_names_the_results(filled: Graph) -> None:  # noqa: F811
    """Before the first release it says what to run."""
    assert _status(filled) == "no release yet: there is no status to update; run build_everything"
    assert filled.run(*HOURLY).success

    text = _status(filled)

    assert text.startswith("status updated: 9 ")
    assert "releases/current" in text
    assert text.endswith("newest result 2025-04-24T18:00:00Z, next result due 2025-04-25T22:00:00Z")
    state = msgspec.json.decode(filled.store.read(PIPELINE_KEY) or b"", type=PipelineState)
    assert (state.queued, state.running, state.results_due) == (0, 0, 0)
    filled.at(NOW + dt.timedelta(days=2))
    _status(filled)
    state = msgspec.json.decode(filled.store.read(PIPELINE_KEY) or b"", type=PipelineState)
    assert state.results_due == 4
    assert sum(due.matches for due in state.due) == state.results_due
    assert {"refresh_hourly", "monitor_daily"} <= {run.job for run in state.planned}
    assert all(run.starts_at > state.written_at for run in state.planned)
    made = {key for run in state.planned for key in run.makes}
    assert {"releases/current", "monitoring/quality"} <= made


def test_a_stopped_schedule_plans_nothing(tmp_path: Path) -> None:
    """Dagster's pages stop a schedule; the board then promises no run."""
    schedule = next(each for each in SCHEDULES if each.job_name == "refresh_hourly")
    wall = dt.datetime(2025, 4, 25, 9, 0, tzinfo=dt.UTC)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        planned = {run.job: run.starts_at for run in planned_runs(instance, wall)}
        assert planned["refresh_hourly"] == "2025-04-25T09:07:00Z"
        assert planned["refresh_daily"] == "2025-04-26T06:07:00Z"
        origin = RemoteInstigatorOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("soccer_assets"), "__repository__"),
            schedule.name,
        )
        instance.add_instigator_state(
            InstigatorState(
                origin,
                InstigatorType.SCHEDULE,
                InstigatorStatus.STOPPED,
                ScheduleInstigatorData(cron_schedule=str(schedule.cron_schedule)),
            )
        )
        assert "refresh_hourly" not in {run.job for run in planned_runs(instance, wall)}


def test_the_alert_sensor_counts_faults_notifications_and_messages(
    graph: Graph,  # noqa: F811
    tmp_path: Path,
) -> None:
    """One fault, one subscriber whose server is down: recorded, not delivered, retried later."""
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path)})
    notifier = AlertNotifier(settings, graph.database, EventBus(""), HandClock())
    notifier.subscribers.subscribe("json://127.0.0.1:9/alert")
    run(graph.instance, run_fails=True)
    resources = {"alert_notifier": notifier, "object_store": graph.store}

    skipped = alert_sensor(dg.build_sensor_context(instance=graph.instance, resources=resources))

    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == (
        "open faults and notices: 1; new notifications: 1; messages delivered: 0, failed and to be retried: 1"
    )
    (alert,) = open_alerts(graph.database)  # for the status page
    assert alert.severity == "failure"
    assert alert.action
