"""Reads releases from the object store; beside it only `page_secrets` accesses it.

The manifest is verified against the pointer, and every file against the manifest, before it is opened. A
local store is read in place; files of a remote one are cached by their hash, so that a file that did not
change between two releases is downloaded once. All calls block: obstore's ``*_async`` calls can abort an
interpreter that is about to exit.
"""

import datetime as dt
import hashlib
import os
import re
import tempfile
import time
import uuid
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import obstore
from backports import zstd
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from serving.errors import ServingError
from serving.release.released_projections import Projections, decode_projections
from soccer_assets.contract.api_keys import API_KEYS_KEY, ApiKeys
from soccer_assets.contract.events import OUTBOX_PREFIX, Refusal
from soccer_assets.contract.history_parts import history_key
from soccer_assets.contract.release import (
    MANIFEST_FILE,
    MODEL_FILE,
    POINTER_KEY,
    PREDICTIONS_FILE,
    SCHEMA_VERSION,
    FileEntry,
    Manifest,
    Pointer,
    release_key,
)
from soccer_assets.contract.season_projection import projections_key
from soccer_assets.contract.status import STATUS_KEY, Status

_T = TypeVar("_T")

# Large rows and results of bulk tasks.
TASK_DATA_PREFIX = "tasks/"

REQUIRED_FILES = (PREDICTIONS_FILE, MODEL_FILE)

# Names from the store become file names: no path separators.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

# Another worker may be about to open a file that it has just downloaded.
_CACHE_GRACE_SECONDS = 3600.0


class ReleaseError(ServingError):
    """A release, or an object beside it, is not usable."""


class StoreUnavailableError(ReleaseError):
    """The object store did not answer; retry later."""


class UnreadableObjectError(ReleaseError):
    """An object is missing, or breaks the contract."""


