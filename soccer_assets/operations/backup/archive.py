"""The archive: a folder of files for their owner only, and a manifest written last.

``backup.json`` names every file with its hash, ``backup.json.sha256`` has the hash of that (`sha256sum -c`
reads it). A folder without them is no backup.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from soccer_assets.contract.release import FileEntry
from soccer_assets.operations.operation_error import OperationError

MANIFEST = "backup.json"
FORMAT = 1

_SEAL = f"{MANIFEST}.sha256"
_BLOCK = 2**20
_OWNER_ONLY = 0o600


class BackupError(OperationError):
    """A backup cannot be made or restored; the message says what to do."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds; a restore reads the same from what it wrote and compares.

    Attributes:
        installation: id of the installation; empty where the version had none.
        schema: revision of the match tables.
        matches: rows of `match`.
        ledger_entries: entries of the ledger.
        ledger_head: hash of the last entry; empty where there is none.
        release_id: the current release; empty before the first.
        model_version: MLflow's version of the champion; empty before the first.
    """

    installation: str
    schema: str
    matches: int
    ledger_entries: int
    ledger_head: str
    release_id: str
    model_version: str


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest.

    Attributes:
        format: of the archive.
        made_at: when the state was taken.
        made_by: version of this program.
        host: name of the machine.
        home: path of the home on it.
        sidecars: addresses at which the original answers.
        facts: what the backup holds.
        files: every file by its path below the folder.
    """

    format: int
    made_at: str
    made_by: str
    host: str
    home: str
    sidecars: tuple[str, ...]
    facts: Facts
    files: dict[str, FileEntry]


class _Head(msgspec.Struct, frozen=True):
    """What every format has."""

    format: int
    made_by: str


class ArchiveWriter:
    """Writes files below a folder and records their hashes."""

    def __init__(self, folder: Path) -> None:
        """The folder is made by the caller."""
        self.folder = folder
        self.files: dict[str, FileEntry] = {}

    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        with open_private(self.folder / name) as file:
            file.write(data)
        self.files[name] = FileEntry(hashlib.sha256(data).hexdigest(), len(data))

    def copy(self, name: str, source: IO[bytes]) -> None:
        """Copy a stream into a file."""
        target = self.folder / name
        try:
            with open_private(target) as file:
                self.files[name] = copy_stream(source, file)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def path(self, name: str) -> Path:
        """The path of a file that another program writes; `add` records it afterwards."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def add(self, name: str) -> None:
        """Record a file that is there."""
        file = self.folder / name
        file.chmod(_OWNER_ONLY)
        self.files[name] = hash_file(file)

    def seal(self, manifest: BackupManifest) -> None:
        """Write the manifest: from now on the folder is a backup."""
        os.sync()  # what the manifest names is on the disk before the manifest
        data = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1)
        with open_private(self.folder / _SEAL) as file:
            file.write(f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n".encode())
        with open_private(self.folder / MANIFEST) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """New files and folders are their owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def read_manifest(folder: Path) -> BackupManifest:
    """The manifest of a backup.

    Raises:
        BackupError: the folder is no backup, the manifest was changed, or a newer version wrote it.
    """
    try:
        data, seal = (folder / MANIFEST).read_bytes(), (folder / _SEAL).read_text()
    except (FileNotFoundError, NotADirectoryError):
        raise BackupError(
            f"{folder} is no complete backup: it has no {MANIFEST}; name a folder that `soccer backup` made"
        ) from None
    except UnicodeDecodeError:
        seal = ""
    if seal.split(" ")[0] != hashlib.sha256(data).hexdigest():
        raise BackupError(f"{folder} is damaged: {MANIFEST} does not match its hash; restore another backup")
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            raise BackupError(f"{folder} was made by version {head.made_by}; restore it with that version")
        return msgspec.json.decode(data, type=BackupManifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"{folder} is damaged: {MANIFEST}: {error}; restore another backup") from None


def is_whole(folder: Path, name: str, entry: FileEntry) -> bool:
    """Whether a file of a backup is there and has the hash that the manifest names."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:  # a manifest that was written by somebody else
        return False
    file = folder / name
    return file.is_file() and hash_file(file) == entry


def open_private(file: Path) -> IO[bytes]:
    """A new file that only its owner may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb")


def copy_stream(source: IO[bytes], target: IO[bytes]) -> FileEntry:
    """Copy a stream; returns its hash and size."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
        size += len(block)
    return FileEntry(digest.hexdigest(), size)


def hash_file(file: Path) -> FileEntry:
    """Hash and size of a file."""
    with file.open("rb") as stream:
        return FileEntry(hashlib.file_digest(stream, "sha256").hexdigest(), file.stat().st_size)
