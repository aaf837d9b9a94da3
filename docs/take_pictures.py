"""Take the pictures of the documents anew, from the real pages: `make pictures`.

`soccer up` starts a simulated home in a temporary folder. Its seed and clock are fixed, so that two takes of
one version show the same clubs and numbers. Headless Chromium opens the pages as a user would. It is driven
over its DevTools protocol, for which a WebSocket is enough. Every wait is for a condition.
"""

import base64
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from websockets.sync.client import ClientConnection, connect

PICTURES = Path(__file__).with_name("pictures")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HOME_SETTINGS = {"SOCCER_SEED": "20", "SOCCER_NOW": "2026-11-22T12:00:00Z", "SOCCER_PAGES": "public"}
# When the home was built and updated since: forecasts were settled, and the projection of the season moved.
EARLIER = [f"2026-{day}T12:00:00Z" for day in ("10-18", "10-25", "11-01", "11-08", "11-15")]

# The first build takes 1 to 4 minutes on two busy cores, a page a few seconds. The home's own schedules and
# sensors start runs of a minute, during which a page that shows them does not stand still.
RUN_SECONDS = 900.0
PAGE_SECONDS = 60.0
POLL_SECONDS = 0.2
# A page asks in batches, up to a second apart: it is complete when it waits for no answer and has not changed
# for this long.
STILL_SECONDS = 2.0

FLAGS = (
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
    "--no-first-run",
    "--remote-debugging-port=0",
)

# Functions that every page gets.
HELPERS = """
const shown = selector => [...document.querySelectorAll(selector)].filter(e => e.getClientRects().length);

// The innermost element of a selector whose text begins so; the last one where there are several.
const text = (start, selector = 'body *') =>
  shown(selector).filter(e => e.textContent.trim().startsWith(start)).at(-1);

// The last button with an icon of this name.
const icon = name => shown(`button [aria-label="${name}"]`).at(-1);

// How many answers the page still waits for.
let asked = 0;
const fetchNow = window.fetch;
window.fetch = (...request) => {
  asked += 1;
  return fetchNow(...request).finally(() => { asked -= 1; });
};

// What the window shows.
const view = {getBoundingClientRect: () => new DOMRect(0, 0, innerWidth, innerHeight)};

// The smallest box around one element or several; null where one is missing.
const box = found => {
  const boxes = [found].flat().map(e => e?.getBoundingClientRect());
  if (!boxes.length || boxes.includes(undefined)) return null;
  const x = Math.min(...boxes.map(b => b.left)), y = Math.min(...boxes.map(b => b.top));
  const right = Math.max(...boxes.map(b => b.right)), bottom = Math.max(...boxes.map(b => b.bottom));
  return {x, y, width: right - x, height: bottom - y};
};
"""


class PictureError(Exception):
    """A picture cannot be taken; the message says what is missing."""


