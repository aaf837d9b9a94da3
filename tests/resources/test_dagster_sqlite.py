"""Dagster's storage of a home: the same files as Dagster's own, on connections that stay open."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from soccer_assets.operations.local_instance import INSTANCE, open_instance
from soccer_assets.resources import dagster_sqlite
from tests.serving.processes import wait_until

_MOST = dagster_sqlite._MOST_FILES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home's instance."""
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    return tmp_path


@dg.asset
def _stage() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 1})


@dg.asset_check(asset=_stage)
def _rows() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _run(instance: dg.DagsterInstance) -> str:
    return dg.materialize([_stage, _rows], instance=instance).run_id


def _open_files(folder: Path) -> set[str]:
    """Databases of the instance that this process holds open."""
    held = [Path(f"/proc/self/fd/{entry.name}") for entry in os.scandir("/proc/self/fd")]
    targets = {os.path.realpath(file) for file in held}
    return {target for target in targets if target.startswith(str(folder)) and target.endswith(".db")}


def test_dagsters_own_storage_reads_what_it_wrote_and_the_other_way_round(folder):
    """A home can be opened by an older version, and one of an older version by this."""
    with open_instance(folder) as kept:
        first = _run(kept)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_instance(folder) as own:
        assert type(own.event_log_storage) is SqliteEventLogStorage
        assert {run.run_id for run in own.get_runs()} == {first}
        assert own.get_latest_materialization_event(_stage.key).run_id == first
        second = _run(own)
    (folder / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    with open_instance(folder) as kept:
        assert type(kept.event_log_storage) is not SqliteEventLogStorage
        assert {run.run_id for run in kept.get_runs()} == {first, second}
        assert kept.get_latest_materialization_event(_stage.key).run_id == second


def test_files_of_old_runs_are_closed_and_all_of_them_at_the_end(folder):
    """The daemon reads the files of every run of a month."""
    with open_instance(folder) as instance:
        for _ in range(_MOST + 3):
            run_id = _run(instance)
        held = _open_files(folder)
        assert str(folder / "history" / "runs" / f"{run_id}.db") in held
        assert len(held) <= _MOST + 2  # and runs, and schedules
    assert _open_files(folder) == set()


def test_a_moved_instance_writes_where_it_lies(folder, tmp_path_factory):
    """Its settings name no folder."""
    with open_instance(folder) as instance:
        _run(instance)
    moved = folder.rename(tmp_path_factory.mktemp("elsewhere") / "dagster")
    with open_instance(moved) as instance:
        _run(instance)
        assert len(instance.get_runs()) == 2
    assert not folder.exists()


def test_who_watches_a_run_is_told_of_events_that_another_process_writes(folder):
    """The page of a run goes on while it runs: nobody closes its file meanwhile."""
    seen: list[str | None] = []
    with open_instance(folder) as writing, open_instance(folder) as watching:
        run = writing.get_run_by_id(_run(writing))
        storage = watching.event_log_storage

        def tell(entry: dg.EventLogEntry, _cursor: str) -> None:
            seen.append(entry.dagster_event.message if entry.dagster_event else entry.user_message)

        storage.watch(run.run_id, None, tell)
        for text in ("one", "two"):
            writing.report_engine_event(text, run)
            wait_until(lambda text=text: text in seen, 60)
        storage.end_watch(run.run_id, tell)
        writing.report_engine_event("three", run)
    assert seen[-2:] == ["one", "two"]


def test_a_fork_opens_connections_of_its_own(folder):
    """SQLite's locks do not survive a fork."""
    with open_instance(folder) as instance:
        _run(instance)
        engines = instance.run_storage._engines
        mine = engines.of(instance.run_storage._conn_string)
        child = os.fork()
        if child == 0:
            is_mine = engines.of(instance.run_storage._conn_string) is mine
            os._exit(int(is_mine))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert engines.of(instance.run_storage._conn_string) is mine


def test_threads_write_at_once(folder):
    """As the daemon's do."""
    with open_instance(folder) as instance:
        runs = [instance.get_run_by_id(_run(instance)) for _ in range(4)]

        def write(run: dg.DagsterRun) -> None:
            for number in range(20):
                instance.report_engine_event(f"event {number}", run)
                instance.add_run_tags(run.run_id, {"number": str(number)})

        with ThreadPoolExecutor(len(runs)) as pool:
            list(pool.map(write, runs))
        for run in runs:
            messages = [entry.dagster_event.message for entry in instance.all_logs(run.run_id)]
            assert messages[-20:] == [f"event {number}" for number in range(20)]
            assert instance.get_run_by_id(run.run_id).tags["number"] == "19"
