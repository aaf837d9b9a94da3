"""The one way in which the sidecar and its worker speak to Redis, and end what speaks to it.

The library takes as long to import as the framework, so it is imported by whoever asks first. No other module
of the sidecar imports it: `translate_redis_errors` turns what it raises into `RedisUnavailableError`.
"""

import asyncio
import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from serving.errors import ServingError


class RedisUnavailableError(ServingError):
    """Redis does not answer; the message is the name of the library's error."""


@contextlib.contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Questions to Redis.

    Raises:
        RedisUnavailableError: it does not answer, or answers with an error.
    """
    from redis.exceptions import RedisError  # noqa: PLC0415 - see above

    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailableError(type(error).__name__) from error


def connect(url: str, *, answer_seconds: float = 5.0) -> Any:
    """A client that gives up at once: whoever asks has a better use for the time.

    Untyped: the library types its answers as bytes or text, ours are always bytes.
    """
    from redis.asyncio import Redis  # noqa: PLC0415 - see above
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    return Redis.from_url(
        url, socket_connect_timeout=1, socket_timeout=answer_seconds, retry=Retry(NoBackoff(), 0)
    )


async def import_library(url: str) -> None:
    """Import the library in a thread where it will be needed, so that the event loop does not stand still."""
    if url:
        await asyncio.to_thread(importlib.import_module, "redis.asyncio")
