"""Database and object store that hang, refuse, are locked, full or read-only: one sentence each."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.resources import object_store
from soccer_assets.resources.database import Database
from soccer_assets.resources.database_faults import DatabaseUnavailableError
from soccer_assets.resources.object_store import ObjectStore, StoreUnavailableError
from soccer_assets.tables import match
from tests import services
from tests.databases import MigratedDatabases


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def server(migrated_databases: MigratedDatabases) -> Iterator[str]:
    """A database with all tables on a real PostgreSQL, and sessions that wait for a fifth of a second."""
    with migrated_databases.lent() as url:
        yield f"{url}?options=-c%20lock_timeout%3D200%20-c%20statement_timeout%3D3000"


@contextlib.contextmanager
def opened(url: str) -> Iterator[Database]:
    """A database whose connections end with the block."""
    database = Database(url)
    try:
        yield database
    finally:
        database.engine.dispose()


def fault_of(database: Database) -> str:
    """The sentence about a database."""
    with pytest.raises(DatabaseUnavailableError) as fault:
        database.probe()
    assert fault.value.__cause__ is None
    return str(fault.value)


def test_a_well_database_has_no_fault(database: Database) -> None:
    """On SQLite and PostgreSQL."""
    database.probe()


def test_a_table_that_another_session_locked(server: str) -> None:
    """A read waits for as long as sessions may; look-ups of the sidecar do not read it."""
    with opened(server) as database, opened(server) as other, other.engine.begin() as session:
        session.exec_driver_sql(f"LOCK TABLE {match.name} IN ACCESS EXCLUSIVE MODE")

        assert fault_of(database).startswith(
            "the database is locked: another session held a lock for too long"
        )
        session.rollback()
        database.probe()


def test_a_writer_that_never_ends(server: str) -> None:
    """The next writer is told, and writes when it is gone."""
    with opened(server) as database, opened(server) as other:
        with other.writing():
            assert "is locked" in fault_of(database)
        database.probe()


def test_a_statement_that_never_ends(server: str) -> None:
    """The server ends it."""
    with (
        opened(server) as database,
        pytest.raises(DatabaseUnavailableError, match="did not finish a statement in time"),
        database.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_sleep(60)")


def test_a_server_that_became_read_only(server: str) -> None:
    """As a standby is after a failover: reads go on, writes say why they do not."""
    with opened(server) as database:
        name = database.engine.url.database
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        database.engine.dispose()

        assert fault_of(database) == "the database is read-only: a standby, or after a failover"
        with (
            pytest.raises(DatabaseUnavailableError, match="is read-only: a standby"),
            database.writing() as connection,
        ):
            connection.execute(sa.delete(match))
        with database.reading() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(match)).scalar_one() == 0


def test_a_server_at_its_connection_limit(server: str) -> None:
    """The user may have one connection, and another session has it."""
    with opened(server) as database:
        with database.engine.begin() as connection:
            connection.exec_driver_sql("DROP ROLE IF EXISTS limited")
            connection.exec_driver_sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 1")
        limited = database.engine.url.set(username="limited").render_as_string(hide_password=False)
        with opened(limited) as first, opened(limited) as second, first.engine.connect():
            assert fault_of(second).startswith("the database has no free connection (")


@pytest.mark.parametrize("query", ["connect_timeout=2", ""])
def test_a_server_that_refuses_or_is_silent(silent: int, query: str) -> None:
    """Nothing listens, or what listens never answers."""
    port = silent if query else services.free_ports(1)[0]
    with opened(f"postgresql+psycopg2://soccer:Sup3r-secret@127.0.0.1:{port}/soccer?{query}") as database:
        sentence = fault_of(database)

    assert sentence.startswith("the database does not answer (")
    assert "Sup3r" not in sentence


def test_every_session_is_bounded_and_an_operators_own_bounds_stay(server: str) -> None:
    """Ours are for statements, locks and idle transactions; a URL or a role may set others."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    shown = []
    for url in (server.partition("?")[0], server):
        with opened(url) as database, database.reading() as connection:
            shown.append([connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names])

    assert shown == [["10min", "1min", "30min"], ["3s", "200ms", "30min"]]


def test_a_machine_that_is_cut_off_holds_no_lock_for_long(server: str) -> None:
    """The server looks for it within half a minute, unless its operator chose another time."""
    names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
    shown = []
    for url in (server.partition("?")[0], f"{server}%20-c%20tcp_keepalives_idle%3D77"):
        with opened(url) as database, database.reading() as connection:
            shown.append([int(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in names])

    assert shown == [[10, 5, 3], [77, 5, 3]]


def test_a_migration_is_not_bounded(server: str) -> None:
    """An index of a million rows takes its time."""
    with opened(server) as database, database.writing_schema() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "0"


def test_a_damaged_file_and_a_file_that_cannot_be_written(tmp_path) -> None:
    """SQLite has no server, and faults of its own."""
    file = tmp_path / "soccer.db"
    file.write_bytes(b"no database at all, " * 1000)
    with opened(f"sqlite:///{file}") as database:
        assert fault_of(database) == (
            "the database is damaged: its file is no SQLite database (file is not a database)"
        )


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_store_that_refuses_or_is_silent(
    silent: int, is_silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way to ask it ends with the same sentence; the command prints that, and no more."""
    monkeypatch.setattr(object_store, "_ANSWER_SECONDS", 0.2)
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("DEFAULT_REGION", "eu")):
        monkeypatch.setenv(f"AWS_{name}", value)
    port = silent if is_silent else services.free_ports(1)[0]
    store = ObjectStore("s3://bucket/home", f"http://127.0.0.1:{port}")
    reason = "timed out" if is_silent else "no connection"
    sentence = f"the object store s3://bucket/home does not answer ({reason})"
    for ask in (
        lambda: store.read("key"),
        lambda: store.exists("key"),
        lambda: store.write("key", b""),
        lambda: store.list("keys"),
        lambda: store.delete("key"),
        lambda: store.read_versioned("key"),
        lambda: store.swap("key", b"", None),
    ):
        with pytest.raises(StoreUnavailableError) as fault:
            ask()
        assert str(fault.value) == sentence

    environ = {"SOCCER_STORE_URL": store.url, "SOCCER_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    result = CliRunner().invoke(main, ["keys", "list"], env=environ)
    assert (result.exit_code, result.output) == (1, f"soccer: {sentence}\n")
