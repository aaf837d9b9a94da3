"""Keeps MLflow's artifacts below the home, also after the home was moved or copied.

MLflow stores the absolute address of every artifact in its database. Here: rewriting these addresses when the
home has another path than the one they were written for. Not here: databases outside the home, and servers,
which have artifacts of their own.
"""

import contextlib
import shutil
import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Table -> the column with an artifact's address.
_ADDRESSES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
_BUSY_SECONDS = 30.0
# Below a home, see `Settings.artifacts`.
_FOLDER = "/mlflow/artifacts"


def keep_artifacts_below(artifacts: Path, database: Path) -> int:
    """Rewrite the addresses that lie in the home's former place; returns how many.

    What an earlier version wrote into the former place after the home was moved or copied is brought along.

    Args:
        artifacts: the home's folder of artifacts.
        database: MLflow's SQLite file; one outside the home may serve several homes, and stays as it is.
    """
    if database.parent != artifacts.parent or not database.is_file():
        return 0
    current = artifacts.as_uri()
    with contextlib.closing(sqlite3.connect(database, _BUSY_SECONDS, isolation_level=None)) as connection:
        if not _former_places(connection, current):  # the usual case takes no lock
            return 0
        connection.execute("BEGIN IMMEDIATE")  # two processes of a home may start at once
        rewritten = sum(
            _rewrite(connection, former, current) for former in _former_places(connection, current)
        )
        connection.execute("COMMIT")
    return rewritten


def _former_places(connection: sqlite3.Connection, current: str) -> list[str]:
    """Folders of artifacts of our experiments, other than the current one."""
    is_made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone()
    if not is_made:
        return []
    query = "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location LIKE ?"
    found = [str(row[0]) for row in connection.execute(query, (f"file:///%{_FOLDER}",))]
    return [place for place in found if place != current]


def _rewrite(connection: sqlite3.Connection, former: str, current: str) -> int:
    rewritten = 0
    made = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, column in _ADDRESSES.items():
        if table not in made:  # an older MLflow's database
            continue
        within = f"{column} = :former OR substr({column}, 1, length(:former) + 1) = :former || '/'"
        values = {"former": former, "current": current}
        for (address,) in connection.execute(f"SELECT {column} FROM {table} WHERE {within}", values):  # noqa: S608 - our own names
            _bring(_path_of(address), _path_of(current + address.removeprefix(former)))
        changed = (
            f"UPDATE {table} SET {column} = :current || substr({column}, length(:former) + 1) WHERE {within}"  # noqa: S608
        )
        rewritten += connection.execute(changed, values).rowcount
    return rewritten


def _bring(former: Path, current: Path) -> None:
    """Copy an artifact that lies only in the home's former place."""
    if current.exists() or not former.is_dir() or former.as_posix().endswith(_FOLDER):
        return
    partial = current.with_name(f"{current.name}.partial")
    with contextlib.suppress(OSError):  # another user's home: its model may still be found by its hash
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(former, partial)
        partial.rename(current)


def _path_of(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))
