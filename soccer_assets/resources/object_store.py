"""The object store: a folder or an S3 bucket, by URL, with the same methods.

Objects are read and written through fsspec (s3fs on S3, without its listing cache: a long-lived process must
see new objects). `swap` is a compare-and-swap: a conditional put on S3, a rename under a lock in a folder.
"""

import contextlib
import datetime as dt
import functools
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import fsspec
import msgspec
from filelock import FileLock

from soccer_assets.resources.resource_error import ResourceError

# S3 answers 412 where a condition fails, 404 where the key of an If-Match is missing, and 409 for concurrent
# conditional puts; SeaweedFS answers 412 for the missing key too.
_LOST_RACE = frozenset({404, 409, 412})

_PARTIAL = ".tmp-"
_LOCK = ".lock"
_COPY_BYTES = 2**20


class ConflictError(ResourceError):
    """The object changed since it was read."""


class Versioned(msgspec.Struct, frozen=True):
    """An object's bytes and the ETag that `ObjectStore.swap` compares."""

    data: bytes
    etag: str


class ObjectStore:
    """Objects by key below one URL (``file:///folder`` or ``s3://bucket/prefix``)."""

    def __init__(self, url: str, s3_endpoint_url: str = "") -> None:
        """The store at ``url``; nothing is opened before the first use."""
        self.url = url.rstrip("/")
        self._s3_endpoint_url = s3_endpoint_url

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder."""
        return self.url.startswith("file://")

    @property
    def root(self) -> str:
        """The folder's path, decoded from its URL as the sidecar decodes it; or bucket and prefix."""
        path = self.url.split("://", 1)[1]
        return unquote(path) if self.is_local else path

    @functools.cached_property
    def filesystem(self) -> Any:
        """The fsspec file system behind the URL."""
        if self.is_local:
            return fsspec.filesystem("file", auto_mkdir=True)
        client = {"endpoint_url": self._s3_endpoint_url} if self._s3_endpoint_url else {}
        return fsspec.filesystem("s3", use_listings_cache=False, client_kwargs=client)

    @functools.cached_property
    def _s3(self) -> Any:
        from dagster_aws.s3 import S3Resource  # noqa: PLC0415 - seconds to import, and only S3 needs it

        return S3Resource(endpoint_url=self._s3_endpoint_url or None).get_client()

    def path(self, key: str) -> str:
        """The object's path, as fsspec names it."""
        return f"{self.root}/{key}"

    def read(self, key: str) -> bytes | None:
        """The object's bytes; None where there is none."""
        try:
            data: bytes = self.filesystem.cat_file(self.path(key))
        except FileNotFoundError:
            return None
        return data

    def exists(self, key: str) -> bool:
        """Whether the object exists."""
        found: bool = self.filesystem.isfile(self.path(key))
        return found

    def write(self, key: str, data: bytes) -> None:
        """Write the object atomically: a reader sees the old bytes or the new ones."""
        if self.is_local:
            _replace_file(Path(self.path(key)), io.BytesIO(data))
        else:
            self.filesystem.pipe_file(self.path(key), data)

    def upload(self, key: str, file: Path) -> None:
        """Copy a local file into the store, atomically."""
        if self.is_local:
            with file.open("rb") as source:
                _replace_file(Path(self.path(key)), source)
        else:
            self.filesystem.put_file(str(file), self.path(key))

    def list(self, prefix: str) -> list[str]:
        """The keys below a prefix, sorted."""
        folder = self.path(prefix)
        found = self.filesystem.find(folder) if self.filesystem.isdir(folder) else []
        keys = sorted(path.removeprefix(self.root).removeprefix("/") for path in found)
        # A folder also contains the locks of `swap` and the partial files of killed writes.
        return [key for key in keys if not (self.is_local and _is_internal(Path(key).name))]

    def modified_at(self, key: str) -> dt.datetime:
        """When the object was last written, aware, in UTC."""
        modified: dt.datetime = self.filesystem.modified(self.path(key))
        return modified if modified.tzinfo else modified.replace(tzinfo=dt.UTC)

    def delete(self, key: str) -> None:
        """Remove the object, if it exists."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.rm_file(self.path(key))

    def read_versioned(self, key: str) -> Versioned | None:
        """The object with the ETag that `swap` compares; None where there is none."""
        if self.is_local:
            data = self.read(key)
            return None if data is None else Versioned(data, hashlib.sha256(data).hexdigest())
        bucket, _, prefix = self.path(key).partition("/")
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=prefix)
        except self._s3.exceptions.NoSuchKey:
            return None
        return Versioned(answer["Body"].read(), answer["ETag"])

    def swap(self, key: str, data: bytes, etag: str | None) -> None:
        """Replace the object if it still has ``etag`` (None: if it still does not exist).

        Raises:
            ConflictError: it changed meanwhile.
        """
        if self.is_local:
            with self._locked(key):
                current = self.read_versioned(key)
                if (current.etag if current else None) != etag:
                    raise ConflictError(f"{key} changed since it was read")
                self.write(key, data)
            return
        from botocore.exceptions import ClientError  # noqa: PLC0415 - only S3 needs it

        bucket, _, prefix = self.path(key).partition("/")
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._s3.put_object(Bucket=bucket, Key=prefix, Body=data, **condition)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in _LOST_RACE:
                raise ConflictError(f"{key} changed since it was read") from error
            raise

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = Path(self.path(key) + _LOCK)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            yield


def _is_internal(name: str) -> bool:
    return name.startswith(_PARTIAL) or name.endswith(_LOCK)


def _replace_file(target: Path, source: BinaryIO) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PARTIAL)
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file, _COPY_BYTES)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
