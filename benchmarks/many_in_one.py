"""CPU time of many look-ups in one request against as many single ones, and memory of long answers.

Usage: ``python -m benchmarks.many_in_one [--predictions N] [--ids N] [--seconds S] [--rounds N]``. Publishes
a synthetic release, starts a sidecar of one worker and asks it over one connection, without compression, in
turns: lists of random matches, then single look-ups. Prints microseconds of the server's CPU for each
prediction and their ratio; and the memory of the server while a client reads 10,000 lines slowly.
"""

import argparse
import http.client
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.serving import Server, Store

_LINES = 10_000
_MEGABYTE = 1_000_000


class Asker:
    """One connection that is kept, without a client's own work between its requests."""

    def __init__(self, server: Server, key: str) -> None:
        address = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port)
        self._headers = {"X-API-Key": key}

    def get(self, path: str) -> bytes:
        """The body of an answer, which must be 200."""
        self._connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in self._headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"{path[:80]}: {response.status} {body[:200]!r}")
        return body

    def slow_lines(self, ids: list[str], while_waiting: Callable[[], None]) -> int:
        """Ask for lines, let the server wait for this client, and count them."""
        body = json.dumps({"ids": ids})
        self._connection.request("POST", "/predict/lookup", body, self._headers)
        response = self._connection.getresponse()
        while_waiting()
        return response.read().count(b"\n")


def cpu_us(server: Server, predictions: int, seconds: float, ask: Callable[[], object]) -> float:
    """Microseconds of the server's CPU for each prediction."""
    before, asked, end = server.cpu_seconds(), 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        ask()
        asked += predictions
    return (server.cpu_seconds() - before) / asked * 1e6


def memory_of(server: Server, asker: Asker, ids: list[str]) -> dict[str, float]:
    """Resident memory of the worker before, and while a client of many lines does not read."""
    worker = server.workers()[-1]
    resident = psutil.Process(worker.pid).memory_info
    before, beside = resident().rss, []

    def watch() -> None:
        for _ in range(20):
            time.sleep(0.1)
            beside.append(resident().rss)

    lines = asker.slow_lines(ids, watch)
    if lines != len(ids):
        raise RuntimeError(f"{lines} lines of {len(ids)} ids")
    return {"before": round(before / _MEGABYTE, 1), "held back": round((max(beside) - before) / _MEGABYTE, 1)}


def measure(predictions: int, count: int, seconds: float, rounds: int) -> dict[str, object]:
    """CPU of both ways, and memory of a slow reader."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store", predictions)
        ids = store.ids.read_text().split()
        with store.sidecar() as (server, _):
            asker = Asker(server, store.key)

            def many() -> bytes:
                return asker.get("/predict/?ids=" + ",".join(random.sample(ids, count)))

            def one() -> bytes:
                return asker.get(f"/predict/{random.choice(ids)}")  # noqa: S311 - a load, not a secret

            size = len(many()) / count
            one()
            found: dict[str, list[float]] = {"many": [], "single": []}
            for _ in range(rounds):
                found["many"].append(cpu_us(server, count, seconds, many))
                found["single"].append(cpu_us(server, 1, seconds, one))
            lines = random.sample(ids, min(_LINES, len(ids)))
            memory = memory_of(server, asker, lines)
    median = {name: statistics.median(values) for name, values in found.items()}
    return {
        "ids": count,
        "bytes a prediction": round(size),
        "CPU us a prediction": {name: round(value, 2) for name, value in median.items()},
        "ratio": round(median["many"] / median["single"], 3),
        "memory of a worker, MB": memory,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--ids", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.predictions, asked.ids, asked.seconds, asked.rounds)))


if __name__ == "__main__":
    main()
