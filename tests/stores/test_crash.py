"""After a kill the next run finishes the work: nothing is lost, duplicated or partly visible."""

import datetime as dt
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from soccer_assets.football.matches import Window
from soccer_assets.resources import bulk_rows
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports, MissingSnapshotError
from soccer_assets.stores.matches import normalise as match_store
from soccer_assets.stores.matches import raw as raw_store
from soccer_assets.stores.matches import raw_rows
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, match_raw, team
from tests.builders import COMPETITIONS, NOW, two_leagues

WINDOW = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
KILLED = 9


def ingest_all(database: Database) -> None:
    """Both leagues, stored and normalised."""
    store_raw(database, two_leagues(), asset="livescores/history", source="fake", window=WINDOW, now=NOW)
    update_matches(database, COMPETITIONS, NOW)


def _facts(database: Database) -> list[list[tuple[object, ...]]]:
    """The rows of the tables without change numbers, which count transactions."""
    with database.reading() as connection:
        return [
            sorted(
                tuple(value for name, value in row._mapping.items() if name != "change_no")
                for row in connection.execute(sa.select(table))
            )
            for table in (match_raw, match, team)
        ]


def _kill_in(function: Callable[..., None], *arguments: str | int) -> None:
    """Run what kills its own process, in a copy of this one: a new interpreter would import for 2 s."""
    child = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    child.start()
    child.join()
    assert child.exitcode == KILLED


def _killing(real: Callable[..., object], at: Iterator[bool]) -> Callable[..., object]:
    """A function that does its work, and then ends the process where `at` says so."""

    def write(*arguments: object, **named: object) -> object:
        done = real(*arguments, **named)
        if next(at):
            os._exit(KILLED)
        return done

    return write


def _ingest_until(url: str, last: int) -> None:
    """Ingest both leagues; the process ends after a write."""
    at = (number == last for number in itertools.count(1))
    for module in (raw_store, raw_rows, match_store):
        for name in ("insert_columns", "upsert", "upsert_columns"):
            if hasattr(module, name):
                setattr(module, name, _killing(getattr(bulk_rows, name), at))
    for module in (raw_store, match_store):
        module.ROWS_PER_TRANSACTION = 50  # type: ignore[attr-defined]  # a name that it imports
    ingest_all(Database(url))


def _export_until(url: str, store_url: str, write: int) -> None:
    """Export; the process ends before it writes a file."""
    real, numbers = ObjectStore.write, itertools.count(1)

    def killing(self: ObjectStore, key: str, data: bytes) -> None:
        if next(numbers) == write:
            os._exit(KILLED)
        real(self, key, data)

    ObjectStore.write = killing  # type: ignore[method-assign]  # in this process alone, which ends
    Exports(ObjectStore(store_url), Database(url)).update(NOW)


@pytest.mark.parametrize("call", [1, 2, 3, 5, 8, 13])
def test_killed_in_an_upsert_the_next_run_finishes(
    database: Database, tmp_path: Path, migrated_file: Path, call: int
) -> None:
    """The process ends after the ``call``-th write, before the commit; the next run gives the same tables."""
    _kill_in(_ingest_until, database.engine.url.render_as_string(hide_password=False), call)
    ingest_all(database)
    once = tmp_path / "once.db"
    once.write_bytes(migrated_file.read_bytes())
    undisturbed = Database(f"sqlite:///{once}")
    ingest_all(undisturbed)

    assert _facts(database) == _facts(undisturbed)


@pytest.mark.parametrize("write", [1, 3, 5, 6])
def test_killed_in_an_export_no_half_snapshot_is_visible(
    database: Database, folder_store: ObjectStore, write: int
) -> None:
    """The process ends before its ``write``-th file: there is no snapshot until the next run writes one."""
    ingest_all(database)
    url = database.engine.url.render_as_string(hide_password=False)
    _kill_in(_export_until, url, folder_store.url, write)
    exports = Exports(folder_store, database)
    with pytest.raises(MissingSnapshotError):
        exports.manifest()

    manifest, _ = exports.update(NOW)

    assert exports.read_matches(manifest).num_rows == len(two_leagues())
    assert manifest.tables["match_raw"].rows == len(two_leagues())
    assert exports.manifest() == manifest
