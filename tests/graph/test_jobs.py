"""The run queue, configured as by `soccer up` and deployments, starts one publisher at a time."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from soccer_assets.graph.automation_conditions import follow_upstream_sensor
from soccer_assets.graph.build import build_definitions
from soccer_assets.graph.jobs import (
    build_everything,
    declared_config,
    monitor_daily,
    refresh_hourly,
    retrain_model,
    rollback_champion,
)
from soccer_assets.operations.local_instance import INSTANCE
from soccer_assets.settings import Settings

_ORIGIN = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("soccer_assets"), "__repository__")


def add_run(
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
        first = add_run(instance, retrain_model.name, dict(retrain_model.tags or {}))
        for job in (refresh_hourly, rollback_champion):
            add_run(instance, job.name, dict(job.tags or {}))
        add_run(instance, "follow_upstream", dict(follow_upstream_sensor.run_tags or {}))
        add_run(instance, monitor_daily.name, dict(monitor_daily.tags or {}))

        assert _startable(instance) == [retrain_model.name, monitor_daily.name]
        instance.delete_run(first)
        add_run(instance, retrain_model.name, dict(retrain_model.tags or {}), dg.DagsterRunStatus.STARTED)
        assert _startable(instance) == [monitor_daily.name]


def test_a_first_build_makes_every_asset(tmp_path: Path) -> None:
    """Dagster warns at each launch by hand of an asset upstream that was never made."""
    definitions = build_definitions(Settings.from_env({"SOCCER_HOME": str(tmp_path)}))
    made = definitions.resolve_job_def(build_everything.name).asset_layer.executable_asset_keys

    config = declared_config(definitions.resolve_job_def(build_everything.name))
    assert config["ops"]["model__parameters"] == {"config": {"trials": 0}}  # a search takes minutes
    assert set(made) == {spec.key for spec in definitions.resolve_all_asset_specs()}


@pytest.mark.parametrize("job", [retrain_model, rollback_champion])
def test_a_change_of_the_champion_is_followed_by_both_reports(tmp_path: Path, job: Any) -> None:
    """Drift and quality name the champion that is served, not the one before it."""
    definitions = build_definitions(Settings.from_env({"SOCCER_HOME": str(tmp_path)}))
    resolved = definitions.resolve_job_def(job.name)
    order = [node.name for node in resolved.nodes_in_topological_order]

    assert order.index("monitoring") > order.index("model__champion")
    # A "hook skipped" beside every step of every run says nothing.
    assert not resolved.hook_defs
