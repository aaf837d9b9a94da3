"""Run workers as processes, on a real Valkey: every run ends once, whatever happens to its worker."""

import datetime as dt
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import psutil
import pytest
import redis
import yaml
from dagster._core.launcher import LaunchRunContext
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from soccer_assets.clock import SystemClock
from soccer_assets.operations.fleet_worker import host_of, workers_that_answer
from soccer_assets.operations.lost_messages import send_again
from soccer_assets.resources.dagster_runs import PUBLISHES
from soccer_assets.settings import Settings
from soccer_assets.signs_of_life import RUN_WORKER, SignOfLife
from tests.fleet_job import waiting
from tests.health_checks import age, check_of, passes
from tests.services import valkey

pytest.importorskip("dagster_celery", reason="requirements-fleet.lock is not installed")

ROOT = Path(__file__).parents[2]
PASSWORD = "a password of tests"
SECONDS = 120.0


class Fleet:
    """An instance whose runs are executed by workers, and the workers' processes."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder = folder
        self.instance = instance
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """A worker that takes runs."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "soccer_assets.cli", "fleet", "worker", *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )
        self.workers.append(process)
        self.wait(lambda: "takes runs of" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        return process

    def launch(self, **tags: str) -> str:
        """A run that is sent to the workers; its id."""
        origin = dg.reconstructable(waiting).get_python_origin()
        status = dg.DagsterRunStatus.STARTING
        run = create_run_for_test(
            self.instance, job_name="waiting", tags=tags, status=status, job_code_origin=origin
        )
        self.send(run)
        return run.run_id

    def send(self, run: dg.DagsterRun) -> None:
        """The message of a run."""
        self.instance.run_launcher.launch_run(LaunchRunContext(run, None))

    def run(self, run_id: str) -> dg.DagsterRun:
        """A run as it is stored."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def begun(self, run_id: str) -> tuple[int, int]:
        """Process id and niceness of a run, once its step waits."""
        file = self.folder / f"begun-{run_id}"
        self.wait(file.exists)
        pid, niceness = file.read_text().split()
        return int(pid), int(niceness)

    def failure(self, run_id: str) -> str:
        """The message with which a run failed."""
        kind = dg.DagsterEventType.RUN_FAILURE
        (record,) = self.instance.get_records_for_run(run_id, of_type=kind).records
        return str(record.event_log_entry.dagster_event.message)

    def go(self) -> None:
        """Let every run end."""
        (self.folder / "go").touch()

    def monitor(self) -> None:
        """One look of run monitoring."""
        list(execute_run_monitoring_iteration(_Context(self.instance), logging.getLogger("monitoring")))

    def wait(self, is_so: Callable[[], object]) -> None:
        """Wait for a condition, or fail with the workers' output."""
        deadline = time.monotonic() + SECONDS
        while not is_so():
            logs = "\n".join(log.read_text() for log in self.folder.glob("worker-*.log"))
            assert time.monotonic() < deadline, logs
            time.sleep(0.05)

    def wait_for(self, run_id: str, status: str) -> None:
        """Wait until a run has a status."""
        self.wait(lambda: self.run(run_id).status.value == status)


class _Context:
    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def create_request_context(self) -> None:
        """No code location is asked."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey with a password; its address without it."""
    folder = tmp_path_factory.mktemp("broker")
    with valkey(folder, password=PASSWORD) as url:
        yield url


@pytest.fixture
def fleet(tmp_path: Path, broker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """A fleet without workers; those that a test starts end with it."""
    monkeypatch.setenv("SOCCER_REDIS_URL", broker)
    monkeypatch.setenv("SOCCER_REDIS_PASSWORD", PASSWORD)
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path))
    monkeypatch.setenv("FLEET_TEST_FOLDER", str(tmp_path))
    home = tmp_path / "dagster"
    home.mkdir()
    config = yaml.safe_load((ROOT / "deploy" / "fleet" / "dagster.yaml").read_text())
    del config["storage"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        fleet = Fleet(tmp_path, instance)
        yield fleet
    for worker in fleet.workers:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.wait()


def test_a_worker_that_hangs_is_unhealthy(fleet: Fleet) -> None:
    """By the deployment's check: it starts, hangs, goes on, has a run, and loses its connections."""
    check = check_of("runner", "docker-compose.fleet.yml")
    sign = SignOfLife(fleet.folder, RUN_WORKER).path
    sign.parent.mkdir()
    sign.touch()  # of an earlier start
    worker = fleet.start_worker()
    fleet.wait(lambda: passes(check, fleet.folder))

    worker.send_signal(signal.SIGSTOP)
    age(sign)
    assert not passes(check, fleet.folder)
    worker.send_signal(signal.SIGCONT)
    fleet.wait(lambda: passes(check, fleet.folder))

    run_id = fleet.launch()
    fleet.begun(run_id)
    age(sign)
    fleet.wait(lambda: passes(check, fleet.folder))
    with redis.Redis.from_url(Settings.from_env().redis_url) as client:
        client.client_kill_filter(skipme=True)
    age(sign)
    fleet.wait(lambda: passes(check, fleet.folder))
    fleet.go()
    fleet.wait_for(run_id, "SUCCESS")


def test_a_message_that_the_broker_lost_is_sent_again(fleet: Fleet) -> None:
    """Once: not while it waits in its queue, and not while a worker has the run."""
    launcher = fleet.instance.run_launcher
    run_id = fleet.launch(**PUBLISHES)
    assert launcher.leases.waiting("publish") == 1
    assert send_again(fleet.instance, SystemClock().now()) == []
    with launcher.celery.connection_for_write() as connection:
        assert connection.default_channel.queue_purge("publish") == 1
    assert send_again(fleet.instance, SystemClock().now() - dt.timedelta(hours=1)) == []
    assert send_again(fleet.instance, SystemClock().now()) == [run_id]
    assert launcher.leases.waiting("publish") == 1
    with launcher.celery.connection_for_write() as connection:
        connection.default_channel.queue_purge("publish")
    assert launcher.leases.take(run_id, "a worker")
    assert send_again(fleet.instance, SystemClock().now()) == []


def test_every_run_ends_once_whatever_happens_to_it(fleet: Fleet) -> None:
    """Executed, sent twice, cancelled before and after its start, killed, stopped with its worker, lost."""
    launcher = fleet.instance.run_launcher
    assert PASSWORD.replace(" ", "%20") in Settings.from_env().redis_url

    # A backfill does not take the worker of a release, and a release goes first on a machine of both.
    unwanted = fleet.launch()
    assert launcher.terminate(unwanted)
    assert fleet.run(unwanted).status.value == "CANCELED"
    assert not launcher.terminate(unwanted)
    publisher = fleet.start_worker("--queues", "publish")
    release = fleet.launch(**PUBLISHES)
    release_pid, niceness = fleet.begun(release)
    assert niceness == 0
    backfill = fleet.launch()
    runner = fleet.start_worker("--queues", "train,backfill", "--grace", "0")
    backfill_pid, niceness = fleet.begun(backfill)
    assert niceness > 0
    assert not (fleet.folder / f"begun-{unwanted}").exists()
    answering = {name.partition("@")[0]: host_of(name) for name in workers_that_answer(Settings.from_env())}
    assert answering == dict.fromkeys(("publish", "train-backfill"), socket.gethostname())
    shown = [psutil.Process(pid).cmdline() for pid in (publisher.pid, runner.pid, release_pid, backfill_pid)]
    assert PASSWORD not in str(shown)

    # Its process has no memory, say: its worker tells at once and takes the next, which is interrupted.
    cancelled = fleet.launch()
    os.kill(backfill_pid, signal.SIGKILL)
    fleet.wait_for(backfill, "FAILURE")
    assert "signal 9" in fleet.failure(backfill)
    fleet.begun(cancelled)
    assert launcher.terminate(cancelled)
    fleet.wait_for(cancelled, "CANCELED")

    # A worker that is stopped gives its run back.
    stopped = fleet.launch()
    stopped_pid, _ = fleet.begun(stopped)
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(SECONDS) == 0
    assert not psutil.pid_exists(stopped_pid)
    assert "its worker was stopped" in fleet.failure(stopped)
    assert launcher.leases.holder(stopped) is None

    # A message that comes twice, as a broker may deliver it.
    fleet.send(fleet.run(release))
    fleet.go()
    fleet.wait_for(release, "SUCCESS")
    log = fleet.folder / "worker-0.log"
    fleet.wait(lambda: f"run {release} is SUCCESS: nothing to do" in log.read_text())

    # A worker that is lost takes its run with it; the first look after its lease closes the run.
    (fleet.folder / "go").unlink()
    lost = fleet.launch(**PUBLISHES)
    lost_pid, _ = fleet.begun(lost)
    fleet.monitor()
    assert fleet.run(lost).status.value == "STARTED"
    os.kill(publisher.pid, signal.SIGKILL)
    fleet.wait(lambda: not psutil.pid_exists(lost_pid))
    assert launcher.leases.holder(lost)
    launcher.leases.end(lost)
    fleet.monitor()
    assert fleet.run(lost).status.value == "FAILURE"