def wait_until(what: str, look: Callable[[], Any], seconds: float = PAGE_SECONDS) -> Any:
    """Look again until there is something to see, and return it.

    Raises:
        PictureError: there never was.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise PictureError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)
    return found


class Dagster:
    """The home's Dagster, asked over GraphQL as its pages ask."""

    def __init__(self, url: str) -> None:
        """Ask the webserver at ``url``."""
        self.url = url

    def ask(self, query: str) -> Any:
        """Return the data of a GraphQL query."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query}, timeout=60)
        return answer.raise_for_status().json()["data"]

    def is_idle(self) -> bool:
        """Whether every daemon has reported and no run is open."""
        data = self.ask("""{
          instance { daemonHealth { allDaemonStatuses { required healthy } } }
          runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, MANAGED, STARTING, STARTED, CANCELING]}) {
            ... on Runs { count }
          }
        }""")
        daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(one["healthy"] for one in daemons if one["required"]) and not data["runsOrError"]["count"]

    def backfill_in_progress(self) -> str | None:
        """The id of the newest backfill once its runs work; None before."""
        data = self.ask("""{
          partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results {
            id assetBackfillData { assetBackfillStatuses {
              ... on AssetPartitionsStatusCounts { numPartitionsInProgress }
            } }
          } } }
        }""")
        for backfill in data["partitionBackfillsOrError"]["results"]:
            counts = (backfill["assetBackfillData"] or {}).get("assetBackfillStatuses", [])
            if any(asset["numPartitionsInProgress"] for asset in counts):
                return str(backfill["id"])
        return None

    def has_followed_backfill(self) -> bool:
        """Whether the newest run is a success, and one that a backfill led to instead of one of its own.

        Raises:
            PictureError: a run failed.
        """
        data = self.ask("{ runsOrError(limit: 1) { ... on Runs { results { status tags { key } } } } }")
        (run,) = data["runsOrError"]["results"]
        if run["status"] == "FAILURE":
            raise PictureError(f"a run failed: see {self.url}/runs")
        return run["status"] == "SUCCESS" and "dagster/backfill" not in {tag["key"] for tag in run["tags"]}


class Page:
    """The browser's tab."""

    def __init__(self, connection: ClientConnection) -> None:
        """Drive the tab behind ``connection``."""
        self._connection = connection
        self._calls = 0
        self._width = self._height = 0
        self._call("Page.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=HELPERS)
        self._call("Emulation.setTimezoneOverride", timezoneId="UTC")

    def open(self, url: str, shows: str, *, width: int, height: int, is_dark: bool = False) -> None:
        """Open an address in a window of this size, and wait until the page shows a text."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._width, self._height = width, height
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Page.navigate", url=url)
        self._box_at_rest(f"text({shows!r})")

    def click(self, element: str) -> None:
        """Click the middle of the element that a JavaScript expression names."""
        box = self._box_at_rest(element)
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, **place, button="left", clickCount=1)

    def address_of(self, link: str) -> str:
        """Where the link leads that a JavaScript expression names."""
        return str(self._at_rest(link, lambda: self._evaluate(f"{link}?.href"), POLL_SECONDS))

    def picture(
        self, name: str, elements: str, *, margin: int = 0, still_seconds: float = STILL_SECONDS
    ) -> None:
        """Write the part of the page around some elements as a PNG, once it is complete and stands still.

        Args:
            name: the file's name without its ending.
            elements: JavaScript expression of an element or an array of elements.
            margin: pixels around them.
            still_seconds: how long that part must not have changed.
        """
        box = self._box_at_rest(elements)
        left, top = max(int(box["x"]) - margin, 0), max(int(box["y"]) - margin, 0)
        right = min(int(box["x"] + box["width"]) + margin, self._width)
        bottom = min(int(box["y"] + box["height"]) + margin, self._height)
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        png = self._at_rest(
            f"{name} to stand still", lambda: self._screenshot(clip), still_seconds, RUN_SECONDS
        )
        file = PICTURES / f"{name}.png"
        # Pages have few colours: a palette of 128 takes a third of the space.
        Image.open(io.BytesIO(png)).convert("RGB").quantize(128).save(file, optimize=True)
        print(f"{file.name}: {clip['width']} x {clip['height']} pixels, {file.stat().st_size / 1000:.0f} kB")

    def _screenshot(self, clip: dict[str, int]) -> bytes | None:
        """A part of the page as PNG; None while the page waits for answers."""
        if self._evaluate("asked"):
            return None
        answer = self._call("Page.captureScreenshot", format="png", clip=clip | {"scale": 1})
        return base64.b64decode(answer["data"])

    def _box_at_rest(self, elements: str) -> dict[str, float]:
        """The box around some elements, once they are there and do not move."""
        return dict(self._at_rest(elements, lambda: self._evaluate(f"box({elements})"), POLL_SECONDS))

    def _at_rest(
        self, what: str, look: Callable[[], Any], seconds: float, patience: float = PAGE_SECONDS
    ) -> Any:
        """What every look sees for some seconds."""
        seen, since = None, time.monotonic()

        def look_again() -> Any:
            nonlocal seen, since
            now = look()
            if now != seen:
                seen, since = now, time.monotonic()
            return now if now is not None and time.monotonic() - since >= seconds else None

        try:
            return wait_until(what, look_again, patience)
        except PictureError as error:
            raise PictureError(f"{error} on {self._evaluate('location.href')}") from None

    def _evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression; None where it throws, as on a page that is still empty."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value") if "exceptionDetails" not in answer else None

    def _call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the DevTools protocol and pass over the events before its answer."""
        self._calls += 1
        self._connection.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        answer = json.loads(self._connection.recv())
        while answer.get("id") != self._calls:
            answer = json.loads(self._connection.recv())
        if "error" in answer:
            raise PictureError(f"the browser refuses {method}: {answer['error']['message']}")
        return answer["result"]


@contextmanager
def running_home(folder: Path) -> Iterator[tuple[Dagster, str]]:
    """Run a home of its own and yield its Dagster and its sidecar's address, when it is built and at rest.

    Raises:
        PictureError: it cannot start.
    """
    dagster_port, sidecar_port = free_ports(2)
    ports = {"SOCCER_DAGSTER_PORT": str(dagster_port), "SOCCER_SERVING_PORT": str(sidecar_port)}
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(("SOCCER_", "DAGSTER_"))
    }
    env = others | HOME_SETTINGS | ports | {"SOCCER_HOME": str(folder / "home")}
    log = folder / "up.log"
    dagster, sidecar = Dagster(f"http://127.0.0.1:{dagster_port}"), f"http://127.0.0.1:{sidecar_port}"
    soccer = str(Path(sys.executable).with_name("soccer"))

    def run(*arguments: str, **clock: str) -> None:
        with log.open("a") as out:
            subprocess.run([soccer, *arguments], env=env | clock, stdout=out, stderr=out, check=True)

    def is_built() -> bool:
        if up.poll() is not None:
            raise PictureError(f"`soccer up` ended:\n{log.read_text()}")
        return "ready after" in log.read_text() and dagster.is_idle()

    try:
        run("up", "--once", SOCCER_NOW=EARLIER[0])
        for day in EARLIER[1:]:
            run("run", "refresh_daily", SOCCER_NOW=day)
        run("run", "refresh_daily")
        run("run", "monitor_daily")
    except subprocess.CalledProcessError as error:
        raise PictureError(f"{error}:\n{log.read_text()}") from error
    with log.open("w") as out, subprocess.Popen([soccer, "up"], env=env, stdout=out, stderr=out) as up:
        try:
            wait_until("the first build of a simulated home", is_built, RUN_SECONDS)
            yield dagster, sidecar
        finally:
            up.terminate()  # it stops its processes itself


