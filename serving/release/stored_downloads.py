"""Reads the downloads of the store: their index, and a file in parts."""

from collections.abc import Iterator
from typing import Any

import msgspec
import obstore
from obstore.exceptions import BaseError

from serving.release.reader import ReleaseReader, StoreUnavailableError, UnreadableObjectError
from soccer_assets.contract.download_files import (
    DOWNLOADS_KEY,
    DOWNLOADS_SCHEMA_VERSION,
    DownloadFile,
    DownloadsIndex,
    download_key,
)

# Of a file, read at a time.
_PART_BYTES = 256 * 1024


class Downloads:
    """The downloads of a store; every call blocks."""

    def __init__(self, reader: ReleaseReader) -> None:
        self._reader = reader

    def index(self) -> DownloadsIndex:
        """The index.

        Raises:
            UnreadableObjectError: there is none, or it cannot be read.
            StoreUnavailableError: the store did not answer.
        """
        content = b"".join(self._parts(DOWNLOADS_KEY))
        try:
            index = msgspec.json.decode(content, type=DownloadsIndex)
        except msgspec.DecodeError as error:
            raise UnreadableObjectError(f"{DOWNLOADS_KEY} cannot be decoded: {error}") from error
        if index.schema_version > DOWNLOADS_SCHEMA_VERSION:
            raise UnreadableObjectError(f"{DOWNLOADS_KEY} is of a newer version; upgrade this sidecar")
        return index

    def open(self, file: DownloadFile, span: tuple[int, int] | None = None) -> Iterator[bytes]:
        """The parts of a file of the index; errors as `index`, before the first part.

        Args:
            file: of the index.
            span: only the bytes from the first number to before the second.
        """
        return self._parts(download_key(file.sha256, file.format), span)

    def _parts(self, key: str, span: tuple[int, int] | None = None) -> Iterator[bytes]:
        options: Any = {} if span is None else {"range": span}
        try:
            found = obstore.get(self._reader.store(), key, options=options)
            return (bytes(part) for part in found.stream(_PART_BYTES))
        except FileNotFoundError as error:
            raise UnreadableObjectError(f"{key} is missing") from error
        except (BaseError, OSError) as error:
            raise StoreUnavailableError(f"the store did not answer for {key}") from error
