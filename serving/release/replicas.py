"""Which release the replicas of an installation serve, so that one that stays behind leaves the balancer.

The newest release that any replica serves stands in Redis for some seconds, renewed by those who serve it.
A replica that has found another one there for a second is behind: `/ready` answers 503, and a balancer that
asks it sends its requests elsewhere. What no replica can load is served by none and makes nobody behind; nor
does a Redis that is silent. A replica that is behind goes on answering whoever asks it.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from serving.backends.redis import OwnNames, RedisUnavailableError, connect, translate_redis_errors
from serving.background_tasks import cancel_and_wait
from serving.release.current import SnapshotHolder
from soccer_assets.contract.release import Pointer

_TICK_SECONDS = 0.3
# Replicas load a release at the same time, but not in the same instant.
_GRACE_SECONDS = 1.0
# So long others stay away after the only one that served a release has gone.
_KEPT_SECONDS = 10

_log = structlog.get_logger()


class Served(msgspec.Struct, frozen=True):
    """A release that a replica serves.

    Attributes:
        at: when its pointer was published.
    """

    release_id: str
    manifest_sha256: str
    at: dt.datetime

    def is_other(self, one: "Served") -> bool:
        """Whether the releases differ."""
        return (self.release_id, self.manifest_sha256) != (one.release_id, one.manifest_sha256)


def served(pointer: Pointer) -> Served:
    """What a replica with this pointer serves."""
    at = dt.datetime.fromisoformat(pointer.published_at)
    return Served(pointer.release_id, pointer.manifest_sha256, at)


def _read(data: bytes | None) -> Served | None:
    """What the others serve; None where none says so, or one of another version in other words."""
    try:
        return None if data is None else msgspec.json.decode(data, type=Served)
    except msgspec.DecodeError:
        return None


class Replicas:
    """Compares what this replica serves with what the others do.

    Args:
        holder: has the release that is served here.
        redis_url: where replicas meet; empty: there are no others.
        names: of the installation.
        now: monotonic seconds.
    """

    def __init__(
        self,
        holder: SnapshotHolder,
        redis_url: str,
        names: OwnNames,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._holder = holder
        self._redis_url = redis_url
        self._names = names
        self._now = now
        self._told: Served | None = None
        self._behind_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether another replica has served another, newer release for longer than it takes to load it."""
        return self._behind_since is not None and self._now() - self._behind_since > _GRACE_SECONDS

    async def start(self) -> None:
        """Start to compare in the background if there is a Redis."""
        if self._redis_url:
            self._task = asyncio.create_task(self._compare_for_ever())

    async def stop(self) -> None:
        """Stop comparing."""
        await cancel_and_wait(self._task)

    async def _compare_for_ever(self) -> None:
        client = connect(self._redis_url)
        try:
            while True:
                try:
                    with translate_redis_errors():
                        await self.compare(client)
                except RedisUnavailableError:
                    self._behind_since = None
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            await client.aclose()

    async def compare(self, client: Any) -> None:
        """Read what the others serve, and say what is served here if it is as new.

        Raises:
            RedisUnavailableError: the installation is not known yet.
        """
        current = self._holder.current
        if current is None:
            return
        own, key = served(current.snapshot.pointer), self._names.get().served
        others = _read(await client.get(key))
        if others is not None and others.is_other(own) and not self._is_newer(own, others):
            self._wait_for(others)
            return
        self._behind_since, self._told = None, own
        await client.set(key, msgspec.json.encode(own), ex=_KEPT_SECONDS)

    def _is_newer(self, own: Served, others: Served) -> bool:
        """Whether ours was published later, or was swapped in since we told.

        A swap follows the pointer, also to a release that a restored store calls current. One that comes too
        late is overruled: those who serve the newer release tell it again.
        """
        return self._told is None or self._told.is_other(own) or own.at > others.at

    def _wait_for(self, others: Served) -> None:
        if self._behind_since is None:
            self._behind_since = self._now()
            _log.info("another replica serves a newer release", release_id=others.release_id)
