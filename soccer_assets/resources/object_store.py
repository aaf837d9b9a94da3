"""The object store: a folder or an S3 bucket, by URL, with the same methods.

Objects are read and listed through fsspec (s3fs on S3, without its listing cache: a long-lived process must
see new objects), and written on S3 through boto3. `swap` is a compare-and-swap: a conditional put on S3, a
rename under a lock in a folder.
"""

import contextlib
import datetime as dt
import functools
import hashlib
import io
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import fsspec
import msgspec
from filelock import FileLock

from soccer_assets.masking import mask
from soccer_assets.resources.resource_error import ResourceError

# S3 answers 412 where a condition fails, 404 where the key of an If-Match is missing, and 409 for concurrent
# conditional puts; SeaweedFS answers 412 for the missing key too.
_LOST_RACE = frozenset({404, 409, 412})

# A server that never answers is given up after 40 s; botocore's and s3fs's defaults add up to half an hour.
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 20
_ATTEMPTS = 2

_PARTIAL = ".tmp-"
_LOCK = ".lock"
_COPY_BYTES = 2**20


class ConflictError(ResourceError):
    """The object changed since it was read."""


class StoreUnavailableError(ResourceError):
    """The S3 server does not answer, or answers with an error."""


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
        filesystem = fsspec.filesystem(
            "s3",
            use_listings_cache=False,
            client_kwargs=client,
            # s3fs repeats by itself; repetitions by both would multiply.
            config_kwargs=_bounds(attempts=1),
        )
        filesystem.retries = _ATTEMPTS
        return filesystem

    @functools.cached_property
    def _s3(self) -> Any:
        import boto3  # noqa: PLC0415 - half a second to import, and only S3 needs it
        from botocore.config import Config  # noqa: PLC0415

        config = Config(**_bounds(attempts=_ATTEMPTS))
        # A session of its own: the default one keeps the first credentials that it found.
        session = boto3.session.Session()
        return session.client("s3", endpoint_url=self._s3_endpoint_url or None, config=config)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn what an S3 server's client raises where the server fails into one sentence.

        Raises:
            StoreUnavailableError: the server does not answer, or answers with an error.
        """
        if self.is_local:
            yield
            return
        from aiohttp import ClientError as HttpError  # noqa: PLC0415 - only S3 needs them
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            yield
        except FileNotFoundError:
            raise
        except (Boto3Error, BotoCoreError, ClientError, HttpError, OSError) as error:
            # Without the chain: its root would be shown in place of this sentence.
            raise StoreUnavailableError(
                f"the object store {mask(self.url, os.environ)} {_reason(error)}"
            ) from None

    def path(self, key: str) -> str:
        """The object's path, as fsspec names it."""
        return f"{self.root}/{key}"

    def read(self, key: str) -> bytes | None:
        """The object's bytes; None where there is none."""
        try:
            with self._asking():
                data: bytes = self.filesystem.cat_file(self.path(key))
        except FileNotFoundError:
            return None
        return data

    def exists(self, key: str) -> bool:
        """Whether the object exists."""
        try:
            # Not `isfile`, which answers no where the server does not answer.
            with self._asking():
                return bool(self.filesystem.info(self.path(key))["type"] == "file")
        except FileNotFoundError:
            return False

    def write(self, key: str, data: bytes) -> None:
        """Write the object atomically: a reader sees the old bytes or the new ones."""
        if self.is_local:
            _replace_file(Path(self.path(key)), io.BytesIO(data))
            return
        # Not by s3fs: its client waits for ever for the leave to send a body (100 Continue).
        bucket, _, prefix = self.path(key).partition("/")
        with self._asking():
            self._s3.put_object(Bucket=bucket, Key=prefix, Body=data)

    def upload(self, key: str, file: Path) -> None:
        """Copy a local file into the store, atomically."""
        if self.is_local:
            with file.open("rb") as source:
                _replace_file(Path(self.path(key)), source)
            return
        bucket, _, prefix = self.path(key).partition("/")
        with self._asking():
            self._s3.upload_file(str(file), bucket, prefix)

    def list(self, prefix: str) -> list[str]:
        """The keys below a prefix, sorted."""
        folder, found, root = self.path(prefix).rstrip("/"), [], self.root
        if self.is_local:  # 5,000 files in 5 ms; by fsspec it takes 130
            # A folder also contains the locks of `swap` and the partial files of killed writes.
            found = [
                f"{parent}/{name}"
                for parent, _, names in os.walk(folder, followlinks=True)
                for name in names
                if not _is_internal(name)
            ]
        else:
            # Not `isdir`, which answers no where the server does not answer.
            with contextlib.suppress(FileNotFoundError), self._asking():
                found = [path for path in self.filesystem.find(folder) if path != folder]
        return sorted(path.removeprefix(root).lstrip("/") for path in found)

    def modified_at(self, key: str) -> dt.datetime:
        """When the object was last written, aware, in UTC."""
        with self._asking():
            modified: dt.datetime = self.filesystem.modified(self.path(key))
        return modified if modified.tzinfo else modified.replace(tzinfo=dt.UTC)

    def delete(self, key: str) -> None:
        """Remove the object, if it exists."""
        with contextlib.suppress(FileNotFoundError), self._asking():
            self.filesystem.rm_file(self.path(key))

    def read_versioned(self, key: str) -> Versioned | None:
        """The object with the ETag that `swap` compares; None where there is none."""
        if self.is_local:
            data = self.read(key)
            return None if data is None else Versioned(data, hashlib.sha256(data).hexdigest())
        bucket, _, prefix = self.path(key).partition("/")
        with self._asking():
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
        bucket, _, prefix = self.path(key).partition("/")
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._asking():
            try:
                self._s3.put_object(Bucket=bucket, Key=prefix, Body=data, **condition)
            except self._s3.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in _LOST_RACE:
                    raise ConflictError(f"{key} changed since it was read") from error
                raise

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = Path(self.path(key) + _LOCK)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            yield


def _bounds(*, attempts: int) -> dict[str, Any]:
    """How long botocore waits for a server, and how often it asks."""
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _ANSWER_SECONDS,
        "retries": {"total_max_attempts": attempts, "mode": "standard"},
    }


def _reason(error: Exception) -> str:
    """The predicate of the sentence: no answer, wrong credentials, or the server's own words."""
    from aiohttp import ClientError as HttpError  # noqa: PLC0415 - only S3 needs them
    from botocore.exceptions import ConnectionError as NoConnectionError  # noqa: PLC0415
    from botocore.exceptions import (  # noqa: PLC0415
        ConnectTimeoutError,
        HTTPClientError,
        NoCredentialsError,
        ReadTimeoutError,
    )

    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError, TimeoutError)):
        return "does not answer (timed out)"
    if isinstance(error, (NoConnectionError, HTTPClientError, HttpError, ConnectionError, socket.gaierror)):
        return "does not answer (no connection)"
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
    if isinstance(error, (PermissionError, NoCredentialsError)) or status in {401, 403}:
        return "refuses the credentials of AWS_ACCESS_KEY_ID"
    lines = str(error).strip().splitlines()
    return f"cannot be used ({mask(lines[0], os.environ) if lines else type(error).__name__})"


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
