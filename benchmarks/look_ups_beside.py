"""Look-ups beside people who read pages and clients that ask for 10,000 matches at once.

Usage: ``python -m benchmarks.look_ups_beside [--predictions N] [--seconds S] [--rounds N]``. Needs `wrk`
(Debian: ``apt-get install wrk``). Publishes a synthetic release and starts a sidecar of one worker with
public pages. Look-ups come at a steady rate in the order alone, beside, beside, alone, so that a drift of the
machine cancels out; beside them one client reads pages and one asks `POST /predict/lookup` for 10,000
matches, each with a pause between answers. Prints p50 and p99 of the look-ups, and how many answers the
others got.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import Load, Server, Store

_LINES = 10_000
# Look-ups a second: about a tenth of what a worker can, and so many pages that both fit one core.
_RATE = 500
_CONNECTIONS = 16

# Processes of their own: their work must not wait for this interpreter. Each prints what was answered so far.
_READER = """
import itertools, sys, time, httpx
url, pause, paths = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
with httpx.Client(base_url=url, headers={"Accept": "text/html"}, timeout=120) as client:
    for count, path in enumerate(itertools.cycle(paths), 1):
        client.get(path).raise_for_status()
        print(count, flush=True)
        time.sleep(pause)
"""
_ASKER = """
import itertools, sys, time, httpx
url, pause, key, file = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4]
body = open(file, "rb").read()
with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=120) as client:
    for count in itertools.count(1):
        client.post("/predict/lookup", content=body).raise_for_status()
        print(count, flush=True)
        time.sleep(pause)
"""


@contextmanager
def _running(code: str, log: Path, *arguments: str) -> Iterator[None]:
    """A client in a process of its own, from its first answer on."""
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=output)
        try:
            while not log.stat().st_size:
                if process.poll() is not None:
                    raise RuntimeError(f"the client of {log.name} ended")
                time.sleep(0.05)
            yield
        finally:
            process.kill()
            process.wait()


def measure(store: Store, seconds: float, rounds: int, pause: float) -> dict[str, object]:
    """Latency of look-ups alone and beside the others, in milliseconds."""
    ids = store.ids.read_text().split()
    with tempfile.TemporaryDirectory() as name, store.sidecar(pages="public") as (server, _):
        folder = Path(name)
        asked = folder / "ids.json"
        asked.write_text(json.dumps({"ids": random.choices(ids, k=_LINES)}))  # noqa: S311 - no secret
        pages = ["/", "/?page=2", *(f"/matches/{match_id}" for match_id in ids[:4])]
        alone, beside = list[Load](), list[Load]()
        logs = {"pages": folder / "pages", "requests of 10,000": folder / "lines"}
        _load(server, store, 1.0)
        for _ in range(rounds):
            alone.append(_load(server, store, seconds))
            with (
                _running(_READER, logs["pages"], server.url, str(pause), *pages),
                _running(_ASKER, logs["requests of 10,000"], server.url, str(pause), store.key, str(asked)),
            ):
                beside += [_load(server, store, seconds), _load(server, store, seconds)]
            alone.append(_load(server, store, seconds))
        answered = {what: int(log.read_text().split()[-1]) for what, log in logs.items()}
    return {
        "look-ups/s": round(statistics.median(load.rate for load in alone)),
        "p50 ms": {"alone": _median(alone, "p50_ms"), "beside": _median(beside, "p50_ms")},
        "p99 ms": {"alone": _median(alone, "p99_ms"), "beside": _median(beside, "p99_ms")},
        "answered in the last round": answered,
    }


def _load(server: Server, store: Store, seconds: float) -> Load:
    return server.load(store.ids, seconds, _CONNECTIONS, _CONNECTIONS / _RATE * 1e3)


def _median(loads: list[Load], field: str) -> float:
    return round(statistics.median(getattr(load, field) for load in loads), 2)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement of look-ups")
    parser.add_argument("--rounds", type=int, default=2, help="each is alone, beside, beside, alone")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between the others' requests")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store", asked.predictions)
        print(json.dumps(measure(store, asked.seconds, asked.rounds, asked.pause)))


if __name__ == "__main__":
    main()