class ReleaseRefusedError(ReleaseError):
    """A release must not be served.

    Attributes:
        reason: one word for the metric: ``half``, ``corrupt``, ``schema``, ``malformed``, ``golden_rows``,
            ``scorer`` or ``unreachable``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LocalRelease(msgspec.Struct, frozen=True):
    """A release whose files are on this machine and match the hashes of its manifest."""

    pointer: Pointer
    manifest: Manifest
    files: dict[str, Path]


class ReleaseReader:
    """Reads an object store, ``file://`` or ``s3://``.

    Args:
        store_url: such as ``file:///srv/soccer/store`` or ``s3://bucket/prefix``.
        cache: folder for the files of a remote store.
        s3_endpoint_url: address of an S3-compatible server; empty for AWS.
    """

    def __init__(self, store_url: str, cache: Path, s3_endpoint_url: str = "") -> None:
        url = urlsplit(store_url)
        if url.scheme not in {"file", "s3"}:
            raise ValueError(
                f"SOCCER_STORE_URL={store_url!r} is not supported; write file:///folder or s3://bucket"
            )
        self._url = store_url
        self._endpoint = s3_endpoint_url
        self._cache = cache
        self._root = Path(unquote(url.path)) if url.scheme == "file" else None
        self._opened: LocalStore | S3Store | None = None

    def read_pointer(self) -> Pointer:
        """The pointer to the current release.

        Raises:
            StoreUnavailableError: the store did not answer.
            UnreadableObjectError: nothing is published, or the pointer cannot be decoded.
        """
        pointer = _decode(self._get(POINTER_KEY), Pointer, POINTER_KEY)
        _check_instant(pointer.published_at)
        return pointer

    def read_status(self) -> Status:
        """The status of the data; errors as `read_pointer`."""
        status = _decode(self._get(STATUS_KEY), Status, STATUS_KEY)
        if status.schema_version > SCHEMA_VERSION:
            raise UnreadableObjectError(f"{STATUS_KEY} has schema {status.schema_version}; {_upgrade_hint()}")
        for instant in (status.checked_at, status.next_expected_at):
            _check_instant(instant)
        return status

    def read_keys(self) -> ApiKeys:
        """The accepted API keys; errors as `read_pointer`."""
        keys = _decode(self._get(API_KEYS_KEY), ApiKeys, API_KEYS_KEY)
        if keys.schema_version > SCHEMA_VERSION:
            raise UnreadableObjectError(f"{API_KEYS_KEY} has schema {keys.schema_version}; {_upgrade_hint()}")
        return keys

    def read_report(self, key: str, kind: type[_T]) -> _T | None:
        """A report of the graph; None before the first one. Errors as `read_pointer`."""
        try:
            content = self._get(key)
        except UnreadableObjectError:
            return None
        return _decode(content, kind, key)

    def fetch(self, pointer: Pointer) -> LocalRelease:
        """Download the release if the store is remote, and verify every file.

        Raises:
            ReleaseRefusedError: a file is missing or altered, or the release has a newer schema.
            StoreUnavailableError: the store did not answer.
        """
        _check_schema(pointer.schema_version)
        manifest = self._read_manifest(pointer)
        missing = [name for name in REQUIRED_FILES if name not in manifest.files]
        if missing:
            raise ReleaseRefusedError(
                "half", f"the manifest lists no {', '.join(missing)}; publish the release again"
            )
        files = {name: self._fetch_file(pointer, name, entry) for name, entry in manifest.files.items()}
        if self._root is None:
            self._prune(set(files.values()))
        return LocalRelease(pointer, manifest, files)

    def fetch_projections(self, pointer: Pointer) -> Projections:
        """The season projections beside a release; none where it has none.

        Raises:
            ReleaseRefusedError: the file is missing or altered, of a newer schema, or cannot be decoded.
            StoreUnavailableError: the store did not answer.
        """
        entry = pointer.projections
        if entry is None:
            return Projections()
        if not _NAME.fullmatch(pointer.release_id) or not _SHA256.fullmatch(entry.sha256):
            raise ReleaseRefusedError("malformed", "the pointer's projections are no file with a SHA-256")
        key = projections_key(pointer.release_id, entry)
        try:
            content = self._get(key)
        except UnreadableObjectError as error:
            raise ReleaseRefusedError("half", str(error)) from error
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise ReleaseRefusedError("corrupt", f"{key} does not have the hash of the pointer")
        try:
            return decode_projections(content, entry)
        except (ValueError, RecursionError) as error:
            raise ReleaseRefusedError("malformed", f"{key}: {error}") from error

    def read_history(self, sha256: str) -> bytes:
        """The JSON of a part of the history, or of an index, after its hash was compared.

        Raises:
            ReleaseRefusedError: it is missing or altered.
            StoreUnavailableError: the store did not answer.
        """
        if not _SHA256.fullmatch(sha256):
            raise ReleaseRefusedError("malformed", f"{sha256!r} is no SHA-256")
        key = history_key(sha256)
        try:
            content = self._get(key)
        except UnreadableObjectError as error:
            raise ReleaseRefusedError("half", str(error)) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ReleaseRefusedError("corrupt", f"{key} does not have the hash of its name")
        try:
            return zstd.decompress(content)
        except zstd.ZstdError as error:
            raise ReleaseRefusedError("malformed", f"{key}: {error}") from error

    def write_refusal(self, refusal: Refusal) -> None:
        """Write a refusal to the outbox, where the graph's alerts find it.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        try:
            obstore.put(
                self.store(), _outbox_key(refusal.release_id, refusal.sidecar), msgspec.json.encode(refusal)
            )
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(_first_line(error)) from error

    def write_task_data(self, data: bytes) -> str:
        """Store rows or results of a task under a new key, and return it; errors as `write_refusal`."""
        key = f"{TASK_DATA_PREFIX}{uuid.uuid4().hex}"
        try:
            obstore.put(self.store(), key, data)
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(_first_line(error)) from error
        return key

    def read_task_data(self, key: str) -> bytes:
        """What `write_task_data` stored; errors as `read_pointer`."""
        return self._get(key)

    def prune_task_data(self, keep_seconds: float) -> None:
        """Delete rows and results of tasks that are older; errors as `write_refusal`."""
        oldest = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=keep_seconds)
        try:
            old = [
                item["path"]
                for page in obstore.list(self.store(), TASK_DATA_PREFIX)
                for item in page
                if item["last_modified"] < oldest
            ]
            for key in old:
                obstore.delete(self.store(), key)
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(_first_line(error)) from error

    def clear_refusal(self, release_id: str, sidecar: str) -> None:
        """Delete a refusal after the release was loaded.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        try:
            obstore.delete(self.store(), _outbox_key(release_id, sidecar))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(_first_line(error)) from error

    def _read_manifest(self, pointer: Pointer) -> Manifest:
        if not _NAME.fullmatch(pointer.release_id):
            raise ReleaseRefusedError(
                "malformed", f"{pointer.release_id!r} is no release id: letters, digits, '.', '_', '-'"
            )
        key = release_key(pointer.release_id, MANIFEST_FILE)
        try:
            content = self._get(key)
        except UnreadableObjectError as error:
            raise ReleaseRefusedError("half", str(error)) from error
        if hashlib.sha256(content).hexdigest() != pointer.manifest_sha256:
            raise ReleaseRefusedError(
                "corrupt", f"{key} does not have the hash the pointer names; publish again"
            )
        try:
            _check_schema(msgspec.json.decode(content, type=_Versioned).schema_version)
            manifest = msgspec.json.decode(content, type=Manifest)
            _check_instant(manifest.created_at)
        except (msgspec.DecodeError, UnreadableObjectError) as error:
            raise ReleaseRefusedError("malformed", f"{key}: {error}") from error
        if manifest.release_id != pointer.release_id:
            raise ReleaseRefusedError(
                "malformed", f"{key} is the manifest of release {manifest.release_id!r}"
            )
        return manifest

    def _fetch_file(self, pointer: Pointer, name: str, entry: FileEntry) -> Path:
        if not _NAME.fullmatch(name) or not _SHA256.fullmatch(entry.sha256):
            raise ReleaseRefusedError(
                "malformed", f"the manifest's entry {name!r} is no file name with a SHA-256"
            )
        key = release_key(pointer.release_id, name)
        if self._root is not None:
            path = self._root / key
            if not path.is_file():
                raise ReleaseRefusedError(
                    "half", f"{key} is missing from the store; publish the release again"
                )
            _check_file(path, entry, key)
            return path
        path = self._cache / f"{entry.sha256}-{name}"
        if path.is_file() and _sha256(path) == entry.sha256:
            os.utime(path)
            return path
        self._download(key, entry, path)
        return path

    def _download(self, key: str, entry: FileEntry, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="download-", dir=path.parent)
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in obstore.get(self.store(), key):
                    file.write(chunk)
            _check_file(partial, entry, key)
            partial.replace(path)
        except FileNotFoundError as error:
            raise ReleaseRefusedError(
                "half", f"{key} is missing from the store; publish the release again"
            ) from error
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(f"{key}: {_first_line(error)}") from error
        finally:
            partial.unlink(missing_ok=True)

    def _prune(self, current: set[Path]) -> None:
        oldest = time.time() - _CACHE_GRACE_SECONDS
        for path in self._cache.iterdir():
            try:
                if path not in current and path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:
                continue  # another worker was faster

    def _get(self, key: str) -> bytes:
        try:
            return bytes(obstore.get(self.store(), key).bytes())
        except FileNotFoundError as error:
            raise UnreadableObjectError(
                f"{key} is missing from {self._url}; has a release been published?"
            ) from error
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(
                f"{self._url} did not answer for {key}: {_first_line(error)}"
            ) from error

    def store(self) -> LocalStore | S3Store:
        """The store, opened at the first call: a local folder may not exist before the first release."""
        if self._opened is None:
            self._opened = self._open_s3() if self._root is None else LocalStore(self._root)
        return self._opened

    def _open_s3(self) -> S3Store:
        return S3Store.from_url(
            self._url,
            config={"endpoint": self._endpoint} if self._endpoint else None,
            # Short timeouts: a hanging poll would delay the next release.
            client_options={
                "allow_http": self._endpoint.startswith("http://"),
                "connect_timeout": dt.timedelta(seconds=2),
                "timeout": dt.timedelta(seconds=30),
            },
            retry_config={"max_retries": 2, "retry_timeout": dt.timedelta(seconds=10)},
        )


class _Versioned(msgspec.Struct):
    schema_version: int


def _outbox_key(release_id: str, sidecar: str) -> str:
    # The id of a refused release is untrusted and may be a path.
    return f"{OUTBOX_PREFIX}{re.sub('[^A-Za-z0-9._-]', '_', release_id)[:128]}-{sidecar}.json"


def _decode(content: bytes, kind: type[_T], key: str) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise UnreadableObjectError(f"{key} cannot be decoded: {error}") from error


def _check_schema(version: int) -> None:
    if version > SCHEMA_VERSION:
        raise ReleaseRefusedError("schema", f"the release has schema {version}; {_upgrade_hint()}")


def _upgrade_hint() -> str:
    return f"this sidecar knows schemas up to {SCHEMA_VERSION}: upgrade it"


def _check_instant(text: str | None) -> None:
    """Refuse a text that is not an instant with a time zone."""
    if text is None:
        return
    try:
        is_aware = dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        is_aware = False
    if not is_aware:
        raise UnreadableObjectError(f"{text!r} is no instant in UTC, such as 2025-04-25T09:00:00Z")


def _check_file(path: Path, entry: FileEntry, key: str) -> None:
    if _sha256(path) != entry.sha256:
        raise ReleaseRefusedError(
            "corrupt", f"{key} does not have the hash of the manifest; publish the release again"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
