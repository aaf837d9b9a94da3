"""After a kill the next run finishes the work: nothing is lost, duplicated or partly visible."""

import datetime as dt
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa

from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports, MissingSnapshotError
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


def _killed(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == KILLED, done.stderr


@pytest.mark.parametrize("call", [1, 2, 3, 5, 6, 7])
def test_killed_in_an_upsert_the_next_run_finishes(
    database: Database, tmp_path: Path, migrated_file: Path, call: int
) -> None:
    """The process ends after the ``call``-th write, before the commit; the next run gives the same tables."""
    program = """
        import os, sys
        from soccer_assets.stores.matches import normalise as match_store
        from soccer_assets.stores.matches import raw as raw_store
        from soccer_assets.resources.database import Database
        from soccer_assets.resources.bulk_rows import (insert, upsert)
        from tests.stores.test_crash import ingest_all
        calls = 0
        def killing(real):
            def write(*arguments):
                global calls
                real(*arguments)
                calls += 1
                if calls == int(sys.argv[2]):
                    os._exit(9)
            return write
        raw_store.upsert = match_store.upsert = killing(upsert)
        raw_store.insert = match_store.insert = killing(insert)
        raw_store.ROWS_PER_TRANSACTION = match_store.ROWS_PER_TRANSACTION = 50
        ingest_all(Database(sys.argv[1]))
    """
    _killed(program, database.engine.url.render_as_string(hide_password=False), str(call))
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
    program = """
        import os, sys
        from soccer_assets.resources.database import Database
        from soccer_assets.stores.exports import Exports
        from soccer_assets.resources.object_store import ObjectStore
        from tests.builders import NOW
        real, calls = ObjectStore.write, 0
        def killing(self, key, data):
            global calls
            calls += 1
            if calls == int(sys.argv[3]):
                os._exit(9)
            real(self, key, data)
        ObjectStore.write = killing
        Exports(ObjectStore(sys.argv[2]), Database(sys.argv[1])).update(NOW)
    """
    url = database.engine.url.render_as_string(hide_password=False)
    _killed(program, url, folder_store.url, str(write))
    exports = Exports(folder_store, database)
    with pytest.raises(MissingSnapshotError):
        exports.manifest()

    manifest, _ = exports.update(NOW)

    assert exports.read_matches(manifest).num_rows == len(two_leagues())
    assert manifest.tables["match_raw"].rows == len(two_leagues())
    assert exports.manifest() == manifest
