"""Tasks: bulk scoring that outlives a request, on a job queue in Redis (saq), as the sidecar sees them."""

import asyncio
import contextlib
import functools
import hashlib
import importlib
import time
import uuid
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import msgspec
from prometheus_client import Gauge

from serving.backends.redis import RedisUnavailableError, connect, translate_redis_errors
from serving.errors import ServingError
from serving.tasks.store import PackedRows, QueueUnavailableError, TaskStore, part_count

_T = TypeVar("_T")

QUEUE = "scoring"
JOB = "score_task"

# Beyond this many waiting tasks a client is asked to come back.
MAX_QUEUED = 100
# A worker says that it lives this often; after the longer time its task is given to another.
HEARTBEAT_SECONDS = 3
HEARTBEAT_TIMEOUT_SECONDS = 12
MAX_ATTEMPTS = 5
_TASK_SECONDS = 3600

# Imported where there is a Redis.
_QUEUE_LIBRARY = "saq.queue.redis"

# How long a server that did not answer is not asked again.
_RETRY_SECONDS = 2.0


class QueueFullError(ServingError):
    """Too many tasks wait."""


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stands; ``parts`` of its result are there."""

    status: str
    rows: int
    progress: float
    reason: str | None = None
    parts: int = 0


class TaskQueue:
    """What the sidecar does with tasks: take them in, tell where they stand.

    Args:
        url: of Redis; empty: there are no tasks.
        keep_seconds: how long a task and its result are kept.
    """

    def __init__(self, url: str, keep_seconds: int) -> None:
        self._url = url
        self._keep = keep_seconds
        self._unavailable_until = 0.0

    async def submit(self, key_id: str, packed: PackedRows, idempotency_key: str | None) -> str:
        """Take a task in; the same idempotency key of the same API key is the same task.

        Raises:
            QueueUnavailableError: Redis does not answer.
            QueueFullError: too many tasks wait.
            IdempotencyKeyReusedError: the idempotency key was used for another body.
        """
        task_id = uuid.uuid4().hex
        if idempotency_key is not None:
            task_id = hashlib.sha256(f"{key_id}\n{idempotency_key}".encode()).hexdigest()[:32]
        return await self._ask(self._submit(task_id, key_id, packed))

    async def state(self, task_id: str, key_id: str, *, is_admin: bool) -> TaskState | None:
        """Where a task stands; None for an unknown one, or another client's.

        Raises:
            QueueUnavailableError: Redis does not answer.
        """
        return await self._ask(self._state(task_id, key_id, is_admin=is_admin))

    def parts(self, task_id: str, count: int) -> AsyncIterator[bytes]:
        """The parts of a result, see `TaskStore.parts`."""
        return self._store.parts(task_id, count)

    async def info(self) -> Any:
        """What saq tells of its queue: depth, and the workers with their last beat.

        Raises:
            QueueUnavailableError: Redis does not answer.
        """
        return await self._ask(self._queue.info())

    async def watch(self, gauge: Gauge, seconds: float = 5.0) -> None:
        """Tell the depth of the queue for as long as the sidecar lives; nothing while Redis is gone."""
        if self._url:  # the library takes a tenth of a second: not on the event loop
            await asyncio.to_thread(importlib.import_module, _QUEUE_LIBRARY)
        while self._url:
            with contextlib.suppress(QueueUnavailableError):
                info = await self.info()
                for state in ("queued", "active"):
                    gauge.labels(state).set(info[state])
            await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        if "_redis" in self.__dict__:
            await self._redis.aclose()

    async def _submit(self, task_id: str, key_id: str, packed: PackedRows) -> str:
        if await self._queue.count("queued") >= MAX_QUEUED:
            raise QueueFullError
        await self._store.create(task_id, key_id, packed)
        facts = await self._store.facts(task_id)
        if "is_done" not in facts and await self._queue.job(task_id) is None:
            await self._queue.enqueue(
                JOB,
                key=task_id,
                timeout=_TASK_SECONDS,
                heartbeat=HEARTBEAT_TIMEOUT_SECONDS,
                retries=MAX_ATTEMPTS,
                ttl=self._keep,
            )
        return task_id

    async def _state(self, task_id: str, key_id: str, *, is_admin: bool) -> TaskState | None:
        facts = await self._store.facts(task_id)
        if "rows" not in facts or not (is_admin or facts["key_id"] == key_id):
            return None
        rows = int(facts["rows"])
        if "is_done" in facts:
            return TaskState(status="success", rows=rows, progress=1.0, parts=part_count(rows))
        job = await self._queue.job(task_id)
        status = "pending" if job is None else str(job.status.value)
        if status in {"failed", "aborted"}:
            lines = str(job.error or "").strip().splitlines()
            reason = lines[-1] if lines else "its worker was lost too often"
            return TaskState(status="failed", rows=rows, progress=job.progress, reason=reason)
        running = status in {"active", "aborting"}
        progress = 0.0 if job is None else job.progress
        return TaskState(status="running" if running else "pending", rows=rows, progress=progress)

    async def _ask(self, question: Coroutine[Any, Any, _T]) -> _T:
        """The answer to a question; a server that is gone is not waited for again and again."""
        if not self._url or time.monotonic() < self._unavailable_until:
            question.close()
            raise QueueUnavailableError
        try:
            with translate_redis_errors():
                return await question
        except RedisUnavailableError as error:
            self._unavailable_until = time.monotonic() + _RETRY_SECONDS
            raise QueueUnavailableError from error

    @functools.cached_property
    def _redis(self) -> Any:
        return connect(self._url or "redis://127.0.0.1:1/0")

    @functools.cached_property
    def _store(self) -> TaskStore:
        return TaskStore(self._redis, self._keep)

    @functools.cached_property
    def _queue(self) -> Any:
        return importlib.import_module(_QUEUE_LIBRARY).RedisQueue(self._redis, name=QUEUE)
