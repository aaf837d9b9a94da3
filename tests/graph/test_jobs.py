"""The run queue, configured as by `soccer up` and deployments, starts one publisher at a time."""

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from soccer_assets.graph.automation_conditions import follow_upstream_sensor
from soccer_assets.graph.jobs import (
    monitor_daily,
    refresh_hourly,
    retrain_model,
    rollback_champion,
)
from soccer_assets.operations.up import INSTANCE

_ORIGIN = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("soccer_assets"), "__repository__")


def _add(
    instance: dg.DagsterInstance,
    job: str,
    tags: dict[str, str],
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED,
) -> str:
    """A run of a job as its launch leaves it; its id."""
    origin = RemoteJobOrigin(_ORIGIN, job)
    run = create_run_for_test(instance, job_name=job, tags=tags, status=status, remote_job_origin=origin)
    return run.run_id


def _startable(instance: dg.DagsterInstance) -> list[str]:
    """Jobs of the runs that the queue would start now."""
    with QueuedRunCoordinatorDaemon(interval_seconds=1) as queue:
        runs = queue._get_runs_to_dequeue(
            instance, instance.get_concurrency_config(), fixed_iteration_time=None
        )
    return [run.job_name for run in runs]


def test_one_of_several_publishers_starts_and_the_others_wait() -> None:
    """Retrain, hourly run, rollback and runs after a backfill are serialised; monitoring runs beside them."""
    with dg.instance_for_test(overrides=INSTANCE) as instance:
        first = _add(instance, retrain_model.name, dict(retrain_model.tags or {}))
        for job in (refresh_hourly, rollback_champion):
            _add(instance, job.name, dict(job.tags or {}))
        _add(instance, "follow_upstream", dict(follow_upstream_sensor.run_tags or {}))
        _add(instance, monitor_daily.name, dict(monitor_daily.tags or {}))

        assert _startable(instance) == [retrain_model.name, monitor_daily.name]
        instance.delete_run(first)
        _add(instance, retrain_model.name, dict(retrain_model.tags or {}), dg.DagsterRunStatus.STARTED)
        assert _startable(instance) == [monitor_daily.name]
