"""Latency of `POST /predict/`, and of look-ups while a large task is scored.

Usage: ``python -m benchmarks.scoring [--predictions N] [--seconds S] [--rows N]``. Needs `wrk` (Debian:
``apt-get install wrk``). Publishes a synthetic release, starts a sidecar, a Valkey and a task worker, and
prints a line of JSON for each part: one pairing with reasons and 1,000 without, next to `GET /ready` of the
same client, with the CPU time of server and scoring process together; then look-ups at half of their maximum
rate, alone and while tasks are scored.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.serving import PACED_CONNECTIONS, ROOT, Server, Store
from soccer_assets.clock import SystemClock
from soccer_assets.stores.releases.key_store import SCOPES, create_key
from tests.services import valkey

SINGLES = 300
LISTS = 20
LIST_ROWS = 1_000
# Enough tasks to keep the worker busy while look-ups are measured.
TASKS = 10
_WARM_SECONDS = 60.0


def pairings_of(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    """The release's first fixtures as pairings, repeated."""
    items = client.get("/predict/matches/", params={"limit": 500}).raise_for_status().json()["items"]
    asked = [
        {
            "home_team": fixture["home_team"]["name"],
            "away_team": fixture["away_team"]["name"],
            "kickoff": fixture["kickoff"],
            "competition": fixture["competition"],
        }
        for fixture in items
    ]
    return [asked[number % len(asked)] for number in range(count)]


def cpu_seconds(server: Server) -> float:
    """CPU seconds used by the server, its workers and their scoring processes."""
    parent = psutil.Process(server.process.pid)
    return sum(sum(process.cpu_times()[:2]) for process in (parent, *parent.children(recursive=True)))


def timed(server: Server, count: int, ask: Callable[[int], httpx.Response]) -> dict[str, float]:
    """Milliseconds of ``count`` calls, one after the other, and the CPU time of one."""
    before, took = cpu_seconds(server), []
    for number in range(count):
        started = time.perf_counter()
        ask(number).raise_for_status()
        took.append((time.perf_counter() - started) * 1e3)
    took.sort()
    return {
        "p50 ms": round(took[count // 2], 1),
        "p99 ms": round(took[-1 - count // 100], 1),
        "CPU ms a call": round((cpu_seconds(server) - before) / count * 1e3, 1),
    }


def score_now(server: Server, client: httpx.Client) -> dict[str, Any]:
    """One pairing, 1,000 pairings, and the least that the same client can be answered."""
    rows = pairings_of(client, LIST_ROWS)
    deadline = time.monotonic() + _WARM_SECONDS
    while client.post("/predict/", json=rows[0]).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        if time.monotonic() > deadline:
            raise RuntimeError("the model does not get warm")
        time.sleep(0.1)
    first = timed(server, 1, lambda _: client.post("/predict/", json=rows))
    return {
        "GET /ready": timed(server, SINGLES, lambda _: client.get("/ready")),
        "one pairing, with reasons": timed(
            server, SINGLES, lambda number: client.post("/predict/", json=rows[number])
        ),
        "the first 1,000 pairings": first,
        "1,000 pairings": timed(server, LISTS, lambda _: client.post("/predict/", json=rows)),
    }


def look_ups_beside_tasks(
    server: Server, client: httpx.Client, store: Store, seconds: float, rows: int
) -> dict[str, Any]:
    """Look-ups at half of the maximum rate: alone, and while tasks of so many rows are scored."""
    server.load(store.ids, 1.0)
    delay = PACED_CONNECTIONS / (server.load(store.ids, seconds).rate / 2.0) * 1e3
    alone = server.load(store.ids, seconds, PACED_CONNECTIONS, delay)
    body = json.dumps(pairings_of(client, rows))
    sent = [client.post("/predict/async/", content=body).raise_for_status().json() for _ in range(TASKS)]
    first, last = sent[0]["status_url"], sent[-1]["status_url"]
    while _status(client, first) == "pending":
        time.sleep(0.1)
    started = time.perf_counter()
    beside = server.load(store.ids, seconds, PACED_CONNECTIONS, delay)
    if _status(client, last) == "success":
        raise RuntimeError("the tasks were done before the look-ups; send more rows")
    while _status(client, first) != "success":
        time.sleep(0.2)
    return {
        "look-ups alone": {"requests/s": round(alone.rate), "p99 ms": round(alone.p99_ms, 2)},
        "look-ups beside tasks": {"requests/s": round(beside.rate), "p99 ms": round(beside.p99_ms, 2)},
        "the first task was done after, s": round(time.perf_counter() - started, 1),
    }


def _status(client: httpx.Client, address: str) -> str:
    """Status of a task, without reading a result of many megabytes."""
    with client.stream("GET", address) as response:
        status: str = next(response.iter_text(400)).split('"status":"')[1].split('"')[0]
    return status


@contextmanager
def task_worker(store: Store, redis_url: str, home: str) -> Iterator[subprocess.Popen[bytes]]:
    """A task worker on this store, until the block is left."""
    env = {"PYTHONPATH": str(ROOT), "SOCCER_HOME": home, "SOCCER_STORE_URL": store.url}
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.worker"], env=os.environ | env | {"SOCCER_REDIS_URL": redis_url}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def measure(predictions: int, seconds: float, rows: int) -> Iterator[dict[str, Any]]:
    """Scoring on demand, then look-ups beside tasks of so many rows."""
    with tempfile.TemporaryDirectory() as folder, valkey(Path(folder)) as redis_url:
        store = Store(Path(folder) / "store", predictions)
        key = create_key(store.objects, SCOPES, SystemClock().now())
        with (
            store.sidecar(redis_url=redis_url) as (server, _),
            task_worker(store, redis_url, folder),
            httpx.Client(base_url=server.url, headers={"X-API-Key": key}, timeout=60) as client,
        ):
            yield score_now(server, client)
            yield look_ups_beside_tasks(server, client, store, seconds, rows)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement of look-ups")
    parser.add_argument("--rows", type=int, default=100_000, help="of a task")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    for result in measure(asked.predictions, asked.seconds, asked.rows):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
