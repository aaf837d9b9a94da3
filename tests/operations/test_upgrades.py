"""An older home under newer versions of Dagster and MLflow: backed up and upgraded, or refused."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base

from soccer_assets.operations.local_instance import open_instance
from soccer_assets.operations.upgrades import upgrade_databases
from soccer_assets.resources.database import NewerSchemaError
from soccer_assets.settings import Settings

# The schemas before the newest ones. Dagster's newest changes MySQL's tables only; MLflow's adds `job_locks`.
OLDER_DAGSTER, OLDER_MLFLOW = "f495c27d5019", "75868b020152"


def ask(file: Path, sql: str, *values: str) -> list[tuple[object, ...]]:
    """Rows of a SQLite file; a change is committed."""
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def revision(file: Path) -> str:
    """The schema revision of a file."""
    return str(ask(file, "SELECT version_num FROM alembic_version")[0][0])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"SOCCER_HOME": str(tmp_path)})


@pytest.fixture
def dagster_home(tmp_path: Path) -> Path:
    """A home whose Dagster databases have the schema before the newest."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("{}")
    with open_instance(folder) as instance:
        instance.add_dynamic_partitions("kept", ["a"])
    for file in _files(folder):
        ask(file, "UPDATE alembic_version SET version_num = ?", OLDER_DAGSTER)
    return folder


def _files(folder: Path) -> list[Path]:
    return [
        folder / "history" / "runs.db",
        folder / "history" / "runs" / "index.db",
        folder / "schedules" / "schedules.db",
    ]


def test_an_older_dagster_is_copied_aside_and_brought_along(settings, dagster_home):
    """All its databases get the newest schema, a backup keeps the old one, and the next start makes none."""
    copies = upgrade_databases(settings, os.environ)

    assert [copy.name for copy in copies] == [f"schema-{OLDER_DAGSTER}.backup"]
    for file in _files(dagster_home):
        assert revision(file) != OLDER_DAGSTER
        assert revision(copies[0] / file.relative_to(dagster_home)) == OLDER_DAGSTER
    with open_instance(dagster_home) as instance:
        assert instance.get_dynamic_partitions("kept") == ["a"]
    assert upgrade_databases(settings, os.environ) == []


@pytest.mark.slow
# MLflow's own scripts use what SQLAlchemy deprecates.
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
def test_an_older_mlflow_is_copied_aside_and_brought_along(settings, tmp_path):
    """Tables with MLflow's previous schema are upgraded and keep their rows."""
    file = tmp_path / "mlflow" / "mlflow.db"
    file.parent.mkdir()
    engine = sa.create_engine(settings.mlflow_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    command.upgrade(_get_alembic_config(settings.mlflow_url), OLDER_MLFLOW)
    ask(file, "INSERT INTO registered_models (workspace, name) VALUES ('default', 'kept')")

    (copy,) = upgrade_databases(settings, os.environ)

    tables = "SELECT name FROM sqlite_master WHERE name = 'job_locks'"
    assert (revision(copy), ask(copy, tables)) == (OLDER_MLFLOW, [])
    assert ask(file, tables) == [("job_locks",)]
    assert ask(file, "SELECT name FROM registered_models") == [("kept",)]


def test_a_newer_dagster_is_refused_and_left_alone(settings, dagster_home):
    """One sentence names the file, its schema and the remedy; no file is changed or copied."""
    *_, last = _files(dagster_home)
    ask(last, "UPDATE alembic_version SET version_num = 'fffffffffff'")

    with pytest.raises(
        NewerSchemaError, match=r"schedules\.db has the schema fffffffffff of a newer dagster"
    ):
        upgrade_databases(settings, os.environ)

    assert [revision(file) for file in _files(dagster_home)] == [OLDER_DAGSTER, OLDER_DAGSTER, "fffffffffff"]
    assert not list(dagster_home.glob("*.backup"))


def test_a_new_home_has_nothing_to_bring_along(settings):
    """Before the first start there is nothing to back up, and the installed versions are recorded."""
    assert upgrade_databases(settings, os.environ) == []
    assert (settings.home / "versions.json").is_file()
