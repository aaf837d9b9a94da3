"""Rate limits per API key in fixed windows of a minute, decided without a round trip.

All workers and replicas share a key's budget through one counter per minute in Redis. Each leases blocks of
it in the background, before it needs them. Without Redis each worker grants its share: the limit divided by
the number of workers of this sidecar.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from serving.backends.redis import OwnNames, RedisUnavailableError, connect, translate_redis_errors
from serving.background_tasks import cancel_and_wait
from serving.metrics import Metrics

WINDOW_SECONDS = 60

# A lease is a fiftieth of the limit: small, so that idle workers hold back little of the budget.
_BLOCKS = 50
_RETRY_SECONDS = 1.0

_log = structlog.get_logger()


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """The rate-limit state of a key after a request; ``limit`` is 0 without a limit.

    Attributes:
        allowed: whether this request is within the limit.
        limit: requests per minute.
        remaining: requests left in this minute.
        reset_seconds: until the next minute begins.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The `RateLimit-*` headers, with `Retry-After` on refusal; empty without a limit."""
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
    """A key's current minute in this worker: requests used, leased here, and leased elsewhere."""

    __slots__ = ("elsewhere", "leased", "used", "window")

    def __init__(self, window: int) -> None:
        self.start(window)

    def start(self, window: int) -> None:
        self.window = window
        self.used = self.leased = self.elsewhere = 0


class RateLimiter:
    """The budgets of all keys.

    `take` must be called on the event loop's thread.

    Args:
        per_minute: requests per key and minute of the wall clock; 0 for no limit.
        redis_url: shares budgets between workers and replicas; empty: each worker grants its share.
        names: of the installation.
        metrics: counts failures.
        workers: number of workers of this sidecar.
        now: seconds since 1970; clocks of all replicas must agree.
    """

    def __init__(
        self,
        per_minute: int,
        redis_url: str,
        names: OwnNames,
        metrics: Metrics,
        workers: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._limit = per_minute
        self._share = -(-per_minute // workers)
        self._is_alone = not redis_url
        self._block = max(1, per_minute // _BLOCKS)
        self._redis_url = redis_url
        self._names = names
        self._metrics = metrics
        self._now = now
        self._buckets: dict[str, _Bucket] = {}
        self._short: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def take(self, key_id: str, count: int = 1) -> Allowance:
        """Count some requests of a key, all or none of them, without waiting."""
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
        if left < count:
            return Allowance(False, limit, max(left, 0), reset)
        bucket.used += count
        if bucket.used + self._block // 2 >= bucket.leased and key_id not in self._short:
            self._short.add(key_id)
            self._wake.set()
        return Allowance(True, limit, left - count, reset)

    async def start(self) -> None:
        """Start to lease in the background if there is a limit and a Redis."""
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
                        _log.warning("rate limits are per worker: redis unavailable", error=str(error))
                    self._is_alone = True
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            await client.aclose()

    async def _lease(self, client: Any, key_ids: list[str]) -> None:
        """Lease a block plus any overdraft for each key, in one round trip."""
        asked: list[tuple[_Bucket, int, int]] = []
        names = self._names.get()
        pipeline = client.pipeline(transaction=False)
        for key_id in key_ids:
            bucket = self._buckets[key_id]
            block = max(bucket.used - bucket.leased, 0) + self._block
            name = names.rate(key_id, bucket.window)
            pipeline.incrby(name, block)
            pipeline.expire(name, 2 * WINDOW_SECONDS)
            asked.append((bucket, bucket.window, block))
        totals = (await pipeline.execute())[::2]
        for (bucket, window, block), total in zip(asked, totals, strict=True):
            if bucket.window == window:  # otherwise the minute ended meanwhile
                bucket.leased += block
                bucket.elsewhere = int(total) - bucket.leased
