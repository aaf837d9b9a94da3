"""`soccer restore`: an installation from a backup, at this or another place.

Everything is verified, put beside what is there, and compared with the backup's facts; only then do the parts
take their places. What was there stays under another name. A restore that is killed before leaves the
installation as it was, and may be repeated.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import msgspec
import psycopg2
import sqlalchemy as sa
from filelock import FileLock, Timeout

from soccer_assets.clock import SystemClock
from soccer_assets.contract.release import POINTER_KEY
from soccer_assets.operations.backup import places as at
from soccer_assets.operations.backup.archive import (
    BackupError,
    BackupManifest,
    copy_stream,
    is_whole,
    open_private,
    private_files,
    read_manifest,
)
from soccer_assets.operations.backup.copies import become_a_copy
from soccer_assets.operations.backup.facts import Asked, AskedFile, AskedServer, read_facts
from soccer_assets.operations.backup.original import require_silence, require_stopped
from soccer_assets.operations.backup.places import Places, file_of, is_sqlite, places_of
from soccer_assets.operations.backup.postgres import connect, has_tables, restore_aside, shown
from soccer_assets.operations.backup.progress import Progress
from soccer_assets.operations.backup.swaps import BucketSwap, DatabaseSwap, PathSwap, Swap
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.resource_error import ResourceError
from soccer_assets.settings import Settings
from soccer_assets.stores.stored_json import DamagedObjectError

Say = Callable[[str], None]

# What a full disk, a damaged file or a server that went away raises.
_FAULTS = (
    OSError,
    sqlite3.Error,
    psycopg2.Error,
    sa.exc.SQLAlchemyError,
    msgspec.DecodeError,
    ResourceError,
    DamagedObjectError,
)


class Mode(StrEnum):
    """What becomes of the original."""

    REPLACE = "replace"
    COPY = "copy"


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored.

    Attributes:
        manifest: of the backup.
        set_aside: where the parts are that were there before.
        muted: how many subscribers of alerts were muted, because this is a copy.
    """

    manifest: BackupManifest
    set_aside: tuple[str, ...]
    muted: int


def restore(settings: Settings, environ: Mapping[str, str], folder: Path, mode: Mode, say: Say) -> Restored:
    """Restore a backup into the places that these settings name.

    Args:
        settings: name the home, and the servers of a deployment.
        environ: says where MLflow's server and Dagster keep their databases, see `places_of`.
        folder: the backup.
        mode: whether it takes the original's place, or is an installation of its own beside it.
        say: prints a line of progress.

    Raises:
        BackupError: the backup is damaged or fits nothing here, or the original answers; nothing was changed.
    """
    try:
        return _restore(folder, places_of(settings, environ), mode, say)
    except _FAULTS as error:
        raise BackupError(f"nothing was restored: {_reason(error)}") from error


def _restore(folder: Path, places: Places, mode: Mode, say: Say) -> Restored:
    manifest = read_manifest(folder)
    _require_fit(manifest, places)
    require_stopped(places.home)
    if mode is Mode.REPLACE:
        require_silence(manifest, places)
    else:
        _require_empty(places)
    _verify(folder, manifest, say)
    with _only_restore(places.home), private_files():
        restoring = _Restoring(folder, manifest, places, say)
        try:
            restoring.stage()
            muted = become_a_copy(restoring.staged) if mode is Mode.COPY else 0
            require_stopped(places.home)  # making the parts may have taken minutes
        except BaseException:
            restoring.discard()
            raise
        set_aside = restoring.commit()
    return Restored(manifest=manifest, set_aside=set_aside, muted=muted)


