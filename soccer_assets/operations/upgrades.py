"""Upgrades the databases of Dagster and MLflow in a home when newer versions of them are installed.

Both use SQLite files with their own Alembic schema, and refuse or fail with an older one. ``versions.json``
records the versions that last ran in a home, because comparing schemas takes seconds. In a deployment the
one-shot service ``migrate`` upgrades the schemas.
"""

import contextlib
import importlib.util
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from soccer_assets.operations.local_instance import open_instance
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.resources.artifact_paths import keep_artifacts_below
from soccer_assets.resources.database import NewerSchemaError
from soccer_assets.settings import Settings

# Program -> folder of the Alembic scripts in its package.
_SCRIPTS = {"dagster": "_core/storage/alembic", "mlflow": "store/db_migrations"}
_DAGSTER_FOLDERS = ("history", "schedules")


class UpgradeError(OperationError):
    """The upgrade of a database failed; its backup is complete."""


def upgrade_databases(settings: Settings, environ: Mapping[str, str]) -> list[Path]:
    """Upgrade the home's Dagster and MLflow databases to the installed versions' schemas.

    Args:
        settings: the home; none of its processes may be running.
        environ: the environment of MLflow's own command.

    Returns:
        The backups of the databases that were upgraded.

    Raises:
        NewerSchemaError: a database has a newer version's schema; nothing is changed.
        UpgradeError: the program's own migration failed.
    """
    copies = _upgrade(settings, environ)
    for database in _databases(settings)[
        "mlflow"
    ]:  # MLflow's pages show artifacts without asking the registry
        keep_artifacts_below(settings.artifacts, database)
    return copies


def _upgrade(settings: Settings, environ: Mapping[str, str]) -> list[Path]:
    note = settings.home / "versions.json"
    installed = {program: version(program) for program in _SCRIPTS}
    if _recorded_versions(note) == installed:
        return []
    older = {
        program: revision
        for program, files in _databases(settings).items()
        if (revision := _older_revision(program, files)) is not None
    }
    copies = []
    if (revision := older.get("dagster")) is not None:
        copies.append(_copy_dagster(settings.home / "dagster", revision))
        _upgrade_dagster(settings.home / "dagster", copies[-1])
    if (revision := older.get("mlflow")) is not None:
        copies.append(_copy_mlflow(_databases(settings)["mlflow"][0], revision))
        _upgrade_mlflow(settings.mlflow_url, environ, copies[-1])
    note.write_bytes(msgspec.json.encode(installed))
    return copies


def _recorded_versions(note: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(note.read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _databases(settings: Settings) -> dict[str, list[Path]]:
    """The existing files; of Dagster's event logs only the index, which all others follow."""
    folder = settings.home / "dagster"
    files = {
        "dagster": [
            folder / "history" / "runs.db",
            folder / "history" / "runs" / "index.db",
            folder / "schedules" / "schedules.db",
        ],
        "mlflow": [Path(settings.mlflow_url.removeprefix("sqlite:///"))]
        if settings.mlflow_url.startswith("sqlite:///")
        else [],
    }
    return {program: [file for file in found if file.is_file()] for program, found in files.items()}


def _older_revision(program: str, files: list[Path]) -> str | None:
    """The first outdated schema; None where all are current."""
    if not files:
        return None
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - reading MLflow's scripts takes seconds
    from alembic.util import CommandError  # noqa: PLC0415

    spec = importlib.util.find_spec(program)
    (package,) = spec.submodule_search_locations if spec and spec.submodule_search_locations else ("",)
    scripts = ScriptDirectory(str(Path(package) / _SCRIPTS[program]))
    older = []
    for file in files:
        revision = _revision(file)
        try:
            scripts.get_revision(revision)
        except CommandError:
            raise NewerSchemaError(
                f"{file} has the schema {revision} of a newer {program} than {version(program)}, which is "
                f"installed; install that version, or restore the backup beside the file"
            ) from None
        if revision != scripts.get_current_head():
            older.append(revision)
    return older[0] if older else None


def _revision(file: Path) -> str:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        try:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            found = None  # older than Alembic
    return str(found[0]) if found else "base"


def _copy_dagster(folder: Path, revision: str) -> Path:
    """Back up its folders with their write-ahead logs; no process has them open."""
    copy = folder / f"schema-{revision}.backup"
    if not copy.exists():
        partial = copy.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for name in _DAGSTER_FOLDERS:
            if (folder / name).is_dir():
                shutil.copytree(folder / name, partial / name)
        partial.rename(copy)
    return copy


def _copy_mlflow(file: Path, revision: str) -> Path:
    copy = file.with_name(f"{file.name}.schema-{revision}.backup")
    if not copy.exists():
        with contextlib.closing(sqlite3.connect(file)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
    return copy


def _upgrade_dagster(folder: Path, copy: Path) -> None:
    with open_instance(folder) as instance:
        try:
            instance.upgrade()
        except Exception as error:
            raise UpgradeError(f"Dagster's own migration failed ({error}); the backup is {copy}") from error


def _upgrade_mlflow(url: str, environ: Mapping[str, str], copy: Path) -> None:
    command = [sys.executable, "-m", "soccer_assets.garbage", "mlflow", "db", "upgrade", url]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UpgradeError(f"MLflow's own migration failed ({last}); the backup is {copy}")
