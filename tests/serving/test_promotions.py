"""Promotions of a sidecar process under load: nobody notices but by the new answers."""

import logging
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from benchmarks.serving import Server
from tests.builders import EVENT_STREAM
from tests.serving.builders import (
    TOKENS,
    make_prediction,
    make_release,
    real_model,
    write_keys,
    write_pointer,
    write_status,
)
from tests.serving.load import Load
from tests.serving.processes import free_port, ready_release, sidecar, valkey, wait_until

pytestmark = pytest.mark.slow

MATCHES = [f"m{number}" for number in range(300)]
_log = logging.getLogger(__name__)

LOADED = 'soccer_reloads_total{result="loaded"}'
EVENT = {"event": '{"type": "promotion"}'}


def write_releases(home, count):
    """Releases r0 to r<count> of the same matches, r0 current; what each says of every match."""
    model, golden_rows = real_model(trees=True)
    p_home_of = {}
    for number in range(count + 1):
        p_home = p_home_of[f"r{number}"] = 0.3 + number / 1000.0
        rows = [
            make_prediction(match_id, p_home=p_home, p_draw=0.7 - p_home, p_away=0.3) for match_id in MATCHES
        ]
        make_release(home / "store", rows, release_id=f"r{number}", model=model, golden_rows=golden_rows)
    write_pointer(home / "store", "r0")
    write_status(home / "store")
    write_keys(home / "store")
    return p_home_of


def metric(address, name):
    """The value of one series."""
    text = httpx.get(f"{address}/metrics", timeout=120).text
    return float(text.partition(f"\n{name} ")[2].split("\n")[0] or 0)


def private_mb(process):
    """Private memory of the server's worker."""
    children = psutil.Process(process.pid).children()
    (worker,) = [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]
    return worker.memory_full_info().uss / 2**20


