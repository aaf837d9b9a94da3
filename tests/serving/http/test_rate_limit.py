"""Budgets of keys: alone, shared over Redis, and when Redis goes away."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest
import redis

from serving.backends.redis import OwnNames
from serving.http.rate_limit import WINDOW_SECONDS, RateLimiter
from serving.metrics import Metrics
from tests.builders import INSTALLATION
from tests.services import free_ports, valkey
from tests.serving.builders import READER, TOKENS
from tests.serving.processes import valkey as valkey_on


class Wall:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0 * WINDOW_SECONDS

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.seconds


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """A Valkey of this module."""
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


def limiter(limit, url="", wall=None, workers=1):
    """A limiter on a clock of its own."""
    return RateLimiter(limit, url, OwnNames(INSTALLATION), Metrics(), workers, wall or Wall())


def test_a_key_has_its_budget_and_a_new_one_each_minute():
    """The budget is spent request by request, each key has its own, and the next minute restores it."""
    wall = Wall()
    budget = limiter(3, wall=wall)

    spent = [budget.take("a") for _ in range(4)]
    assert [(allowance.allowed, allowance.remaining) for allowance in spent] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
    ]
    assert budget.take("b").allowed
    wall.seconds += 59
    refused = budget.take("a")
    assert (refused.allowed, refused.reset_seconds) == (False, 1)
    wall.seconds += 1
    assert budget.take("a").remaining == 2


def test_several_requests_are_counted_all_or_none():
    """A request that counts as many is refused where fewer are left, and then counts nothing."""
    budget = limiter(10)

    taken = [budget.take("a", count) for count in (4, 7, 6, 1)]

    assert [(allowance.allowed, allowance.remaining) for allowance in taken] == [
        (True, 6),
        (False, 6),
        (True, 0),
        (False, 0),
    ]


def test_no_limit_counts_nothing():
    """A limit of 0 lets everything pass and adds no header."""
    budget = limiter(0)

    assert all(budget.take("a").allowed for _ in range(1000))
    assert budget.take("a").headers() == []


def test_clock_that_jumps_back_does_not_lock_anyone_out():
    """After a jump of the clock, in either direction, a key has a budget."""
    wall = Wall()
    budget = limiter(1, wall=wall)
    assert budget.take("a").allowed

    for jump in (-86_400, 10 * 86_400):
        wall.seconds += jump
        assert budget.take("a").allowed
        assert not budget.take("a").allowed


async def _spend(budgets, key, seconds=5.0):
    """Take in turns from several workers until all refuse; returns how many were allowed."""
    allowed, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        taken = [budget.take(key).allowed for budget in budgets]
        allowed += sum(taken)
        if not any(taken):
            break
        await asyncio.sleep(0.002)
    return allowed


async def _with_workers(url, limit, count, run):
    wall = Wall()
    budgets = [limiter(limit, url, wall, count) for _ in range(count)]
    for budget in budgets:
        await budget.start()
    try:
        return await run(budgets)
    finally:
        for budget in budgets:
            await budget.stop()


def test_workers_share_the_budget_of_a_key(redis_url):
    """Three workers together allow the limit, but for a block a worker: not three times as much."""
    limit = 300

    allowed = asyncio.run(_with_workers(redis_url, limit, 3, lambda budgets: _spend(budgets, "shared")))

    block = limit // 50
    assert limit - 3 * block <= allowed <= limit + 3 * block


def test_without_redis_each_worker_counts_for_itself():
    """An address where nobody listens costs no request: the local budget holds; the failure is counted."""
    url = f"redis://127.0.0.1:{free_ports(1)[0]}"

    async def run(budgets):
        allowed = await _spend(budgets, "alone")
        for _ in range(500):
            if b'what="rate_limit"' in budgets[0]._metrics.exposition():
                return allowed
            await asyncio.sleep(0.01)
        raise TimeoutError

    assert asyncio.run(_with_workers(url, 100, 1, run)) == 100


def test_without_redis_workers_grant_the_limit_together():
    """Where nothing is shared each of three workers allows a third, and says so."""
    budgets = [limiter(100, workers=3) for _ in range(3)]

    taken = [budget.take("a") for budget in budgets for _ in range(100)]

    assert sum(allowance.allowed for allowance in taken) == 3 * 34
    assert {allowance.limit for allowance in taken} == {34}


def test_worker_has_its_share_while_redis_is_gone_and_the_limit_while_it_is_there(tmp_path):
    """Half of the limit without a server, all of it once a lease succeeds, half again when it is killed."""
    url = f"redis://127.0.0.1:{free_ports(1)[0]}/0"

    async def limit_becomes(budget, limit):
        for number in range(1_000):
            if budget.take(f"key-{number}").limit == limit:  # each new key asks for a lease
                return True
            await asyncio.sleep(0.01)
        return False

    async def run(budgets):
        is_alone = await limit_becomes(budgets[0], 50)
        with valkey_on(tmp_path, urlsplit(url).port):
            is_shared = await limit_becomes(budgets[0], 100)
        return is_alone, is_shared, await limit_becomes(budgets[0], 50)

    assert asyncio.run(_with_workers(url, 100, 2, run)) == (True, True, True)


def test_answers_tell_the_budget_and_429_says_when_to_come_back(store, serve):
    """Headers count down; beyond the limit a problem with Retry-After comes, for this key only, counted."""
    client = serve(rate_limit_per_minute=2)

    answers = [client.get("/predict/m1", headers=READER) for _ in range(3)]
    admin = client.get("/predict/m1", headers={"X-API-Key": TOKENS["admin"]})

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers[:2]] == ["1", "0"]
    assert all(answer.headers["ratelimit-limit"] == "2" for answer in answers)
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert 1 <= int(answers[2].headers["retry-after"]) <= WINDOW_SECONDS
    assert admin.status_code == 200
    assert "soccer_rate_limited_requests_total 1.0" in client.get("/metrics").text
    assert "ratelimit-limit" not in client.get("/ready").headers


def test_sidecars_on_one_redis_share_a_budget(store, serve, redis_url):
    """What one sidecar allowed, another one on the same Redis does not allow again."""
    redis.Redis.from_url(redis_url).flushdb()
    first = serve(rate_limit_per_minute=5, redis_url=redis_url)
    second = serve(rate_limit_per_minute=5, redis_url=redis_url)
    while time.time() % WINDOW_SECONDS > WINDOW_SECONDS - 10:  # the test needs one minute for itself
        time.sleep(0.1)
    assert [first.get("/predict/m1", headers=READER).status_code for _ in range(5)] == [200] * 5

    deadline = time.monotonic() + 90
    while second.get("/predict/m1", headers=READER).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert int(second.get("/predict/m1", headers=READER).headers["ratelimit-remaining"]) == 0
