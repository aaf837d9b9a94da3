"""Latency, CPU and size of the pages for people on a synthetic release, from one connection.

    python -m benchmarks.pages --predictions 100000

One connection asks for each page in turn, compressed with gzip as a browser would; sizes are with the style
sheet, the script and the icon. The first answers of each page are not counted. Beside the release is a
history of ``--seasons`` of its leagues, some 340 matches each. ``--store`` takes a store that a run with
``--keep`` left.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from benchmarks.past_seasons import write_past
from benchmarks.serving import Server, server
from serving.release.reader import ReleaseReader
from serving.release.snapshot import PageQuery, Snapshot
from soccer_assets.clock import SystemClock
from soccer_assets.contract.release import Prediction
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.stores.releases.synthetic import publish

_WARM = 5
_ASSETS = ("style.css", "pages.js", "icon.svg")
_LOADED = 'soccer_reloads_total{result="loaded"} 1.0'
_IS_LOADING = "History is loading"
_HEADERS = {"Accept": "text/html", "Accept-Encoding": "gzip"}


class Measured(msgspec.Struct):
    """What one page costs; milliseconds and bytes."""

    page: str
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    body_bytes: int
    loaded_bytes: int


def main() -> None:
    """Publish or open a store, ask for each page, print one line of JSON a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--seasons", type=int, default=20, help="of the history")
    parser.add_argument("--requests", type=int, default=200, help="of each page")
    parser.add_argument("--store", type=Path, help="a folder with a published release")
    parser.add_argument("--keep", type=Path, help="publish here and leave it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = asked.store or asked.keep or Path(folder)
        if asked.store is None:
            store.mkdir(parents=True, exist_ok=True)
            objects = ObjectStore(store.absolute().as_uri())
            releases = Releases(objects, EventBus(""))
            publish(releases, asked.predictions, SystemClock().now())
            releases.publish_history(write_past(objects, SystemClock().now(), asked.seasons))
        with _sidecar(store) as sidecar, httpx.Client(base_url=sidecar.url, timeout=30) as client:
            for page in _pages(store):
                measured = _measure(sidecar, client, page, asked.requests)
                sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")


@contextmanager
def _sidecar(store: Path) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        env = {"SOCCER_HOME": home, "SOCCER_PAGES": "public", "SOCCER_PAGES_PER_MINUTE": "0"}
        command = ["soccer_assets.cli", "serve", "--release", store.absolute().as_uri(), "--no-tasks"]
        with server(command, "/ready", env) as (sidecar, _):
            # The model is checked and the bodies are in memory.
            while _LOADED not in httpx.get(f"{sidecar.url}/metrics", timeout=10).text:
                time.sleep(0.1)
            while _IS_LOADING in httpx.get(f"{sidecar.url}/record", headers=_HEADERS, timeout=60).text:
                time.sleep(0.1)
            yield sidecar


def _pages(store: Path) -> list[str]:
    """Each kind of page: days and filters, a match, a league, a team, the record, the state."""
    reader = ReleaseReader(store.absolute().as_uri(), Path("unused"))
    snapshot = Snapshot(reader.fetch(reader.read_pointer()))
    rows = snapshot.page(PageQuery(limit=1, upcoming_only=True)).rows
    match = msgspec.json.decode(rows[0][1], type=Prediction)
    day = match.kickoff[:10]
    snapshot.close()
    return [
        "/",
        f"/?day={day}&page=3",
        f"/?day={day}&tz=America/New_York",
        f"/?competition={match.competition}",
        f"/?team={match.home_team.id}",
        f"/matches/{match.match_id}",
        "/competitions",
        f"/competitions/{match.competition}",
        "/teams?q=untied",
        f"/teams/{match.home_team.id}",
        "/record",
        "/status",
        "/models",
        "/about",
    ]


def _measure(sidecar: Server, client: httpx.Client, page: str, requests: int) -> Measured:
    for _ in range(_WARM):
        answer = client.get(page, headers=_HEADERS).raise_for_status()
    body = int(answer.headers["content-length"])
    version = answer.text.partition("/assets/")[2].partition("/")[0]
    assets = sum(
        int(client.get(f"/assets/{version}/{name}", headers=_HEADERS).headers["content-length"])
        for name in _ASSETS
    )
    seconds, cpu = list[float](), sidecar.cpu_seconds()
    for _ in range(requests):
        started = time.perf_counter()
        client.get(page, headers=_HEADERS).raise_for_status()
        seconds.append(time.perf_counter() - started)
    cpu = sidecar.cpu_seconds() - cpu
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return Measured(
        page,
        round(cuts[49] * 1e3, 2),
        round(cuts[98] * 1e3, 2),
        round(cpu / requests * 1e3, 2),
        body,
        body + assets,
    )


if __name__ == "__main__":
    main()
