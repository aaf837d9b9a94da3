"""A home under a live daemon and webserver, queried over GraphQL as Dagster's pages do."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import httpx
from click.testing import CliRunner
from dagster._cli.job import job_cli
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from soccer_assets.operations.local_instance import INSTANCE, home_environment, open_instance
from soccer_assets.operations.server_command import sidecar_command
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.key_store import create_key
from tests.dagster_pages import DagsterPages
from tests.homes import make_home, share_caches
from tests.services import free_ports, running

_ROOT = Path(__file__).parents[1]


class LiveHome(DagsterPages):
    """A prepared home; its daemon and webserver run while their blocks are open."""

    def __init__(self, folder: Path, *, dagster_url: str = "", **environ: str) -> None:
        """Create the home, its instance (on PostgreSQL where named) and its workspace; nothing runs yet."""
        self._port, self._code_port, serving_port = free_ports(3)
        environ |= {"SOCCER_SERVING_PORT": str(serving_port)}
        share_caches(folder)
        self.settings = make_home(folder, **environ)
        # Dagster's code server takes the first entry for the script's folder, and drops every one like it.
        path = {"PYTHONPATH": f"{folder / 'dropped'}{os.pathsep}{_ROOT}"}
        self.env = home_environment(self.settings, os.environ) | environ | path
        super().__init__(f"http://127.0.0.1:{self._port}")
        self._dagster = folder / "dagster"
        self._dagster.mkdir()
        storage = {"storage": {"postgres": {"postgres_url": dagster_url}}} if dagster_url else {}
        (self._dagster / "dagster.yaml").write_text(json.dumps(INSTANCE | storage))
        with open_instance(self._dagster):
            pass  # its tables are made by one process: two would break them
        self.workspace = self._dagster / "workspace.yaml"
        location = {"host": "127.0.0.1", "port": self._code_port, "location_name": "soccer_assets"}
        self.workspace.write_text(json.dumps({"load_from": [{"grpc_server": location}]}))

    @property
    def log(self) -> str:
        """The end of the daemon's and webserver's output."""
        return "\n".join(file.read_text()[-3000:] for file in sorted(self._dagster.glob("*.log")))

    @property
    def instance(self) -> dg.DagsterInstance:
        """The Dagster instance of this home; close it after use."""
        return open_instance(self._dagster)

    @contextmanager
    def sidecar(self) -> Iterator[httpx.Client]:
        """A client of the home's sidecar, once it has a release."""
        base = f"http://127.0.0.1:{self.settings.serving_port}"
        token = create_key(ObjectStore(self.settings.store_url), ["read"], self.settings.clock.now())

        command = sidecar_command(self.settings, "127.0.0.1")
        with (
            httpx.Client(base_url=base, headers={"X-API-Key": token}, timeout=120) as client,
            running(command, self._dagster / "sidecar.log", lambda: _answers(client, "/ready"), env=self.env),
        ):
            yield client

    @contextmanager
    def code(self, impatient: str = "", module: str = "soccer_assets.definitions") -> Iterator[None]:
        """The code server, whose children the runs are; with a location of `tests.impatient` where named."""
        module = "tests.impatient" if impatient else module
        address = ["--host", "127.0.0.1", "--port", str(self._code_port)]
        command = [sys.executable, "-m", "soccer_assets.garbage", "dagster", "api", "grpc", "-m", module]
        command += ["-a", impatient or "defs", *address]
        client = DagsterGrpcClient(host="127.0.0.1", port=self._code_port)

        def answers() -> bool:
            with suppress(DagsterUserCodeUnreachableError):
                return bool(client.ping("ready?"))
            return False

        with running(command, self._dagster / "code.log", answers, env=self.env):
            yield

    @contextmanager
    def daemon(self, stop_with: signal.Signals = signal.SIGTERM) -> Iterator[None]:
        """An impatient daemon that ends by a signal and evaluates freshness every five seconds."""
        command = [sys.executable, "-m", "soccer_assets.garbage", "tests.impatient_daemon"]
        command += ["run", "-w", self.workspace]
        env = self.env | {"FRESHNESS_DAEMON_INTERVAL_SECONDS": "5"}
        with running(command, self._dagster / "daemon.log", lambda: True, env=env, stop_with=stop_with):
            yield

    @contextmanager
    def webserver(self) -> Iterator[None]:
        """A webserver that answers."""
        address = ["--host", "127.0.0.1", "--port", str(self._port), "--workspace", self.workspace]
        command = [sys.executable, "-m", "soccer_assets.cli", "webserver", *address]

        with running(
            command,
            self._dagster / "webserver.log",
            lambda: _answers(self._graphql, "/server_info"),
            env=self.env,
        ):
            yield

    def launch(self, job: str) -> None:
        """Queue a run of a job by Dagster's command, in this process: one of its own imports for 3 s."""
        done = CliRunner().invoke(job_cli, ["launch", "-w", str(self.workspace), "-j", job], env=self.env)
        assert done.exit_code == 0, (done.output, done.exception)

    def wait_for_ticks(self, sensor: str, count: int = 2) -> None:
        """Wait until a sensor has looked this often again."""
        with self.instance as instance:
            before = _ticks(instance, sensor)
            self.wait_until(lambda: _ticks(instance, sensor) >= before + count)

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 600) -> None:
        """Wait for a condition, or fail with the logs."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, self.log
            time.sleep(0.3)


def _ticks(instance: dg.DagsterInstance, sensor: str) -> int:
    """How often a sensor has looked."""
    for state in instance.all_instigator_state():
        if state.name == sensor:
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
            return sum(tick.is_completed for tick in ticks)
    return 0


def _answers(client: httpx.Client, path: str) -> bool:
    with suppress(httpx.TransportError):
        return client.get(path).is_success
    return False
