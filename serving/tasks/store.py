"""Storage of bulk scoring in Redis beside saq's job: rows, facts and results of tasks.

Results are stored in compressed parts, so that a task whose worker was killed resumes after its last part. A
part is written once and never changed; all parts of a task come from one release.
"""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from serving.backends.redis import OwnNames
from serving.errors import ServingError
from serving.memory_file import SharedFile
from serving.release.reader import ReleaseError, ReleaseReader, StoreUnavailableError
from serving.scoring.schemas import MalformedBodyError, TooManyRows, split_rows
from serving.tasks.quota import Quota, Quotas

PART_ROWS = 1_000

_COMPRESSION = 1

# Redis holds everything in memory: what is larger lies in the object store. A full part has some 100 kB.
_LARGE = 32 * 1024
# zlib's data begins otherwise.
_ELSEWHERE = b"object:"


class QueueUnavailableError(ServingError):
    """Redis does not answer, or is not configured."""


class IdempotencyKeyReusedError(ServingError):
    """The idempotency key was used with another body."""


class PackedRows(msgspec.Struct, frozen=True):
    """The rows of a task, compressed for storage."""

    rows: int
    sha256: str
    data: bytes


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


def pack_file(file: SharedFile, max_rows: int) -> PackedRows | TooManyRows | str:
    """As `pack_rows`, of a body in a file that holds the packed rows afterwards; ``data`` is empty."""
    packed = pack_rows(file.read(), max_rows)
    if not isinstance(packed, PackedRows):
        return packed
    file.replace(packed.data)
    return msgspec.structs.replace(packed, data=b"")


def part_count(rows: int) -> int:
    """Number of parts of a result."""
    return -(-rows // PART_ROWS)


class TaskStore:
    """Rows, facts and results of tasks.

    Args:
        client: of Redis.
        names: of the installation.
        keep_seconds: time to live of a task after it was submitted, and again after it was done.
        quota: of each API key.
        objects: the object store, for data above `_LARGE` bytes; without it all stays in Redis.
    """

    def __init__(
        self,
        client: Any,
        names: OwnNames,
        keep_seconds: int,
        quota: Quota | None = None,
        objects: ReleaseReader | None = None,
    ) -> None:
        self.quotas = Quotas(client, names, keep_seconds, quota or Quota())
        self._objects = objects
        self._redis = client
        self._names = names
        self.keep_seconds = self._keep = keep_seconds

    async def create(self, task_id: str, key_id: str, packed: PackedRows) -> bool:
        """Store a task; False if it exists already.

        Raises:
            IdempotencyKeyReusedError: it exists with another body.
            QuotaExceededError: its key has too many tasks.
        """
        name = self._name(task_id)
        is_new = bool(await self._redis.hsetnx(name, "sha256", packed.sha256))
        if not is_new and await self._redis.hget(name, "sha256") != packed.sha256.encode():
            raise IdempotencyKeyReusedError
        # Without its rows the first call was killed between its two writes.
        if not is_new and await self._redis.hexists(name, "rows"):
            return False
        try:
            await self.quotas.reserve(key_id, task_id, len(packed.data))
            await self._write(name, key_id, packed)
        except Exception:
            await self._redis.delete(name)
            await self.quotas.release(key_id, task_id)
            raise
        return is_new

    async def _write(self, name: str, key_id: str, packed: PackedRows) -> None:
        rows = await self._put(packed.data)
        pipeline = self._redis.pipeline()
        pipeline.set(f"{name}:rows", rows, ex=self._keep)
        pipeline.hset(name, mapping={"key_id": key_id, "rows": packed.rows})
        pipeline.expire(name, self._keep)
        await pipeline.execute()

    async def facts(self, task_id: str) -> dict[str, str]:
        """The facts of a task; empty for an unknown one."""
        found = await self._redis.hgetall(self._name(task_id))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def rows(self, task_id: str) -> list[msgspec.Raw]:
        """The rows of a task, not decoded yet."""
        data = await self._get(f"{self._name(task_id)}:rows")
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
        if await self._redis.set(self._part(task_id, number), await self._put(data), nx=True, ex=self._keep):
            await self._redis.hincrby(self._name(task_id), "bytes", len(data))

    async def finish(self, task_id: str) -> None:
        """Mark a task as done and restart its time to live."""
        name, facts = self._name(task_id), await self.facts(task_id)
        await self.quotas.end(facts["key_id"], [task_id], int(facts.get("bytes", 0)))
        pipeline = self._redis.pipeline()
        for number in range(part_count(int(facts["rows"]))):
            pipeline.expire(self._part(task_id, number), self._keep)
        pipeline.hset(name, "is_done", 1)
        pipeline.expire(name, self._keep)
        pipeline.delete(f"{name}:rows")
        await pipeline.execute()

    async def parts(self, task_id: str, count: int) -> AsyncIterator[bytes]:
        """Iterate over the parts of a result, each a JSON list without its brackets."""
        for number in range(count):
            data = await self._get(self._part(task_id, number))
            if data is None:
                raise QueueUnavailableError(f"part {number} of task {task_id} has expired")
            yield zlib.decompress(data)

    async def _put(self, data: bytes) -> bytes:
        """What Redis stores: the data, or if it is large where it lies in the object store."""
        if self._objects is None or len(data) <= _LARGE:
            return data
        try:
            return _ELSEWHERE + (await asyncio.to_thread(self._objects.write_task_data, data)).encode()
        except StoreUnavailableError as error:
            raise QueueUnavailableError(str(error)) from error

    async def _get(self, name: str) -> bytes | None:
        data: bytes | None = await self._redis.get(name)
        if data is None or self._objects is None or not data.startswith(_ELSEWHERE):
            return data
        key = data.removeprefix(_ELSEWHERE).decode()
        try:
            return await asyncio.to_thread(self._objects.read_task_data, key)
        except ReleaseError as error:
            raise QueueUnavailableError(str(error)) from error

    def _name(self, task_id: str) -> str:
        return self._names.get().task(task_id)

    def _part(self, task_id: str, number: int) -> str:
        return f"{self._name(task_id)}:part:{number}"
