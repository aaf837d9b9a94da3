"""Request bodies: read in parts up to a limit, decompressed, without a byte order mark.

Here too: how many bytes of bodies a worker holds at a time. Not here: what a body means (``routes``).
"""

import asyncio
import contextlib
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import Any

from litestar import Request

from serving.memory_file import MemoryFile
from serving.problems import ProblemError, unavailable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MEGABYTE = 1024 * 1024
# The longest pause within a body, and the time for all of it: a client that stalls would hold its place.
_PAUSE_SECONDS = 20.0
_BODY_SECONDS = 120.0
# Larger bodies go to the child process: 8 MB would hold the event loop for tens of milliseconds.
_SMALL_BYTES = 16 * 1024
# Decompressed at once.
_PIECE_BYTES = 256 * 1024
# Streams in one gzip body: each of many empty ones would cost a copy of the rest.
_MOST_STREAMS = 1_000
# A limit's worth of bytes from each of this many clients of one key, and of all keys.
_BODIES_OF_KEY = 2
_BODIES = 4


class BodyBudget:
    """The bytes of bodies that this worker holds, for each key and in total.

    Args:
        most_bytes: of one body; a key may hold twice as many at a time, all keys together four times.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._of_key: defaultdict[str, int] = defaultdict(int)
        self._total = 0

    @contextlib.contextmanager
    def hold(self, key_id: str) -> Iterator["_Held"]:
        """A place for one body; its bytes are free again after the block."""
        held = _Held(self, key_id)
        try:
            yield held
        finally:
            self._total -= held.bytes
            self._of_key[key_id] -= held.bytes
            if not self._of_key[key_id]:
                del self._of_key[key_id]

    def add(self, key_id: str, count: int) -> None:
        """Count more bytes of a body.

        Raises:
            ProblemError: 429 where the key holds too many, 503 where all keys together do.
        """
        if self._of_key[key_id] + count > _BODIES_OF_KEY * self.most_bytes:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-bytes",
                "This key sends too many large bodies at a time; send one after the other.",
                {"Retry-After": "2"},
            )
        if self._total + count > _BODIES * self.most_bytes:
            raise unavailable("not-now", "Too many large bodies arrive now; send yours again shortly.", 2)
        self._total += count
        self._of_key[key_id] += count


class _Held:
    """The bytes that one body holds of a budget."""

    def __init__(self, budget: BodyBudget, key_id: str) -> None:
        self._budget = budget
        self._key_id = key_id
        self.bytes = 0

    def add(self, count: int) -> None:
        """Hold more bytes; errors as `BodyBudget.add`."""
        self._budget.add(self._key_id, count)
        self.bytes += count


async def read_body(request: Request[Any, Any, Any], most_bytes: int, held: _Held) -> bytes:
    """The whole body, decompressed where it is gzip, without a byte order mark.

    Args:
        request: whose body was not read yet.
        most_bytes: of the body as sent, and again after decompression.
        held: counts the bytes.

    Raises:
        ProblemError: 413 too large; 415 an unknown content coding; 408 not complete in time; 400 broken
            off or not gzip; 429 and 503 of the budget.
    """
    parts: list[bytes] = []
    await _receive(request, most_bytes, held, parts.append)
    return b"".join(parts).removeprefix(_BYTE_ORDER_MARK)


@contextlib.asynccontextmanager
async def open_body(
    request: Request[Any, Any, Any], most_bytes: int, held: _Held
) -> AsyncIterator[bytes | MemoryFile]:
    """As `read_body`; a body of more than 16 kB is in a file for the child process, closed after the block.

    Raises:
        ProblemError: as `read_body`.
    """
    with contextlib.ExitStack() as stack:
        body = _Spilled(stack)
        await _receive(request, most_bytes, held, body.write)
        yield body.content()


class _Spilled:
    """Takes the parts of a body; from `_SMALL_BYTES` on they go into a file, which the stack closes."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._head = bytearray()
        self._file: MemoryFile | None = None

    def write(self, part: bytes) -> None:
        if self._file is not None:
            self._file.write(part)
            return
        self._head += part
        if len(self._head) > _SMALL_BYTES:
            self._file = self._stack.enter_context(MemoryFile())
            self._file.write(bytes(self._head).removeprefix(_BYTE_ORDER_MARK))
            self._head.clear()

    def content(self) -> bytes | MemoryFile:
        return self._file or bytes(self._head).removeprefix(_BYTE_ORDER_MARK)


