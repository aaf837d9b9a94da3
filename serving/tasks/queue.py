"""The task queue as the sidecar sees it: submits jobs of bulk scoring to saq on Redis, and reports them."""

import asyncio
import contextlib
import functools
import hashlib
import importlib
import re
import uuid
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import msgspec
from prometheus_client import Gauge

from serving.backends.redis import OwnNames, RedisUnavailableError, connect, translate_redis_errors
from serving.errors import ServingError
from serving.pause import Pause
from serving.release.reader import ReleaseReader
from serving.tasks.quota import Quota, QuotaExceededError
from serving.tasks.store import PackedRows, QueueUnavailableError, TaskStore, part_count

_T = TypeVar("_T")

_TASK_ID = re.compile("[0-9a-f]{32}")

JOB = "score_task"

# With this many queued tasks, further ones are refused with 503.
MAX_QUEUED = 100
# Workers send a heartbeat at this interval; after the timeout another worker gets the task.
HEARTBEAT_SECONDS = 3
HEARTBEAT_TIMEOUT_SECONDS = 12
# A worker is listed, and healthy to its container, this long after its last heartbeat: ten of them.
ALIVE_SECONDS = 30
MAX_ATTEMPTS = 5
_TASK_SECONDS = 3600

# Imported only if Redis is configured.
_QUEUE_LIBRARY = "saq.queue.redis"


class QueueFullError(ServingError):
    """`MAX_QUEUED` tasks wait already, or the memory of Redis is full."""


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """Status of a task; ``parts`` is the number of stored parts of its result."""

    status: str
    rows: int
    progress: float
    reason: str | None = None
    parts: int = 0


class TaskQueue:
    """Submits tasks and reports their status.

    Args:
        url: of Redis; empty disables tasks.
        names: of the installation.
        keep_seconds: time to live of a task and its result.
        quota: of each API key.
        objects: the object store, see `TaskStore`.
    """

    def __init__(
        self,
        url: str,
        names: OwnNames,
        keep_seconds: int,
        quota: Quota | None = None,
        objects: ReleaseReader | None = None,
    ) -> None:
        self._quota = quota
        self._objects = objects
        self._url = url
        self._names = names
        self._queues: dict[str, Any] = {}
        self._keep = keep_seconds
        self._pause = Pause()

    async def submit(self, key_id: str, packed: PackedRows, idempotency_key: str | None) -> str:
        """Submit a task; the same idempotency key of the same API key returns the same task.

        Raises:
            QueueUnavailableError: Redis does not answer.
            QueueFullError: too many tasks are queued.
            QuotaExceededError: its API key has too many tasks.
            IdempotencyKeyReusedError: the idempotency key was used with another body.
        """
        task_id = uuid.uuid4().hex
        if idempotency_key is not None:
            task_id = hashlib.sha256(f"{key_id}\n{idempotency_key}".encode()).hexdigest()[:32]
        return await self._ask(self._submit(task_id, key_id, packed))

    async def state(self, task_id: str, key_id: str, *, is_admin: bool) -> TaskState | None:
        """Status of a task; None if unknown, of another API key, or no id of a task.

        Raises:
            QueueUnavailableError: Redis does not answer.
        """
        if not _TASK_ID.fullmatch(task_id):  # the library would fail on some of them
            return None
        return await self._ask(self._state(task_id, key_id, is_admin=is_admin))

    def parts(self, task_id: str, count: int) -> AsyncIterator[bytes]:
        """Iterate over the parts of a result, see `TaskStore.parts`."""
        return self._store.parts(task_id, count)

    async def info(self) -> Any:
        """Information of saq: queue depth, and the workers with their last heartbeat.

        Raises:
            QueueUnavailableError: Redis does not answer.
        """
        return await self._ask(self._info())

    async def watch(self, gauge: Gauge, seconds: float = 5.0) -> None:
        """Update the gauge of the queue depth until cancelled; it keeps its value while Redis is down."""
        if self._url:  # importing takes 0.1 s: not on the event loop
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
        try:
            await self._store.create(task_id, key_id, packed)
        except QuotaExceededError:
            if not await self._end_failed(key_id):
                raise
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

    async def _end_failed(self, key_id: str) -> bool:
        """Give back the places of a key's tasks that ended without a result; whether there were any."""
        tasks = await self._store.quotas.unfinished(key_id)
        jobs = await self._queue.jobs(tasks) if tasks else []
        # A task without a job is being submitted, or was, by a request that was cut off: it expires.
        ended = [
            task_id
            for task_id, job in zip(tasks, jobs, strict=True)
            if job is not None
            and (job.status.value == "failed" or (job.status.value == "aborted" and not job.retryable))
        ]
        await self._store.quotas.end(key_id, ended)
        return bool(ended)

    async def _state(self, task_id: str, key_id: str, *, is_admin: bool) -> TaskState | None:
        facts = await self._store.facts(task_id)
        if "rows" not in facts or not (is_admin or facts["key_id"] == key_id):
            return None
        rows = int(facts["rows"])
        if "is_done" in facts:
            return TaskState(status="success", rows=rows, progress=1.0, parts=part_count(rows))
        job = await self._queue.job(task_id)
        status = "pending" if job is None else str(job.status.value)
        # A job that its worker aborted for a late heartbeat is queued again, while it has attempts left.
        if status == "failed" or (status == "aborted" and not job.retryable):
            lines = str(job.error or "").strip().splitlines()
            reason = lines[-1] if lines else "its worker died too often"
            return TaskState(status="failed", rows=rows, progress=job.progress, reason=reason)
        running = status in {"active", "aborting", "aborted"}
        progress = 0.0 if job is None else job.progress
        return TaskState(status="running" if running else "pending", rows=rows, progress=progress)

    async def _info(self) -> Any:
        return await self._queue.info()

    async def _ask(self, question: Coroutine[Any, Any, _T]) -> _T:
        """Await a call to Redis; after a failure of the connection, fail fast for a while."""
        if not self._url or self._pause.is_on:
            question.close()
            raise QueueUnavailableError
        try:
            with translate_redis_errors():
                return await question
        except RedisUnavailableError as error:
            if error.is_full:
                raise QueueFullError from error
            if error.is_connection_lost:
                self._pause.begin()
            raise QueueUnavailableError from error

    @functools.cached_property
    def _redis(self) -> Any:
        return connect(self._url or "redis://127.0.0.1:1/0")

    @functools.cached_property
    def _store(self) -> TaskStore:
        return TaskStore(self._redis, self._names, self._keep, self._quota, self._objects)

    @property
    def _queue(self) -> Any:
        name = self._names.get().queue
        if name not in self._queues:
            self._queues[name] = importlib.import_module(_QUEUE_LIBRARY).RedisQueue(self._redis, name=name)
        return self._queues[name]
