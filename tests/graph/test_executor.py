"""Cancelled runs end cancelled, and at once: in a step, in a wait for a retry or a pool, and before both."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.api import execute_run_iterator

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.graph import retries
from soccer_assets.graph.executor import one_process
from soccer_assets.graph.retries import retried
from soccer_assets.operations.local_instance import INSTANCE
from tests.builders import NOW

POOL = "livescores"


class Steps:
    """What the steps of the job do, from outside."""

    def __init__(self) -> None:
        self.in_step: Any = lambda: None
        self.made: list[str] = []


STEPS = Steps()


@dg.asset(pool=POOL)
def first(context: dg.AssetExecutionContext) -> None:
    """Does what the test wants, and is tried again after errors."""
    with retried(context):
        STEPS.in_step()
    STEPS.made.append("first")


@dg.asset(deps=[first])
def second() -> None:
    """Is made after the first."""
    STEPS.made.append("second")


def both() -> dg.JobDefinition:
    """The job, as a run's process loads it."""
    job = dg.define_asset_job("both", dg.AssetSelection.all())
    return dg.Definitions(assets=[first, second], jobs=[job], executor=one_process).resolve_job_def("both")


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance as that of a home."""
    monkeypatch.setattr(STEPS, "in_step", lambda: None)
    monkeypatch.setattr(STEPS, "made", [])
    with dg.instance_for_test(overrides=INSTANCE) as made:
        yield made


def _launched(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(both())


def _execute(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """What the process of a run does."""
    list(execute_run_iterator(dg.reconstructable(both), run, instance))


def _cancel(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """As Dagster's launcher and code server: the status first, then the interrupt."""
    instance.report_run_canceling(instance.get_run_by_id(run.run_id))
    os.kill(os.getpid(), signal.SIGINT)


def _assert_cancelled(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """The run holds nothing, nothing was made behind the interrupt, and nothing counts as failed."""
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED
    assert "second" not in STEPS.made
    assert instance.event_log_storage.get_concurrency_info(POOL).claimed_slots == []
    assert instance.event_log_storage.get_concurrency_info(POOL).pending_steps == []
    assert graph_conditions(instance, {}, [], NOW) == []
    failed = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_FAILED_TO_MATERIALIZE
    ).records
    kinds = {
        record.event_log_entry.dagster_event.asset_failed_to_materialize_data.failure_type.value
        for record in failed
    }
    assert kinds <= {"SKIPPED"}


def test_a_run_that_nobody_cancels_is_a_success(instance: dg.DagsterInstance) -> None:
    """Both steps are made, in order."""
    run = _launched(instance)
    _execute(instance, run)
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.SUCCESS
    assert STEPS.made == ["first", "second"]


def test_cancelled_in_a_step_it_is_not_tried_again(instance: dg.DagsterInstance) -> None:
    """Dagster's retry policy would try a cancelled step again, five minutes later."""
    run = _launched(instance)
    STEPS.in_step = lambda: _cancel(instance, run)
    _execute(instance, run)

    _assert_cancelled(instance, run)


def test_cancelled_while_a_step_waits_for_its_retry(instance: dg.DagsterInstance) -> None:
    """The wait of five minutes ends at the interrupt."""
    run = _launched(instance)

    def fail_and_be_cancelled() -> None:
        _when_waiting(instance, run, dg.DagsterEventType.STEP_UP_FOR_RETRY)
        raise RuntimeError("the provider answers 503")

    STEPS.in_step = fail_and_be_cancelled
    assert retries.SECONDS_TO_WAIT == 300
    _execute(instance, run)

    _assert_cancelled(instance, run)
    assert STEPS.made == []


def test_cancelled_while_a_step_waits_for_its_pool(instance: dg.DagsterInstance) -> None:
    """Another run holds the pool's only place, as when a backfill takes several runs."""
    run, other = _launched(instance), _launched(instance)
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    assert instance.event_log_storage.claim_concurrency_slot(POOL, other.run_id, "other").is_claimed
    instance.report_engine_event("in the queue", run)  # its log is there before it is watched
    _when_waiting(instance, run, dg.DagsterEventType.ENGINE_EVENT, "blocked")
    _execute(instance, run)

    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED
    assert STEPS.made == []
    waiting = instance.event_log_storage.get_concurrency_info(POOL).pending_steps
    assert [step.run_id for step in waiting] == [other.run_id]  # which holds it


def test_cancelled_while_its_process_starts_the_first_event_does_not_undo_it(
    instance: dg.DagsterInstance,
) -> None:
    """The process read its status before the request and reports its start after it."""
    run = _launched(instance)
    instance.report_run_canceling(instance.get_run_by_id(run.run_id))
    _execute(instance, run)

    _assert_cancelled(instance, run)
    assert STEPS.made == []


def _when_waiting(
    instance: dg.DagsterInstance, run: dg.DagsterRun, event: dg.DagsterEventType, text: str = ""
) -> None:
    """Cancel the run as soon as it has reported an event."""

    def watch() -> None:
        while not any(
            text in str(record.event_log_entry.dagster_event.message)
            for record in instance.get_records_for_run(run.run_id, of_type=event).records
        ):
            threading.Event().wait(0.05)
        _cancel(instance, run)

    threading.Thread(target=watch, daemon=True).start()
