"""Throughput and latency of look-ups: the sidecar against the predecessor's serving and a bare server.

Usage: ``python -m benchmarks.serving [--predictions N] [--seconds S] [--rounds N] [--million]``. Needs `wrk`
(Debian: ``apt-get install wrk``) and the extra ``bench``. Publishes synthetic releases, loads all servers in
turn in one run, and prints a line of JSON for each part: requests per second and CPU time per request of each
server, their ratios, latency at half of the maximum rate; two workers against one; load time, start time and
memory.

On two cores the load generator uses one core, so two workers could not reach twice the rate of one. Each
worker therefore gets 0.3 of a core by a kernel quota (`benchmarks/serving_quota.py`). Where quotas are not
permitted, CPU time per request is compared instead, which does not depend on the load generator.

All servers start from compiled bytecode, as installed packages do.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from benchmarks.serving_quota import quotas
from serving.release.reader import ReleaseReader
from serving.release.snapshot import Snapshot
from soccer_assets.clock import SystemClock
from soccer_assets.contract.release import POINTER_KEY, PREDICTIONS_FILE, Pointer, release_key
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.key_store import create_key
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.stores.releases.synthetic import publish
from tests.services import free_ports, valkey

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("random_ids.lua")
CONNECTIONS = 32
# With 0.5 of a core each, two workers, load generator and kernel would at times need more than two cores.
WORKER_CORES = 0.3
PACED_CONNECTIONS = 64
_START_SECONDS = 120.0
# Bytecode is kept where `make` keeps it, also where the shell says not to write any.
_PYTHON = {
    "PYTHONPATH": str(ROOT),
    "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", str(ROOT / ".soccer" / "cache" / "pycache")),
    "PYTHONDONTWRITEBYTECODE": "",
}


class Load(msgspec.Struct, kw_only=True):
    """The result of wrk, and the CPU time of the server's processes per request."""

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float
    cpu_us: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class Server:
    """A running server: its address, and the processes whose CPU time and memory count."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, prefix: str, key: str = "") -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.prefix = prefix
        self.key = key

    def workers(self) -> list[psutil.Process]:
        """The server itself and its workers; not their scoring children."""
        parent = psutil.Process(self.process.pid)
        return [
            parent,
            *(child for child in parent.children() if "resource_tracker" not in " ".join(child.cmdline())),
        ]

    def cpu_seconds(self) -> float:
        """CPU seconds used so far."""
        return sum(sum(worker.cpu_times()[:2]) for worker in self.workers())

    def load(
        self,
        ids: Path,
        seconds: float,
        connections: int = CONNECTIONS,
        delay_ms: float = 0.0,
        at_once: int = 1,
    ) -> Load:
        """Request random matches with wrk, some in each request."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s"]
        command += ["-s", str(SCRIPT), self.url]
        if self.key:
            command[1:1] = ["-H", f"X-API-Key: {self.key}"]
        prefix = self.prefix if at_once == 1 else f"{self.prefix}?ids="
        env = {"IDS": str(ids), "PREFIX": prefix, "DELAY_MS": str(delay_ms), "AT_ONCE": str(at_once)}
        before = self.cpu_seconds()
        output = subprocess.run(command, env=os.environ | env, check=True, capture_output=True).stdout
        load = msgspec.json.decode(output.splitlines()[-1], type=Load)
        load.cpu_us = (self.cpu_seconds() - before) / load.requests * 1e6
        if load.failed:
            raise RuntimeError(f"{load.failed} requests of {load.requests} failed")
        return load


@contextmanager
def server(
    command: list[str], ready: str, env: Mapping[str, str], prefix: str = "", key: str = ""
) -> Iterator[tuple[Server, float]]:
    """A server until the block is left, and the seconds until ``ready`` answered."""
    (port,) = free_ports(1)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)],
        cwd=ROOT,
        env=os.environ | _PYTHON | env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}{ready}", process)
        yield Server(process, port, prefix, key), time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(30)


