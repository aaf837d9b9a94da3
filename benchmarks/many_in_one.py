"""CPU time of many look-ups in one request against as many single ones, and memory of long answers.

Usage: ``python -m benchmarks.many_in_one [--predictions N] [--ids N] [--seconds S] [--rounds N]``. Needs
`wrk` (Debian: ``apt-get install wrk``). Publishes a synthetic release, starts a sidecar of one worker, asks
it for random matches without compression, in the order single, many, many, single, so that a drift of the
machine cancels out. Prints microseconds of the server's CPU for each prediction, their ratio, and the memory
that the server keeps for a client that does not read its 10,000 lines.
"""

import argparse
import http.client
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.serving import Server, Store

_LINES = 10_000
_MEGABYTE = 1_000_000
# A request of many takes as long as some hundred single ones: fewer at a time keep the queue short.
_CONNECTIONS = 8


def memory_of(server: Server, key: str, ids: list[str]) -> dict[str, float]:
    """Resident memory of the worker before, and while a client of many lines does not read."""
    memory = psutil.Process(server.workers()[-1].pid).memory_info
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    before, beside = memory().rss, []
    connection.request("POST", "/predict/lookup", json.dumps({"ids": ids}), {"X-API-Key": key})
    response = connection.getresponse()
    for _ in range(20):
        time.sleep(0.1)
        beside.append(memory().rss)
    lines = response.read().count(b"\n")
    if lines != len(ids):
        raise RuntimeError(f"{lines} lines of {len(ids)} ids")
    return {"before": round(before / _MEGABYTE, 1), "kept": round((max(beside) - before) / _MEGABYTE, 1)}


def measure(predictions: int, count: int, seconds: float, rounds: int) -> dict[str, object]:
    """CPU of both ways, and memory of a slow reader."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store", predictions)
        ids = store.ids.read_text().split()
        with store.sidecar() as (server, _):

            def cpu_us(at_once: int) -> float:
                return server.load(store.ids, seconds, _CONNECTIONS, at_once=at_once).cpu_us / at_once

            cpu_us(1), cpu_us(count)
            single, many = [], []
            for _ in range(rounds):
                single.append(cpu_us(1))
                many += [cpu_us(count), cpu_us(count)]
                single.append(cpu_us(1))
            memory = memory_of(server, store.key, ids[:_LINES])
    return {
        "predictions": predictions,
        "ids": count,
        "CPU us a prediction": {
            "single": round(statistics.median(single), 1),
            "many": round(statistics.median(many), 2),
        },
        "many / single": round(statistics.median(many) / statistics.median(single), 3),
        "memory of a worker, MB": memory,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--ids", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    print(json.dumps(measure(asked.predictions, asked.ids, asked.seconds, asked.rounds)))


if __name__ == "__main__":
    main()
