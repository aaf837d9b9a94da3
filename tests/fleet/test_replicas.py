"""Sidecars in numbers behind a balancer: nobody notices which one answers, starts again or is behind."""

import json
import logging
import os
import re
import shutil
import statistics
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack

import httpx
import psutil
import pytest

from benchmarks.serving import SCRIPT, Server
from benchmarks.serving_quota import quotas
from tests.builders import EVENT_STREAM
from tests.fleet.balanced import asked, balancer, replicas
from tests.serving.builders import READER, TOKENS, write_pointer
from tests.serving.load import Load
from tests.serving.processes import free_port, valkey, wait_until
from tests.serving.routes.test_events import publish
from tests.serving.test_promotions import EVENT, MATCHES, metric, write_releases

pytestmark = [
    pytest.mark.trial,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs haproxy (Debian: apt install haproxy)"),
]

SECONDS = 2.0
_log = logging.getLogger(__name__)


@pytest.fixture
def home(tmp_path):
    """A home with releases r0 to r3 of the same matches, r0 current, and a Valkey."""
    p_home_of = write_releases(tmp_path, 3)
    port = free_port()
    with valkey(tmp_path, port) as events:
        yield tmp_path, f"redis://127.0.0.1:{port}", events, p_home_of


def promote(store, events, release):
    """Make a release current as the graph does, pointer first."""
    write_pointer(store, release)
    events.xadd(EVENT_STREAM, EVENT)


def test_a_rolling_restart_leaves_no_request_unanswered(home):
    """Each of two is ended and started again under load, once orderly and once killed."""
    folder, url, _, p_home_of = home
    with (
        replicas(folder, 2, redis_url=url, rate_limit_per_minute="0") as found,
        balancer(folder, found) as front,
        Load([front], MATCHES, p_home_of) as load,
    ):
        load.more(300)
        for is_killed in (False, True):
            for replica in found:
                replica.stop(kill=is_killed)
                load.more(300)
                replica.start()
                load.more(300)

    _log.info("rolling restart: %d answers, %d failures", load.answers, len(load.failures))
    assert load.failures == []


@pytest.mark.parametrize("count", [2, 4])
def test_all_replicas_are_on_one_release_two_seconds_after_a_promotion(home, count):
    """From then on the balancer gives no answer of the release before, back and forth."""
    folder, url, events, p_home_of = home
    took = []
    with (
        replicas(folder, count, redis_url=url, poll_seconds="3600", rate_limit_per_minute="0") as found,
        balancer(folder, found) as front,
        Load([front], MATCHES, p_home_of, connections=4) as load,
    ):
        for replica in found:
            wait_until(lambda one=replica: metric(one.address, 'soccer_reloads_total{result="loaded"}') >= 1)
        for release in ("r1", "r2", "r3", "r2", "r0"):
            promote(folder / "store", events, release)
            begun = time.monotonic()
            for replica in found:
                wait_until(lambda one=replica, r=release: one.release == r, 30)
            took.append(time.monotonic() - begun)
            assert {asked(front, "/predict/m0", **READER).json()["release_id"] for _ in range(20)} == {
                release
            }

    _log.info(
        "%d replicas, seconds until all have a promoted release: %s", count, [round(t, 2) for t in took]
    )
    assert load.failures == []
    assert max(took) <= SECONDS


def test_a_replica_that_lacks_the_release_leaves_the_balancer(home):
    """One whose store stands still is out within two seconds, and in again when it has caught up."""
    folder, url, events, _ = home
    still = folder / "still"
    shutil.copytree(folder / "store", still)
    with (
        replicas(folder, 2, [folder / "store", still], redis_url=url, poll_seconds="0.2") as (good, behind),
        balancer(folder, [good, behind]) as front,
    ):
        for replica in (good, behind):
            wait_until(lambda one=replica: metric(one.address, 'soccer_reloads_total{result="loaded"}') == 1)
        promote(folder / "store", events, "r1")
        begun = time.monotonic()
        wait_until(lambda: good.release == "r1")
        wait_until(lambda: behind.release is None, 20)
        took = time.monotonic() - begun
        time.sleep(0.4)  # two checks of the balancer
        answers = {asked(front, "/predict/m0", **READER).json()["release_id"] for _ in range(40)}
        refusal = asked(behind.address, "/ready")
        assert (
            asked(behind.address, "/predict/m0", **READER).json()["release_id"] == "r0"
        )  # it goes on answering

        write_pointer(still, "r1")
        wait_until(lambda: behind.release == "r1", 30)
        # When the only one with a newer release is gone, the other is better than none.
        promote(folder / "store", events, "r2")
        wait_until(lambda: behind.release is None, 20)
        good.stop(kill=True)
        alone = wait_until(lambda: behind.release == "r1", 30)

    _log.info("behind: out after %.2f s; the last one back after %.1f s", took, alone)
    assert answers == {"r1"}
    assert (refusal.status_code, refusal.json()["type"].rsplit(":", 1)[-1]) == (503, "behind")
    assert took <= SECONDS
    assert alone <= 15