class Store:
    """A store with a synthetic release, its key, and a file of its match ids."""

    def __init__(self, folder: Path, predictions: int) -> None:
        self.url = folder.absolute().as_uri()
        self.objects = ObjectStore(self.url)
        self.releases = Releases(self.objects, EventBus(""))
        self.predictions = predictions
        now = SystemClock().now()
        started = time.perf_counter()
        publish(self.releases, predictions, now)
        self.write_seconds = time.perf_counter() - started
        self.key = create_key(self.objects, ["read"], now)
        self.ids = folder / "ids.txt"
        with sqlite3.connect(self.release / PREDICTIONS_FILE) as rows:
            ids = rows.execute("SELECT match_id FROM prediction ORDER BY match_id")
            self.ids.write_text("".join(f"{match_id}\n" for (match_id,) in ids))

    @property
    def release(self) -> Path:
        """The folder of the current release."""
        data = self.objects.read(POINTER_KEY)
        pointer = msgspec.json.decode(data or b"", type=Pointer)
        return Path(self.objects.path(release_key(pointer.release_id, "")))

    @contextmanager
    def sidecar(
        self, workers: int = 1, redis_url: str = "", pages: str = "off"
    ) -> Iterator[tuple[Server, float]]:
        """`soccer serve` on this store, warm: the model is checked and the scoring child is quiet."""
        with tempfile.TemporaryDirectory() as home:
            env = {"SOCCER_HOME": home, "SOCCER_RATE_LIMIT_PER_MINUTE": str(10**9)}
            env |= {"SOCCER_PAGES": pages, "SOCCER_PAGES_PER_MINUTE": "0"}
            env |= {"SOCCER_REDIS_URL": redis_url} if redis_url else {}
            command = ["soccer_assets.cli", "serve", "--release", self.url, "--workers", str(workers)]
            command += ["--no-tasks"]
            with server(command, "/ready", env, "/predict/", self.key) as (sidecar, seconds):
                loaded = 'soccer_reloads_total{result="loaded"} ' + f"{workers}.0"
                while loaded not in httpx.get(f"{sidecar.url}/metrics", timeout=10).text:
                    time.sleep(0.1)
                yield sidecar, seconds

    def load_seconds(self) -> float:
        """Until the release is verified and open: what a reload does before its swap, but for the model."""
        reader = ReleaseReader(self.url, Path("unused"))
        started = time.perf_counter()
        Snapshot(reader.fetch(reader.read_pointer())).close()
        return time.perf_counter() - started

    def start_seconds(self, starts: int = 5) -> float:
        """From the command until the sidecar is ready, the median of some starts."""
        seconds = []
        for _ in range(starts):
            with self.sidecar() as (_, until_ready):
                seconds.append(until_ready)
        return statistics.median(seconds)

    def answer(self, sidecar: Server) -> str:
        """One answer, for the bare callable to repeat."""
        match_id = self.ids.read_text().split()[0]
        answer = httpx.get(f"{sidecar.url}/predict/{match_id}", headers={"X-API-Key": self.key})
        headers = [pair for pair in answer.headers.items() if pair[0] not in {"server", "date"}]
        return json.dumps({"headers": headers, "body": answer.text})


