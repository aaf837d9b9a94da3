"""Backups of a home: whole, private, and taken while it is in use."""

import os
import stat
import threading
from pathlib import Path

import pytest

from soccer_assets.contract.release import MODEL_FILE, release_key
from soccer_assets.operations.backup import create
from soccer_assets.operations.backup.archive import MANIFEST, BackupError, read_manifest
from soccer_assets.operations.backup.create import back_up
from soccer_assets.operations.backup.restore import Mode
from soccer_assets.settings import Settings
from soccer_assets.stores.releases.backup_lease import LEASE_KEY, held_lease
from tests.operations.backup.small import Small, files_below

# The marks of what no backup may hold: values of variables in the environment of a home's processes.
SECRETS = {
    "HOOK_TOKEN": "hook-token-5d1c",
    "SOCCER_API_FOOTBALL_KEY": "provider-key-77aa",
    "SOCCER_FOOTBALL_DATA_ORG_KEY": "provider-key-90bc",
    "AWS_SECRET_ACCESS_KEY": "s3-secret-1f2e",
    "AWS_ACCESS_KEY_ID": "s3-id-4b3d",
    "SOCCER_REDIS_URL": "redis://:redis-password-8c@127.0.0.1:6/0",
    "SOCCER_SIDECARS": "http://user:sidecar-password-3e@sidecar:8000",
    "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://soccer:dagster-password-2d@db/dagster",
}


def test_a_backup_names_what_it_holds(home: Small, tmp_path: Path) -> None:
    """Ledger head, release, champion and schema are in its manifest, with a hash of every file."""
    release = home.publish(2)

    manifest = home.back_up(tmp_path / "backup")

    assert read_manifest(tmp_path / "backup") == manifest
    facts = manifest.facts
    assert (facts.matches, facts.ledger_entries, facts.release_id, facts.model_version) == (
        2,
        2,
        release,
        "1",
    )
    assert (len(facts.ledger_head), facts.schema) == (64, home.database.newest_schema())
    written = set(files_below(tmp_path / "backup")) - {MANIFEST, f"{MANIFEST}.sha256"}
    assert written == set(manifest.files)
    assert {name.split("/")[0] for name in written} >= {"home", "databases", "store", "artifacts"}
    assert not home.store.exists(LEASE_KEY)


def test_only_its_owner_may_read_a_backup(home: Small, tmp_path: Path) -> None:
    """Files are 0600 and folders 0700, also under a umask that lets everybody read."""
    before = os.umask(0)
    try:
        home.back_up(tmp_path / "backup")
    finally:
        os.umask(before)

    paths = [tmp_path / "backup", *(tmp_path / "backup").rglob("*")]
    modes = {path.is_dir(): set() for path in paths}
    for path in paths:
        modes[path.is_dir()].add(stat.S_IMODE(path.stat().st_mode))
    assert modes == {True: {0o700}, False: {0o600}}


