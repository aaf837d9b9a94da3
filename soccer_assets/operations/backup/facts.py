"""Reads what a backup holds, from the databases that were dumped or restored and from the pointer."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Protocol

from soccer_assets.contract.release import CHAMPION, MODEL_NAME, POINTER_KEY, Pointer
from soccer_assets.operations.backup.archive import Facts
from soccer_assets.stores.stored_json import decoded

_CHAMPION_VERSION = (
    f"SELECT version FROM registered_model_aliases WHERE name = '{MODEL_NAME}' AND alias = '{CHAMPION}'"  # noqa: S608 - our own names
)


class Asked(Protocol):
    """A database that answers queries."""

    def has_table(self, name: str) -> bool:
        """Whether it has a table."""
        ...

    def first(self, query: str) -> Any:
        """The first row of a query; None where there is none."""
        ...


class AskedFile:
    """A SQLite file; one that is not there has no tables."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def has_table(self, name: str) -> bool:
        """Whether it has a table."""
        return self._file.is_file() and bool(
            self.first(f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{name}'")  # noqa: S608 - our own names
        )

    def first(self, query: str) -> Any:
        """The first row of a query; None where there is none."""
        with contextlib.closing(sqlite3.connect(self._file)) as connection:
            return connection.execute(query).fetchone()


class AskedServer:
    """An open connection to PostgreSQL, perhaps in a transaction that sees an earlier state."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def has_table(self, name: str) -> bool:
        """Whether it has a table."""
        return bool(self.first(f"SELECT to_regclass('public.{name}')")[0])

    def first(self, query: str) -> Any:
        """The first row of a query; None where there is none."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()


def read_facts(matches: Asked, mlflow: Asked, pointer: bytes | None) -> Facts:
    """The facts of the match database, of MLflow's, and of the object `releases/current.json`."""
    head = matches.first("SELECT sequence, hash FROM ledger_entry ORDER BY sequence DESC LIMIT 1")
    has_versions = mlflow.has_table("registered_model_aliases")
    champion = mlflow.first(_CHAMPION_VERSION) if has_versions else None
    return Facts(
        installation=read_installation_id(matches),
        schema=str(matches.first("SELECT version_num FROM alembic_version")[0]),
        matches=int(matches.first("SELECT count(*) FROM match")[0]),
        ledger_entries=int(head[0]) if head else 0,
        ledger_head=str(head[1]) if head else "",
        release_id=decoded(POINTER_KEY, pointer, Pointer).release_id if pointer else "",
        model_version=str(champion[0]) if champion else "",
    )


def read_installation_id(matches: Asked) -> str:
    """The id in the match database; empty in one of a version that had none."""
    found = matches.first("SELECT id FROM installation") if matches.has_table("installation") else None
    return str(found[0]) if found else ""
