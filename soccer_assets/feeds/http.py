"""A client for a provider's files: over HTTP with timeouts, retries and a cache on disk, or from a folder.

A file that does not exist is None; every other failure is a `FeedError` that names the setting and the
address.
"""

import datetime as dt
import hashlib
import os
import tempfile
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

import httpx
import msgspec
import stamina

from soccer_assets.bounded_call import BoundedCall
from soccer_assets.clock import SystemClock
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.rate_limiter import RateLimiter

USER_AGENT = "soccer-assets/0.1 (reads match results)"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
ATTEMPTS = 4
# A longer Retry-After is not waited for: the next run tries again.
LONGEST_WAIT = dt.timedelta(seconds=60)
LARGEST_FILE_BYTES = 64 * 1024 * 1024
# The read timeout covers one chunk of headers or body; this bounds the whole answer.
LONGEST_DOWNLOAD_SECONDS = 120.0

# football-data.co.uk answers 300 with an HTML page for a season file that does not exist yet.
_MISSING = {HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
# Any other success has no body, or a part of it.
_WHOLE = {HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION, HTTPStatus.NOT_MODIFIED}


class CachedFile(msgspec.Struct, frozen=True):
    """A downloaded file with its validators for a conditional request."""

    url: str
    etag: str
    last_modified: str
    body: bytes


class _Answer(NamedTuple):
    """A server's answer, and whether its body is known to be complete."""

    status: int
    file: CachedFile
    is_complete: bool


class FileClient:
    """Reads whole files by address.

    Args:
        setting: the variable that holds the address; every error names it.
        cache: folder of downloads kept for conditional requests; made when first needed.
        headers: sent with every request; a key belongs here, never into an address or an error. A client with
            headers follows no redirect, which would send them to another host.
        requests_per_minute: the provider's limit, shared by all processes with this ``cache``; None for none.
        largest_bytes: a longer file is refused.
    """

    def __init__(
        self,
        setting: str,
        cache: Path,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: int | None = None,
        largest_bytes: int = LARGEST_FILE_BYTES,
    ) -> None:
        self._setting = setting
        self._cache = cache
        self._headers = headers or {}
        self._requests_per_minute = requests_per_minute
        self._largest_bytes = largest_bytes
        self._http_client: httpx.Client | None = None

    def read(self, url: str) -> bytes | None:
        """The bytes at ``url`` (``https://``, ``http://``, ``file://``), or None where there is no such file.

        Raises:
            FeedUnavailableError: no connection, a timeout, HTTP 429 or 5xx, also after retries.
            FeedRefusedError: any other answer.
        """
        parts = _split_address(url)
        scheme = "" if parts is None else parts.scheme
        if parts is not None and "@" in parts.netloc:
            raise FeedRefusedError(
                f"{self._setting}: an address with a user name or password ends up in logs; write it without"
            )
        if scheme == "file":
            return self._read_file(url)
        if scheme in {"http", "https"}:
            return self._download(url)
        raise FeedRefusedError(
            f"{self._setting}: cannot read {url!r}; write an address with https://, http:// or file://"
        )

    def without_secrets(self, text: str) -> str:
        """The text with every header's value replaced by ``[key]``, for answers that repeat their request."""
        for value in self._headers.values():
            text = text.replace(value, "[key]")
        return text

    def without_secrets_in(self, data: bytes) -> bytes:
        """An answer's bytes with every header's value replaced by ``[key]``."""
        for value in self._headers.values():
            data = data.replace(value.encode(), b"[key]")
        return data

    def _read_file(self, url: str) -> bytes | None:
        try:
            return Path(url2pathname(urlsplit(url).path)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FeedRefusedError(f"{self._setting}: cannot read {url}: {error.strerror}") from error

    def _download(self, url: str) -> bytes | None:
        try:
            for attempt in stamina.retry_context(
                on=_retry_wait, attempts=ATTEMPTS, timeout=180.0, wait_initial=0.5
            ):
                with attempt:
                    return self._request(url)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            message = f"{self._setting}: {url} answers HTTP {status}"
            if _is_transient(status):
                raise FeedUnavailableError(f"{message}; try again later") from error
            key = " and the key" if self._headers else ""
            raise FeedRefusedError(f"{message}; check the address{key}") from error
        except httpx.UnsupportedProtocol as error:
            raise FeedRefusedError(
                f"{self._setting}: {url} leads to an address without http; check it"
            ) from error
        except httpx.TransportError as error:
            raise FeedUnavailableError(f"{self._setting}: no answer from {url}: {error!r}") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise FeedRefusedError(f"{self._setting}: {url} cannot be read: {error}") from error
        raise AssertionError("stamina either returns or raises")

    def _request(self, url: str) -> bytes | None:
        cached = self._read_cache(url)
        headers = {}
        # A header that is not ASCII can be read and not be sent.
        if cached is not None and cached.etag and cached.etag.isascii():
            headers["If-None-Match"] = cached.etag
        if cached is not None and cached.last_modified and cached.last_modified.isascii():
            headers["If-Modified-Since"] = cached.last_modified
        if self._requests_per_minute is not None:
            file = self._cache / f"{urlsplit(url).hostname}.pace"
            RateLimiter(file, self._requests_per_minute).acquire()
        try:
            answer = BoundedCall(partial(self._ask, url, headers), LONGEST_DOWNLOAD_SECONDS)()
        except TimeoutError:
            raise _not_read() from None
        if answer is None:
            return None
        if cached is not None and answer.status == HTTPStatus.NOT_MODIFIED:
            return cached.body
        if answer.is_complete and (answer.file.etag or answer.file.last_modified):
            self._write_cache(answer.file)
        return answer.file.body

    def _ask(self, url: str, headers: Mapping[str, str]) -> "_Answer | None":
        """The server's answer; None where it has no such file."""
        with self._open_http_client().stream("GET", url, headers=headers) as response:
            if response.status_code in _MISSING:
                return None
            if response.status_code != HTTPStatus.NOT_MODIFIED or not headers:
                response.raise_for_status()
            if response.status_code not in _WHOLE:
                raise httpx.HTTPStatusError("no whole file", request=response.request, response=response)
            file = CachedFile(
                url=url,
                etag=response.headers.get("ETag", ""),
                last_modified=response.headers.get("Last-Modified", ""),
                body=self._read_body(response),
            )
            # A body that ends with the connection may have been cut, so it is not cached.
            is_complete = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
            return _Answer(response.status_code, file, is_complete)

    def _read_body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        deadline = time.monotonic() + LONGEST_DOWNLOAD_SECONDS
        for chunk in _decoded(response):
            body += chunk
            if time.monotonic() > deadline:
                raise _not_read()
            if len(body) > self._largest_bytes:
                limit = self._largest_bytes // 2**20
                raise FeedRefusedError(
                    f"{self._setting}: {response.url} is larger than {limit} MB; check the address"
                )
        return bytes(body)

    def _open_http_client(self) -> httpx.Client:
        if self._http_client is None:
            headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **self._headers}
            self._http_client = httpx.Client(
                timeout=TIMEOUT, headers=headers, follow_redirects=not self._headers
            )
        return self._http_client

    def _cache_path(self, url: str) -> Path:
        return self._cache / f"{hashlib.blake2b(url.encode(), digest_size=16).hexdigest()}.msgpack"

    def _read_cache(self, url: str) -> CachedFile | None:
        try:
            cached = msgspec.msgpack.decode(self._cache_path(url).read_bytes(), type=CachedFile)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return cached if cached.url == url else None

    def _write_cache(self, file: CachedFile) -> None:
        """Write the file atomically: two runs may download it at once."""
        self._cache.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._cache)
        with os.fdopen(handle, "wb") as out:
            out.write(msgspec.msgpack.encode(file))
        Path(temporary).replace(self._cache_path(file.url))


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces, without its compression.

    A compressed body knows its own end: one that was cut before the server sent it is found here, whatever
    length is announced. httpx takes what it has.
    """
    if response.headers.get("Content-Encoding", "").strip().lower() != "gzip":
        yield from response.iter_bytes()
        return
    decoder, has_begun = zlib.decompressobj(16 + zlib.MAX_WBITS), False
    try:
        for piece in response.iter_raw():
            has_begun = True
            yield decoder.decompress(piece)
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from error
    # A 304 may name the encoding of the body that it does not have.
    if has_begun and not decoder.eof:
        raise httpx.RemoteProtocolError("the compressed body ends too soon", request=response.request)


def _not_read() -> httpx.ReadTimeout:
    return httpx.ReadTimeout(f"not read within {LONGEST_DOWNLOAD_SECONDS:.0f} s")


def _split_address(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _retry_wait(error: Exception) -> bool | dt.timedelta:
    """Whether a failed request is retried, and the wait where the server names one."""
    if isinstance(error, httpx.HTTPStatusError):
        if not _is_transient(error.response.status_code):
            return False
        wait = _retry_after(error.response.headers.get("Retry-After", ""))
        return True if wait is None else wait if wait <= LONGEST_WAIT else False
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _is_transient(status: int) -> bool:
    return status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retry_after(text: str) -> dt.timedelta | None:
    """The pause of a ``Retry-After`` header, given in seconds or as a date; None where it says neither."""
    if text.isascii() and text.isdigit():
        return dt.timedelta(seconds=min(int(text), 10**6))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return max(at - SystemClock().now(), dt.timedelta(0))


def __getattr__(name: str) -> Any:
    """The old name of `FileClient`, for providers that were written before it was renamed."""
    if name == "FileDoor":
        warnings.warn("soccer_assets.feeds.http.FileDoor is now FileClient", DeprecationWarning, stacklevel=2)
        return FileClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