def test_no_secret_is_in_a_backup(made_home, home: Small, tmp_path: Path, monkeypatch) -> None:
    """Hashes of keys are, but no token, and no value of a variable of the environment."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (home.settings.home / "dev.key").write_text("token-of-this-machine-6f\n")
    settings = Settings.from_env({"SOCCER_HOME": str(home.settings.home), **SECRETS})

    back_up(settings, os.environ, tmp_path / "backup", lambda _line: None)

    content = b"\0".join(files_below(tmp_path / "backup").values())
    marks = ("hook-token-5d1c", "provider-key", "s3-secret", "s3-id", "redis-password", "sidecar-password")
    for mark in (*marks, "dagster-password", "token-of-this-machine-6f", made_home[1]):
        assert mark.encode() not in content, mark
    assert b"${HOOK_TOKEN}" in content
    assert b"sha256" in content


def test_a_place_where_nothing_may_be_written_is_named_with_the_way_out(home: Small) -> None:
    """The file system of the kernel's objects takes no folder, not even root's."""
    with pytest.raises(BackupError, match=r"^nothing was backed up: /sys/\S+ cannot be used .* may read"):
        home.back_up(Path("/sys/backup"))


def test_a_backup_beside_hourly_runs_is_whole(home: Small, tmp_path: Path) -> None:
    """Runs go on while backups are taken; each backup is a state that the home could have been killed in."""
    done, published = threading.Event(), []

    def run() -> None:
        while not done.is_set():
            published.append(home.publish(2 + len(published)))

    runs = threading.Thread(target=run)
    runs.start()
    taken = 0
    try:
        while taken < 4 or len(published) < 2:
            home.back_up(tmp_path / f"backup-{taken}")
            taken += 1
    finally:
        done.set()
        runs.join()

    for number in range(taken):
        restored = Small.at(tmp_path / f"restored-{number}")
        restored.restore(tmp_path / f"backup-{number}", Mode.REPLACE)
        restored.check()
        restored.publish(1_000)
        restored.check()
        restored.close()


def test_a_pointer_that_moves_while_the_lease_is_taken_is_seen(
    home: Small, tmp_path: Path, monkeypatch
) -> None:
    """A publisher that had looked before the lease was there moves the pointer: the backup begins again."""
    pin, moved = create._pin, []

    def pin_and_move(*args):
        pinned = pin(*args)
        if not moved:
            monkeypatch.setattr("soccer_assets.stores.releases.publish.wait_for_lease", lambda _store: None)
            moved.append(home.publish(2))
        return pinned

    monkeypatch.setattr(create, "_pin", pin_and_move)
    manifest = home.back_up(tmp_path / "backup")

    assert (manifest.facts.release_id, manifest.facts.matches) == (moved[0], 2)


@pytest.mark.parametrize(
    "stage", ["objects that never change", "publish lease", "soccer.db", "remaining objects"]
)
def test_an_interrupted_backup_leaves_nothing_that_passes_as_whole(
    home: Small, tmp_path: Path, stage: str
) -> None:
    """Killed after any stage there is no backup; the next one is made all the same, and holds nobody up."""
    target = tmp_path / "backup"
    child = os.fork()
    if child == 0:  # pragma: no cover - killed

        def die(line: str) -> None:
            if stage in line:
                os._exit(9)

        back_up(home.settings, {}, target, die)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    assert not target.exists()
    for left in tmp_path.glob("backup*"):
        with pytest.raises(BackupError, match="no complete backup"):
            read_manifest(left)
    home.store.delete(LEASE_KEY)  # or it runs out
    home.back_up(target)
    assert sorted(path.name for path in tmp_path.glob("backup*")) == ["backup"]


def test_a_failed_backup_leaves_nothing(home: Small, tmp_path: Path) -> None:
    """A damaged database or release is told in one sentence, with nothing at the target."""
    pointer = home.releases.pointer()
    key = release_key(pointer.release_id, MODEL_FILE)
    home.store.write(key, b"changed")
    with pytest.raises(BackupError, match=f"{key} of the current release is missing or damaged") as failed:
        home.back_up(tmp_path / "backup")
    assert "\n" not in str(failed.value)

    home.close()
    file = home.settings.home / "soccer.db"
    file.write_bytes(b"not a database" * 1000)
    with pytest.raises(BackupError, match=r"soccer\.db cannot be copied") as failed:
        home.back_up(tmp_path / "backup")
    assert "\n" not in str(failed.value)
    assert not list(tmp_path.glob("backup*"))


def test_a_backup_overwrites_nothing(home: Small, tmp_path: Path) -> None:
    """A folder with something in it is refused, and so is a home that was never started."""
    (tmp_path / "backup").mkdir()
    home.back_up(tmp_path / "backup")
    before = files_below(tmp_path / "backup")

    with pytest.raises(BackupError, match="backup exists; name a new folder"):
        home.back_up(tmp_path / "backup")
    with pytest.raises(BackupError, match="was never started"):
        Small.at(tmp_path / "nothing").back_up(tmp_path / "other")
    with held_lease(home.store), pytest.raises(BackupError, match="another backup of this store is running"):
        home.back_up(tmp_path / "other")

    assert files_below(tmp_path / "backup") == before
    assert not (tmp_path / "other").exists()
