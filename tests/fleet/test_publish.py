"""Runs that publish in a fleet: beside a full backfill, and while their worker is lost at every point."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import click
import dagster as dg
import pytest

from tests.fleet.fleet_home import ORPHANED_AFTER, RUNNER, Services, Worker, workers
from tests.fleet.hosts import ADDRESS, Host
from tests.live import LiveHome
from tests.services import free_ports, running, s3_client

pytestmark = pytest.mark.trial

PUBLISHER = ("publish",)
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@contextmanager
def mlflow(folder: Path) -> Iterator[str]:
    """MLflow's server, as compose starts it; gives its address."""
    folder.mkdir()
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "soccer", "--host", ADDRESS]
    command += ["--port", str(port), "--workers", "1", "--artifacts-destination", str(folder / "artifacts")]
    env = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_SERVER_ALLOWED_HOSTS": f"{ADDRESS}:{port}"}
    env["MLFLOW_BACKEND_STORE_URI"] = f"sqlite:///{folder}/mlflow.db"
    url = f"http://{ADDRESS}:{port}"

    def answers() -> bool:
        return (
            subprocess.run(["curl", "-sf", f"{url}/health"], check=False, capture_output=True).returncode == 0
        )

    with running(command, folder / "log", answers, env=env):
        yield url


@pytest.fixture(scope="module")
def home(servers: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHome]:
    """An installation of 26 years with a first release, whose daemon, code server and webserver run."""
    folder = tmp_path_factory.mktemp("fleet")
    with mlflow(folder / "mlflow") as url:
        home = servers.new_home(
            folder / "home-publish",
            SOCCER_LEAGUES="3",
            SOCCER_HISTORY_START="1998-07-01",
            SOCCER_FIRST_BUILD_MONTHS="36",
            SOCCER_NOW="2024-11-02T09:00:00Z",
            SOCCER_MLFLOW_URL=url,
        )
        command = [sys.executable, "-m", "soccer_assets.cli", "run", "build_everything"]
        done = subprocess.run(command, env=os.environ | home.env, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        with home.code(), home.webserver(), home.daemon():
            yield home


def newest(home: LiveHome, job: str) -> dg.DagsterRun | None:
    """The newest run of a job."""
    with home.instance as instance:
        return next(iter(instance.get_runs(dg.RunsFilter(job_name=job), limit=1)), None)


def refreshed(home: LiveHome) -> float:
    """Seconds of an hourly run, from its launch to its end."""
    began = time.monotonic()
    run_id = home.launch_from_page("refresh_hourly")
    home.wait_until(lambda: home.status_of(run_id) in ENDED, 1800)
    assert home.status_of(run_id) == "SUCCESS", home.log
    return time.monotonic() - began


def releases_of(home: LiveHome) -> set[str]:
    """Ids of the releases that are complete."""
    bucket, _, folder = home.settings.store_url.removeprefix("s3://").partition("/")
    listing = s3_client(home.settings.s3_endpoint_url).get_paginator("list_objects_v2")
    pages = listing.paginate(Bucket=bucket, Prefix=f"{folder}/releases/")
    keys = [PurePosixPath(each["Key"]) for page in pages for each in page.get("Contents", ())]
    return {key.parent.name for key in keys if key.name == "manifest.json"}


def test_a_full_backfill_does_not_delay_an_hourly_run(
    home: LiveHome, network: list[Host], tmp_path: Path
) -> None:
    """At most 1.3 times its time alone: a worker that serves nothing else is free."""
    first, second = network
    placed = [(first, PUBLISHER), (first, RUNNER), (second, RUNNER)]
    with workers(home, placed, tmp_path / "workers"):
        refreshed(home)  # its host compiles nothing after this
        alone = [refreshed(home) for _ in range(2)]
        backfill = home.launch_backfill(home.months())
        home.wait_until(lambda: home.runs_of(backfill).count("STARTED") == 2)
        beside = [refreshed(home) for _ in range(2)]
        assert home.runs_of(backfill).count("STARTED") == 2, "the backfill was over too soon"
        home.cancel_backfill(backfill)
        home.wait_until(lambda: not {"STARTED", "QUEUED", "CANCELING"} & set(home.runs_of(backfill)))
    click.echo(f"\nhourly run alone {alone}, beside a full backfill {beside}, seconds")
    assert min(beside) <= 1.3 * min(alone)


def test_a_worker_that_is_lost_while_it_publishes_leaves_one_release(
    home: LiveHome, network: list[Host], tmp_path: Path
) -> None:
    """Killed or cut off at each stage of a retraining: it is repeated, and nothing is half or twice there."""
    before, table = releases_of(home), []
    faults: list[tuple[str, str, Callable[[Worker], object]]] = [
        ("model__candidate", "killed", Worker.kill),
        ("model__evaluation", "cut off", lambda worker: worker.host.cut_off()),
        ("model__champion", "killed", Worker.kill),
        ("predictions__upcoming", "cut off", lambda worker: worker.host.cut_off()),
        ("releases__current", "killed", Worker.kill),
    ]
    host = network[0]
    home.launch_from_page("retrain_model")
    for number, (step, what, fault) in enumerate(faults):
        with workers(home, [(host, PUBLISHER)], tmp_path / f"workers-{number}") as (worker,):
            run_id = executed(home, worker)
            home.wait_until(lambda step=step, run_id=run_id: reached(home, run_id, step), 1800)  # type: ignore[misc]  # bound now
            began = time.monotonic()
            fault(worker)
            home.wait_until(lambda run_id=run_id: home.status_of(run_id) != "STARTED", 300)  # type: ignore[misc]  # bound now
            table.append((f"{what} in {step}", time.monotonic() - began))
            home.wait_until(lambda worker=worker: worker.process.poll() is not None or not worker.runs(), 60)  # type: ignore[misc]  # bound now
            host.connect()
        if number == 1:  # two retries a run
            home.launch_from_page("retrain_model")
    with workers(home, [(host, PUBLISHER)], tmp_path / "workers-last") as (worker,):
        last = executed(home, worker)
        home.wait_until(lambda: home.status_of(last) in ENDED, 1800)
        assert home.status_of(last) == "SUCCESS", worker.log.read_text()
        after = releases_of(home)
        refreshed(home)
        assert releases_of(home) == after
    click.echo()
    for name, seconds in table:
        click.echo(f"| {name} | {seconds:.1f} s |")
    click.echo(f"{len(after - before)} releases more")
    assert [name for name, seconds in table if seconds > ORPHANED_AFTER] == []


def executed(home: LiveHome, worker: Worker) -> str:
    """The run that a worker executes, once it does."""
    found: list[str] = []

    def is_begun() -> bool:
        begun = [line.split()[1] for line in worker.log.read_text().splitlines() if line.endswith(" begins")]
        found[:] = [run_id for run_id in begun if home.status_of(run_id) not in ENDED]
        return bool(found)

    home.wait_until(is_begun, 900)
    return found[-1]


def reached(home: LiveHome, run_id: str, step: str) -> bool:
    """Whether a step has begun; a run that ended before it fails the test."""
    assert home.status_of(run_id) not in ENDED, home.log
    with home.instance as instance:
        started = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_START).records
    return any(record.event_log_entry.step_key == step for record in started)