def test_what_one_replica_gave_is_good_at_the_other(home):
    """ETag, cursor, session of the pages, and the place in the event stream."""
    folder, url, events, _ = home
    with replicas(folder, 2, redis_url=url, poll_seconds="0.2") as (one, other):
        first = asked(one.address, "/predict/m0", **READER)
        again = asked(other.address, "/predict/m0", **READER, **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])

        page = asked(one.address, "/predict/matches/?limit=7", **READER).json()
        following = f"/predict/matches/?limit=7&cursor={page['next_cursor']}"
        here, there = (asked(at.address, following, **READER).json() for at in (one, other))
        assert here == there
        assert {row["match_id"] for row in page["items"]}.isdisjoint(
            row["match_id"] for row in there["items"]
        )

        with httpx.Client(base_url=one.address, headers={"Accept": "text/html"}, timeout=20) as browser:
            token = re.search(r'name="form_token" value="([^"]+)"', browser.get("/sign-in").text)[1]
            signed = browser.post(
                "/sign-in", data={"form_token": token, "key": TOKENS["reader"], "next": "/about"}
            )
            assert signed.status_code == 303
            cookies = dict(browser.cookies)
        shown = httpx.get(
            f"{other.address}/about", cookies=cookies, headers={"Accept": "text/html"}, timeout=20
        )
        assert shown.status_code == 200
        assert (
            httpx.get(f"{other.address}/about", headers={"Accept": "text/html"}, timeout=20).status_code
            == 303
        )

        before, last = (publish(events, "alert", number=str(number)) for number in (-1, 0))
        assert read_event(one.address, before) == last
        missed = [publish(events, "alert", number=str(number)) for number in (1, 2)]
        one.stop(kill=True)
        assert read_event(other.address, last) == missed[0]
        assert read_event(other.address, missed[0]) == missed[1]


def read_event(address, after):
    """The id of the first event after another one."""
    headers = READER | {"Last-Event-ID": after}
    with httpx.stream("GET", f"{address}/events/", headers=headers, timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("id:"):
                return line.removeprefix("id:").strip()
            if "still here" in line:
                break
    raise AssertionError("no event")


def test_a_budget_is_shared(home):
    """Four replicas grant a key little more than its limit in a minute, however it spreads its requests."""
    folder, url, _, _ = home
    limit = 1_000
    with replicas(folder, 4, redis_url=url, rate_limit_per_minute=str(limit)) as found:
        while time.time() % 60 > 40:  # the minute of the budget must not end meanwhile
            time.sleep(0.5)
        counts: Counter[int] = Counter()

        def spend(address):
            with httpx.Client(base_url=address, headers=READER, timeout=20) as client:
                counts.update(client.get("/predict/m0").status_code for _ in range(limit // 2))

        threads = [threading.Thread(target=spend, args=[one.address]) for one in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    _log.info("limit %d over four replicas: %s", limit, dict(counts))
    assert set(counts) == {200, 429}
    assert limit * 0.95 <= counts[200] <= limit * 1.1


def test_numbers_two_replicas_answer_nearly_twice_as_much(home):
    """At 0.3 of a core each two give at least 1.8 of one, and a request costs what it costs alone."""
    folder, url, _, _ = home
    ids = folder / "ids"
    ids.write_text("\n".join(MATCHES))
    with (
        replicas(folder, 4, redis_url=url, rate_limit_per_minute="0", poll_seconds="5") as found,
        ExitStack() as stack,
    ):
        fronts = {
            count: stack.enter_context(balancer(make(folder, count), found[:count])) for count in (1, 2, 4)
        }
        servers = {one.port: Server(one.process, one.port, "/predict/") for one in found}
        rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
        costs: dict[int, list[float]] = {1: [], 2: [], 4: []}
        for _ in range(3):
            for count, front in fronts.items():
                workers = [servers[one.port].workers()[-1] for one in found[:count]]
                with quotas(workers, 0.3 if count < 4 else 0.15) as is_held:
                    if not is_held:
                        pytest.skip("this machine lets nobody set quotas")
                    before = sum(cpu(one) for one in workers)
                    rate, requests = look_up(front, ids)
                    rates[count].append(rate)
                    costs[count].append((sum(cpu(one) for one in workers) - before) / requests * 1e6)

    rate = {count: statistics.median(found) for count, found in rates.items()}
    cost = {count: statistics.median(found) for count, found in costs.items()}
    for count in (1, 2, 4):
        _log.info(
            "%d replicas: %.0f requests/s (%.2f), %.1f us of processor a request (%.3f)",
            *(count, rate[count], rate[count] / rate[1], cost[count], cost[count] / cost[1]),
        )
    assert rate[2] / rate[1] >= 1.8
    assert cost[2] / cost[1] <= 1.05
    assert cost[4] / cost[1] <= 1.08


def make(folder, count):
    """A folder for a balancer's file."""
    place = folder / f"balancer-{count}"
    place.mkdir()
    return place


def cpu(process: psutil.Process) -> float:
    """CPU seconds that a process used."""
    return sum(process.cpu_times()[:2])


def look_up(front, ids, seconds=5):
    """Requests per second and requests of random look-ups by wrk, none of which fails."""
    command = [
        "wrk",
        "-t1",
        "-c64",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-H",
        f"X-API-Key: {TOKENS['reader']}",
    ]
    environ = os.environ | {"IDS": str(ids), "PREFIX": "/predict/", "DELAY_MS": "0", "AT_ONCE": "1"}
    done = subprocess.run([*command, "-s", str(SCRIPT), front], env=environ, check=True, capture_output=True)
    load = json.loads(done.stdout.splitlines()[-1])
    assert load["failed"] == 0
    return load["requests"] / load["seconds"], load["requests"]
