"""Alerts by a live daemon: a run that fails, one that succeeds, and a daemon that is killed in between."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.up import INSTANCE, home_environment
from tests.alerting.builders import Mailbox
from tests.homes import make_home


@pytest.mark.slow
def test_or_04_a_live_daemon_tells_of_a_failed_run_once_and_of_its_end_once(
    tmp_path: Path, httpserver: HTTPServer, mailbox: tuple[Mailbox, str]
) -> None:
    """The receiver is down at first and the daemon is killed meanwhile: still one alert and one recovery."""
    box, address = mailbox
    home = tmp_path / "home"
    settings = make_home(home, SOCCER_LEAGUES="1")
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text(json.dumps(INSTANCE))
    with dg.DagsterInstance.from_config(str(home / "dagster")):
        pass  # its tables are made by one process
    workspace = home / "dagster" / "workspace.yaml"
    workspace.write_text(json.dumps({"load_from": [{"python_module": "soccer_assets.definitions"}]}))
    # The webhook is down for its first two tries.
    for _ in range(2):
        httpserver.expect_oneshot_request("/alert").respond_with_data("", status=503)
    httpserver.expect_request("/alert").respond_with_data("")
    subscribers = Subscribers(settings.alerts_file)
    subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/alert", kinds=("run",))
    subscribers.subscribe(address, kinds=("run",))
    store = home / "store"
    store.write_text("a file where the store's folder should be: nothing can be listed")
    env = home_environment(settings, os.environ) | {"SOCCER_LEAGUES": "1"}

    with _daemon(workspace, env, tmp_path / "daemon.log"):
        _launch(workspace, env, "prune_daily")
        _wait_for(lambda: len(box.mails) == 1, tmp_path)
    store.unlink()
    with _daemon(workspace, env, tmp_path / "daemon.log"):
        _launch(workspace, env, "prune_daily")
        _wait_for(lambda: len(box.mails) == 2 and len(_taken(httpserver)) == 2, tmp_path)
        time.sleep(5)

    assert [str(mail["Subject"]) for mail in box.mails] == _taken(httpserver)
    assert _taken(httpserver) == [
        "[soccer] prune_daily failed (failure)",
        "[soccer] recovered: prune_daily failed",
    ]


def _taken(httpserver: HTTPServer) -> list[str]:
    """Titles of the alerts that the webhook took, in their order."""
    return [
        json.loads(request.get_data())["title"]
        for request, response in httpserver.log
        if response.status_code == 200
    ]


@contextmanager
def _daemon(workspace: Path, env: dict[str, str], log: Path) -> Iterator[None]:
    """A daemon that ends by kill -9."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)],
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _launch(workspace: Path, env: dict[str, str], job: str) -> None:
    command = ["-m", "dagster", "job", "launch", "-w", str(workspace), "-j", job]
    done = subprocess.run([sys.executable, *command], env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _wait_for(is_so: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < deadline, (folder / "daemon.log").read_text()[-3000:]
        time.sleep(0.5)
