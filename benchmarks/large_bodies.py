"""Look-ups beside a client that sends the largest bodies that are taken, and memory meanwhile.

Usage: ``python -m benchmarks.large_bodies [--predictions N] [--seconds S] [--rounds N]``. Needs `wrk`
(Debian: ``apt-get install wrk``). Publishes a synthetic release, starts a sidecar, a Valkey and a task
worker. Look-ups run at half of their maximum rate in the order alone, beside, beside, alone, so that a drift
of the machine cancels out; one client sends 31 MB to `POST /predict/async/` and 7 MB to `POST /predict/` in
turn, without a pause. Prints p99 of both, their ratio, and the peak memory of each part.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import psutil

from benchmarks.scoring import pairings_of, task_worker
from benchmarks.serving import PACED_CONNECTIONS, Server, Store
from soccer_assets.clock import SystemClock
from soccer_assets.stores.releases.key_store import SCOPES, create_key
from tests.services import valkey

MEGABYTE = 1_000_000
# Just below what the routes take.
BODIES = (("/predict/async/", 31 * MEGABYTE, 100_000), ("/predict/", 7 * MEGABYTE, 1_000))
_SAMPLE_SECONDS = 0.05

# A process of its own: the client's work must not wait for the load generator's interpreter.
_SENDER = """
import sys, httpx
bodies = [(path, open(file, "rb").read()) for path, file in zip(sys.argv[3::2], sys.argv[4::2])]
statuses = {}
with httpx.Client(base_url=sys.argv[1], headers={"X-API-Key": sys.argv[2]}, timeout=120) as client:
    while True:
        for path, body in bodies:
            status = client.post(path, content=body).status_code
            statuses[path, status] = statuses.get((path, status), 0) + 1
            print({f"{path} {status}": count for (path, status), count in statuses.items()}, flush=True)
"""


def bodies_of(client: httpx.Client, folder: Path) -> list[str]:
    """Path and file of each body: pairings, with spaces up to its size."""
    named = []
    for path, size, rows in BODIES:
        body = json.dumps(pairings_of(client, rows)).encode()
        file = folder / f"body-{size}"
        file.write_bytes(body[:-1] + b" " * (size - len(body)) + b"]")
        named += [path, str(file)]
    return named


class Memory:
    """The peak resident memory of some processes, by name, while the block runs."""

    def __init__(self, processes: dict[str, list[psutil.Process]]) -> None:
        self._processes = processes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.peak_mb = dict.fromkeys(processes, 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            for name, processes in self._processes.items():
                used = sum(process.memory_info().rss for process in processes) // MEGABYTE
                self.peak_mb[name] = max(self.peak_mb[name], used)


@contextmanager
def _sending(server: Server, key: str, bodies: list[str], log: Path) -> Iterator[None]:
    with (
        log.open("w") as output,
        subprocess.Popen([sys.executable, "-c", _SENDER, server.url, key, *bodies], stdout=output) as process,
    ):
        try:
            while not log.stat().st_size:  # until its first body is answered
                time.sleep(0.05)
            yield
        finally:
            process.kill()


def measure(predictions: int, seconds: float, rounds: int) -> dict[str, object]:
    """p99 of look-ups alone and beside large bodies, in milliseconds, and peak memory in megabytes."""
    with tempfile.TemporaryDirectory() as folder, valkey(Path(folder)) as redis_url:
        store = Store(Path(folder) / "store", predictions)
        key = create_key(store.objects, SCOPES, SystemClock().now())
        log = Path(folder) / "sent"
        with (
            store.sidecar(redis_url=redis_url) as (server, _),
            task_worker(store, redis_url, folder) as worker,
            httpx.Client(base_url=server.url, headers={"X-API-Key": key}, timeout=60) as client,
        ):
            bodies = bodies_of(client, Path(folder))
            server.load(store.ids, 1.0)
            delay = PACED_CONNECTIONS / (server.load(store.ids, seconds).rate / 2.0) * 1e3

            def p99() -> float:
                return server.load(store.ids, seconds, PACED_CONNECTIONS, delay).p99_ms

            sidecar = psutil.Process(server.process.pid)
            processes = {
                "sidecar": [sidecar, *sidecar.children(recursive=True)],
                "task worker": [psutil.Process(worker.pid)],
                "Valkey": [p for p in psutil.Process().children() if "valkey" in p.name()],
            }
            alone, beside = [], []
            with Memory(processes) as memory:
                for _ in range(rounds):
                    alone.append(p99())
                    with _sending(server, key, bodies, log):
                        beside += [p99(), p99()]
                    alone.append(p99())
        return {
            "p99 ms alone": [round(value, 2) for value in alone],
            "p99 ms beside large bodies": [round(value, 2) for value in beside],
            "ratio of medians": round(statistics.median(beside) / statistics.median(alone), 2),
            "sent in the last round": (log.read_text().splitlines() or ["nothing"])[-1],
            "peak memory, MB": memory.peak_mb,
        }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement of look-ups")
    parser.add_argument("--rounds", type=int, default=2, help="each is alone, beside, beside, alone")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    print(json.dumps(measure(asked.predictions, asked.seconds, asked.rounds)))


if __name__ == "__main__":
    main()
