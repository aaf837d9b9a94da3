"""A page before, during and after a swap: wholly of one release, and its past of the matching history."""

import re
import threading
from collections import Counter

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.release.current import SnapshotHolder
from serving.routes.pages.page_routes import PAGES
from soccer_assets.contract.history_parts import TeamRecord
from soccer_assets.contract.release import POINTER_KEY, FeedTerms, Pointer, Team
from tests.serving import league
from tests.serving.builders import (
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    put,
    write_keys,
    write_projections,
    write_status,
)
from tests.serving.conftest import reload
from tests.serving.past import TEAMS, english_teams, load_now, past_row, past_season, write_history
from tests.serving.routes.test_projections import projections_file

HTML = {"Accept": "text/html"}
NAMES = ("alpha", "beta")
PARTS = {"team_id": "t1", "match_id": "m1", "code": "ENG-2"}
PATHS = (
    "/",
    *(re.sub(r"\{(\w+):\w+\}", lambda part: PARTS[part[1]], path) for one in PAGES for path in one.paths),
)
# What a release says, and what its history says, ends in the release's name.
OF_RELEASE, OF_HISTORY, OLDER = r"\bin-(\w+)", r"\bof-(\w+)", "past as of an earlier release"


def release(store, name):
    """A release with projections and a history, all of which name it; returns its pointer."""
    home, away = Team("t1", f"Leeds in-{name}"), Team("t2", f"Derby in-{name}")
    found = league.directory()
    entries = tuple(
        msgspec.structs.replace(one, name=f"{one.name} in-{name}", country=f"{one.country} in-{name}")
        for one in found.competitions
    )
    make_release(
        store,
        [make_prediction("m1", home_team=home, away_team=away)],
        release_id=name,
        terms=(FeedTerms(feed="fake", attribution=f"Data in-{name}", may_publish_results=True),),
        directory=msgspec.json.encode(msgspec.structs.replace(found, competitions=entries)),
    )
    file = projections_file()
    renamed = msgspec.json.encode(file).replace(b'"name":"Leeds"', f'"name":"Leeds in-{name}"'.encode())
    write_projections(store, msgspec.json.decode(renamed, type=type(file)))
    season = past_season(*(past_row(n, n % 4, (n + 1) % 4, (n % 3, 1)) for n in range(12)))
    clubs = tuple((id_, f"{club} of-{name}") for id_, club in TEAMS)
    records = tuple(TeamRecord(id_, club, "men", "senior", "first", ()) for id_, club in clubs)
    teams = msgspec.structs.replace(english_teams(), teams=records)
    write_history(store, msgspec.structs.replace(season, teams=clubs), teams=teams)
    return msgspec.json.decode((store / POINTER_KEY).read_bytes(), type=Pointer)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two releases of one store, the second one current; gives a sidecar and the two pointers."""
    home = tmp_path_factory.mktemp("swap")
    store, settings = home / "store", make_settings(home, pages="public", pages_per_minute=0)
    pointers = {name: release(store, name) for name in NAMES}
    write_status(store)
    write_keys(store)
    load_now(settings, pointers["beta"].history)
    app = create_app(settings, scorer=StubScorer())
    with TestClient(app, raise_server_exceptions=False) as client:
        reload(client)
        yield client, settings, store, pointers


def assert_whole(page):
    """The release that a page is of; it fails where the page is of two."""
    assert page.status_code == 200, page.text
    (name,) = set(re.findall(OF_RELEASE, page.text))
    past = set(re.findall(OF_HISTORY, page.text))
    assert len(past) < 2
    # Some pages name nobody of the past that they have read.
    assert past <= ({name} if OLDER not in page.text else set(NAMES) - {name}), page.url
    return name


class Flickering(SnapshotHolder):
    """At every second look another release."""

    @property
    def current(self):
        """The other one."""
        self.looks += 1
        return self.both[self.looks % 2]

    @current.setter
    def current(self, value):
        raise AssertionError(value)


@pytest.mark.parametrize("path", PATHS)
def test_page_looks_up_its_release_once(home, path):
    """A swap between any two looks of a page would be seen: the second look finds the other release."""
    client, _, store, pointers = home
    holder = client.app.state["snapshots"]
    both = []
    for name in NAMES:
        put(store, POINTER_KEY, pointers[name])
        reload(client)
        both.append(holder.current)
    del holder.__dict__["current"]
    holder.__class__, holder.both, holder.looks = Flickering, both, 0
    try:
        assert {assert_whole(client.get(path, headers=HTML)) for _ in range(2)} <= set(NAMES)
        assert holder.looks >= 2
    finally:
        holder.__class__ = SnapshotHolder
        holder.current = both[1]


def test_pages_under_load_while_releases_are_swapped_to_and_fro(home):
    """Each answer is of one release; both come; a past that is not of the release yet says so."""
    client, settings, store, pointers = home
    seen, failures, stop = Counter(), [], threading.Event()

    def read(number):
        while not stop.is_set():
            try:
                path = PATHS[number % len(PATHS)]
                seen[path, assert_whole(client.get(path, headers=HTML))] += 1
            except Exception as error:  # noqa: BLE001 - told by the test's thread
                failures.append(repr(error))
                return
            number += 1

    readers = [threading.Thread(target=read, args=(number * 4,)) for number in range(3)]
    for reader in readers:
        reader.start()
    swaps = 0
    while (len(seen) < len(NAMES) * len(PATHS) or swaps < len(PATHS)) and not failures:
        name = NAMES[swaps % 2]
        put(store, POINTER_KEY, pointers[name])
        reload(client)
        load_now(settings, pointers[name].history)
        reload(client)
        swaps += 1
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