def compare(store: Store, seconds: float, rounds: int) -> dict[str, Any]:
    """The sidecar, the bare callable and the predecessor, in turns."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis_url = stack.enter_context(valkey(folder))
        env = {"RELEASE": str(store.release), "REDIS_URL": redis_url}
        ours, _ = stack.enter_context(store.sidecar())
        granian = ["granian", "--interface", "asgi", "--no-ws", "benchmarks.bare:app"]
        uvicorn = ["uvicorn", "--factory", "--no-access-log", "--log-level", "warning", "--ws", "none"]
        bare, _ = stack.enter_context(server(granian, "/", {"ANSWER": store.answer(ours)}, "/predict/"))
        dict_app = [*uvicorn, "benchmarks.predecessor:precomputed"]
        precomputed, _ = stack.enter_context(server(dict_app, "/docs", env, "/predict/precomputed/"))
        task_app = [*uvicorn, "benchmarks.predecessor:on_demand"]
        on_demand, _ = stack.enter_context(server(task_app, "/docs", env, "/predict/"))
        stack.enter_context(_celery_worker(env))
        _wait_for(f"{on_demand.url}/predict/{store.ids.read_text().split()[0]}")  # until the worker is up
        sides = {"sidecar": ours, "bare": bare, "precomputed": precomputed, "on_demand": on_demand}
        for side in sides.values():
            side.load(store.ids, 1.0)
        loads: dict[str, list[Load]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                loads[name].append(side.load(store.ids, seconds))
        rate = {name: statistics.median(load.rate for load in all_) for name, all_ in loads.items()}
        cpu = {name: statistics.median(load.cpu_us for load in all_) for name, all_ in loads.items()}
        # At the same rate for both: half of what the sidecar can.
        delay = PACED_CONNECTIONS / (rate["sidecar"] / 2.0) * 1e3
        paced = {
            name: sides[name].load(store.ids, seconds, PACED_CONNECTIONS, delay)
            for name in ("sidecar", "bare")
        }
    return {
        "requests/s": _rounded(rate, 0),
        "CPU us/request": _rounded(cpu, 1),
        "sidecar / predecessor precomputed": round(rate["sidecar"] / rate["precomputed"], 2),
        "sidecar / predecessor on demand": round(rate["sidecar"] / rate["on_demand"], 1),
        "sidecar / bare": round(rate["sidecar"] / rate["bare"], 2),
        "sidecar / bare by CPU": round(cpu["bare"] / cpu["sidecar"], 2),
        "at half rate": {
            name: {"requests/s": round(load.rate), "p99 ms": round(load.p99_ms, 2)}
            for name, load in paced.items()
        },
    }


def compare_workers(store: Store, seconds: float, rounds: int) -> dict[str, Any]:
    """Two workers beside one, each with the same share of a core."""
    with ExitStack() as stack:
        sides = {workers: stack.enter_context(store.sidecar(workers))[0] for workers in (1, 2)}
        processes = [worker for sidecar in sides.values() for worker in sidecar.workers()[1:]]
        has_quota = stack.enter_context(quotas(processes, WORKER_CORES))
        loads: dict[int, list[Load]] = {workers: [] for workers in sides}
        for _ in range(rounds):
            for workers, sidecar in sides.items():
                loads[workers].append(sidecar.load(store.ids, seconds))
    rate = {workers: statistics.median(load.rate for load in all_) for workers, all_ in loads.items()}
    cpu = {workers: statistics.median(load.cpu_us for load in all_) for workers, all_ in loads.items()}
    by_rate, by_cpu = rate[2] / rate[1], 2.0 * cpu[1] / cpu[2]
    return {
        "two workers / one": round(by_rate if has_quota else by_cpu, 2),
        "measured by": f"requests/s, {WORKER_CORES} of a core a worker"
        if has_quota
        else "CPU time a request",
        "requests/s": {f"{workers} workers": round(rate[workers]) for workers in rate},
        "CPU us/request": {f"{workers} workers": round(cpu[workers], 1) for workers in cpu},
    }


def swap_of(store: Store) -> dict[str, Any]:
    """Seconds to load the release, and a worker's private memory while another one takes its place."""
    seconds = min(store.load_seconds() for _ in range(3))
    start_seconds = store.start_seconds()
    with store.sidecar() as (sidecar, _):
        _, worker = sidecar.workers()
        before = peak = _private_mb(worker)
        manifest = publish(store.releases, store.predictions, SystemClock().now(), version=2).manifest
        while httpx.get(f"{sidecar.url}/ready", timeout=10).json()["release_id"] != manifest.release_id:
            peak = max(peak, _private_mb(worker))
            time.sleep(0.02)
        time.sleep(2.0)
        after = _private_mb(worker)
    return {
        "predictions": store.predictions,
        "written, predictions/s": round(store.predictions / store.write_seconds),
        "load, s": round(seconds, 2),
        "start to ready, s": round(start_seconds, 2),
        "private memory of a worker, MB": {"before": before, "peak": max(peak, after), "after": after},
    }


@contextmanager
def _celery_worker(env: Mapping[str, str]) -> Iterator[None]:
    command = ["celery", "-A", "benchmarks.predecessor:queue", "worker", "--concurrency", "1", "-l", "ERROR"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | _PYTHON | {"C_FORCE_ROOT": "1"} | env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _private_mb(process: psutil.Process) -> int:
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) // 1024


def _wait_for(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Until an address answers 200; an error where its server ended or takes too long."""
    deadline = time.perf_counter() + _START_SECONDS
    while not _is_ok(url):
        if time.perf_counter() > deadline or (process is not None and process.poll() is not None):
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.01)


def _is_ok(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _rounded(values: Mapping[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits or None) for name, value in values.items()}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--million", action="store_true", help="load and swap 1,000,000 too: 5 GB of disk")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store", asked.predictions)
        print(json.dumps(compare(store, asked.seconds, asked.rounds)), flush=True)
        print(json.dumps(compare_workers(store, asked.seconds, asked.rounds)), flush=True)
        print(json.dumps(swap_of(store)), flush=True)
        if asked.million:
            print(json.dumps(swap_of(Store(Path(folder) / "million", 1_000_000))), flush=True)


if __name__ == "__main__":
    main()
