"""Storage of bulk scoring in Redis beside saq's job: rows, facts and results of tasks.

Results are stored in compressed parts, so that a task whose worker was killed resumes after its last part. A
part is written once and never changed; all parts of a task come from one release.
"""

import hashlib
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from serving.backends.redis import OwnNames
from serving.errors import ServingError
from serving.scoring.schemas import MalformedBodyError, split_rows

PART_ROWS = 1_000

_COMPRESSION = 1


class QueueUnavailableError(ServingError):
    """Redis does not answer, or is not configured."""


class IdempotencyKeyReusedError(ServingError):
    """The idempotency key was used with another body."""


class PackedRows(msgspec.Struct, frozen=True):
    """The rows of a task, compressed for storage."""

    rows: int
    sha256: str
    data: bytes


class TooManyRows(msgspec.Struct, frozen=True):
    """The number of rows of a body that has too many."""

    rows: int


def pack_rows(body: bytes, max_rows: int) -> PackedRows | TooManyRows | str:
    """Check and compress the rows of a body, or say why it has none. Slow: runs in the child process."""
    try:
        rows, is_list = split_rows(body)
    except MalformedBodyError as error:
        return str(error)
    if len(rows) > max_rows:
        return TooManyRows(len(rows))
    content = body if is_list else b"[" + body + b"]"
    return PackedRows(len(rows), hashlib.sha256(content).hexdigest(), zlib.compress(content, _COMPRESSION))


def part_count(rows: int) -> int:
    """Number of parts of a result."""
    return -(-rows // PART_ROWS)


class TaskStore:
    """Rows, facts and results of tasks.

    Args:
        client: of Redis.
        names: of the installation.
        keep_seconds: time to live of a task after it was submitted, and again after it was done.
    """

    def __init__(self, client: Any, names: OwnNames, keep_seconds: int) -> None:
        self._redis = client
        self._names = names
        self._keep = keep_seconds

    async def create(self, task_id: str, key_id: str, packed: PackedRows) -> bool:
        """Store a task; False if it exists already.

        Raises:
            IdempotencyKeyReusedError: it exists with another body.
        """
        name = self._name(task_id)
        if await self._redis.hsetnx(name, "sha256", packed.sha256):
            await self._write(name, key_id, packed)
            return True
        if await self._redis.hget(name, "sha256") != packed.sha256.encode():
            raise IdempotencyKeyReusedError
        if not await self._redis.hexists(name, "rows"):  # the first call was killed between its two writes
            await self._write(name, key_id, packed)
        return False

    async def _write(self, name: str, key_id: str, packed: PackedRows) -> None:
        pipeline = self._redis.pipeline()
        pipeline.set(f"{name}:rows", packed.data, ex=self._keep)
        pipeline.hset(name, mapping={"key_id": key_id, "rows": packed.rows})
        pipeline.expire(name, self._keep)
        await pipeline.execute()

    async def facts(self, task_id: str) -> dict[str, str]:
        """The facts of a task; empty for an unknown one."""
        found = await self._redis.hgetall(self._name(task_id))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def rows(self, task_id: str) -> list[msgspec.Raw]:
        """The rows of a task, not decoded yet."""
        data = await self._redis.get(f"{self._name(task_id)}:rows")
        return msgspec.json.decode(zlib.decompress(data or b""), type=list[msgspec.Raw])

    async def resume(self, task_id: str, release_id: str) -> int:
        """Number of parts done with this release; parts of another release are deleted."""
        facts = await self.facts(task_id)
        parts = part_count(int(facts["rows"]))
        if facts.get("release_id") != release_id:
            names = [self._part(task_id, number) for number in range(parts)]
            if names:
                await self._redis.delete(*names)
            await self._redis.hset(self._name(task_id), "release_id", release_id)
            return 0
        for number in range(parts):
            if not await self._redis.exists(self._part(task_id, number)):
                return number
        return parts

    async def write_part(self, task_id: str, number: int, items: list[bytes]) -> None:
        """Store a part of the result unless it exists."""
        data = zlib.compress(b",".join(items), _COMPRESSION)
        await self._redis.set(self._part(task_id, number), data, nx=True, ex=self._keep)

    async def finish(self, task_id: str) -> None:
        """Mark a task as done and restart its time to live."""
        name = self._name(task_id)
        pipeline = self._redis.pipeline()
        for number in range(part_count(int((await self.facts(task_id))["rows"]))):
            pipeline.expire(self._part(task_id, number), self._keep)
        pipeline.hset(name, "is_done", 1)
        pipeline.expire(name, self._keep)
        pipeline.delete(f"{name}:rows")
        await pipeline.execute()

    async def parts(self, task_id: str, count: int) -> AsyncIterator[bytes]:
        """Iterate over the parts of a result, each a JSON list without its brackets."""
        for number in range(count):
            data = await self._redis.get(self._part(task_id, number))
            if data is None:
                raise QueueUnavailableError(f"part {number} of task {task_id} has expired")
            yield zlib.decompress(data)

    def _name(self, task_id: str) -> str:
        return self._names.get().task(task_id)

    def _part(self, task_id: str, number: int) -> str:
        return f"{self._name(task_id)}:part:{number}"
