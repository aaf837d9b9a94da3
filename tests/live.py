"""A home under a live daemon and webserver, queried over GraphQL as Dagster's pages do."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

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
from tests.homes import make_home, share_caches
from tests.services import free_ports, running

_ROOT = Path(__file__).parents[1]
_LAUNCH = """
mutation LaunchPartitionBackfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_MATERIALIZE = """
mutation Materialize($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
_CANCEL = """
mutation CancelBackfill($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }
"""
_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } }
  }
}
"""
_RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { runId status } } }
}
"""
_PARTITIONS = """
query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { partitionKeys partitionStats { numMaterialized numFailed numPartitions } }
  }
}
"""
_STATUSES = """
query Statuses($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } }
    }
  }
}
"""


class LiveHome:
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
        self._graphql = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=60)
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

    def ask(self, query: str, **variables: Any) -> Any:
        """The first field of a GraphQL answer."""
        question = {"query": query, "variables": variables}
        data = self._graphql.post("/graphql", json=question).raise_for_status().json()
        assert "errors" not in data, data
        return next(iter(data["data"].values()))

    def months(self) -> list[str]:
        """Every partition of `livescores/history`."""
        found = self.ask(_PARTITIONS, key={"path": ["livescores", "history"]})
        return list(found["partitionKeys"])

    def materialized(self) -> int:
        """The number of materialised partitions of `livescores/history`."""
        found = self.ask(_PARTITIONS, key={"path": ["livescores", "history"]})
        return int(found["partitionStats"]["numMaterialized"])

    def months_in(self, status: str) -> list[str]:
        """Partitions of `livescores/history` that the page shows as `FAILED` or `MATERIALIZED`."""
        found = self.ask(_STATUSES, key={"path": ["livescores", "history"]})
        ranges = [each for each in found["assetPartitionStatuses"]["ranges"] if each["status"] == status]
        return [
            month
            for month in self.months()
            if any(each["startKey"] <= month <= each["endKey"] for each in ranges)
        ]

    def launch_backfill(self, months: list[str]) -> str:
        """Start a backfill by the mutation that the page sends; returns its id."""
        selection = [{"path": ["livescores", "history"]}]
        launched = self.ask(_LAUNCH, params={"assetSelection": selection, "partitionNames": months})
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def cancel_backfill(self, backfill_id: str) -> None:
        """Stop a backfill and the runs it started."""
        assert self.ask(_CANCEL, id=backfill_id)["__typename"] == "CancelBackfillSuccess"

    def backfill_status(self, backfill_id: str) -> str:
        """The backfill's status, such as `REQUESTED` or `COMPLETED_SUCCESS`."""
        return str(self.ask(_BACKFILL, id=backfill_id)["status"])

    def runs_of(self, backfill_id: str) -> list[str]:
        """Status of each run of a backfill."""
        tags = [{"key": "dagster/backfill", "value": backfill_id}]
        return [run["status"] for run in self.ask(_RUNS, filter={"tags": tags})["results"]]

    def launch(self, job: str) -> None:
        """Queue a run of a job by Dagster's command, in this process: one of its own imports for 3 s."""
        done = CliRunner().invoke(job_cli, ["launch", "-w", str(self.workspace), "-j", job], env=self.env)
        assert done.exit_code == 0, (done.output, done.exception)

    def materialize(self, *key: str) -> str:
        """Launch one asset, as the button on its page does; returns the run's id."""
        return self.launch_from_page(
            "__ASSET_JOB", assetSelection=[{"path": list(key)}], assetCheckSelection=[]
        )

    def launch_from_page(self, job: str, **selection: Any) -> str:
        """Launch a job by the mutation that its page sends; returns the run's id."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "soccer_assets",
            "pipelineName": job,
            **selection,
        }
        launched = self.ask(
            _MATERIALIZE, params={"selector": selector, "runConfigData": "{}", "mode": "default"}
        )
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

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
