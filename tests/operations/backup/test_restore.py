"""Restores of a home: verified before anything changes, in place of the original or beside it."""

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from filelock import FileLock
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.contract.events import Event
from soccer_assets.contract.release import CHAMPION
from soccer_assets.operations.backup import create, restore
from soccer_assets.operations.backup.archive import MANIFEST, BackupError, BackupManifest
from soccer_assets.operations.backup.restore import Mode
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.stores.releases.origin import require_origin
from soccer_assets.tables import alert_delivery
from tests.builders import NOW
from tests.operations.backup.small import Small, files_below, registry_of
from tests.test_disk_full import disk, fill  # noqa: F401 - a fixture


@pytest.fixture
def backup(home: Small, tmp_path: Path) -> Path:
    """A backup of the home."""
    home.back_up(tmp_path / "backup")
    return tmp_path / "backup"


def test_a_home_is_restored_at_another_path(home: Small, backup: Path, tmp_path: Path) -> None:
    """Matches, ledger, releases, models and Dagster's runs are there; it goes on without the original."""
    objects = files_below(Path(home.store.root))
    home.close()
    shutil.rmtree(home.settings.home)
    moved = Small.at(tmp_path / "elsewhere" / "new home")

    restored = moved.restore(backup, Mode.REPLACE)

    assert (restored.set_aside, restored.muted) == ((), 0)
    kept = {name: data for name, data in objects.items() if not name.endswith(".lock")}
    assert files_below(Path(moved.store.root)) == kept
    moved.check()
    registry = registry_of(moved.settings)
    champion = registry.get(CHAMPION)
    assert registry.load(champion).sha256 == champion.facts.content_sha256
    moved.train(registry, 0.9)
    moved.publish(2)
    moved.check()
    assert moved.matches() == 2
    assert not home.settings.home.exists()
    moved.close()


def test_an_older_backup_takes_the_place_of_a_newer_state(home: Small, backup: Path) -> None:
    """The home is as it was; the newer state stays beside it, under another name."""
    before = home.releases.pointer()
    newer = home.publish(2)
    home.close()

    restored = home.restore(backup, Mode.REPLACE)

    assert (home.matches(), home.releases.pointer()) == (1, before)
    home.check()
    (aside,) = restored.set_aside
    former = Small.at(Path(aside))
    assert (former.matches(), former.releases.pointer().release_id) == (2, newer)
    former.close()
    assert home.publish(2) == newer
    home.check()


def test_a_copy_alerts_nobody(home: Small, tmp_path: Path) -> None:
    """Its subscribers are muted, and waiting messages are the original's; a replacement keeps both."""
    with home.database.writing() as connection:
        message = {"delivery_id": "d1", "subscriber": "s", "attempts": 0, "last_error": ""}
        texts = {column.name: "x" for column in alert_delivery.columns if not column.nullable}
        times = {"created_at": NOW, "next_try_at": NOW}
        connection.execute(sa.insert(alert_delivery).values(texts | message | times))
    home.back_up(tmp_path / "backup")
    copy, replacement = Small.at(tmp_path / "copy"), Small.at(tmp_path / "replacement")

    muted = copy.restore(tmp_path / "backup", Mode.COPY).muted
    replacement.restore(tmp_path / "backup", Mode.REPLACE)

    assert muted == 1
    for small, is_muted in ((copy, True), (replacement, False)):
        (subscriber,) = Subscribers(small.settings.alerts_file).all()
        assert subscriber.is_muted(NOW + dt.timedelta(days=365 * 100)) is is_muted
        with small.database.reading() as connection:
            waiting = connection.execute(sa.select(sa.func.count()).select_from(alert_delivery)).scalar()
        assert waiting == (0 if is_muted else 1)
        assert (small.id != home.id) is is_muted
        small.check()
        small.publish(2)
        small.check()
        small.close()


def test_a_copy_shares_no_name_with_its_original(home: Small, tmp_path: Path, valkey_url: str) -> None:
    """On one Redis each writes into its own stream; a replacement goes on in the original's."""
    database, store = home.database, home.store
    original = require_origin(database, store, is_simulated=True).installation
    home.back_up(tmp_path / "backup")
    copy, replacement = Small.at(tmp_path / "copy"), Small.at(tmp_path / "replacement")

    copy.restore(tmp_path / "backup", Mode.COPY)
    replacement.restore(tmp_path / "backup", Mode.REPLACE)

    ids, streams = [], []
    for number, small in enumerate((home, copy, replacement)):
        ids.append(require_origin(small.database, small.store, is_simulated=True).installation)
        small.publish(2)
        assert EventBus(valkey_url, small.store).publish(
            Event(type="release", at="", release_id=f"r{number}")
        )
        small.close()
    for small in (home, copy):
        last = EventBus(valkey_url, small.store).last_release()
        streams.append(last.release_id if last else None)
    assert (ids[0], ids[2]) == (original, original)
    assert ids[1] not in {original, ""}
    assert streams == ["r2", "r1"]


