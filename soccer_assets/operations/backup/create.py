"""`soccer backup`: copies a running installation.

Bulk objects are copied first, so that the rest is short. Under the publish lease the pointer cannot move:
the other current objects are read, then the states of Dagster's, the match and MLflow's databases are pinned,
in this order. So nothing in the backup is ahead of what it refers to: a part of the store may be older than
the match database, as after a kill, and the next run brings it up to date. The databases are dumped from
their pinned states after the lease has ended.
"""

import contextlib
import errno
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from soccer_assets.clock import SystemClock, isoformat
from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.home import read_home
from soccer_assets.operations.backup import places as at
from soccer_assets.operations.backup.archive import (
    FORMAT,
    ArchiveWriter,
    BackupError,
    BackupManifest,
    private_files,
)
from soccer_assets.operations.backup.facts import Asked, AskedFile, AskedServer, read_facts
from soccer_assets.operations.backup.objects import copy_objects, lost, read_changing, written_once
from soccer_assets.operations.backup.places import Places, file_of, is_sqlite, places_of
from soccer_assets.operations.backup.postgres import PinnedDatabase
from soccer_assets.operations.backup.progress import Progress
from soccer_assets.operations.backup.sqlite_files import PinnedFile, copy_file
from soccer_assets.resources.resource_error import ResourceError
from soccer_assets.settings import Settings
from soccer_assets.stores.releases.backup_lease import LeaseError, held_lease

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_ATTEMPTS = 3

Say = Callable[[str], None]
Pinned = dict[str, PinnedFile | PinnedDatabase]


def back_up(settings: Settings, environ: Mapping[str, str], target: Path, say: Say) -> BackupManifest:
    """Copy the installation of these settings into a new folder.

    Args:
        settings: the home or deployment; it may be running.
        environ: says where MLflow's server and Dagster keep their databases, see `places_of`.
        target: the folder, which must not exist or be empty.
        say: prints a line of progress.

    Raises:
        BackupError: nothing was backed up; nothing is left at ``target``.
    """
    places = places_of(settings, environ)
    if read_home(settings) is None:
        raise BackupError(f"{settings.home} was never started; set SOCCER_HOME to the home to back up")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"{target} exists; name a new folder, such as one with today's date")
    try:
        with private_files(), _partial(target) as folder:
            manifest = _fill(settings, places, ArchiveWriter(folder), say)
            folder.rename(target)
    except (OSError, LeaseError, ResourceError) as error:
        raise BackupError(f"nothing was backed up: {_reason(error)}") from error
    return manifest


def _reason(error: Exception) -> str:
    """What failed; with the way out where this user may not read or write a file."""
    if isinstance(error, OSError) and error.errno in _FORBIDDEN:
        return (
            f"{error.filename} cannot be used ({error.strerror}); make it a file or folder that the user who "
            "runs `soccer` may read and write"
        )
    return str(error)


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """A folder beside the target, removed unless it was renamed; what a killed backup left is removed too."""
    folder = target.with_name(f"{target.name}.partial")
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BackupError(f"another backup is being written to {target}; wait until it has ended") from None
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _fill(settings: Settings, places: Places, writer: ArchiveWriter, say: Say) -> BackupManifest:
    store, artifacts = places.open_store(), places.open_artifacts()
    progress = Progress(say, "objects that never change")
    copy_objects(store, written_once(store), writer, at.STORE, progress)
    copy_objects(artifacts, artifacts.list(""), writer, at.ARTIFACTS, progress)
    progress.done(_size(writer))

    progress = Progress(say, "publish lease")
    for _ in range(_ATTEMPTS):
        with held_lease(store):
            start = time.monotonic()
            made_at = isoformat(SystemClock().now())
            pointer, changing = store.read(POINTER_KEY), read_changing(store)
            there = written_once(store)  # a release that is written later has entries that the ledger lacks
            pinned = _pin(places, writer)
            is_still = store.read(POINTER_KEY) == pointer
        if is_still:
            break
        _close(pinned)  # a publisher had looked for the lease just before it was taken
    else:
        raise BackupError("the release changed during each of three attempts; run the backup again")
    progress.done(f"held for {time.monotonic() - start:.1f} s")

    try:
        facts_of = _dump(places, pinned, writer, say)
        facts = read_facts(facts_of[at.MATCHES], facts_of[at.MLFLOW], pointer)
    finally:
        _close(pinned)
    progress = Progress(say, "the remaining objects")
    copy_objects(store, there, writer, at.STORE, progress)
    copy_objects(artifacts, artifacts.list(""), writer, at.ARTIFACTS, progress)
    for key, data in changing.items():
        writer.write(f"{at.STORE}/{key}", data)
    if pointer is not None:
        writer.write(f"{at.STORE}/{POINTER_KEY}", pointer)
    _copy_files(places, writer)
    progress.done(_size(writer))
    _check_references(writer, say)
    manifest = BackupManifest(
        format=FORMAT,
        made_at=made_at,
        made_by=version("soccer-assets"),
        host=socket.gethostname(),
        home=str(places.home),
        sidecars=tuple(map(_without_login, settings.sidecars)),
        facts=facts,
        files=writer.files,
    )
    writer.seal(manifest)
    return manifest


