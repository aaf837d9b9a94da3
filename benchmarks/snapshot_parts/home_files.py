"""Files of a home: tables, objects, MLflow's and Dagster's memory, releases; large things as hashes."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.snapshot_parts.masking import Mask
from benchmarks.snapshot_parts.tree import sha

# Columns that hold ids which MLflow draws.
_DRAWN_COLUMNS = frozenset({"model_run_id"})

Ask = Callable[[str], list[tuple[Any, ...]]]


def manifests(home: Path) -> list[dict[str, Any]]:
    """Manifests of all releases, the oldest first: every step of a home has an instant of its own."""
    found = [json.loads(file.read_text()) for file in (home / "store" / "releases").glob("*/manifest.json")]
    return sorted(found, key=lambda one: (one["created_at"], one["release_id"]))


def know_ids(home: Path, mask: Mask) -> None:
    """Have the mask name releases by their number, runs and models by the version of the model."""
    owner = home / "store" / "installation.json"
    if owner.is_file():
        mask.know(json.loads(owner.read_text())["id"], "<installation>")
    for number, manifest in enumerate(manifests(home), 1):
        mask.know(manifest["release_id"], f"<release {number}>")
    with rows_of(home / "mlflow" / "mlflow.db") as ask:
        by_run: dict[str, list[str]] = {}
        for version, run_id, source in ask(
            "SELECT version, run_id, source FROM model_versions ORDER BY version"
        ):
            by_run.setdefault(run_id, []).append(str(version))
            mask.know(source.removeprefix("models:/"), f"<model {version}>")
        for number, (run_id,) in enumerate(ask("SELECT run_uuid FROM runs ORDER BY start_time"), 1):
            versions = " and ".join(by_run.get(run_id, ()))
            mask.know(run_id, f"<run of {versions}>" if versions else f"<run {number}>")


def release_ids(home: Path) -> list[Any]:
    """Ids of all releases and the hashes of their files, but for the predictions, which hold MLflow's ids."""
    folder = home / "store" / "releases"
    return [
        {"created_at": one["created_at"], "release_id": one["release_id"]}
        | {name: entry for name, entry in one["files"].items() if name != "predictions.sqlite"}
        | {"prediction_bytes": (folder / one["release_id"] / "predictions.sqlite").stat().st_size}
        for one in manifests(home)
    ]


@contextlib.contextmanager
def rows_of(file: Path) -> Iterator[Ask]:
    """Answers queries to a SQLite file."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


def tables_of(ask: Ask) -> list[str]:
    """Names of all tables."""
    found = ask(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    return [name for (name,) in found]


def table_hashes(file: Path) -> dict[str, Any]:
    """Of every table the number of rows and a hash of each column, in the order of the primary key."""
    hashes: dict[str, Any] = {}
    with rows_of(file) as ask:
        for table in tables_of(ask):
            columns = ask(f"PRAGMA table_info({table})")
            keys = [column[1] for column in sorted(columns, key=lambda one: one[5]) if column[5]]
            order = ", ".join(keys or [column[1] for column in columns])
            rows = ask(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608  names of the schema
            if table == "installation":  # its id is drawn
                rows = [row[1:] for row in rows]
                columns = columns[1:]
            hashes[table] = {"rows": len(rows)} | {
                column[1]: sha(*(f"{row[place]!r}\0".encode() for row in rows))
                for place, column in enumerate(columns)
            }
    return hashes


def objects_of(folder: Path, mask: Mask, place: str) -> dict[str, Any]:
    """Every object by its key; without API keys, and without predictions, which `release_rows` has."""
    import pyarrow.parquet as pq

    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*")):
        key = mask.ids(file.relative_to(folder).as_posix())
        if not file.is_file() or key.endswith((".lock", "predictions.sqlite")) or key.startswith("auth/"):
            continue
        if key.endswith((".json", ".jsonl")):
            found[key] = mask(file.read_text(), f"{place} {key}")
        elif key.endswith(".parquet"):
            table = pq.ParquetFile(file).read()
            found[key] = {
                "rows": table.num_rows,
                "schema": {one.name: str(one.type) for one in table.schema},
            } | {
                name: _column_hash(table[name], mask)
                for name in table.column_names
                if name not in _DRAWN_COLUMNS and name != "reasons"  # sentences, which `release_rows` has
            }
        else:
            found[key] = sha(file.read_bytes())
    return dict(sorted(found.items()))


def _column_hash(column: Any, mask: Mask) -> str:
    import pyarrow as pa

    if pa.types.is_floating(column.type):
        nulls = column.is_null().to_pylist()
        return sha(column.fill_null(0.0).to_numpy().astype("<f8").tobytes(), bytes(nulls))
    return sha(mask.ids("\0".join(map(str, column.to_pylist()))).encode())


def mlflow_memory(file: Path, mask: Mask) -> dict[str, Any]:
    """What MLflow's database says of runs and models."""
    questions = {
        "parameters": "SELECT run_uuid, key, value FROM params WHERE key <> 'code_version'",
        "metrics": "SELECT run_uuid, key, step, value FROM metrics",
        "tags": "SELECT run_uuid, key, '' FROM tags WHERE key NOT LIKE 'mlflow.source.git%'",
        "versions": "SELECT name, version, run_id FROM model_versions",
        "version tags": "SELECT version, key, value FROM model_version_tags",
        "aliases": "SELECT name, alias, version FROM registered_model_aliases",
    }
    with rows_of(file) as ask:
        return {
            what: sorted(
                mask("  ".join(map(str, row)), f"home_mlflow {what} {row[0]} {row[1]}") for row in ask(sql)
            )
            for what, sql in questions.items()
        }


