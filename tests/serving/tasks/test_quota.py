"""Quotas of one API key, and large data in the object store."""

import asyncio
import os

import msgspec
import pytest
import redis as redis_library
from saq.job import Status

from serving.backends.redis import OwnNames, connect
from serving.release.reader import TASK_DATA_PREFIX, ReleaseReader
from serving.tasks.queue import TaskQueue
from serving.tasks.quota import Quota, QuotaExceededError, Quotas
from serving.tasks.store import TaskStore, pack_rows

MEGABYTE = 1024 * 1024


def packed(rows, size=10):
    """Rows that do not compress."""
    row = b'{"a":"%b"}' % os.urandom(size).hex().encode()
    return pack_rows(b"[" + b",".join([row] * rows) + b"]", 1000)


@pytest.fixture
def redis_url(valkey_url):
    """An empty Valkey of the test."""
    url = valkey_url.replace("/0", "/8")
    with redis_library.Redis.from_url(url) as server:
        server.flushdb()
    return url


def test_a_key_has_a_limited_number_of_unfinished_tasks(redis_url):
    """The next one is refused until one is done; a retry is no new task, and other keys have their own."""
    queue = TaskQueue(redis_url, OwnNames("quota"), 60, Quota(tasks=2))

    async def submit():
        tasks = [await queue.submit("a", packed(1), str(number)) for number in range(2)]
        assert await queue.submit("b", packed(1), None)
        with pytest.raises(QuotaExceededError, match="2 unfinished"):
            await queue.submit("a", packed(1), None)
        store = queue._store
        await store.finish(tasks[0])
        assert await queue.submit("a", packed(1), "another")
        with pytest.raises(QuotaExceededError):
            await queue.submit("a", packed(1), "refused")
        # What was refused left nothing behind.
        assert await queue.state(tasks[1], "a", is_admin=False) is not None
        assert len(await store.quotas.unfinished("a")) == 2
        await queue.close()

    asyncio.run(submit())
    with redis_library.Redis.from_url(redis_url) as server:
        assert all(server.ttl(name) > 0 for name in server.keys("soccer:quota:task:*"))


def test_a_task_that_failed_gives_its_place_back(redis_url):
    """Its worker gave it up: the key can send another."""
    queue = TaskQueue(redis_url, OwnNames("quota"), 60, Quota(tasks=1))

    async def submit():
        first = await queue.submit("a", packed(1), None)
        job = await queue._queue.job(first)
        job.status = Status.FAILED
        await queue._redis.set(job.id, queue._queue.serialize(job))
        assert await queue.submit("a", packed(1), None) != first
        await queue.close()

    asyncio.run(submit())


def test_a_key_has_a_limited_number_of_bytes(redis_url):
    """Rows count at first, results afterwards, until they expire."""
    names, client = OwnNames("quota"), connect(redis_url)
    quotas = Quotas(client, names, 60, Quota(bytes=2 * MEGABYTE))

    async def reserve():
        await quotas.reserve("a", "1" * 32, MEGABYTE)
        await quotas.reserve("a", "1" * 32, MEGABYTE)  # the same again
        with pytest.raises(QuotaExceededError, match="2 MB"):
            await quotas.reserve("a", "2" * 32, MEGABYTE + 1)
        await quotas.end("a", ["1" * 32], 10)
        await quotas.reserve("a", "2" * 32, MEGABYTE + 1)
        expired = f"{MEGABYTE} 1 1"
        await client.hset(names.get().task("of-key-a"), "3" * 32, expired)
        await quotas.reserve("a", "4" * 32, 100)
        assert sorted(await quotas.unfinished("a")) == ["2" * 32, "4" * 32]
        await client.aclose()

    asyncio.run(reserve())


def test_large_rows_and_results_lie_in_the_object_store(redis_url, tmp_path):
    """Redis holds where they are; they are read as they were written, and deleted when they are old."""
    reader = ReleaseReader(f"file://{tmp_path}/store", tmp_path / "cache")
    (tmp_path / "store").mkdir()
    client = connect(redis_url)
    store = TaskStore(client, OwnNames("quota"), 60, objects=reader)
    rows = pack_rows(
        b"[" + b",".join(b'"%b"' % os.urandom(60).hex().encode() for _ in range(1000)) + b"]", 1000
    )
    items = [msgspec.json.encode(os.urandom(60).hex()) for _ in range(1000)]

    async def keep():
        await store.create("1" * 32, "a", rows)
        assert len(await store.rows("1" * 32)) == 1000
        await store.resume("1" * 32, "r1")
        await store.write_part("1" * 32, 0, items)
        await store.finish("1" * 32)
        part = b"".join([piece async for piece in store.parts("1" * 32, 1)])
        await client.aclose()
        return part

    assert asyncio.run(keep()) == b",".join(items)
    folder = tmp_path / "store" / TASK_DATA_PREFIX
    assert len(list(folder.iterdir())) == 2
    with redis_library.Redis.from_url(redis_url) as server:
        assert sum(server.memory_usage(name) for name in server.keys("soccer:quota:*")) < 4_000
    reader.prune_task_data(3600)
    assert len(list(folder.iterdir())) == 2
    reader.prune_task_data(-1)
    assert list(folder.iterdir()) == []