def _pin(places: Places, writer: ArchiveWriter) -> Pinned:
    """Pin the databases: Dagster's first, because what it says was done must be in the match database."""
    pinned: Pinned = {}
    try:
        _pin_into(pinned, places, writer)
    except BaseException:
        _close(pinned)
        raise
    return pinned


def _pin_into(pinned: Pinned, places: Places, writer: ArchiveWriter) -> None:
    if places.dagster:
        name = f"{at.DAGSTER}{at.DUMP}"
        pinned[name] = PinnedDatabase(places.dagster, writer.path(name))
    else:
        for file in at.DAGSTER_FILES:
            if (places.dagster_folder / file).is_file():
                name = f"{at.DAGSTER}/{file}"
                pinned[name] = PinnedFile(places.dagster_folder / file, writer.path(name))
    for base, url in ((at.MATCHES, places.matches), (at.MLFLOW, places.mlflow)):
        if not is_sqlite(url):
            pinned[base + at.DUMP] = PinnedDatabase(url, writer.path(base + at.DUMP))
        elif file_of(url).is_file():
            pinned[base + at.FILE] = PinnedFile(file_of(url), writer.path(base + at.FILE))


def _close(pinned: Pinned) -> None:
    for each in pinned.values():
        each.close()


def _dump(places: Places, pinned: Pinned, writer: ArchiveWriter, say: Say) -> dict[str, Asked]:
    """Dump every database, the match database first; returns those that the facts are read from."""
    asked: dict[str, Asked] = {
        base: AskedFile(writer.folder / f"{base}{at.FILE}") for base in (at.MATCHES, at.MLFLOW)
    }
    for name, each in sorted(pinned.items(), key=lambda item: not item[0].startswith(at.MATCHES)):
        progress = Progress(say, name)
        each.finish(progress.at)
        writer.add(name)
        progress.done(f"{writer.files[name].bytes / 1e6:,.1f} MB")
        if isinstance(each, PinnedDatabase):
            asked[name.removesuffix(at.DUMP)] = AskedServer(each.connection)
    if not places.dagster:
        _copy_run_files(places, writer, say)
    return asked


def _copy_run_files(places: Places, writer: ArchiveWriter, say: Say) -> None:
    """The events of each run; the index, which is pinned, says what was materialised."""
    progress = Progress(say, "events of Dagster's runs")
    files = [file for file in (places.dagster_folder / at.RUN_FOLDER).glob("*.db") if file.name != "index.db"]
    for done, file in enumerate(files, 1):
        name = f"{at.DAGSTER}/{at.RUN_FOLDER}/{file.name}"
        copy_file(file, writer.path(name))
        writer.add(name)
        progress.at(done, len(files))
    progress.done(f"{len(files):,} files")


def _copy_files(places: Places, writer: ArchiveWriter) -> None:
    """Small files of the home, and what the runs printed."""
    files = {f"{at.HOME}/{name}": places.home / name for name in at.HOME_FILES}
    files[f"{at.HOME}/{at.ALERTS_FILE}"] = places.alerts_file
    if not places.dagster:
        files[f"{at.DAGSTER}/{at.INSTANCE_FILE}"] = places.dagster_folder / at.INSTANCE_FILE
    logs = places.dagster_folder / "storage"
    files |= {f"{at.LOGS}/{file.relative_to(logs)}": file for file in logs.rglob("*") if file.is_file()}
    for name, file in files.items():
        with contextlib.suppress(FileNotFoundError), file.open("rb") as source:
            writer.copy(name, source)


def _check_references(writer: ArchiveWriter, say: Say) -> None:
    """Check that the archive has what its pointers refer to.

    Raises:
        BackupError: a file of the current release is missing or damaged.
    """
    prefix = f"{at.STORE}/"
    hashes = {
        name.removeprefix(prefix): entry.sha256
        for name, entry in writer.files.items()
        if name.startswith(prefix)
    }

    def read(key: str) -> bytes | None:
        return (writer.folder / prefix / key).read_bytes() if key in hashes else None

    missing = lost(read, hashes)
    released = [key for key in missing if key.startswith("releases/")]
    if released:
        raise BackupError(
            f"nothing was backed up: {released[0]} of the current release is missing or damaged; run "
            "`soccer run refresh_hourly`, which completes it, then the backup again"
        )
    for key in missing:
        say(f"  ! {key} is missing or damaged in the store; it is not in the backup")


def _without_login(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _size(writer: ArchiveWriter) -> str:
    total = sum(entry.bytes for entry in writer.files.values())
    return f"{len(writer.files):,} files, {total / 1e6:,.1f} MB so far"
