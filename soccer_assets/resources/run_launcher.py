"""Dagster's launcher with the check that run monitoring asks for: does the process of a started run live?

`dagster.yaml` names this class. Dagster's own launcher cannot tell: its monitoring then ends a run whose
worker and code server were killed only when the run's time is over.
"""

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from soccer_assets.resources.run_workers import Worker, worker_of


class CheckedRunLauncher(DefaultRunLauncher):
    """Launches runs at the code server, and tells whether their processes live."""

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
