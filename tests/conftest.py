"""Fixtures of several packages of tests: real data, and real servers started once per session."""

import gc
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

import httpx
import mlflow.store.db.utils as mlflow_tables
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage

from soccer_assets.garbage import collect_rarely
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.installation import name_store, write_id
from tests import services
from tests.builders import INSTALLATION
from tests.databases import MigratedDatabases, postgres_database
from tests.leftovers import guarded


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker ends long after the other; those of the sidecar last.

    Tests of the graph fork, which after the sidecar's threads in one process can wait for ever.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    sidecar = Path(__file__).parent / "serving"
    items.sort(key=lambda item: (item.path.is_relative_to(sidecar), item.path not in slow))


def pytest_collection_finish() -> None:
    """Six thousand tests and all they import stay, and are never searched for garbage."""
    gc.collect()
    gc.freeze()
    collect_rarely()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every process that was started, and every temporary file, goes with the session, also a killed one."""
    tmp_path_factory.getbasetemp()  # not below the folder that is removed: failed tests are looked into
    with guarded():
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """Tests write many thousand objects, 5 ms each with `fsync`, and none has to survive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Hundreds of HTTP clients would read those of 140 authorities each, in 20 ms of CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", cache(httpx.create_ssl_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrations_are_read_once() -> Iterator[None]:
    """Dagster reads all of its own for each of an instance's three databases, in .3 s of CPU."""
    read: Callable[[Config], ScriptDirectory] = ScriptDirectory.from_config
    known: dict[tuple[str | None, ...], ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        places = (config.get_main_option(name) for name in ("script_location", "version_locations"))
        key = (config.config_file_name and str(config.config_file_name), *places)
        if key not in known:
            known[key] = read(config)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session", autouse=True)
def _mlflow_is_copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new MLflow database is a copy of the session's first: migrations take 1 s of CPU, 3 of a disk."""
    make, first = mlflow_tables._initialize_tables, tmp_path_factory.mktemp("mlflow") / "mlflow.db"

    def copy(engine: sa.Engine) -> None:
        if engine.dialect.name != "sqlite" or not engine.url.database:
            make(engine)
            return
        if not first.exists():
            template = sa.create_engine(f"sqlite:///{first}")
            make(template)
            template.dispose()
        with closing(sqlite3.connect(first)) as source, closing(sqlite3.connect(engine.url.database)) as new:
            source.backup(new)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlflow_tables, "_initialize_tables", copy)
        yield


@pytest.fixture(scope="session", autouse=True)
def _runs_in_memory_keep_one_connection() -> Iterator[None]:
    """Dagster opens one for each of a run's 500 events: a seventh of the run's CPU time."""
    connect = InMemoryEventLogStorage._connect

    @contextmanager
    def keep(storage: InMemoryEventLogStorage) -> Iterator[sa.Connection]:
        if threading.current_thread() is not threading.main_thread():  # SQLite lets no other thread use it
            with connect(storage) as other:
                yield other
            return
        with storage._db_lock, storage._held_conn.begin():
            yield storage._held_conn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InMemoryEventLogStorage, "_connect", keep)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real match data; a test that needs it skips where it is missing."""
    folder = Path(os.environ.get("SOCCER_SHARED", Path(__file__).parents[2] / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real match data at {folder}; set SOCCER_SHARED to the folder that holds data/")
    return folder


@pytest.fixture(scope="session")
def shared_cases(shared_data: Path) -> Path:
    """The folder of small inputs from the field, beside the real match data."""
    return shared_data.parent / "cases"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The maintenance database of a PostgreSQL."""
    with services.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_databases(postgres_server: str) -> MigratedDatabases:
    """Databases with all tables and no rows; their template is ``migrated``."""
    return MigratedDatabases(postgres_server)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database without tables."""
    with postgres_database(postgres_server, "template1") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows, to copy."""
    file = tmp_path_factory.mktemp("migrated") / "soccer.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    write_id(database, INSTALLATION)
    database.engine.dispose()
    return file


@contextmanager
def _match_tables(engine: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """The match tables without rows on an engine; those of SQLite in a folder."""
    with ExitStack() as stack:
        if engine == "sqlite":
            file = folder / "soccer.db"
            shutil.copy(request.getfixturevalue("migrated_file"), file)
            url = f"sqlite:///{file}"
        else:
            url = stack.enter_context(request.getfixturevalue("migrated_databases").lent())
        database = Database(url)
        yield database
        database.engine.dispose()


@pytest.fixture
def sqlite_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The match tables on SQLite, without rows."""
    with _match_tables("sqlite", request, tmp_path) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The match tables without rows: once on SQLite, once on PostgreSQL."""
    with _match_tables(request.param, request, tmp_path) as database:
        yield database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """`database` for all tests of a module."""
    with _match_tables(request.param, request, tmp_path_factory.mktemp("matches")) as database:
        yield database


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey server; the tests of one session share its keys."""
    with services.valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """An S3 server that starts quickly and keeps its objects in memory."""
    with services.moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def seaweedfs_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server that checks signatures and locks across its processes."""
    with services.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as endpoint:
        yield endpoint


@pytest.fixture
def folder_store(tmp_path: Path) -> ObjectStore:
    """An object store in a folder."""
    return ObjectStore(f"file://{tmp_path}/store")


@pytest.fixture
def named_store(folder_store: ObjectStore) -> ObjectStore:
    """A store in a folder that says whose it is."""
    name_store(folder_store, INSTALLATION)
    return folder_store


@pytest.fixture(params=["moto", "seaweedfs"])
def s3_store(request: pytest.FixtureRequest) -> ObjectStore:
    """An object store on S3: once on moto, once on SeaweedFS."""
    return _s3_store(request)


@pytest.fixture(params=["folder", "moto", "seaweedfs"])
def any_store(request: pytest.FixtureRequest) -> ObjectStore:
    """An object store: once in a folder, once on each S3 server."""
    if request.param == "folder":
        return request.getfixturevalue("folder_store")
    return _s3_store(request)


def _s3_store(request: pytest.FixtureRequest) -> ObjectStore:
    """A store in its own bucket, below a prefix, with the credentials in the environment."""
    endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    environ = request.getfixturevalue("monkeypatch")
    environ.setenv("AWS_ACCESS_KEY_ID", services.S3_KEY)
    environ.setenv("AWS_SECRET_ACCESS_KEY", services.S3_SECRET)
    environ.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    services.s3_client(endpoint).create_bucket(Bucket=bucket)
    return ObjectStore(f"s3://{bucket}/home", endpoint)