def test_a_copy_overwrites_nothing(home: Small, backup: Path) -> None:
    """It is refused where something is."""
    before = files_below(home.settings.home)

    with pytest.raises(BackupError, match="is not empty; a copy needs places of its own"):
        home.restore(backup, Mode.COPY)

    assert files_below(home.settings.home) == before


def test_a_replacement_is_refused_while_the_original_answers(
    home: Small, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """While `soccer up` holds its home, or while one of its sidecars serves a release; a copy is not."""
    with_sidecar = Small.at(home.settings.home, SOCCER_SIDECARS=httpserver.url_for("").rstrip("/"))
    with_sidecar.back_up(tmp_path / "backup")
    httpserver.expect_ordered_request("/ready").respond_with_json({"status": "ready"})
    httpserver.expect_ordered_request("/ready").respond_with_json({"title": "no release"}, status=503)
    moved, copy = Small.at(tmp_path / "moved"), Small.at(tmp_path / "copy")

    with FileLock(home.settings.home / "up.lock"):
        with pytest.raises(BackupError, match="the original answers: `soccer up` is running") as refused:
            moved.restore(tmp_path / "backup", Mode.REPLACE)
        assert "\n" not in str(refused.value)
        with pytest.raises(BackupError, match="`soccer up` is running on"):
            home.restore(tmp_path / "backup", Mode.REPLACE)
        copy.restore(tmp_path / "backup", Mode.COPY)
    with pytest.raises(BackupError, match=r"the original answers: http.* serves predictions"):
        moved.restore(tmp_path / "backup", Mode.REPLACE)
    assert not moved.settings.home.exists()
    moved.restore(tmp_path / "backup", Mode.REPLACE)

    for small in (with_sidecar, moved, copy):
        small.close()


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def cut(file: Path) -> None:
    """Lose the second half of a file."""
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a bit of the database": ("databases/soccer.db", flip),
    "half of a database": ("databases/mlflow.db", cut),
    "no database": ("databases/soccer.db", Path.unlink),
    "a bit of the pointer": ("store/releases/current.json", flip),
    "no pointer": ("store/releases/current.json", Path.unlink),
    "a bit of the home": ("home/home.json", flip),
    "a bit of the manifest": (MANIFEST, flip),
    "half of the manifest": (MANIFEST, cut),
    "no manifest": (MANIFEST, Path.unlink),
    "a bit of the manifest's hash": (f"{MANIFEST}.sha256", flip),
    "no hash of the manifest": (f"{MANIFEST}.sha256", Path.unlink),
    "an empty manifest": (MANIFEST, lambda file: file.write_bytes(b"")),
}


