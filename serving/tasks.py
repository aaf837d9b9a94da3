"""Tasks: bulk scoring that outlives a request, on a job queue in Redis (saq).

A task's rows and results lie beside its job, in compressed parts, so that the queue stays small and a task
whose worker was killed goes on after its last part. A part is written once and never changed; all parts of a
task come from one release.
"""

import asyncio
import contextlib
import functools
import hashlib
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import msgspec
from prometheus_client import Gauge

from serving.redis_client import RedisGoneError, asking, client_of
from serving.rows import MalformedError, split_rows

_T = TypeVar("_T")

QUEUE = "scoring"
JOB = "score_task"
PART_ROWS = 1_000

# Beyond this many waiting tasks a client is asked to come back.
MOST_QUEUED = 100
# A worker says that it lives this often; after the longer time its task is given to another.
BEAT_SECONDS = 3
LOST_SECONDS = 12
MOST_ATTEMPTS = 5
_TASK_SECONDS = 3600
_COMPRESSION = 1

# How long a server that did not answer is not asked again.
_GONE_SECONDS = 2.0


class QueueGoneError(Exception):
    """Redis does not answer, or is not set."""


class QueueFullError(Exception):
    """Too many tasks wait."""


class OtherBodyError(Exception):
    """The idempotency key was used for another body."""


