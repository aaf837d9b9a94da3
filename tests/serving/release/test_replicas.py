"""A replica that lacks what another one serves is not ready; what none can load makes nobody wait."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace

import pytest

from serving.backends.redis import OwnNames, connect
from serving.release.replicas import Replicas
from soccer_assets.contract.release import Pointer
from tests.services import valkey

OLD, NEW = "2025-04-25T08:00:00Z", "2025-04-25T09:00:00Z"


class Replica:
    """A replica whose release and clock the test moves."""

    def __init__(self, redis_url: str, installation: str, release: str, at: str = OLD) -> None:
        self.seconds = 0.0
        self.holder = SimpleNamespace(current=None)
        self.swap(release, at)
        self.replicas = Replicas(self.holder, redis_url, OwnNames(installation), lambda: self.seconds)

    def swap(self, release: str, at: str = OLD) -> None:
        """Serve another release."""
        pointer = Pointer(
            schema_version=1,
            release_id=release,
            manifest_sha256=release,
            model_version="1",
            published_at=at,
        )
        self.holder.current = SimpleNamespace(snapshot=SimpleNamespace(pointer=pointer))

    @property
    def is_behind(self) -> bool:
        """Whether it would leave the balancer."""
        return self.replicas.is_behind


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this module."""
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


def on(redis_url: str, run: Callable[[Callable[..., Awaitable[None]]], Awaitable[None]]) -> None:
    """Run with a function by which replicas compare, one after the other, and a second and a half passes."""

    async def with_client() -> None:
        client = connect(redis_url)

        async def compare(*replicas: Replica) -> None:
            for replica in replicas:
                await replica.replicas.compare(client)
                replica.seconds += 1.5

        try:
            await run(compare)
        finally:
            await client.aclose()

    asyncio.run(with_client())


@pytest.mark.parametrize("published", [OLD, NEW])
def test_who_stays_behind_a_second_is_not_ready(redis_url: str, published: str) -> None:
    """From a second after the first that serves the new release until it is served here too; also back."""

    async def run(compare: Callable[..., Awaitable[None]]) -> None:
        one, other = (Replica(redis_url, f"a{published}", "r1") for _ in range(2))
        await compare(one, other, one, other)
        assert not one.is_behind
        assert not other.is_behind

        one.swap("r2", published)
        await compare(one, other)
        other.seconds -= 1.0
        assert not other.is_behind  # it may load it right now
        other.seconds += 1.0
        await compare(one, other)
        assert (one.is_behind, other.is_behind) == (False, True)

        other.swap("r2", published)
        await compare(one, other)
        assert not other.is_behind

        # A restored store calls an older release current: those who follow it are not behind for long.
        for replica in (one, other):
            replica.swap("r0", OLD)
        await compare(one, other, one, other)
        assert (one.is_behind, other.is_behind) == (False, False)

    on(redis_url, run)


def test_who_swaps_too_late_does_not_send_the_others_away(redis_url: str) -> None:
    """A release that was overtaken while it was loaded is behind, and nobody else is."""

    async def run(compare: Callable[..., Awaitable[None]]) -> None:
        quick, late = (Replica(redis_url, "late", "r1") for _ in range(2))
        await compare(quick, late)
        quick.swap("r3", NEW)
        await compare(quick)
        late.swap("r2", OLD)
        await compare(late, quick, late, quick, late)
        assert (quick.is_behind, late.is_behind) == (False, True)

    on(redis_url, run)


def test_the_last_one_is_never_sent_away(redis_url: str) -> None:
    """When the only replica with the newer release is gone, the others are ready again."""

    async def run(compare: Callable[..., Awaitable[None]]) -> None:
        gone, left = Replica(redis_url, "last", "r2", NEW), Replica(redis_url, "last", "r1")
        await compare(left, gone, left, left)
        assert left.is_behind
        client = connect(redis_url)
        key = OwnNames("last").get().served
        assert 0 < await client.ttl(key) <= 10
        await client.delete(key)  # as its end does
        await client.aclose()
        await compare(left)
        assert not left.is_behind

    on(redis_url, run)


def test_what_another_version_wrote_is_passed_over(redis_url: str) -> None:
    """A replica that does not understand the others says what it serves itself."""

    async def run(compare: Callable[..., Awaitable[None]]) -> None:
        replica, key = Replica(redis_url, "words", "r1"), OwnNames("words").get().served
        client = connect(redis_url)
        for written in (b"no JSON", b'{"release": "r2"}'):
            await client.set(key, written)
            await compare(replica, replica)
            assert not replica.is_behind
            assert b"r1" in await client.get(key)
        await client.aclose()

    on(redis_url, run)


def test_a_silent_redis_makes_nobody_behind() -> None:
    """Without Redis, and with one that is gone, `/ready` says what the replica itself knows."""

    async def run() -> None:
        alone, cut = Replica("", "none", "r1"), Replica("redis://127.0.0.1:1/0", "none", "r1")
        for replica in (alone, cut):
            await replica.replicas.start()
        cut.replicas._behind_since = -5.0
        async with asyncio.timeout(20):
            while cut.is_behind:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert not alone.is_behind
        for replica in (alone, cut):
            await replica.replicas.stop()

    asyncio.run(run())
