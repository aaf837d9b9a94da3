"""Two installations on one Redis share nothing: no task, no result, no event, no budget."""

import asyncio
import hashlib
import zlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from serving.backends.event_stream import EventStream
from serving.backends.redis import OwnNames, RedisUnavailableError, connect
from serving.http.rate_limit import RateLimiter
from serving.metrics import Metrics
from serving.tasks.queue import TaskQueue, TaskState
from serving.tasks.store import PackedRows, QueueUnavailableError, TaskStore
from serving.tasks.worker import WorkerQueue
from soccer_assets.contract.events import Event
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.signs_of_life import TASK_WORKER, SignOfLife
from soccer_assets.stores.installation import name_store
from tests.services import valkey
from tests.serving.http.test_rate_limit import Wall

ONE, OTHER = "1" * 16, "2" * 16
ROWS = zlib.compress(b"[{},{}]")
PACKED = PackedRows(2, hashlib.sha256(ROWS).hexdigest(), ROWS)
PENDING = TaskState(status="pending", rows=2, progress=0.0)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this module."""
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


def on(redis_url: str, run: Callable[[TaskQueue, TaskQueue], Awaitable[None]]) -> None:
    """Run with the task queues of both installations."""

    async def with_queues() -> None:
        queues = [TaskQueue(redis_url, OwnNames(id_), 600) for id_ in (ONE, OTHER)]
        try:
            await run(*queues)
        finally:
            for queue in queues:
                await queue.close()

    asyncio.run(with_queues())


def test_a_task_is_its_installations(redis_url: str, tmp_path: Path) -> None:
    """The same API key's id and idempotency key name two tasks; no state, row or worker is shared."""
    sign = SignOfLife(tmp_path, TASK_WORKER)

    async def run(one: TaskQueue, other: TaskQueue) -> None:
        task_id = await one.submit("admin", PACKED, "same")
        assert await one.state(task_id, "admin", is_admin=True) == PENDING
        assert await other.state(task_id, "admin", is_admin=True) is None
        assert [(await queue.info())["queued"] for queue in (one, other)] == [1, 0]

        client = connect(redis_url)
        idle = WorkerQueue(client, name=OwnNames(OTHER).get().queue, sign=sign)
        assert await idle.dequeue(timeout=0.05) is None
        changed = msgspec.structs.replace(PACKED, sha256="0" * 64)
        assert await other.submit("admin", changed, "same") == task_id  # another body: no conflict
        store = TaskStore(client, OwnNames(OTHER), 600)
        await store.resume(task_id, "r1")
        await store.write_part(task_id, 0, [b"{}", b"{}"])
        await store.finish(task_id)
        assert (await other.state(task_id, "admin", is_admin=True)).status == "success"
        assert await one.state(task_id, "admin", is_admin=True) == PENDING
        with pytest.raises(QueueUnavailableError):
            await anext(one.parts(task_id, 1))

        busy = WorkerQueue(client, name=OwnNames(ONE).get().queue, sign=sign)
        assert (await busy.dequeue(timeout=1)).key == task_id
        await client.aclose()

    on(redis_url, run)


def test_an_event_is_its_installations(redis_url: str, tmp_path: Path) -> None:
    """A client of one sidecar hears of its own releases only."""
    buses = []
    for id_ in (ONE, OTHER):
        store = ObjectStore(f"file://{tmp_path}/{id_}")
        name_store(store, id_)
        buses.append(EventBus(redis_url, store))

    async def heard(id_: str) -> bytes:
        stream = EventStream(redis_url, OwnNames(id_), heartbeat_seconds=0.1)
        frames = await stream.listen("0-0", "2025-04-25T09:00:00Z")
        found = b""
        async for frame in frames:
            found += frame
            if b"still here" in frame:
                break
        await stream.close()
        return found

    assert [bus.last_release() for bus in buses] == [None, None]
    for bus, name in zip(buses, ("r-one", "r-other"), strict=True):
        assert bus.publish(Event(type="release", at="2025-04-25T09:00:00Z", release_id=name))
    assert [bus.last_release().release_id for bus in buses] == ["r-one", "r-other"]
    for id_, own, foreign in ((ONE, b"r-one", b"r-other"), (OTHER, b"r-other", b"r-one")):
        found = asyncio.run(heard(id_))
        assert own in found
        assert foreign not in found


def test_a_budget_is_its_installations(redis_url: str) -> None:
    """Keys of the same id in two installations have a budget each."""

    async def spent(limiter: RateLimiter) -> int:
        return sum(limiter.take("reader").allowed for _ in range(150))

    async def run() -> list[int]:
        wall = Wall()
        limiters = [RateLimiter(100, redis_url, OwnNames(id_), Metrics(), 1, wall) for id_ in (ONE, OTHER)]
        for limiter in limiters:
            await limiter.start()
        client, found = connect(redis_url), []
        for count, limiter in enumerate(limiters, start=1):
            found.append(await spent(limiter))
            for _ in range(1_000):  # until the spent budget is booked
                if len(await client.keys("soccer:*:rate:reader:*")) == count:
                    break
                await asyncio.sleep(0.01)
        assert sorted(name.split(b":")[1] for name in await client.keys("soccer:*:rate:*")) == [
            ONE.encode(),
            OTHER.encode(),
        ]
        await client.aclose()
        for limiter in limiters:
            await limiter.stop()
        return found

    assert asyncio.run(run()) == [100, 100]


def test_before_the_store_has_an_id_tasks_and_events_are_unavailable(redis_url: str) -> None:
    """Nothing is kept under a name that two installations might share."""
    names = OwnNames()
    with pytest.raises(RedisUnavailableError, match=r"installation\.json"):
        names.get()

    async def run() -> None:
        queue = TaskQueue(redis_url, names, 600)
        for question in (queue.info(), queue.submit("admin", PACKED, None)):
            with pytest.raises(QueueUnavailableError):
                await question
        await queue.close()

    asyncio.run(run())
    names.set(ONE)
    assert names.get().events == f"soccer:{ONE}:events"
