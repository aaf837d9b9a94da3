"""The pages in a real Chromium: both modes, phone and wide, light and dark, by keyboard, without JavaScript.

Every page is opened, also one that is added later: its route is found by itself. Chromium is Debian's; where
it is missing these tests are skipped, which CI refuses.
"""

import os
import re
import shutil
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from serving.routes.pages.page_routes import PAGES
from soccer_assets.contract.model_history import CHAMPIONS_KEY, EVALUATION_KEY
from soccer_assets.contract.pipeline import PIPELINE_KEY
from soccer_assets.contract.release import Team
from soccer_assets.contract.reports import DRIFT_KEY, QUALITY_KEY
from tests.serving import league
from tests.serving.builders import (
    TOKENS,
    make_prediction,
    make_release,
    put,
    real_model,
    write_keys,
    write_status,
)
from tests.serving.past import english_teams, past_row, past_season, write_history
from tests.serving.processes import ready_release, sidecar, wait_until
from tests.serving.routes.pages.test_record import REPORT
from tests.serving.routes.pages.test_status import PIPELINE, REIGNS, VERDICT
from tests.serving.routes.test_monitoring import DRIFT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium to look at the pages (Debian: apt install chromium)"
)

# What stands for a part of a path.
PARTS = {"team_id": "t1", "match_id": "m1", "code": "ENG-2"}
SCREENS = {
    "phone": {"viewport": {"width": 320, "height": 700}, "color_scheme": "dark"},
    "wide": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
}
LEEDS, DERBY = Team("t1", "Leeds United"), Team("t2", "<b>Derby</b> County")


def paths():
    """Every page."""
    templates = ["/", *sorted(path for handler in PAGES for path in handler.paths)]
    return [re.sub(r"\{(\w+):\w+\}", lambda part: PARTS[part[1]], path) for path in templates]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """The address of a sidecar by its mode, both with everything that the graph writes."""
    home = tmp_path_factory.mktemp("browser")
    store = home / "store"
    model, golden = real_model(trees=False)
    rows = [
        make_prediction("m1", home_team=LEEDS, away_team=DERBY),
        make_prediction("m2", home_team=DERBY, away_team=LEEDS, kickoff="2025-05-03T14:00:00Z"),
    ]
    directory = msgspec.json.encode(league.directory())
    make_release(store, rows, model=model, golden_rows=golden, directory=directory)
    write_status(store)
    write_keys(store)
    for key, value in (
        (PIPELINE_KEY, PIPELINE),
        (EVALUATION_KEY, VERDICT),
        (CHAMPIONS_KEY, REIGNS),
        (DRIFT_KEY, DRIFT),
        (QUALITY_KEY, REPORT),
    ):
        put(store, key, value)
    season = past_season(*(past_row(n, n % 4, (n + 1) % 4, (n % 3, 1)) for n in range(12)))
    write_history(store, season, teams=english_teams())
    with ExitStack() as stack:
        found = {}
        for mode in ("public", "keyed"):
            own = home / mode
            own.mkdir()
            found[mode], _ = stack.enter_context(sidecar(own, store=str(store), pages=mode, poll_seconds="1"))
        for address in found.values():
            wait_until(lambda address=address: ready_release(address))
        wait_until(lambda: "History is loading" not in httpx.get(f"{found['public']}/teams", timeout=60).text)
        yield found


@pytest.fixture(scope="module")
def chromium():
    """A browser."""
    with sync_playwright() as playwright:
        # The sandbox refuses to work for root, as in a container.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(chromium, addresses):
    """Opens a tab of a fresh profile on a mode, signed in where that is needed; it notes what goes wrong."""
    with ExitStack() as stack:

        def open_one(mode, *, is_signed_in=True, **screen):
            context = chromium.new_context(base_url=addresses[mode], **(screen or SCREENS["wide"]))
            stack.callback(context.close)
            tab = context.new_page()
            tab.faults = []
            tab.on("console", lambda line: line.type == "error" and tab.faults.append(line.text))
            tab.on("pageerror", lambda error: tab.faults.append(str(error)))
            tab.on("request", lambda request: tab.faults.extend(_leaving(request.url, addresses[mode])))
            if mode == "keyed" and is_signed_in:
                tab.goto("/about")
                tab.get_by_label("Key or code").fill(TOKENS["reader"])
                tab.get_by_role("button", name="Sign in").click()
                tab.wait_for_url("**/about")
            return tab

        yield open_one


