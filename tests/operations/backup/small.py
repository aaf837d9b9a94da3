"""A small installation with every part that a backup copies, and what a whole one has to agree on."""

import json
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.football.identity import mint_match_id
from soccer_assets.home import open_home
from soccer_assets.operations.backup.archive import BackupManifest
from soccer_assets.operations.backup.create import back_up
from soccer_assets.operations.backup.restore import Mode, Restored, restore
from soccer_assets.operations.local_instance import INSTANCE, open_instance
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.watermarks import read_watermark
from soccer_assets.settings import Settings
from soccer_assets.stores.exports import CURRENT_KEY, CurrentExport, Exports
from soccer_assets.stores.history.parts import HistorySource, lost_parts, update_history
from soccer_assets.stores.installation import read_identity, read_installation
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.ledger.parquet_copy import copy_ledger
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.releases.key_store import create_key
from soccer_assets.stores.releases.origin import establish, require_origin
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.tables import match
from tests.builders import NOW, raw_match
from tests.models import train_champion
from tests.serving.builders import make_prediction
from tests.stores.ledger.test_record import entry, feed, record
from tests.stores.releases.test_publish import draft, whole_release


class Small:
    """The installation of some settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.database_url)
        self.store = ObjectStore(settings.store_url, settings.s3_endpoint_url)

    @classmethod
    def at(cls, home: Path, **environ: str) -> "Small":
        """The installation whose home is a folder."""
        return cls(Settings.from_env({"SOCCER_HOME": str(home)} | environ))

    def begin(self, registry: ModelRegistry, **instance_settings: Any) -> str:
        """Make every part; returns the token of its one key."""
        open_home(self.settings, is_simulated=True, first_month=NOW.date())
        self.database.migrate()
        instance = self.settings.home / "dagster"
        instance.mkdir(exist_ok=True)
        (instance / "dagster.yaml").write_text(json.dumps(INSTANCE | instance_settings))
        establish(self.database, self.store, is_simulated=True)
        self.train(registry, 0.5)
        Subscribers(self.settings.alerts_file).subscribe("jsons://${HOOK_TOKEN}@hooks.example.com/alerts")
        self.publish(1)
        return create_key(self.store, ["read"], NOW)

    def train(self, registry: ModelRegistry, weight: float) -> str:
        """Register a champion in a run of Dagster's; returns its version."""
        with open_instance(self.settings.home / "dagster") as instance:
            return train_champion(registry, weight, instance)

    def publish(self, number: int) -> str:
        """What an hourly run does with one more match: ingest, export, ledger, its copy, release."""
        name = f"m{number}"
        feed(self.database, raw_match(source_match_id=name, payload={"id": name}, home_team=f"Club {number}"))
        Exports(self.store, self.database).update(NOW)
        record(self.database, entry(match_id=mint_match_id("fake", name)))
        copy_ledger(self.database, self.store)
        drafted = draft(make_prediction(name), ledger_head=ledger_head(self.database))
        origin = require_origin(self.database, self.store, is_simulated=True)
        release_id = self.releases.publish(
            drafted, b"model", b"state", NOW, origin=origin
        ).manifest.release_id
        source = HistorySource(
            database=self.database, strengths_of=lambda _rows: {}, feed="fake", is_simulated=True, now=NOW
        )
        self.releases.publish_history(update_history(self.store, source).entry)
        return release_id

    @property
    def id(self) -> str:
        """Its id, which database and store agree on."""
        with self.database.reading() as connection:
            found = read_identity(connection).id
        assert read_installation(self.store).id == found
        return found

    @property
    def releases(self) -> Releases:
        """Writes and reads its releases."""
        return Releases(self.store, EventBus(""))

    def back_up(self, target: Path, environ: dict[str, str] | None = None) -> BackupManifest:
        """A backup of it."""
        return back_up(self.settings, environ or {}, target, lambda _line: None)

    def restore(self, folder: Path, mode: Mode, environ: dict[str, str] | None = None) -> Restored:
        """A restore into its places."""
        return restore(self.settings, environ or {}, folder, mode, lambda _line: None)

    def matches(self) -> int:
        """How many matches it has."""
        with self.database.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(match)).scalar_one()

    def check(self) -> None:
        """Its parts agree: ledger, copy and releases; and no object is ahead of the database."""
        found = audit(self.database, self.store)
        assert found.is_whole, found
        manifest = whole_release(self.store)
        assert manifest.release_id == self.releases.pointer().release_id
        with self.database.reading() as connection:
            change_no = read_watermark(connection, "change_no")
        assert lost_parts(self.store, self.releases.pointer().history.sha256) == []
        exported = msgspec.json.decode(self.store.read(CURRENT_KEY), type=CurrentExport)
        assert exported.change_no <= change_no
        exports = Exports(self.store, self.database)
        assert exports.read_matches(exports.manifest()).num_rows > 0

    def close(self) -> None:
        """Let its files go."""
        self.database.engine.dispose()


def registry_of(settings: Settings) -> ModelRegistry:
    """The registry as the graph opens it."""
    return ModelRegistry(settings.mlflow_url, settings.artifacts)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
