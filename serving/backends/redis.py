"""Connections to Redis for the sidecar and its task worker.

The library takes as long to import as Litestar, so it is imported at the first use. No other module imports
it: `translate_redis_errors` turns its exceptions into `RedisUnavailableError`.
"""

import asyncio
import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from serving.errors import ServingError
from soccer_assets.contract.installation import RedisNames


class RedisUnavailableError(ServingError):
    """Redis does not answer, or answers with an error; the message is the library's exception name.

    Attributes:
        is_connection_lost: it does not answer; otherwise it refused one command.
        is_full: it refused the command because its memory is full.
    """

    def __init__(self, message: str, *, is_connection_lost: bool = True, is_full: bool = False) -> None:
        super().__init__(message)
        self.is_connection_lost = is_connection_lost
        self.is_full = is_full


@contextlib.contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Context for calls to Redis.

    Raises:
        RedisUnavailableError: Redis does not answer, or answers with an error.
    """
    from redis import exceptions as of  # noqa: PLC0415 - see above

    try:
        yield
    except (of.RedisError, OSError) as error:
        raise RedisUnavailableError(
            type(error).__name__,
            is_connection_lost=isinstance(error, OSError | of.ConnectionError | of.TimeoutError),
            is_full=isinstance(error, of.OutOfMemoryError),
        ) from error


def connect(url: str, *, answer_seconds: float = 5.0) -> Any:
    """A client without retries: callers have a fallback and retry later themselves.

    Args:
        url: such as ``redis://host:6379/0``.
        answer_seconds: socket timeout; a blocking read needs more than it blocks.

    Returns:
        ``redis.asyncio.Redis``, untyped: the library types answers as bytes or text, ours are always bytes.
    """
    from redis.asyncio import Redis  # noqa: PLC0415 - see above
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    return Redis.from_url(
        url, socket_connect_timeout=1, socket_timeout=answer_seconds, retry=Retry(NoBackoff(), 0)
    )


class OwnNames:
    """The names on Redis of the installation whose store is served; the reloader reads its id there."""

    def __init__(self, installation: str = "") -> None:
        self._names = RedisNames(installation) if installation else None

    def set(self, installation: str) -> None:
        """Use the names of this installation from now on."""
        if self._names is None or self._names.installation != installation:
            self._names = RedisNames(installation)

    def get(self) -> RedisNames:
        """The names.

        Raises:
            RedisUnavailableError: the store does not say yet whose it is.
        """
        if self._names is None:
            raise RedisUnavailableError("the store has no installation.json yet")
        return self._names


async def import_library(url: str) -> None:
    """Import the library in a thread if a URL is set, so that the import does not block the event loop."""
    if url:
        await asyncio.to_thread(importlib.import_module, "redis.asyncio")
