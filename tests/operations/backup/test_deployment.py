"""Backups of a deployment: three PostgreSQL databases, and a bucket for store and artifacts."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.contract.release import CHAMPION
from soccer_assets.operations.backup.archive import BackupError
from soccer_assets.operations.backup.postgres import connect, find_tool
from soccer_assets.operations.backup.restore import Mode
from soccer_assets.resources.mlflow_run import EXPERIMENT
from soccer_assets.resources.model_registry import ModelRegistry
from tests import services
from tests.builders import NOW
from tests.operations.backup.small import Small, files_below

# MLflow and dagster-mlflow warn about their own insides.
pytestmark = pytest.mark.filterwarnings("ignore")

_DATABASES = ("soccer", "dagster", "mlflow")


class Servers:
    """Names of databases and buckets of an installation; databases are made, as compose makes them."""

    def __init__(self, postgres: str, s3: str) -> None:
        self.name = uuid.uuid4().hex[:8]
        self._postgres, self._s3 = sa.make_url(postgres), s3
        for database in _DATABASES:
            self.run(f"CREATE DATABASE {database}_{self.name}")
        services.s3_client(s3).create_bucket(Bucket=self.name)

    def url(self, database: str) -> str:
        """The address of a database, with a password."""
        named = self._postgres.set(database=f"{database}_{self.name}", password="postgres-password-1f")
        return named.render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        """Run a statement outside transactions, on the server's own database."""
        engine = sa.create_engine(self._postgres, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    @property
    def environ(self) -> dict[str, str]:
        """What compose gives the service that makes backups."""
        return {
            "DAGSTER_POSTGRES_URL": self.url("dagster"),
            "MLFLOW_BACKEND_STORE_URI": self.url("mlflow"),
            "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{self.name}/mlflow",
        }

    def small(self, home: Path) -> Small:
        """The installation."""
        return Small.at(
            home,
            SOCCER_DATABASE_URL=self.url("soccer"),
            SOCCER_STORE_URL=f"s3://{self.name}/store",
            SOCCER_S3_ENDPOINT_URL=self._s3,
            SOCCER_MLFLOW_URL="http://mlflow:5000",
        )

    def rows(self, database: str, query: str) -> list[Any]:
        """Ask a database."""
        with contextlib.closing(connect(self.url(database))) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def registry(self) -> ModelRegistry:
        """MLflow's registry, on its database."""
        return ModelRegistry(self.url("mlflow"))

    def close(self) -> None:
        """Let MLflow's and Dagster's connections go."""
        for database in _DATABASES:
            name = f"'{database}_{self.name}'"
            self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {name}")  # noqa: S608 - our own


@pytest.fixture(scope="module")
def deployed(
    postgres_server: str, moto_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Servers, Path]]:
    """A small deployment, stopped, and a backup of it, taken while it ran."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ACCESS_KEY_ID", services.S3_KEY)
        environ.setenv("AWS_SECRET_ACCESS_KEY", services.S3_SECRET)
        environ.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environ.setenv("AWS_ENDPOINT_URL_S3", moto_endpoint)
        folder = tmp_path_factory.mktemp("deployment")
        (folder / "home").mkdir()
        servers = Servers(postgres_server, moto_endpoint)
        small, registry = servers.small(folder / "home"), servers.registry()
        registry._client.create_experiment(EXPERIMENT, artifact_location=f"s3://{servers.name}/mlflow")
        small.begin(registry, storage={"postgres": {"postgres_url": servers.url("dagster")}})
        small.back_up(folder / "backup", servers.environ)
        small.close()
        servers.close()
        yield servers, folder


def test_a_deployment_is_restored_in_place(deployed: tuple[Servers, Path]) -> None:
    """Also over a newer state with a newer schema: what was there stays under other names; it goes on."""
    servers, folder = deployed
    small = servers.small(folder / "home")
    before = small.releases.pointer()
    newer = small.publish(2)
    with contextlib.closing(connect(servers.url("soccer"))) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_a_newer_version (id int)")
        connection.commit()
    small.close()

    restored = small.restore(folder / "backup", Mode.REPLACE, servers.environ)

    assert (small.matches(), small.releases.pointer()) == (1, before)
    small.check()
    assert servers.rows("soccer", "SELECT to_regclass('of_a_newer_version')") == [(None,)]
    assert servers.rows("dagster", "SELECT count(*) FROM runs") == [(1,)]
    registry = servers.registry()
    champion = registry.get(CHAMPION)
    assert registry.load(champion).sha256 == champion.facts.content_sha256
    places = " ".join(restored.set_aside)
    assert all(f"{database}_{servers.name}_replaced_" in places for database in _DATABASES)
    assert f"s3://{servers.name}/store.replaced-" in places
    assert small.publish(2) == newer
    small.check()
    small.close()
    servers.close()


def test_a_copy_of_a_deployment_has_servers_of_its_own(
    deployed: tuple[Servers, Path], postgres_server: str, moto_endpoint: str, tmp_path: Path
) -> None:
    """Other databases and another bucket; the original's are refused, and stay as they are."""
    servers, folder = deployed
    original, others = servers.small(folder / "home"), Servers(postgres_server, moto_endpoint)
    pointer, matches = original.releases.pointer(), original.matches()
    original.close()
    with pytest.raises(BackupError, match=r"is not empty; a copy needs places of its own"):
        servers.small(tmp_path / "copy").restore(folder / "backup", Mode.COPY, servers.environ)

    copy = others.small(tmp_path / "copy")
    restored = copy.restore(folder / "backup", Mode.COPY, others.environ)

    assert (restored.muted, restored.set_aside) == (1, ())
    assert Subscribers(copy.settings.alerts_file).all()[0].is_muted(NOW)
    copy.publish(7)
    copy.check()
    assert (original.releases.pointer(), original.matches()) == (pointer, matches)
    assert others.rows("dagster", "SELECT count(*) FROM runs") == [(1,)]
    for small in (original, copy):
        small.close()


