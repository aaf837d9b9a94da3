"""How many requests a key may make in a minute, decided without a round trip.

All workers and replicas share a key's budget through one counter a minute in Redis, from which each leases
blocks ahead of need, in the background. A look-up therefore costs no round trip. Without Redis each worker
counts for itself and grants its share: the limit divided by the workers of this sidecar.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from serving.backends.redis import RedisUnavailableError, connect, translate_redis_errors
from serving.background_tasks import cancel_and_wait
from serving.metrics import Metrics

WINDOW_SECONDS = 60

# A lease is this share of the limit: small beside it, so that no worker hoards; large beside a request.
_BLOCKS = 50
_RETRY_SECONDS = 1.0

_log = structlog.get_logger()


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """What a key may still do in this minute; ``limit`` is 0 where there is none.

    Attributes:
        allowed: whether this request may go on.
        limit: requests a minute.
        remaining: of them, after this one.
        reset_seconds: until the next minute begins.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The `RateLimit` headers of the answer, `Retry-After` where it refuses; none without a limit."""
        if not self.limit:
            return []
        reset = b"%d" % self.reset_seconds
        headers = [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", reset),
        ]
        return headers if self.allowed else [*headers, (b"retry-after", reset)]


UNLIMITED = Allowance(True, 0, 0, 0)


class _Bucket:
    """A key's minute as this worker sees it: what it used, what it leased, what others leased."""

    __slots__ = ("elsewhere", "leased", "used", "window")

    def __init__(self, window: int) -> None:
        self.start(window)

    def start(self, window: int) -> None:
        self.window = window
        self.used = self.leased = self.elsewhere = 0


class RateLimiter:
    """The budgets of all keys.

    `take` is called on the event loop's thread only.

    Args:
        per_minute: requests a key may make in a minute of the wall clock; 0 for no limit.
        redis_url: where workers share their counts; empty: each for itself.
        metrics: counts failures.
        workers: how many of them this sidecar has.
        now: seconds since 1970, the same for all who share.
    """

    def __init__(
        self,
        per_minute: int,
        redis_url: str,
        metrics: Metrics,
        workers: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._limit = per_minute
        self._share = -(-per_minute // workers)
        self._is_alone = not redis_url
        self._block = max(1, per_minute // _BLOCKS)
        self._redis_url = redis_url
        self._metrics = metrics
        self._now = now
        self._buckets: dict[str, _Bucket] = {}
        self._short: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def take(self, key_id: str) -> Allowance:
        """Count one request of a key; never waits."""
        limit = self._share if self._is_alone else self._limit
        if not limit:
            return UNLIMITED
        second = int(self._now())
        window = second // WINDOW_SECONDS
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = _Bucket(window)
        elif bucket.window != window:
            bucket.start(window)
        reset = WINDOW_SECONDS - second % WINDOW_SECONDS
        left = limit - bucket.used - (0 if self._is_alone else bucket.elsewhere)
        if left <= 0:
            return Allowance(False, limit, 0, reset)
        bucket.used += 1
        if bucket.used + self._block // 2 >= bucket.leased and key_id not in self._short:
            self._short.add(key_id)
            self._wake.set()
        return Allowance(True, limit, left - 1, reset)

    async def start(self) -> None:
        """Begin to lease in the background, where there is someone to share with."""
        if self._limit and self._redis_url:
            self._task = asyncio.create_task(self._lease_for_ever())

    async def stop(self) -> None:
        """Stop leasing."""
        await cancel_and_wait(self._task)

    async def _lease_for_ever(self) -> None:
        client = connect(self._redis_url)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                short, self._short = self._short, set()
                try:
                    with translate_redis_errors():
                        await self._lease(client, sorted(short))
                    self._is_alone = False
                except RedisUnavailableError as error:
                    self._short |= short
                    self._wake.set()
                    self._metrics.poll_failures.labels("rate_limit").inc()
                    if not self._is_alone:
                        _log.warning("each worker limits for itself", error=str(error))
                    self._is_alone = True
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            await client.aclose()

    async def _lease(self, client: Any, key_ids: list[str]) -> None:
        """Lease a block, and what was used beyond the last one, for each key; one round trip for all."""
        asked: list[tuple[_Bucket, int, int]] = []
        pipeline = client.pipeline(transaction=False)
        for key_id in key_ids:
            bucket = self._buckets[key_id]
            block = max(bucket.used - bucket.leased, 0) + self._block
            name = f"soccer:rate:{key_id}:{bucket.window}"
            pipeline.incrby(name, block)
            pipeline.expire(name, 2 * WINDOW_SECONDS)
            asked.append((bucket, bucket.window, block))
        totals = (await pipeline.execute())[::2]
        for (bucket, window, block), total in zip(asked, totals, strict=True):
            if bucket.window == window:  # else the minute went by meanwhile
                bucket.leased += block
                bucket.elsewhere = int(total) - bucket.leased