class _Restoring:
    """The parts while they are made."""

    def __init__(self, folder: Path, manifest: BackupManifest, places: Places, say: Say) -> None:
        self._folder, self._manifest, self._places, self._say = folder, manifest, places, say
        self._stamp = SystemClock().now().strftime("%Y%m%d%H%M%S")
        self._swaps: list[Swap] = []
        if is_sqlite(places.matches):  # a home moves as a whole; a deployment's has a few files, in a volume
            self._swaps.append(PathSwap(places.home, self._stamp))
        self.staged = places

    def stage(self) -> None:
        """Make every part, and compare what they hold with the backup's facts.

        Raises:
            BackupError: a part holds something else.
        """
        self._stage_files()
        store = self._stage_store(at.STORE, self._places.open_store())
        artifacts = self._stage_store(at.ARTIFACTS, self._places.open_artifacts())
        matches = self._stage_database(at.MATCHES, self._places.matches)
        mlflow = self._stage_database(at.MLFLOW, self._places.mlflow)
        dagster = self._stage_database(at.DAGSTER, self._places.dagster) if self._places.dagster else ""
        self.staged = msgspec.structs.replace(
            self._places,
            home=self._beside(self._places.home / "home.json").parent,
            alerts_file=self._beside(self._places.alerts_file),
            matches=matches,
            mlflow=mlflow,
            dagster=dagster,
            store=store,
            artifacts=artifacts,
        )
        with contextlib.ExitStack() as stack:
            pointer = self._folder / at.STORE / POINTER_KEY
            facts = read_facts(
                stack.enter_context(_asked(matches)),
                stack.enter_context(_asked(mlflow)),
                pointer.read_bytes() if pointer.is_file() else None,
            )
        if facts != self._manifest.facts:
            raise BackupError(
                f"nothing was restored: {self._folder} holds {_told(facts)}, and its manifest says "
                f"{_told(self._manifest.facts)}; restore another backup"
            )

    def commit(self) -> tuple[str, ...]:
        """Put the parts in their places, the home last; returns where the former ones are.

        Raises:
            BackupError: a part could not take its place.
        """
        progress = Progress(self._say, "places")
        os.sync()
        try:
            former = [swap.commit(progress) for swap in reversed(self._swaps)]
        except (*_FAULTS, BackupError) as error:
            raise BackupError(
                f"the restore ended between two parts ({_reason(error)}); remove the cause and run it again"
            ) from error
        progress.done("changed")
        return tuple(filter(None, former))

    def discard(self) -> None:
        """Remove what did not take its place."""
        for swap in self._swaps:
            with contextlib.suppress(*_FAULTS, BackupError):  # the next restore removes it
                swap.discard()

    def _beside(self, final: Path) -> Path:
        """Where a file or folder is made: within a part that is made, or as a part of its own."""
        for swap in self._swaps:
            if isinstance(swap, PathSwap) and final.is_relative_to(swap.final):
                return swap.staged / final.relative_to(swap.final)
        swap = PathSwap(final, self._stamp)
        self._swaps.append(swap)
        return swap.staged

    def _files(self, folder: str) -> dict[str, Path]:
        prefix = f"{folder}/"
        names = [name for name in self._manifest.files if name.startswith(prefix)]
        return {name.removeprefix(prefix): self._folder / name for name in names}

    def _stage_files(self) -> None:
        for name, file in self._files(at.HOME).items():
            final = self._places.alerts_file if name == at.ALERTS_FILE else self._places.home / name
            _copy(file, self._beside(final))
        folder = self._places.dagster_folder
        for name, file in self._files(at.LOGS).items():
            target = folder / "storage" / name
            if folder.is_relative_to(self._places.home):
                _copy(file, self._beside(target))
            elif not target.exists():  # a volume of its own; every run has names of its own
                _copy(file, target)
        if not self._places.dagster:
            for name, file in self._files(at.DAGSTER).items():
                top, *rest = name.split("/")
                _copy(file, self._beside(folder / top).joinpath(*rest))

    def _stage_store(self, folder: str, store: ObjectStore) -> str:
        progress = Progress(self._say, folder)
        files = self._files(folder)
        if store.is_local:
            target = self._beside(Path(store.root))
            for done, (key, file) in enumerate(files.items(), 1):
                _copy(file, target / key)
                progress.at(done, len(files))
            url = f"file://{target}"
        else:
            swap = BucketSwap(store, files, self._stamp)
            self._swaps.append(swap)
            swap.stage(progress)
            url = store.url
        progress.done(f"{len(files):,} objects")
        return url

    def _stage_database(self, base: str, url: str) -> str:
        progress = Progress(self._say, base)
        if is_sqlite(url):
            target = self._beside(file_of(url))
            if (file := self._folder / f"{base}{at.FILE}").is_file():
                _copy(file, target)
            staged = f"{at.SQLITE}{target}"
        else:
            staged = restore_aside(self._folder / f"{base}{at.DUMP}", url, self._stamp)
            self._swaps.append(DatabaseSwap(url, staged, self._stamp))
        progress.done("made")
        return staged


