"""The executor: all steps of a run in one process, and a cancelled run always ends cancelled.

Dagster's executor sleeps through an interrupt while a step waits for its pool or its retry. And a run that is
cancelled while its process starts is STARTED again by its first event: Dagster then takes the interrupt for
a crash, and the run for a failed one.
"""

import os
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError, raise_execution_interrupts
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor, inprocess_execution_iterator


class _Execution(ActiveExecution):
    """The state of a plan that is executed; waiting may be interrupted."""

    def sleep_til_ready(self) -> None:
        """Wait until a step may be tried again, or asks for its place in a pool again."""
        with raise_execution_interrupts():
            super().sleep_til_ready()


class _Plan(ExecutionPlan):
    """A plan whose execution may be interrupted while it waits."""

    def start(self, *arguments: Any, **options: Any) -> ActiveExecution:
        """The state of a new execution."""
        execution = super().start(*arguments, **options)
        execution.__class__ = _Execution
        return execution


class CancellableExecutor(InProcessExecutor):
    """Dagster's in-process executor for runs that may be cancelled at any moment."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """The events of the steps."""
        instance, run_id = plan_context.instance, plan_context.run_id
        if _restore_cancelling(instance, run_id):
            raise DagsterExecutionInterruptedError("the run was cancelled while its process started")
        yield DagsterEvent.engine_event(
            plan_context,
            f"Executing steps in process (pid: {os.getpid()})",
            event_specific_data=EngineEventData.in_process(
                os.getpid(), list(execution_plan.step_keys_to_execute)
            ),
        )
        try:
            yield from ExecuteRunWithPlanIterable(
                execution_plan=execution_plan,
                iterator=_events_of,
                execution_context_manager=PlanExecutionContextManager(
                    job=plan_context.job,
                    retry_mode=plan_context.retry_mode,
                    execution_plan=execution_plan,
                    run_config=plan_context.run_config,
                    dagster_run=plan_context.dagster_run,
                    instance=instance,
                    raise_on_error=plan_context.raise_on_error,
                    output_capture=plan_context.output_capture,
                    step_dependency_config=self.step_dependency_config,
                ),
            )
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            _restore_cancelling(instance, run_id)
            raise


@dg.executor(name="in_process")
def one_process(_context: dg.InitExecutorContext) -> CancellableExecutor:
    """Executes all steps of a run in its process; a cancelled run ends at once."""
    return CancellableExecutor(retries=RetryMode.ENABLED)


def _events_of(job_context: PlanExecutionContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
    return inprocess_execution_iterator(job_context, _Plan(**execution_plan._asdict()))


def _restore_cancelling(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether somebody asked for the end of a run that is not over.

    Its status says so again, where the event of its start undid that.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return False
    asked = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_CANCELING, limit=1)
    if asked.records and run.status is dg.DagsterRunStatus.STARTED:
        instance.report_run_canceling(run)
    return bool(asked.records)
