"""Which worker executes a run, by a lease on Valkey that it renews; and who is asked to stop.

Celery keeps no such thing: what a result backend says of a started task stays for ever when its worker is
lost. And a worker that is only cut off goes on: it must know by itself when others may take it for lost.
It ends its run `GIVE_UP_SECONDS` after the last renewal that it knows of, and the lease ends later: no two
processes execute one run, and a run is retried after the first process is gone.
"""

import enum
from functools import cached_property
from typing import Any

from soccer_assets.resources.resource_error import ResourceError

LEASE_SECONDS = 30
GIVE_UP_SECONDS = 20.0
RENEW_SECONDS = 1.0

# Longer than a run that is cancelled may take to end.
_REQUEST_SECONDS = 86_400
_SOCKET_SECONDS = 4.0
# How Celery's transport calls the parts of a queue whose messages have a priority.
_PRIORITY_MARK, _PRIORITY_STEPS = "\x06\x16", (3, 6, 9)
# A lease that a restarted server has lost is taken again; that of another stays.
_RENEW = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return {0, false} end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return {1, redis.call('GET', KEYS[2])}
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Stop(enum.Enum):
    """How a run is ended."""

    INTERRUPT = "interrupt"
    KILL = "kill"


class LeaseLostError(ResourceError):
    """Another worker has the lease."""


class RunLeases:
    """The leases of one installation's runs; every method raises `redis.RedisError` without the server.

    Args:
        redis_url: of the Valkey or Redis; nothing is opened before the first call.
        prefix: of all its keys.
    """

    def __init__(self, redis_url: str, prefix: str) -> None:
        self._url = redis_url
        self._prefix = prefix

    @cached_property
    def _client(self) -> Any:
        import redis  # noqa: PLC0415 - a tenth of a second that importers do not pay
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        # Asked again a second later: a call that hangs must not outlast the lease.
        return redis.Redis.from_url(
            self._url,
            socket_timeout=_SOCKET_SECONDS,
            socket_connect_timeout=_SOCKET_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def take(self, run_id: str, worker: str) -> bool:
        """Take the lease of a run; False where a worker has it."""
        return bool(self._client.set(self._lease(run_id), worker, nx=True, ex=LEASE_SECONDS))

    def renew(self, run_id: str, worker: str) -> Stop | None:
        """Keep the lease; returns how the run is asked to stop, if it is.

        Raises:
            LeaseLostError: another worker has it.
        """
        is_kept, request = self._client.eval(
            _RENEW, 2, self._lease(run_id), self._request(run_id), worker, LEASE_SECONDS
        )
        if not is_kept:
            raise LeaseLostError(run_id)
        return Stop(request) if request else None

    def release(self, run_id: str, worker: str) -> None:
        """Give the lease back; that of another worker stays."""
        self._client.eval(_RELEASE, 1, self._lease(run_id), worker)

    def holder(self, run_id: str) -> str | None:
        """The worker that executes a run."""
        holder: str | None = self._client.get(self._lease(run_id))
        return holder

    def waiting(self, queue: str) -> int:
        """The number of messages in a queue that no worker has taken, whatever their priority."""
        names = [f"{self._prefix}{queue}"]
        names += [f"{self._prefix}{queue}{_PRIORITY_MARK}{step}" for step in _PRIORITY_STEPS]
        return sum(int(self._client.llen(name)) for name in names)

    def seconds_left(self, run_id: str) -> int:
        """Until a lease ends by itself; negative without one."""
        return int(self._client.ttl(self._lease(run_id)))

    def end(self, run_id: str) -> None:
        """End a lease before its time, of a worker that is known to be gone."""
        self._client.delete(self._lease(run_id))

    def ask_to_stop(self, run_id: str, how: Stop) -> None:
        """Ask for the end of a run, also of one that no worker has taken yet."""
        self._client.set(self._request(run_id), how.value, ex=_REQUEST_SECONDS)

    def _lease(self, run_id: str) -> str:
        return f"{self._prefix}lease:{run_id}"

    def _request(self, run_id: str) -> str:
        return f"{self._prefix}stop:{run_id}"