def _leaving(url, address):
    """A request that leaves the sidecar."""
    return [] if urlsplit(url).netloc == urlsplit(address).netloc else [f"asked {url}"]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("mode", ["public", "keyed"])
def test_every_page_is_accessible_and_asks_nobody_else(open_tab, mode, screen):
    """No rule of axe-core is broken, nothing is wider than the screen, no error, no request elsewhere."""
    tab = open_tab(mode, **SCREENS[screen])
    for path in paths():
        assert tab.goto(path).status == 200, path
        assert tab.locator("h1").count() == 1, path
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        broken = Axe().run(tab).response["violations"]
        told = [
            (rule["id"], node["target"], node["failureSummary"]) for rule in broken for node in rule["nodes"]
        ]
        assert told == [], path
    assert tab.faults == []


def test_every_page_works_without_javascript(open_tab):
    tab = open_tab("keyed", java_script_enabled=False, **SCREENS["phone"])
    for path in paths():
        assert tab.goto(path).status == 200, path
        assert tab.locator("h1").is_visible(), path
    tab.goto("/teams")
    tab.get_by_label("Name of a team").fill("Leds Untied")
    tab.get_by_role("button", name="Search").click()
    tab.get_by_role("link", name="Leeds United").click()
    assert tab.locator("h1").inner_text() == "Leeds United"
    assert tab.faults == []


def test_a_keyboard_is_enough(open_tab):
    """The first tab stop skips the navigation; what has the focus is outlined; a search ends on a team."""
    tab = open_tab("public")
    tab.goto("/teams")
    tab.keyboard.press("Tab")
    assert _focused(tab) == "Skip to content"
    assert tab.get_by_text("Skip to content").bounding_box()["x"] >= 0
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "q"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.type("leds")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/teams?q=leds")
    for _ in range(30):
        tab.keyboard.press("Tab")
        if _focused(tab) == "Leeds United":
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/teams/t1")


def _focused(tab):
    return tab.evaluate("document.activeElement.textContent.trim()")


def test_a_fan_looks_for_the_next_match(open_tab):
    tab = open_tab("public", **SCREENS["phone"])
    tab.goto("/teams")
    tab.get_by_label("Name of a team").fill("leeds")
    tab.get_by_role("button", name="Search").click()
    tab.get_by_role("link", name="Leeds United").click()
    card = tab.locator(".ahead li").first
    assert "26 Apr 2025, 14:00 UTC" in card.inner_text()
    bar = card.get_by_role("img")
    # A name that looks like markup is text.
    assert bar.locator("title").text_content() == "Leeds United 50 %, draw 30 %, <b>Derby</b> County 20 %"


def test_an_analyst_doubts_the_calibration(open_tab):
    """From a point of the reliability diagram to its matches, and to the head of the ledger."""
    tab = open_tab("public")
    tab.goto("/record")
    assert "80.0 %" in tab.locator(".facts").inner_text()
    tab.locator(".panels a").first.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/record?outcome=home&**")
    rows = tab.locator("h2#forecasts ~ .scroll tbody tr")
    assert rows.count() == 12
    assert "soccer ledger verify" in tab.locator("main").inner_text()


def test_an_operator_sees_a_hole(open_tab):
    tab = open_tab("keyed")
    tab.get_by_role("link", name="Status").click()
    board = tab.locator("main").inner_text()
    assert "4 results are due and missing" in board
    assert "What to do: run soccer doctor" in board
    assert "<script>alert(1)</script>" in board  # the name of a host, as text
    assert tab.faults == []


def test_a_stranger_on_a_phone_sees_what_is_public(open_tab):
    tab = open_tab("public", **SCREENS["phone"])
    tab.goto("/about")
    tab.get_by_role("navigation").get_by_role("link", name="Status").click()
    assert "Open alerts" not in tab.locator("main").inner_text()
    assert tab.goto("/sign-in").status == 404
    assert tab.context.cookies() == []


def test_a_stranger_of_a_keyed_home_comes_to_the_form(open_tab):
    tab = open_tab("keyed", is_signed_in=False, **SCREENS["phone"])
    tab.goto("/record")
    assert urlsplit(tab.url).path == "/sign-in"
    tab.get_by_label("Key or code").fill("wrong")
    tab.get_by_role("button", name="Sign in").click()
    assert "neither a key that may read" in tab.get_by_role("alert").inner_text()
    tab.get_by_label("Key or code").fill(TOKENS["reader"])
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/record")