def publish_at_once(events, threads=20):
    """The same event from many threads at the same instant, twice each."""
    barrier = threading.Barrier(threads)

    def send():
        barrier.wait()
        events.xadd(EVENT_STREAM, EVENT)
        events.xadd(EVENT_STREAM, EVENT)

    senders = [threading.Thread(target=send) for _ in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


@pytest.mark.parametrize("promotions", [3, pytest.param(50, marks=pytest.mark.trial)])
def test_srv_04_promotions_under_full_load(tmp_path, promotions):
    """SRV-02, SRV-04: no failed and no mixed answer; 40 events at one instant load a release once."""
    p_home_of = write_releases(tmp_path, promotions)
    port, seconds, memory = free_port(), [], []
    with (
        valkey(tmp_path, port) as events,
        sidecar(
            tmp_path, poll_seconds="3600", redis_url=f"redis://127.0.0.1:{port}", rate_limit_per_minute="0"
        ) as (
            address,
            process,
        ),
    ):
        wait_until(lambda: ready_release(address) == "r0")
        wait_until(lambda: events.info("clients")["blocked_clients"] == 1)
        wait_until(lambda: metric(address, LOADED) == 1)  # the scoring process is up, and checked r0
        with Load([address], MATCHES, p_home_of) as load:
            for number in range(1, promotions + 1):
                load.more(100)
                write_pointer(tmp_path / "store", f"r{number}")
                begun = time.monotonic()
                publish_at_once(events)
                load.wait(lambda release=f"r{number}": release in load.first_seen)
                seconds.append(load.first_seen[f"r{number}"] - begun)
                memory.append(private_mb(process))
            load.more(100)
            # Back the same way: the pointer names the release before.
            load.first_seen.clear()
            write_pointer(tmp_path / "store", f"r{promotions - 1}")
            events.xadd(EVENT_STREAM, EVENT)
            load.wait(lambda: f"r{promotions - 1}" in load.first_seen)
            load.more(100)
        loaded = metric(address, LOADED)

    assert load.failures == []
    assert loaded == 1 + promotions + 1
    if promotions >= 50:
        _log.info("%d answers; slowest, s: %s; worker, MB: %s", load.answers, sorted(seconds)[-3:], memory)
        assert sorted(seconds)[round(0.99 * promotions) - 1] <= 1.0
        assert memory[-1] <= 1.1 * memory[2] + 8.0


@pytest.mark.trial
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt-get install wrk")
def test_srv_04_promotions_while_wrk_asks_as_fast_as_it_can(tmp_path):
    """SRV-04: 20 promotions in ten seconds of wrk at full speed; every answer is 200."""
    write_releases(tmp_path, 20)
    ids = tmp_path / "ids.txt"
    ids.write_text("".join(f"{match_id}\n" for match_id in MATCHES))
    with (
        sidecar(tmp_path, poll_seconds="0.1", rate_limit_per_minute="0") as (address, process),
        ThreadPoolExecutor(1) as pool,
    ):
        wait_until(lambda: ready_release(address) == "r0")
        wait_until(lambda: metric(address, LOADED) == 1)
        server = Server(process, int(address.rpartition(":")[2]), "/predict/", TOKENS["reader"])
        load = pool.submit(server.load, ids, 10.0)
        for number in range(1, 21):
            write_pointer(tmp_path / "store", f"r{number}")
            wait_until(lambda release=f"r{number}": ready_release(address) == release)
            time.sleep(0.3)
        is_over = load.done()
        answers = load.result()

    assert not is_over  # the last promotion was under load too
    assert answers.failed == 0
    assert answers.requests > 10_000


def refuse_newer_schema(store):
    """A release of a later version of the project."""
    make_release(store, [make_prediction("m0")], release_id="bad", schema_version=99)


def refuse_half(store):
    """A release without its model."""
    (make_release(store, [make_prediction("m0")], release_id="bad") / "model.bin").unlink()


def refuse_bytes(store):
    """A release with an altered byte."""
    file = make_release(store, [make_prediction("m0")], release_id="bad") / "predictions.sqlite"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def refuse_model(store):
    """A release whose model cannot be read."""
    make_release(store, [make_prediction("m0")], release_id="bad", model=b"no model")


@pytest.mark.trial
def test_replicas_with_several_workers_converge_and_refuse_alike(tmp_path):
    """Two sidecars of two workers: every worker answers the new release, and none a bad one."""
    p_home_of = write_releases(tmp_path, 3)
    with (
        sidecar(tmp_path, 2, poll_seconds="0.5", rate_limit_per_minute="0") as (one, _),
        sidecar(tmp_path, 2, poll_seconds="0.5", rate_limit_per_minute="0") as (other, _),
    ):
        for address in (one, other):
            wait_until(lambda address=address: ready_release(address) == "r0")
        with Load([one, other], MATCHES, p_home_of) as load:
            for number, spoil in enumerate((refuse_newer_schema, refuse_half, refuse_bytes), 1):
                write_pointer(tmp_path / "store", f"r{number}")
                for address in (one, other):
                    wait_until(
                        lambda a=address, n=number: {ready_release(a) for _ in range(12)} == {f"r{n}"}, 90
                    )
                spoil(tmp_path / "store")
                for address in (one, other):
                    wait_until(lambda a=address, n=number: _refused(a) >= 2 * n)
                    assert {ready_release(address) for _ in range(12)} == {f"r{number}"}
            refuse_model(tmp_path / "store")
            load.more(2_000)
        notes = list((tmp_path / "store/outbox").glob("*.json"))
        for address in (one, other):
            text = httpx.get(f"{address}/metrics", timeout=120).text
            assert 'release_id="r3"} 1.0' in text
            assert 'release_id="bad"' not in text

    assert load.failures == []
    assert {note.name.split("-")[0] for note in notes} == {"bad"}
    assert len(notes) == 2  # one of each sidecar


def _refused(address):
    """Refusals of all workers of a sidecar."""
    text = httpx.get(f"{address}/metrics", timeout=120).text
    counts = [line.split() for line in text.splitlines() if line.startswith("soccer_reloads_total{")]
    return sum(float(count) for name, count in counts if 'result="loaded"' not in name)