class Packed(msgspec.Struct, frozen=True):
    """The rows of a task as they are stored."""

    rows: int
    sha256: str
    data: bytes


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stands; ``parts`` of its result are there."""

    status: str
    rows: int
    progress: float
    reason: str | None = None
    parts: int = 0


class TooManyRows(msgspec.Struct, frozen=True):
    """How many rows came."""

    rows: int


def pack(body: bytes, most: int) -> Packed | TooManyRows | str:
    """The rows of a body, ready to be stored, or why they are none; for the child: it takes a while."""
    try:
        rows, is_list = split_rows(body)
    except MalformedError as error:
        return str(error)
    if len(rows) > most:
        return TooManyRows(len(rows))
    content = body if is_list else b"[" + body + b"]"
    return Packed(len(rows), hashlib.sha256(content).hexdigest(), zlib.compress(content, _COMPRESSION))


def parts_of(rows: int) -> int:
    """How many parts a result has."""
    return -(-rows // PART_ROWS)


class TaskStore:
    """Rows, facts and results of tasks.

    Args:
        client: of the server.
        keep_seconds: how long a task is remembered after it was sent, and after it was done.
    """

    def __init__(self, client: Any, keep_seconds: int) -> None:
        self._redis = client
        self._keep = keep_seconds

    async def create(self, task_id: str, key_id: str, packed: Packed) -> bool:
        """Remember a task; false where it is there already.

        Raises:
            OtherBodyError: it is there, and asks for something else.
        """
        name = _name(task_id)
        if await self._redis.hsetnx(name, "sha256", packed.sha256):
            await self._write(name, key_id, packed)
            return True
        if await self._redis.hget(name, "sha256") != packed.sha256.encode():
            raise OtherBodyError
        if not await self._redis.hexists(name, "rows"):  # killed between the two writes of the first time
            await self._write(name, key_id, packed)
        return False

    async def _write(self, name: str, key_id: str, packed: Packed) -> None:
        pipeline = self._redis.pipeline()
        pipeline.set(f"{name}:rows", packed.data, ex=self._keep)
        pipeline.hset(name, mapping={"key_id": key_id, "rows": packed.rows})
        pipeline.expire(name, self._keep)
        await pipeline.execute()

    async def facts(self, task_id: str) -> dict[str, str]:
        """What is known of a task; empty for an unknown one."""
        found = await self._redis.hgetall(_name(task_id))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def rows(self, task_id: str) -> list[msgspec.Raw]:
        """The rows of a task, not decoded yet."""
        data = await self._redis.get(f"{_name(task_id)}:rows")
        return msgspec.json.decode(zlib.decompress(data or b""), type=list[msgspec.Raw])

    async def begin(self, task_id: str, release_id: str) -> int:
        """How many parts of a task are done with this release; those of another one are forgotten."""
        facts = await self.facts(task_id)
        parts = parts_of(int(facts["rows"]))
        if facts.get("release_id") != release_id:
            names = [_part(task_id, number) for number in range(parts)]
            if names:
                await self._redis.delete(*names)
            await self._redis.hset(_name(task_id), "release_id", release_id)
            return 0
        for number in range(parts):
            if not await self._redis.exists(_part(task_id, number)):
                return number
        return parts

    async def keep_part(self, task_id: str, number: int, items: list[bytes]) -> None:
        """Store a part of the result, unless it is there."""
        data = zlib.compress(b",".join(items), _COMPRESSION)
        await self._redis.set(_part(task_id, number), data, nx=True, ex=self._keep)

    async def finish(self, task_id: str) -> None:
        """Let the time for which the result is kept begin."""
        name = _name(task_id)
        pipeline = self._redis.pipeline()
        for number in range(parts_of(int((await self.facts(task_id))["rows"]))):
            pipeline.expire(_part(task_id, number), self._keep)
        pipeline.hset(name, "is_done", 1)
        pipeline.expire(name, self._keep)
        pipeline.delete(f"{name}:rows")
        await pipeline.execute()

    async def parts(self, task_id: str, count: int) -> AsyncIterator[bytes]:
        """The parts of a result in order, each a list of JSON objects without its brackets."""
        for number in range(count):
            data = await self._redis.get(_part(task_id, number))
            if data is None:
                raise QueueGoneError(f"part {number} of task {task_id} is gone")
            yield zlib.decompress(data)


class TaskDesk:
    """What the sidecar does with tasks: take them in, tell where they stand.

    Args:
        url: of Redis; empty: there are no tasks.
        keep_seconds: how long a task and its result are kept.
    """

    def __init__(self, url: str, keep_seconds: int) -> None:
        self._url = url
        self._keep = keep_seconds
        self._gone_until = 0.0

    async def submit(self, key_id: str, packed: Packed, idempotency_key: str | None) -> str:
        """Take a task in; the same idempotency key of the same API key is the same task.

        Raises:
            QueueGoneError: Redis does not answer.
            QueueFullError: too many tasks wait.
            OtherBodyError: the idempotency key was used for another body.
        """
        task_id = uuid.uuid4().hex
        if idempotency_key is not None:
            task_id = hashlib.sha256(f"{key_id}\n{idempotency_key}".encode()).hexdigest()[:32]
        return await self._ask(self._submit(task_id, key_id, packed))

    async def state(self, task_id: str, key_id: str, *, is_admin: bool) -> TaskState | None:
        """Where a task stands; None for an unknown one, or another client's.

        Raises:
            QueueGoneError: Redis does not answer.
        """
        return await self._ask(self._state(task_id, key_id, is_admin=is_admin))

    def parts(self, task_id: str, count: int) -> AsyncIterator[bytes]:
        """The parts of a result, see `TaskStore.parts`."""
        return self._store.parts(task_id, count)

    async def info(self) -> Any:
        """What saq tells of its queue: depth, and the workers with their last beat.

        Raises:
            QueueGoneError: Redis does not answer.
        """
        return await self._ask(self._queue.info())

    async def watch(self, gauge: Gauge, seconds: float = 5.0) -> None:
        """Tell the depth of the queue for as long as the sidecar lives; nothing while Redis is gone."""
        while self._url:
            with contextlib.suppress(QueueGoneError):
                info = await self.info()
                for state in ("queued", "active"):
                    gauge.labels(state).set(info[state])
            await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        if "_redis" in self.__dict__:
            await self._redis.aclose()

    async def _submit(self, task_id: str, key_id: str, packed: Packed) -> str:
        if await self._queue.count("queued") >= MOST_QUEUED:
            raise QueueFullError
        await self._store.create(task_id, key_id, packed)
        facts = await self._store.facts(task_id)
        if "is_done" not in facts and await self._queue.job(task_id) is None:
            await self._queue.enqueue(
                JOB,
                key=task_id,
                timeout=_TASK_SECONDS,
                heartbeat=LOST_SECONDS,
                retries=MOST_ATTEMPTS,
                ttl=self._keep,
            )
        return task_id

    async def _state(self, task_id: str, key_id: str, *, is_admin: bool) -> TaskState | None:
        facts = await self._store.facts(task_id)
        if "rows" not in facts or not (is_admin or facts["key_id"] == key_id):
            return None
        rows = int(facts["rows"])
        if "is_done" in facts:
            return TaskState(status="success", rows=rows, progress=1.0, parts=parts_of(rows))
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
        if not self._url or time.monotonic() < self._gone_until:
            question.close()
            raise QueueGoneError
        try:
            with asking():
                return await question
        except RedisGoneError as error:
            self._gone_until = time.monotonic() + _GONE_SECONDS
            raise QueueGoneError from error

    @functools.cached_property
    def _redis(self) -> Any:
        return client_of(self._url or "redis://127.0.0.1:1/0")

    @functools.cached_property
    def _store(self) -> TaskStore:
        return TaskStore(self._redis, self._keep)

    @functools.cached_property
    def _queue(self) -> Any:
        from saq.queue.redis import RedisQueue  # noqa: PLC0415 - a tenth of a second that look-ups do not need

        return RedisQueue(self._redis, name=QUEUE)


def _name(task_id: str) -> str:
    return f"soccer:task:{task_id}"


def _part(task_id: str, number: int) -> str:
    return f"soccer:task:{task_id}:part:{number}"