async def _receive(
    request: Request[Any, Any, Any], most_bytes: int, held: _Held, write: Callable[[bytes], object]
) -> None:
    """Write the decompressed parts of a body; errors as `read_body`."""
    decode = _decoder(request.headers.get("content-encoding", ""))
    if _announced(request) > most_bytes:
        raise _too_large(most_bytes)
    sent = decoded = 0

    def take(piece: bytes) -> None:
        nonlocal decoded
        decoded += len(piece)
        held.add(len(piece))
        if decoded > most_bytes:
            raise _too_large(most_bytes)
        write(piece)

    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                part, is_last = await _next_part(request)
                sent += len(part)
                if sent > most_bytes:
                    raise _too_large(most_bytes)
                await decode(part, take)
                if is_last:
                    break
    except TimeoutError as error:
        raise ProblemError(
            HTTPStatus.REQUEST_TIMEOUT, "slow-body", "The body did not arrive in time; send it again."
        ) from error
    except zlib.error as error:
        raise _unreadable(f"the body is not gzip as its Content-Encoding says ({error})") from error
    if not decode.is_complete:
        raise _unreadable("the gzip body is cut off")


async def _next_part(request: Request[Any, Any, Any]) -> tuple[bytes, bool]:
    """A part of a body, and whether it is the last."""
    async with asyncio.timeout(_PAUSE_SECONDS):
        message: Any = await request.receive()
    if message["type"] == "http.disconnect":
        raise _unreadable("the body ended before it was complete")
    return message.get("body", b""), not message.get("more_body", False)


class _Plain:
    """A body that is sent as it is."""

    is_complete = True

    async def __call__(self, part: bytes, take: Callable[[bytes], None]) -> None:
        """Take a part as it is."""
        take(part)


class _Gzip:
    """Decompresses a body part by part, and each part in pieces: 400 kB may become 400 MB."""

    def __init__(self) -> None:
        self._stream = _gzip_stream()
        self._streams = 1
        self._has_begun = False

    @property
    def is_complete(self) -> bool:
        """Whether the end of the stream was seen."""
        return self._stream.eof or not self._has_begun

    async def __call__(self, part: bytes, take: Callable[[bytes], None]) -> None:
        """Take the pieces of a part."""
        is_more = bool(part)
        while is_more:
            # In a thread, which zlib lets run beside the event loop.
            piece, part = await asyncio.to_thread(self._decompress, part)
            take(piece)
            # A full piece may leave some of its stream behind although all of the part is taken in.
            is_more = bool(part) or len(piece) == _PIECE_BYTES

    def _decompress(self, part: bytes) -> tuple[bytes, bytes]:
        """The next piece, and the rest of the part."""
        while True:
            if self._stream.eof and part:  # a file may consist of several streams
                self._stream = _gzip_stream()
                self._streams += 1
                if self._streams > _MOST_STREAMS:
                    raise zlib.error("too many streams")
            self._has_begun = True
            piece = self._stream.decompress(part, _PIECE_BYTES)
            part = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if piece or not part:
                return piece, part


def _gzip_stream() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _decoder(codings: str) -> _Plain | _Gzip:
    name = codings.strip().lower()
    if name in {"", "identity"}:
        return _Plain()
    if name in {"gzip", "x-gzip"}:
        return _Gzip()
    raise ProblemError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "content-coding",
        f"The Content-Encoding {name[:40]!r} is not understood; send the body as it is, or gzip.",
        {"Accept-Encoding": "gzip, identity"},
    )


def _announced(request: Request[Any, Any, Any]) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _unreadable(what: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.BAD_REQUEST, "invalid-body", f"{what[0].upper()}{what[1:]}; send it again."
    )


def _too_large(most_bytes: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"The body is larger than {most_bytes / _MEGABYTE:g} MB; send fewer rows at once.",
    )
