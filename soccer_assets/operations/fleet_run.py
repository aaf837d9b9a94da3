"""One run in a process of its own, watched: a lease that is renewed, requests to stop, an end that is told.

The process is killed where its lease may have ended, so that nobody else executes the run beside it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import dagster as dg
import redis
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

from soccer_assets.operations.processes import prepare_background_run, prepare_run
from soccer_assets.resources.fleet_leases import (
    GIVE_UP_SECONDS,
    RENEW_SECONDS,
    LeaseLostError,
    RunLeases,
    Stop,
)

_WAITING = {dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING}
_ARGUMENTS = "DAGSTER_EXECUTE_RUN_ARGS"
_COMMAND = [sys.executable, "-P", "-m", "soccer_assets.garbage", "dagster", "api", "execute_run"]


class FleetRun:
    """A run that this worker executes.

    Args:
        instance: has the run.
        leases: say whose it is.
        worker: name of this worker, unlike that of any other.
        say: prints a line.
        is_stopping: is set when the worker ends.
        grace_seconds: how long a run may go on from then.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        leases: RunLeases,
        worker: str,
        say: Callable[[str], object],
        is_stopping: Event,
        grace_seconds: float,
    ) -> None:
        self._instance = instance
        self._leases = leases
        self._worker = worker
        self._say = say
        self._is_stopping = is_stopping
        self._grace_seconds = grace_seconds

    def execute(self, arguments: ExecuteRunArgs, *, in_background: bool = False) -> bool:
        """Execute a run that waits to be executed, and close it where its process does not.

        Args:
            arguments: of the message.
            in_background: whether runs that publish go first on this machine.

        Returns:
            Whether this call executed it; False for a message that came twice, or too late.
        """
        run_id = arguments.run_id
        asked_at = time.monotonic()
        if not self._leases.take(run_id, self._worker):
            self._say(f"run {run_id} is executed by another worker")
            return False
        try:
            run = self._instance.get_run_by_id(run_id)
            if run is None or run.status not in _WAITING:
                self._say(f"run {run_id} is {run.status.value if run else 'unknown'}: nothing to do")
                return False
            self._say(f"run {run_id} of {run.job_name} begins")
            reason = self._watched(arguments, asked_at, in_background=in_background)
            self._close(run_id, reason)
        finally:
            self._release(run_id)
        return True

    def _watched(self, arguments: ExecuteRunArgs, renewed_at: float, *, in_background: bool) -> str:
        """Run the process to its end; says why it ended."""
        process = subprocess.Popen(  # noqa: S603 - our own program
            _COMMAND,
            env=os.environ | {_ARGUMENTS: serialize_value(arguments)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=prepare_background_run if in_background else prepare_run,  # noqa: PLW1509 - calls only
        )
        try:
            return self._until_it_ends(process, arguments.run_id, renewed_at)
        finally:
            process.kill()
            process.wait()

    def _until_it_ends(self, process: "subprocess.Popen[bytes]", run_id: str, renewed_at: float) -> str:
        stopped_at: float | None = None
        told: Stop | None = None
        while not _has_ended(process, RENEW_SECONDS):
            asked_at = time.monotonic()
            try:
                request = self._leases.renew(run_id, self._worker)
                renewed_at = asked_at
            except LeaseLostError:
                return "another worker has taken its lease"
            except redis.RedisError:
                request = told
            now = time.monotonic()
            if now - renewed_at > GIVE_UP_SECONDS:
                return "its worker was cut off"
            if request is Stop.KILL:
                return "it was cancelled and did not end"
            if request is Stop.INTERRUPT and told is None:
                process.send_signal(signal.SIGINT)
                told = request
            if self._is_stopping.is_set():
                stopped_at = stopped_at or now
                if now - stopped_at > self._grace_seconds:
                    return "its worker was stopped"
        return f"its process ended with {_exit_text(process.returncode)}"

    def _close(self, run_id: str, reason: str) -> None:
        """Report the end of a run whose process did not; run monitoring does it where nobody can."""
        self._say(f"run {run_id}: {reason}")
        try:
            run = self._instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                return
            if run.status is dg.DagsterRunStatus.CANCELING:
                self._instance.report_run_canceled(run, reason)
            else:
                self._instance.report_run_failed(run, f"{reason}; the run is not over")
            self._instance.event_log_storage.free_concurrency_slots_for_run(run_id)
        except Exception as error:  # noqa: BLE001 - a database that is away, by any driver
            self._say(f"run {run_id} cannot be closed: {type(error).__name__}")

    def _release(self, run_id: str) -> None:
        try:
            self._leases.release(run_id, self._worker)
        except redis.RedisError as error:
            self._say(f"the lease of run {run_id} ends by itself: {type(error).__name__}")


def _has_ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether a process ends within a time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _exit_text(code: Any) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