@contextlib.contextmanager
def _only_restore(home: Path) -> Iterator[None]:
    """Keep other restores of a home away.

    Raises:
        BackupError: one is running.
    """
    folder = home if home.is_mount() else home.parent  # a volume's parent may be closed
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f".{home.name}.restore.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BackupError(f"another restore into {home} is running; wait until it has ended") from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def _asked(url: str) -> Iterator[Asked]:
    if is_sqlite(url):
        yield AskedFile(file_of(url))
        return
    with contextlib.closing(connect(url)) as connection:
        yield AskedServer(connection)


def _require_fit(manifest: BackupManifest, places: Places) -> None:
    """Check that this version and these settings can hold the backup.

    Raises:
        BackupError: they cannot.
    """
    if not Database.has_schema(manifest.facts.schema):
        raise BackupError(
            f"the backup has the schema {manifest.facts.schema} of version {manifest.made_by}; install "
            "that version or a newer one first"
        )
    if is_sqlite(places.matches) and places.home.is_mount():
        raise BackupError(
            f"{places.home} is a mount point, which cannot be exchanged; set SOCCER_HOME to a folder below it"
        )
    kinds = {at.MATCHES: places.matches, at.MLFLOW: places.mlflow}
    for base, url in kinds.items():
        if is_sqlite(url) and f"{base}{at.DUMP}" in manifest.files:
            raise BackupError(
                "the backup is of a deployment with PostgreSQL; set the addresses of one, such as "
                "SOCCER_DATABASE_URL"
            )
        if not is_sqlite(url) and f"{base}{at.FILE}" in manifest.files:
            raise BackupError(
                f"the backup is of a home with SQLite files, and {shown(url)} is PostgreSQL; restore it into "
                "a home"
            )
    if f"{at.DAGSTER}{at.DUMP}" in manifest.files and not places.dagster:
        raise BackupError("the backup has Dagster's PostgreSQL database; set DAGSTER_POSTGRES_URL")


def _require_empty(places: Places) -> None:
    """Check that a copy overwrites nothing.

    Raises:
        BackupError: something is there.
    """
    way_out = "a copy needs places of its own"
    if places.home.exists() and any(places.home.iterdir()):
        raise BackupError(f"{places.home} is not empty; {way_out}: set SOCCER_HOME to a new folder")
    for url in filter(None, (places.matches, places.mlflow, places.dagster)):
        if file_of(url).exists() if is_sqlite(url) else has_tables(url):
            raise BackupError(f"{shown(url)} is not empty; {way_out}: name a new database")
    for store in (places.open_store(), places.open_artifacts()):
        if store.list(""):
            raise BackupError(f"{store.url} is not empty; {way_out}: name a new one")


def _verify(folder: Path, manifest: BackupManifest, say: Say) -> None:
    progress = Progress(say, "hashes")
    for done, (name, entry) in enumerate(manifest.files.items(), 1):
        if not is_whole(folder, name, entry):
            raise BackupError(
                f"{folder} is damaged: {name} is missing or was changed; restore another backup"
            )
        progress.at(done, len(manifest.files))
    progress.done(f"{len(manifest.files):,} files are as they were backed up")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as stream, open_private(target) as file:
        copy_stream(stream, file)


def _reason(error: Exception) -> str:
    """One line; of SQLAlchemy's errors the database's own words."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _told(facts: object) -> str:
    return ", ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(facts).items())  # type: ignore[arg-type]
