"""The state of the pipeline: runs by state, the newest ended run of each job."""

import datetime as dt

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test

from soccer_assets.clock import isoformat
from soccer_assets.resources.database import Database
from soccer_assets.stores.monitoring.pipeline import pipeline_state
from tests.builders import NOW, FakeFeed

S = dg.DagsterRunStatus
_ORIGIN = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("soccer_assets"), "__repository__")


def _ended(instance: dg.DagsterInstance, job: str, how: dg.DagsterEventType) -> None:
    """A run of a job that ended so."""
    run = create_run_for_test(instance, job_name=job, status=S.STARTED)
    instance.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            user_message="",
            level="INFO",
            run_id=run.run_id,
            timestamp=dt.datetime.now(dt.UTC).timestamp(),
            job_name=job,
            dagster_event=dg.DagsterEvent(how.value, job_name=job),
        )
    )


def test_runs_are_counted_and_a_cancelled_one_is_no_failure(sqlite_database: Database) -> None:
    """Waiting and working runs with their ages; of each job the newest run that ended."""
    wall = dt.datetime.now(dt.UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        for job, status in (("hourly", S.QUEUED), ("hourly", S.QUEUED), ("retrain", S.STARTED)):
            origin = RemoteJobOrigin(_ORIGIN, job)
            create_run_for_test(instance, job_name=job, status=status, remote_job_origin=origin)
        _ended(instance, "hourly", dg.DagsterEventType.RUN_FAILURE)
        _ended(instance, "retrain", dg.DagsterEventType.RUN_FAILURE)
        _ended(instance, "retrain", dg.DagsterEventType.RUN_CANCELED)
        _ended(instance, "daily", dg.DagsterEventType.RUN_SUCCESS)
        jobs = ("hourly", "retrain", "daily", "never_ran")
        state = pipeline_state(instance, jobs, sqlite_database, FakeFeed(), NOW, wall)
        empty = pipeline_state(instance, (), sqlite_database, FakeFeed(), NOW, wall)

    assert (state.queued, state.running, state.written_at) == (2, 1, isoformat(wall))
    assert state.oldest_queued_at is not None
    assert state.oldest_running_at is not None
    assert {job.job: job.failed for job in state.jobs} == {"hourly": True, "retrain": False, "daily": False}
    assert empty.jobs == ()
