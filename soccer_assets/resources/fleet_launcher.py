"""The run launcher of a fleet: a run is a message to workers on any machine.

`deploy/fleet/dagster.yaml` names this class. dagster-celery's launcher sends the message; what it cannot do
is done here: tell a lost worker from a busy one, cancel a run that no worker has, and be without an address
of the broker in the instance's configuration.
"""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import dagster as dg
import redis
from celery import Celery
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, pack_value
from dagster_celery.launcher import CeleryRunLauncher

from soccer_assets.resources.dagster_runs import BACKFILL
from soccer_assets.resources.fleet_leases import RENEW_SECONDS, RunLeases, Stop
from soccer_assets.resources.fleet_queues import EXECUTE, celery_app
from soccer_assets.settings import Settings

# A server that lost its memory gets the leases again within a second.
_ASKED_AGAIN_SECONDS = 3 * RENEW_SECONDS


def prefix_of(instance: dg.DagsterInstance) -> str:
    """Of the keys of this instance's runs: all that share its database share them, and nobody else."""
    storage: Any = instance.run_storage
    storage.get_run_storage_id()  # makes one where there is none; of two that are made at once all read one
    return f"soccer:{storage.get_run_storage_id()}:runs:"


class FleetRunLauncher(CeleryRunLauncher):
    """Launches runs as messages, cancels them, and tells whether a worker executes them.

    The address of the broker is SOCCER_REDIS_URL, its password SOCCER_REDIS_PASSWORD.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        # Not CeleryRunLauncher's, which makes an app at once, of addresses in the configuration.
        self._inst_data = inst_data
        self.default_queue = BACKFILL

    @cached_property
    def celery(self) -> Celery:
        """The app that sends the messages."""
        return celery_app(Settings.from_env().redis_url, prefix_of(self._instance))

    @cached_property
    def leases(self) -> RunLeases:
        """Who executes what."""
        return RunLeases(Settings.from_env().redis_url, prefix_of(self._instance))

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the message of a run.

        It names no instance: each worker has its own, and the one here is a folder of this machine.
        """
        run = context.dagster_run
        if run.job_code_origin is None:
            raise ValueError(f"run {run.run_id} names no code")
        arguments = ExecuteRunArgs(run.job_code_origin, run.run_id, None, set_exit_code_on_failure=True)
        message = self.celery.signature(
            EXECUTE, kwargs={"execute_job_args_packed": pack_value(arguments)}, immutable=True
        )
        self._launch_celery_task_run(run, message, EXECUTE)

    @property
    def supports_resume_run(self) -> bool:
        """A lost run is run again from its start."""
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a worker holds the lease of a started run; what cannot be known counts as alive."""
        try:
            if self.leases.holder(run.run_id):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            time.sleep(_ASKED_AGAIN_SECONDS)
            if self.leases.holder(run.run_id):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        except redis.RedisError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"unknown: {type(error).__name__}")
        return CheckRunHealthResult(WorkerStatus.FAILED, "no worker executes it any more")

    def terminate(self, run_id: str) -> bool:
        """Cancel a run; one that no worker has is cancelled at once.

        Returns:
            Whether the run is cancelled, or its worker will be told.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        # First: a worker that takes the run now looks for it.
        self.leases.ask_to_stop(run_id, Stop.INTERRUPT)
        if self.leases.holder(run_id) is None:
            self._close_cancelled(run)
        return True

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002 - as Dagster calls it
    ) -> str | None:
        """What run monitoring adds to its message when it gives a run up.

        The process of a cancelled run that is given up is killed, and its places in pools are freed. A run
        that is lost frees them too: the next run need not wait until they count as abandoned.
        """
        if run.status is dg.DagsterRunStatus.CANCELING:
            self.leases.ask_to_stop(run.run_id, Stop.KILL)
            self._close_cancelled(run)
            return "Its process is killed."
        self._instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        return None

    def _close_cancelled(self, run: dg.DagsterRun) -> None:
        self._instance.report_run_canceled(run)
        self._instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing: addresses and passwords are in the environment."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "FleetRunLauncher":
        """The launcher of an instance."""
        del config_value
        return cls(inst_data)
