"""Dagster's launcher, and what run monitoring and the pages need beside it.

`dagster.yaml` names this class. Dagster's own launcher cannot tell whether the process of a run lives: its
monitoring ends a run whose worker and code server were killed only when the run's time is over. And a run
that is cancelled while its process starts stays cancelling: its process leaves it alone as one that runs
elsewhere.
"""

import signal

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from soccer_assets.resources.run_workers import Worker, signal_worker, worker_of

_NOT_RUNNING = {dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING}


class CheckedRunLauncher(DefaultRunLauncher):
    """Launches runs at the code server, cancels them, and tells whether their processes live."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks `check_run_worker_health` every 30 seconds."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a started run lives; what cannot be known counts as alive.

        The run's bound (`dagster/max_runtime`) ends a run of which nothing can be known.
        """
        if worker_of(self._instance, run) is Worker.GONE:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """Cancel a run; one whose process still starts is cancelled at once, and its process runs nothing.

        Returns:
            Whether the run is cancelled, or its process was told.
        """
        before = self._instance.get_run_by_id(run_id)
        try:
            is_told = bool(super().terminate(run_id))  # type: ignore[no-untyped-call]  # Dagster's
        except DagsterUserCodeUnreachableError:
            # Workers outlive their code server.
            is_told = signal_worker(self._instance, run_id, signal.SIGINT)
        after = self._instance.get_run_by_id(run_id)
        if before is None or after is None or before.status not in _NOT_RUNNING or after.is_finished:
            return is_told
        self._instance.report_run_canceled(after, "The run was canceled before its first step.")
        return True

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002 - as Dagster calls it
    ) -> str | None:
        """What run monitoring adds to its message when it gives a run up.

        A cancelled run that is given up is closed while its process may go on, in a call that no interrupt
        reaches: the process is ended and its places in pools are freed, so that the next run is alone.
        """
        if run.status is not dg.DagsterRunStatus.CANCELING:
            return None
        # First: a code server reports a run whose process died as failed.
        self._instance.report_run_canceled(run)
        is_killed = signal_worker(self._instance, run.run_id, signal.SIGKILL)
        self._instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        return "Its process was killed." if is_killed else None
