"""A backfill by one and by two run workers, and beside everything that may happen to one of them."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click
import dagster as dg
import pytest
from dagster._core.storage.tags import RETRY_NUMBER_TAG

from tests.fleet.fleet_home import CORES, ORPHANED_AFTER, RUNNER, Services, Worker, tables_of, workers
from tests.fleet.hosts import Host

pytestmark = pytest.mark.trial

# All 330 by default; fewer for a quick look.
MONTHS = int(os.environ.get("FLEET_TRIAL_MONTHS", "330"))
ENDED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "CANCELED", "FAILED"}
OPEN = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
_RETRIES = 2  # as in deploy/fleet/dagster.yaml


class Backfill:
    """One backfill of an installation of its own."""

    def __init__(self, servers: Services, folder: Path, archive: Path) -> None:
        self.folder = folder
        self.home = servers.new_home(
            folder, SOCCER_FEED="archive", SOCCER_FEED_URL=archive.as_uri(), SOCCER_NOW="2025-06-30T23:59:00Z"
        )
        self.notes: list[str] = []

    def run(
        self, placed: list[Host], meanwhile: Callable[["Backfill", list[Worker]], None] | None = None
    ) -> float:
        """Backfill the newest months; returns the seconds from the launch to the end."""
        home = self.home
        with (
            home.code(),
            home.webserver(),
            home.daemon(),
            workers(home, [(host, RUNNER) for host in placed], self.folder / "workers") as found,
        ):
            months = home.months()[-MONTHS:]
            began = time.monotonic()
            self.id = home.launch_backfill(months)
            if meanwhile is not None:
                meanwhile(self, found)
            home.wait_until(lambda: home.backfill_status(self.id) in ENDED, 3 * 3600)
            seconds = time.monotonic() - began
            assert home.backfill_status(self.id) == "COMPLETED_SUCCESS", home.log
            assert home.materialized() == len(months)
        return seconds

    def started(self) -> set[str]:
        """Ids of the runs that are executed."""
        with self.home.instance as instance:
            filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
            return {run.run_id for run in instance.get_runs(filters)}

    def may_be_lost(self, run_id: str) -> bool:
        """Whether a run is executed and will be repeated: Dagster does that twice."""
        with self.home.instance as instance:
            run = instance.get_run_by_id(run_id)
        return (
            bool(run) and run.status.value == "STARTED" and int(run.tags.get(RETRY_NUMBER_TAG, 0)) < _RETRIES
        )


@pytest.fixture(scope="module")
def archive(shared_data: Path) -> Path:
    """The file that every host has."""
    return shared_data / "matches_1998_2025-06.parquet"


@pytest.fixture(scope="module")
def undisturbed(
    servers: Services, network: list[Host], archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[float, dict[str, list[tuple[object, ...]]]]:
    """Seconds with one worker, and the tables then."""
    backfill = Backfill(servers, tmp_path_factory.mktemp("fleet-one") / "home-one", archive)
    return backfill.run(network[:1]), tables_of(backfill.home)


def test_two_workers_are_faster_than_one(
    servers: Services,
    network: list[Host],
    archive: Path,
    undisturbed: tuple[float, dict[str, list[tuple[object, ...]]]],
    tmp_path: Path,
) -> None:
    """At least 1.6 times, by CPU that is held; the tables are equal."""
    backfill = Backfill(servers, tmp_path / "home-two", archive)
    two = backfill.run(network)
    one, tables = undisturbed
    rows = len(tables["match_raw"])
    click.echo(f"\n{MONTHS} months, {rows} matches, workers of {CORES} core:")
    click.echo(f"one worker {one:.0f} s, two {two:.0f} s, ratio {one / two:.2f}")
    assert tables_of(backfill.home) == tables
    assert one / two >= 1.6


def test_a_worker_is_lost_and_cut_off_and_the_tables_are_those_of_an_undisturbed_run(
    servers: Services,
    network: list[Host],
    archive: Path,
    undisturbed: tuple[float, dict[str, list[tuple[object, ...]]]],
    tmp_path: Path,
) -> None:
    """No run is open a minute after its worker was lost, and none is executed twice at a time."""
    backfill = Backfill(servers, tmp_path / "home-faults", archive)
    table: list[tuple[str, float, str]] = []

    def lost_within(what: str, worker: Worker, fault: Callable[[], object]) -> None:
        home = backfill.home
        # A short backfill may be over before its last fault.
        home.wait_until(lambda: executed_by(worker) or home.backfill_status(backfill.id) in ENDED)
        if not executed_by(worker):
            return
        (run_id,) = executed_by(worker)
        began = time.monotonic()
        fault()
        home.wait_until(lambda: home.status_of(run_id) not in {"STARTED", "CANCELING"}, 300)
        table.append((what, time.monotonic() - began, home.status_of(run_id)))

    def executed_by(worker: Worker) -> set[str]:
        lines = worker.log.read_text().splitlines()
        begun = {line.split()[1] for line in lines if line.endswith(" begins")}
        return {run_id for run_id in begun if backfill.may_be_lost(run_id)}

    def meanwhile(backfill: Backfill, found: list[Worker]) -> None:
        first, second = found
        for _ in range(2 if MONTHS > 100 else 1):
            lost_within("its process is killed", first, first.kill_run)
            lost_within("cut off", second, second.host.cut_off)
            backfill.home.wait_until(lambda: not second.runs(), 60)
            second.host.connect()
        with ExitStack() as stack:
            lost_within("killed", second, second.kill)
            again = workers(backfill.home, [(second.host, RUNNER)], backfill.folder / "again")
            (third,) = stack.enter_context(again)
            lost_within("stopped", third, third.process.terminate)

    backfill.run(network, meanwhile)
    click.echo()
    for what, seconds, status in table:
        click.echo(f"| {what} | {seconds:.1f} s | {status} |")
    assert [what for what, seconds, _ in table if seconds > ORPHANED_AFTER] == []
    assert tables_of(backfill.home) == undisturbed[1]