FORGERIES = {
    "no JSON": (MANIFEST, b"no JSON"),
    "another JSON": (MANIFEST, b"[1, 2]"),
    "a manifest without facts": (MANIFEST, b'{"format": 1, "made_by": "1"}'),
    "no database": ("databases/soccer.db", b"no SQLite file" * 400),
    "an empty database": ("databases/soccer.db", b""),
    "no MLflow": ("databases/mlflow.db", b"no SQLite file" * 400),
    "no pointer": ("store/releases/current.json", b"{}"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_backup_with_right_hashes_is_refused_in_one_sentence(
    home: Small, backup: Path, forgery: str
) -> None:
    """Hashes tell of damage; who writes the files anew writes the hashes too."""
    name, content = FORGERIES[forgery]
    (backup / name).write_bytes(content)
    if name != MANIFEST:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes())
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        (backup / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    seal = hashlib.sha256((backup / MANIFEST).read_bytes()).hexdigest()
    (backup / f"{MANIFEST}.sha256").write_text(f"{seal}  {MANIFEST}\n")
    home.close()
    before = files_below(home.settings.home)

    with pytest.raises(BackupError, match=r"is damaged|nothing was restored") as refused:
        home.restore(backup, Mode.REPLACE)

    assert "\n" not in str(refused.value)
    assert files_below(home.settings.home) == before
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup", "home"]


@pytest.mark.parametrize("kilobytes", [0, 200, 1500])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    home: Small,
    backup: Path,
    disk: Path,  # noqa: F811
    kilobytes: int,
) -> None:
    """Of a backup and of a restore; what was there stays, and with space again both work."""
    filler = fill(disk)
    os.truncate(filler, filler.stat().st_size - kilobytes * 1000)
    copy = Small.at(disk / "home")
    for attempt in (lambda: home.back_up(disk / "backup"), lambda: copy.restore(backup, Mode.COPY)):
        with pytest.raises(BackupError, match=r"nothing was (backed up|restored)") as refused:
            attempt()
        assert "\n" not in str(refused.value)
        assert [path.name for path in disk.iterdir()] == ["filler"]
    filler.unlink()
    copy.restore(backup, Mode.COPY)
    copy.check()
    copy.close()


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_in_one_sentence(
    home: Small, backup: Path, damage: str, mode: Mode
) -> None:
    """Whatever is damaged is named, and the home stays as it is."""
    name, hurt = DAMAGES[damage]
    hurt(backup / name)
    home.close()
    before = files_below(home.settings.home)
    target = home if mode is Mode.REPLACE else Small.at(backup.parent / "copy")

    with pytest.raises(BackupError, match=r"is damaged|no complete backup") as refused:
        target.restore(backup, mode)

    assert "\n" not in str(refused.value)
    assert files_below(home.settings.home) == before
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup", "home"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "was made by version .*; restore it with that version"),
        ({"files": {"../outside": {"sha256": "0" * 64, "bytes": 1}}}, "outside is missing or was changed"),
        ({"files": {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}}}, "passwd is missing or was changed"),
        ({"schema": "9999"}, "install that version or a newer one first"),
        ({"ledger_head": "0" * 64}, "ledger_head 0000.*restore another backup"),
        ({"release_id": "another"}, "release_id another.*restore another backup"),
        ({"model_version": "7"}, "model_version 7.*restore another backup"),
        ({"matches": 7}, "matches 7.*restore another backup"),
    ],
)
def test_a_backup_that_does_not_fit_its_manifest_is_refused(
    home: Small, tmp_path: Path, monkeypatch, change: dict[str, object], message: str
) -> None:
    """What was restored is compared with the recorded facts before it takes its place."""
    seal = create.ArchiveWriter.seal

    def seal_another(self: create.ArchiveWriter, manifest: BackupManifest) -> None:
        replace = msgspec.structs.replace
        facts = {name: value for name, value in change.items() if name in manifest.facts.__struct_fields__}
        rest = {name: value for name, value in change.items() if name not in facts}
        seal(self, replace(manifest, facts=replace(manifest.facts, **facts), **rest))

    monkeypatch.setattr(create.ArchiveWriter, "seal", seal_another)
    home.back_up(tmp_path / "backup")
    target = Small.at(tmp_path / "target")

    with pytest.raises(BackupError, match=message) as refused:
        target.restore(tmp_path / "backup", Mode.REPLACE)

    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "home"]


@pytest.mark.parametrize("stage", ["hashes", "store", "databases/mlflow"])
def test_a_killed_restore_changes_nothing_and_may_be_repeated(
    home: Small, backup: Path, stage: str, monkeypatch
) -> None:
    """Until the parts take their places the home is as it was."""
    home.publish(2)
    home.close()
    before = files_below(home.settings.home)
    monkeypatch.setattr(restore._Restoring, "discard", lambda _self: None)  # a kill cleans nothing up

    def die(line: str) -> None:
        if f"✓ {stage}" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore.restore(home.settings, {}, backup, Mode.REPLACE, die)
    assert files_below(home.settings.home) == before
    monkeypatch.undo()

    home.restore(backup, Mode.REPLACE)
    assert home.matches() == 1
    home.check()
    assert not list(backup.parent.glob("*restoring*"))


def test_parts_outside_the_home_are_restored_too(home: Small, tmp_path: Path) -> None:
    """A database and a store that the settings name elsewhere; what was there stays under another name."""
    places = {
        "SOCCER_DATABASE_URL": f"sqlite:///{tmp_path}/elsewhere/matches.db",
        "SOCCER_STORE_URL": f"file://{tmp_path}/elsewhere/objects",
        "SOCCER_ALERTS_FILE": str(tmp_path / "elsewhere/alerts.json"),
    }
    home.back_up(tmp_path / "backup")
    other = Small.at(tmp_path / "other", **places)
    other.restore(tmp_path / "backup", Mode.COPY)
    other.publish(2)
    other.check()
    other.close()
    home.close()

    restored = other.restore(tmp_path / "backup", Mode.REPLACE)

    assert other.matches() == 1
    other.check()
    assert sorted(Path(place).name.split(".replaced")[0] for place in restored.set_aside) == [
        "alerts.json",
        "matches.db",
        "objects",
        "other",
    ]
    assert not list(tmp_path.rglob("*restoring*"))
    registry = ModelRegistry(other.settings.mlflow_url, other.settings.artifacts)
    assert registry.load(registry.get(CHAMPION))
    other.close()