@contextmanager
def browser(program: str, folder: Path) -> Iterator[Page]:
    """Run headless Chromium with a profile of its own, and yield its tab."""
    # The sandbox refuses to work for root, as in a container.
    flags = [*FLAGS, f"--user-data-dir={folder}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    folder.mkdir()
    # It leaves folders behind, and one holds a socket: with a path of over 107 characters it does not start.
    env = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        [program, *flags, "about:blank"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as chromium:
        try:
            port_file = folder / "DevToolsActivePort"
            port = wait_until(
                "Chromium's port", lambda: port_file.is_file() and port_file.read_text().split()
            )[0]
            tabs = httpx.get(f"http://127.0.0.1:{port}/json").json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            with connect(address, max_size=None) as connection:  # a picture is larger than the usual megabyte
                yield Page(connection)
        finally:
            chromium.terminate()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def take_all(page: Page, dagster: Dagster, sidecar: str) -> None:
    """Every picture; the lineage last, when all months are there and all assets follow from them."""
    take_evaluation(page, dagster)
    take_sidecar(page, sidecar)
    take_pages(page, sidecar)
    take_backfill(page, dagster)
    take_lineage(page, dagster)


def take_evaluation(page: Page, dagster: Dagster) -> None:
    """A candidate's verdict, scorecard and gates, and the plot of its reliability."""
    page.open(f"{dagster.url}/assets/model/evaluation", "Metadata", width=2200, height=3000)
    page.picture("evaluation", "[text('Metadata'), shown('table')[0]]", margin=8)
    page.click("shown('tr').find(e => e.textContent.startsWith('reliability')).querySelector('a')")
    page.picture("reliability", "shown('[role=dialog]')")


def take_sidecar(page: Page, sidecar: str) -> None:
    """The documentation of the HTTP API, which the sidecar serves itself."""
    page.open(f"{sidecar}/schema", "GET", width=1000, height=1200)
    sections = "shown('.opblock-tag-section').slice(0, 2)"
    page.picture("sidecar", f"[...shown('.information-container'), ...{sections}]", margin=16)


def take_pages(page: Page, sidecar: str) -> None:
    """What people read: a day, also on a phone, a match in the dark, a table, a team, the record."""
    wait_until(
        "the history of the pages",
        lambda: httpx.get(f"{sidecar}/ready", timeout=60).json().get("history") == "loaded",
        RUN_SECONDS,
    )
    page.open(f"{sidecar}/", "likeliest", width=1000, height=760)
    page.picture("page-matches", "view")
    match = page.address_of("shown('.sides')[0]")
    table = page.address_of("shown('.group h2 a')[0]")
    page.open(match, "Why", width=1000, height=900, is_dark=True)
    page.picture("page-match", "view")
    team = page.address_of("shown('.versus a')[0]")
    page.open(table, "Final place", width=1000, height=760)
    page.picture("page-table", "view")
    page.open(team, "Attack and defence", width=1000, height=1150)
    page.picture("page-team", "view")
    page.open(f"{sidecar}/record", "Every past forecast", width=1000, height=1300)
    page.picture("page-record", "view")
    page.open(f"{sidecar}/", "likeliest", width=390, height=844)
    page.picture("page-phone", "view")


def take_backfill(page: Page, dagster: Dagster) -> None:
    """From months that are missing to a backfill under way."""
    window = {"width": 1350, "height": 640}
    page.open(f"{dagster.url}/assets/livescores/history?view=partitions", "Missing (", **window)
    page.click("text('2026-11-01')")
    page.picture("partitions", "view")
    page.click("text('Materialize', 'button')")
    page.click("text('Show all partitions')")
    page.click("text('Missing', 'button')")
    page.picture("backfill-dialog", "shown('[role=dialog]')", margin=24)
    page.click("text('Launch backfill', 'button')")

    backfill = wait_until("a backfill in progress", dagster.backfill_in_progress, RUN_SECONDS)
    page.open(f"{dagster.url}/runs/b/{backfill}", "livescores", width=1350, height=310)
    page.picture("backfill", "view", still_seconds=POLL_SECONDS)  # its clock ticks every second
    wait_until("the run that follows the backfill", dagster.has_followed_backfill, RUN_SECONDS)


def take_lineage(page: Page, dagster: Dagster) -> None:
    """The graph of all assets, upright and with its groups open."""
    graph, window = f"{dagster.url}/asset-groups", {"width": 2000, "height": 1700}
    page.open(graph, "Materialize all", **window)
    page.click("icon('settings')")
    page.click("text('Change graph to vertical')")
    page.click("text('Expand all groups')")
    page.open(graph, "Materialize all", **window)  # once more: only a new page is scaled to its window
    page.picture("lineage", "shown('foreignObject')", margin=8)


def main() -> None:
    """Take all pictures.

    Raises:
        SystemExit: Chromium is missing or a page does not show what it should.
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("make pictures needs Chromium: install it (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory(prefix="soccer-pictures-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            with running_home(folder) as (dagster, sidecar), browser(program, folder / "chromium") as page:
                take_all(page, dagster, sidecar)
        except PictureError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
