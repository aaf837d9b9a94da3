"""Homes of the first published versions go on under this one: they are refreshed, and a model is trained.

The code of 24 and of 27 November 2026 built the homes in ``tests/data/first_homes``: one simulated league
(SOCCER_SEED=13), 20 months, a release at 2025-04-25 and one two days later. The databases are kept as SQL
dumps, without Dagster's, in which nothing but the history of runs is. Do not write these files again: they
are what an upgrade finds.
"""

import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from soccer_assets.contract.release import Manifest
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.home import apply_home, open_home
from soccer_assets.operations.upgrades import upgrade_databases
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.installation import read_identity, read_installation
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.matches.removals import read_balance
from soccer_assets.stores.releases.origin import establish
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.tables import ledger_entry, match
from tests.archives import unpack_tar
from tests.homes import build
from tests.stores.releases.test_publish import whole_release

HOMES = Path(__file__).parent / "data" / "first_homes"
VERSIONS = ("2026-11-24", "2026-11-27")
TWO_DAYS_LATER = "2025-04-29T09:00:00Z"
DATABASES = ("soccer", "mlflow/mlflow")


def unpack(version: str, folder: Path) -> Settings:
    """A home as that version left it, and its settings two days later."""
    with tarfile.open(HOMES / f"{version}.tar.xz") as archive:
        unpack_tar(archive, folder)
    for name in DATABASES:
        with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
            connection.executescript((folder / f"{name}.sql").read_text())
    return Settings.from_env(
        {"SOCCER_HOME": str(folder), "SOCCER_SEED": "13", "SOCCER_LEAGUES": "1", "SOCCER_NOW": TWO_DAYS_LATER}
    )


def start(settings: Settings) -> Settings:
    """What `soccer up` does before it starts a process."""
    feed, database = open_feeds(settings), Database(settings.database_url)
    home = open_home(settings, is_simulated=feed.is_simulated, first_month=feed.first_month())
    settings = apply_home(settings, home)
    upgrade_databases(settings, os.environ)
    assert database.migrate() is not None, "the database was not of an earlier version"
    establish(database, ObjectStore(settings.store_url), is_simulated=feed.is_simulated)
    return settings


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_home_of_a_first_version_is_refreshed_and_trains(version: str, tmp_path: Path) -> None:
    """No run fails or refuses, ledger and matches are all there, and the release says whose they are."""
    settings = unpack(version, tmp_path / "home")
    entries, matches = kept_rows(tmp_path / "home" / "soccer.db")
    assert entries
    settings = start(settings)
    database, store = Database(settings.database_url), ObjectStore(settings.store_url)
    before = Releases(store, EventBus("")).pointer()

    for job in ("refresh_hourly", "retrain_model"):
        outcome = build(settings, job)
        assert not outcome.failure, (job, outcome.failure)
        assert Releases(store, EventBus("")).pointer() != before
        _assert_whole(database, store, entries, matches)
    database.engine.dispose()


def kept_rows(file: Path) -> tuple[list[str], set[str]]:
    """The hashes of the ledger and the ids of the played matches, as they were."""
    with closing(sqlite3.connect(file)) as connection:
        entries = connection.execute("SELECT hash FROM ledger_entry ORDER BY sequence").fetchall()
        matches = connection.execute("SELECT match_id FROM match WHERE status = 'finished'").fetchall()
    return [entry for (entry,) in entries], {match_id for (match_id,) in matches}


def _assert_whole(database: Database, store: ObjectStore, entries: list[str], matches: set[str]) -> None:
    manifest: Manifest = whole_release(store)
    with database.reading() as connection:
        own, balance = read_identity(connection), read_balance(connection)
        hashes = connection.execute(sa.select(ledger_entry.c.hash).order_by(ledger_entry.c.sequence))
        assert list(hashes.scalars())[: len(entries)] == entries
        played = connection.execute(sa.select(match.c.match_id).where(match.c.status == "finished"))
        assert matches <= set(played.scalars())
    assert (own.id, own.is_simulated) == (read_installation(store).id, True)
    assert manifest.origin is not None
    assert manifest.origin.installation == own.id
    assert (balance.missing, balance.settled) == (0, manifest.origin.settled)
    assert audit(database, store).is_whole
