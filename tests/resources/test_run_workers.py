"""Runs whose process is gone are found and closed; runs whose process lives, or may live, stay."""

import json
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from soccer_assets.graph.jobs import PUBLISHES
from soccer_assets.operations.local_instance import INSTANCE
from soccer_assets.resources.run_workers import PROCESS_TAG, close_lost_runs, process_tag
from tests.resources.sleeper import sleep
from tests.services import free_ports

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance as that of a home."""
    with dg.instance_for_test(overrides=INSTANCE) as made:
        yield made


def started(instance: dg.DagsterInstance, tags: dict[str, str], pid: int | None = None) -> str:
    """A publishing run that its process reported as started; its id."""
    run = create_run_for_test(instance, job_name="refresh_hourly", tags=PUBLISHES | tags, status=STARTED)
    if pid is not None:
        data = EngineEventData.in_process(pid)
        instance.report_engine_event(f"Started process for run (pid: {pid}).", run, data)
    return run.run_id


def by_code_server(host: str = "localhost") -> dict[str, str]:
    """The tag of a run that a code server started, which is gone."""
    return {GRPC_INFO_TAG: json.dumps({"host": host, "port": free_ports(1)[0]})}


def of_terminal(pid: int, created: float, host: str = "") -> dict[str, str]:
    """The tag of a run in a terminal's own process."""
    process = {"host": host or socket.gethostname(), "pid": pid, "created": created}
    return {PROCESS_TAG: json.dumps(process)}


def dead_pid() -> int:
    """The pid of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def worker() -> Iterator[multiprocessing.process.BaseProcess]:
    """A process as a code server starts it for a run."""
    spawn = multiprocessing.get_context("spawn")
    is_ready = spawn.Event()
    process = spawn.Process(target=sleep, args=(is_ready,))
    process.start()
    assert is_ready.wait(600)
    yield process
    process.kill()
    process.join()


class Context:
    """What the daemon hands to its iteration."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def create_request_context(self) -> None:
        """No code location is asked."""


def monitor(instance: dg.DagsterInstance) -> None:
    """One look of run monitoring."""
    list(execute_run_monitoring_iteration(Context(instance), logging.getLogger("monitoring")))


def statuses(instance: dg.DagsterInstance, *run_ids: str) -> list[str]:
    """Status of runs."""
    return [instance.get_run_by_id(run_id).status.value for run_id in run_ids]


def test_a_code_server_that_starts_closes_what_a_killed_one_left(instance, worker) -> None:
    """Dead workers are closed with their reason; a worker that outlived its code server is left alone."""
    dead = started(instance, by_code_server(), dead_pid())
    remote = started(instance, by_code_server("code.example"), dead_pid())
    silent = started(instance, by_code_server())
    used_again = started(instance, by_code_server(), os.getpid())  # a pid of another program
    outlived = started(instance, by_code_server(), worker.pid)

    assert set(close_lost_runs(instance)) == {dead, remote, silent, used_again}
    assert statuses(instance, dead, remote, silent, used_again) == ["FAILURE"] * 4
    assert statuses(instance, outlived) == ["STARTED"]
    events = instance.get_records_for_run(dead, of_type=dg.DagsterEventType.RUN_FAILURE).records
    assert "its process is gone" in events[0].event_log_entry.dagster_event.message
    worker.kill()
    worker.join()
    assert close_lost_runs(instance) == [outlived]


def test_a_run_of_a_terminal_is_closed_when_its_process_is_gone(instance) -> None:
    """Ours lives; a pid that is used again is another process; another machine's cannot be known."""
    ours = started(instance, process_tag())
    dead = started(instance, of_terminal(dead_pid(), time.time()))
    used_again = started(instance, of_terminal(os.getpid(), 0.0))
    elsewhere = started(instance, of_terminal(1, 0.0, "another-machine"))

    assert set(close_lost_runs(instance)) == {dead, used_again}
    assert statuses(instance, ours, elsewhere) == ["STARTED"] * 2


def test_run_monitoring_closes_a_lost_run_while_the_daemon_runs(instance, worker) -> None:
    """Within half a minute, with the launcher that is in use; what cannot be known waits for its bound."""
    dead = started(instance, by_code_server(), dead_pid())
    alive = started(instance, by_code_server(), worker.pid)
    remote = started(instance, by_code_server("192.0.2.1"), dead_pid())

    monitor(instance)
    assert statuses(instance, dead, alive, remote) == ["FAILURE", "STARTED", "STARTED"]
    assert instance.run_monitoring_poll_interval_seconds <= 30


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED])
def test_a_run_that_is_cancelled_while_its_process_starts_is_cancelled_at_once(instance, status) -> None:
    """Its process would leave it alone, and it would stay cancelling until it is given up."""
    run = create_run_for_test(instance, job_name="refresh_hourly", tags=PUBLISHES, status=status)

    assert instance.run_launcher.terminate(run.run_id)
    assert statuses(instance, run.run_id) == ["CANCELED"]
    assert not instance.run_launcher.terminate(run.run_id)


def test_a_cancelled_run_whose_process_hears_no_interrupt_is_ended_with_it(
    instance, worker, monkeypatch
) -> None:
    """Within the bound it is left in peace; then it is closed, its process is gone and its pool is free."""
    run_id = started(instance, by_code_server(), worker.pid)
    instance.event_log_storage.claim_concurrency_slot("livescores", run_id, "step")
    instance.report_run_canceling(instance.get_run_by_id(run_id))
    monitor(instance)
    assert statuses(instance, run_id) == ["CANCELING"]
    assert instance.run_monitoring_cancel_timeout_seconds == 60
    assert worker.is_alive()

    at = time.time() + 60
    monkeypatch.setattr("dagster._daemon.monitoring.run_monitoring.time.time", lambda: at)
    monitor(instance)
    monkeypatch.undo()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert statuses(instance, run_id) == ["CANCELED"]
    assert instance.event_log_storage.get_concurrency_info("livescores").claimed_slots == []


def test_a_run_is_interrupted_also_where_its_code_server_is_gone(instance, worker) -> None:
    """A worker outlives its code server: it is told by a signal."""
    run_id = started(instance, by_code_server(), worker.pid)

    assert instance.run_launcher.terminate(run_id)
    worker.join(60)
    assert worker.exitcode not in (None, 0)
    assert statuses(instance, run_id) == ["CANCELING"]
