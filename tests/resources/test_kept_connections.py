"""Dagster's SQLite files stay open in the process of a run, and everybody else may read and write them."""

import collections
import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from soccer_assets.resources.kept_connections import keep_connections

_MOST_AT_ONCE = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of two assets and another instance of the same folder saw."""
    folder = tmp_path_factory.mktemp("dagster")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    opened: collections.Counter[str] = collections.Counter()
    opened_by_run: collections.Counter[str] = collections.Counter()
    seen: dict[str, Any] = {"folder": folder, "opened": opened_by_run}
    connect = sqlite3.dbapi2.connect

    def counted(database: str, *arguments: Any, **options: Any) -> sqlite3.Connection:
        opened[Path(database).name] += 1
        return connect(database, *arguments, **options)

    @dg.asset
    def first() -> None:
        pass

    @dg.asset(deps=[first])
    def second(context: dg.AssetExecutionContext) -> None:
        opened_by_run.update(opened)
        with dg.DagsterInstance.from_config(str(folder)) as other:
            seen["events"] = _events(other, context.run.run_id)
            other.add_run_tags(context.run.run_id, {"told": "by another"})

    with dg.DagsterInstance.from_config(str(folder)) as instance, pytest.MonkeyPatch.context() as patch:
        keep_connections(instance)
        patch.setattr(sqlite3.dbapi2, "connect", counted)
        result = dg.materialize([first, second], instance=instance)
        seen["run"] = instance.get_run_by_id(result.run_id)
    return seen


def _events(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEventType]:
    records = instance.get_records_for_run(run_id).records
    return [found.event_log_entry.get_dagster_event().event_type for found in records]


def test_another_instance_reads_what_the_run_has_written(run: dict[str, Any]) -> None:
    assert dg.DagsterEventType.ASSET_MATERIALIZATION in run["events"]


def test_the_run_reads_what_another_instance_has_written(run: dict[str, Any]) -> None:
    assert run["run"].is_success
    assert run["run"].tags["told"] == "by another"


def test_a_file_is_opened_once(run: dict[str, Any]) -> None:
    assert set(run["opened"]) >= {"runs.db", "index.db"}
    assert len(run["events"]) > 2 * len(run["opened"])
    assert max(run["opened"].values()) <= _MOST_AT_ONCE, run["opened"]


def test_the_files_are_closed_at_the_end(run: dict[str, Any]) -> None:
    assert not list(run["folder"].rglob("*.db-wal"))


def test_another_storage_stays_as_it_is() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        before = type(instance.event_log_storage)
        keep_connections(instance)
        assert type(instance.event_log_storage) is before
