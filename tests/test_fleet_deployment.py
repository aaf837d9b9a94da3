"""The deployment of a fleet: both files as compose itself reads them, and the page that names them."""

import asyncio
import functools
import json
import os
import re
import shlex
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import yaml

from soccer_assets.resources.fleet_leases import RunLeases
from soccer_assets.resources.fleet_queues import celery_app
from tests.containers.page import commands
from tests.services import valkey

ROOT = Path(__file__).parents[1]
PAGE = "scale-out.md"
FILES = ("docker-compose.yml", "docker-compose.fleet.yml")


def written(heading: str) -> dict[str, str]:
    """What the commands below a heading write into .env."""
    lines = [shlex.split(line) for line in commands(PAGE, heading)]
    return dict(line[1].split("=", 1) for line in lines if line[0] == "echo" and line[-1] == ".env")


@functools.cache
def resolved(heading: str = "Start a fleet") -> dict[str, Any]:
    """Both files with the variables of the page."""
    program = Path(sys.executable).parent / "docker-compose"
    env = written("Start a fleet") | written(heading)
    assert env.pop("COMPOSE_FILE").split(":") == list(FILES)
    files = [part for file in FILES for part in ("--file", ROOT / file)]
    answer = subprocess.run(
        [program, *files, "--env-file", ROOT / ".env.example", "config", "--format", "json"],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **env},
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)["services"]
    return found


def test_a_run_worker_has_no_disk_that_another_has() -> None:
    """A home of its own, compiled code, files to read; rights and passwords of those who run the graph."""
    for name, queues in (("publisher", "publish"), ("runner", "train,backfill")):
        worker = resolved()[name]
        assert worker["command"] == ["soccer", "fleet", "worker", "--queues", queues]
        named = {mount.get("source") for mount in worker["volumes"] if mount["type"] == "volume"}
        assert named == {None, "cache"}, name
        assert worker["read_only"]
        assert worker["cap_drop"] == ["ALL"]
        assert not worker.get("depends_on")
        secrets = {secret["source"] for secret in worker["secrets"]}
        assert secrets == {"graph", "s3", "valkey", "valkey_ca"}
        assert not [value for value in worker["environment"].values() if value and "localhost" in value]


def test_who_launches_and_who_executes_share_the_instance_and_the_broker() -> None:
    """The instance of a fleet is in the image; its broker has a password, which no variable holds."""
    for name in ("code", "publisher", "runner"):
        assert resolved()[name]["environment"]["SOCCER_RUNS"] == "fleet", name
    for name in ("code", "webserver", "daemon", "publisher", "runner"):
        environment = resolved()[name]["environment"]
        assert environment["DAGSTER_HOME"] == "/srv/dagster/fleet", name
        assert environment["SOCCER_REDIS_PASSWORD_FILE"] == "/run/secrets/valkey", name
        assert "valkey" in {secret["source"] for secret in resolved()[name]["secrets"]}, name
    assert "deploy/fleet/dagster.yaml /srv/dagster/fleet/" in (ROOT / "Dockerfile").read_text()


def test_another_machine_finds_every_server_by_the_pages_variables() -> None:
    """By the address of this one, and the broker by TLS."""
    runner = resolved("Add a machine")["runner"]
    environment = runner["environment"]
    address = written("Start a fleet")["FLEET_ADDRESS"]
    names = {"DAGSTER_POSTGRES_URL", "SOCCER_DATABASE_URL", "SOCCER_MLFLOW_URL", "SOCCER_S3_ENDPOINT_URL"}
    assert {name for name in names if f"{address}:" not in environment[name]} == set()
    assert environment["SOCCER_REDIS_URL"].startswith(f"rediss://{address}:6380/")
    assert runner["scale"] == 2
    published = {
        port["published"]: port["host_ip"]
        for name in ("postgres", "seaweedfs", "mlflow", "valkey")
        for port in resolved()[name]["ports"]
    }
    assert published == dict.fromkeys(("5432", "9000", "5000", "6380"), address)


def test_the_instance_of_a_fleet_differs_in_what_other_machines_need() -> None:
    """Everything else is the deployment's, so that a change of one is a change of both."""
    one, fleet = (
        yaml.safe_load((ROOT / file).read_text()) for file in ("dagster.yaml", "deploy/fleet/dagster.yaml")
    )
    assert {name for name in one | fleet if one.get(name) != fleet.get(name)} == {
        *("run_launcher", "compute_logs", "concurrency", "run_monitoring")
    }
    assert fleet["concurrency"]["pools"] == one["concurrency"]["pools"]
    (publish, _) = fleet["concurrency"]["runs"]["tag_concurrency_limits"]
    assert [publish] == one["concurrency"]["runs"]["tag_concurrency_limits"]
    assert fleet["run_monitoring"]["poll_interval_seconds"] + 30 < 60


@contextmanager
def behind_tls(url: str, certificate: Path, key: Path) -> Iterator[int]:
    """A server behind TLS, because the wheel's Valkey has none; gives its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    ready, over = Future[tuple[int, asyncio.AbstractEventLoop]](), asyncio.Event()

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        target.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        await asyncio.gather(copy(reader, inner[1]), copy(inner[0], writer))

    async def serve() -> None:
        async with await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context) as server:
            ready.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop()))
            await over.wait()

    thread = Thread(target=asyncio.run, args=[serve()])
    thread.start()
    port, loop = ready.result(30)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def test_the_pages_certificate_lets_a_worker_in(tmp_path: Path) -> None:
    """It is made by the page's commands and names the address; one that nobody signed is refused."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    made = "\n".join(line for line in commands(PAGE, "Start a fleet") if "secrets/" in line)
    # The test's server is at the loopback address.
    made = made.replace("IP:10.0.0.1", "IP:127.0.0.1").replace("rsa:4096", "rsa:2048")
    subprocess.run(["bash", "-ec", made], cwd=tmp_path, check=True, capture_output=True)
    (_, _, script) = resolved()["valkey"]["command"]
    names = set(re.findall(r"/run/secrets/(\w+)", script))
    assert names == {"valkey", "valkey_certificate", "valkey_key"}
    assert names == {secret["source"] for secret in resolved()["valkey"]["secrets"]}

    certificate, key = secrets / "valkey_certificate", secrets / "valkey_key"
    with valkey(tmp_path, password="word") as url, behind_tls(url, certificate, key) as port:
        address = f"rediss://:word@127.0.0.1:{port}/0"
        trusting = f"{address}?ssl_ca_certs={secrets / 'valkey_ca'}"
        with celery_app(trusting, "tls:").connection_for_write() as connection:
            connection.ensure_connection(max_retries=1)
            assert connection.connected
        assert RunLeases(trusting, "tls:").take("run", "worker")
        with pytest.raises(redis.ConnectionError, match="certificate"):
            RunLeases(address, "tls:").holder("run")
        with pytest.raises(redis.AuthenticationError):
            RunLeases(trusting.replace(":word@", ":wrong@"), "tls:").holder("run")
