"""The one way in which the sidecar and its worker speak to Redis, and end what speaks to it."""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def client_of(url: str) -> Any:
    """A client that gives up at once: whoever asks has a better use for the time.

    Untyped: the library types its answers as bytes or text, ours are always bytes.
    """
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5, retry=Retry(NoBackoff(), 0))


async def end(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until they are over.

    Again where once is not enough: a cancellation that meets a connection being made turns into its failure,
    and a task that survives failures goes on.
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.5)