def dagster_memory(folder: Path) -> list[Any]:
    """What Dagster's instance says of runs, in their order."""
    import dagster as dg

    found = []
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        for record in reversed(instance.get_run_records()):
            run = record.dagster_run
            events = [one.dagster_event for one in instance.all_logs(run.run_id) if one.is_dagster_event]
            checks, made = {}, {}
            for event in events:
                if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                    one = event.asset_check_evaluation_data
                    checks[f"{one.asset_key.to_user_string()} {one.check_name}"] = one.passed
                if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
                    one = event.step_materialization_data.materialization
                    made[one.asset_key.to_user_string()] = {
                        name: type(value).__name__ for name, value in sorted(one.metadata.items())
                    }
            steps = {one.step_key: one.status.value for one in instance.get_run_step_stats(run.run_id)}
            found.append(
                {"job": run.job_name, "status": run.status.value, "tags": sorted(run.tags)}
                | {"steps": dict(sorted(steps.items())), "checks": dict(sorted(checks.items()))}
                | {"metadata": dict(sorted(made.items()))}
            )
    return found


def release_rows(home: Path, mask: Mask) -> dict[str, Any]:
    """Every row of the current release; of each earlier one a hash of the same."""
    current = json.loads((home / "store" / "releases" / "current.json").read_text())["release_id"]
    found: dict[str, Any] = {}
    for release_id in (one["release_id"] for one in manifests(home)):
        place, rows = mask.ids(release_id) if release_id == current else "", {}
        with rows_of(home / "store" / "releases" / release_id / "predictions.sqlite") as ask:
            schema = [sql for (sql,) in ask("SELECT sql FROM sqlite_master ORDER BY name") if sql]
            for *columns, body in ask("SELECT * FROM prediction ORDER BY model, match_id"):
                name = f"{columns[1]} {columns[0]}"
                rows[name] = [*columns, mask(body.decode(), place and f"{place} {name}")]
        whole = {"schema": schema, "rows": rows}
        found[mask.ids(release_id)] = whole if place else sha(json.dumps(whole).encode())
    return found


def event_stream(url: str, mask: Mask) -> list[str]:
    """Every event of the stream."""
    import redis

    with redis.Redis.from_url(url) as client:
        # `soccer:events`, or with the installation's id between: an older tree may have made it.
        entries = [entry for name in client.keys("soccer:*events") for entry in client.xrange(name)]
    return [
        mask(value.decode(), f"home_events[{number}]")
        for number, (_, fields) in enumerate(entries)
        for value in fields.values()
    ]
