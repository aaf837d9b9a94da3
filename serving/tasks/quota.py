"""What the tasks of one API key may take: unfinished ones at a time, and bytes that are kept.

One hash on Redis for each key holds a field for each of its tasks: bytes, when it expires, and whether it is
unfinished.
"""

import time
from collections.abc import Iterable
from typing import Any

import msgspec

from serving.backends.redis import OwnNames
from serving.errors import ServingError

_MEGABYTE = 1024 * 1024

# One script, so that requests at the same time do not pass together. Returns 0, or what is exhausted.
_RESERVE = """
local now = tonumber(ARGV[3])
local unfinished, total = 0, 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local bytes, expires, open = string.match(fields[i + 1], '(%d+) (%d+) (%d)')
  if fields[i] == ARGV[1] then return 0 end
  if tonumber(expires) < now then
    redis.call('HDEL', KEYS[1], fields[i])
  else
    unfinished = unfinished + tonumber(open)
    total = total + tonumber(bytes)
  end
end
if unfinished >= tonumber(ARGV[5]) then return 1 end
if total + tonumber(ARGV[2]) > tonumber(ARGV[6]) then return 2 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[4] .. ' 1')
redis.call('EXPIRE', KEYS[1], ARGV[4] - now)
return 0
"""


class QuotaExceededError(ServingError):
    """A key has too many unfinished tasks, or its tasks too many bytes; the message says which."""


class Quota(msgspec.Struct, frozen=True):
    """Limits of one API key.

    Attributes:
        tasks: unfinished at a time.
        bytes: rows and results, compressed, of all tasks that are kept.
    """

    tasks: int = 20
    bytes: int = 1024 * _MEGABYTE


class Quotas:
    """What keys have taken.

    Args:
        client: of Redis.
        names: of the installation.
        keep_seconds: time to live of a task.
        quota: of each key.
    """

    def __init__(self, client: Any, names: OwnNames, keep_seconds: int, quota: Quota) -> None:
        self._redis = client
        self._names = names
        self._keep = keep_seconds
        self._quota = quota

    async def reserve(self, key_id: str, task_id: str, size: int) -> None:
        """Take a place and bytes for a task; one that has them already keeps them.

        Raises:
            QuotaExceededError: the key has too many.
        """
        now = int(time.time())
        arguments = (task_id, size, now, now + self._keep, self._quota.tasks, self._quota.bytes)
        refused = await self._redis.eval(_RESERVE, 1, self._name(key_id), *arguments)
        if refused == 1:
            raise QuotaExceededError(
                f"This API key has {self._quota.tasks} unfinished tasks; send more when they are done."
            )
        if refused:
            raise QuotaExceededError(
                f"The tasks of this API key take {self._quota.bytes // _MEGABYTE} MB; results are kept for "
                f"{self._keep} s, send more when some have expired."
            )

    async def unfinished(self, key_id: str) -> list[str]:
        """The tasks of a key that are not known to have ended."""
        found = await self._redis.hgetall(self._name(key_id))
        return [task_id.decode() for task_id, value in found.items() if value.endswith(b" 1")]

    async def end(self, key_id: str, tasks: Iterable[str], size: int | None = None) -> None:
        """Count tasks as ended; of ``size`` bytes from now on, where that is given."""
        name = self._name(key_id)
        for task_id in tasks:
            value = await self._redis.hget(name, task_id)
            if value is None:
                continue
            taken, expires, _ = value.decode().split()
            if size is not None:
                taken, expires = str(size), str(int(time.time()) + self._keep)
                await self._redis.expire(name, self._keep)
            await self._redis.hset(name, task_id, f"{taken} {expires} 0")

    async def release(self, key_id: str, task_id: str) -> None:
        """Give a task's place and bytes back: it was not stored."""
        await self._redis.hdel(self._name(key_id), task_id)

    def _name(self, key_id: str) -> str:
        # Ids of tasks are hexadecimal.
        return self._names.get().task(f"of-key-{key_id}")