def test_a_deployment_that_runs_is_not_replaced(deployed: tuple[Servers, Path]) -> None:
    """A session on one of its databases is the original's answer."""
    servers, folder = deployed
    small = servers.small(folder / "home")

    for database in _DATABASES:
        with (
            contextlib.closing(connect(servers.url(database))),
            pytest.raises(BackupError, match=rf"1 sessions use .*{database}_{servers.name}") as refused,
        ):
            small.restore(folder / "backup", Mode.REPLACE, servers.environ)
        assert "postgres-password" not in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_backup_of_a_deployment_has_no_password(deployed: tuple[Servers, Path]) -> None:
    """Neither PostgreSQL's nor the object store's."""
    content = b"\0".join(files_below(deployed[1] / "backup").values())

    assert {name.split("/")[-1] for name in files_below(deployed[1] / "backup/databases")} == {
        f"{database}.dump" for database in _DATABASES
    }
    for secret in ("postgres-password-1f", services.S3_SECRET):
        assert secret.encode() not in content


def test_what_a_server_needs_is_said(deployed: tuple[Servers, Path], tmp_path: Path) -> None:
    """Unknown places, a server that does not answer, and a backup of the other kind: a sentence each."""
    servers, folder = deployed
    small = servers.small(folder / "home")
    with pytest.raises(BackupError, match="set MLFLOW_BACKEND_STORE_URI and MLFLOW_ARTIFACTS_DESTINATION"):
        small.back_up(tmp_path / "backup")
    away = servers.environ | {"MLFLOW_BACKEND_STORE_URI": "postgresql://u:secret-word@127.0.0.1:1/mlflow"}
    with pytest.raises(BackupError, match=r"127\.0\.0\.1:1/mlflow does not answer") as refused:
        small.back_up(tmp_path / "backup", away)
    assert "secret-word" not in str(refused.value)
    with pytest.raises(BackupError, match="of a deployment with PostgreSQL; set the addresses of one"):
        Small.at(tmp_path / "home").restore(folder / "backup", Mode.COPY)
    with pytest.raises(BackupError, match="no pg_dump of PostgreSQL 99 or newer is installed"):
        find_tool("pg_dump", 99)
    assert not list(tmp_path.iterdir())
