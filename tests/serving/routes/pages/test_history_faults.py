"""A history that is damaged, or does not come: pages say so and go on, it is counted, and made anew."""

import re

import msgspec
import pytest

from serving.routes.pages.page_routes import PAGES
from soccer_assets.contract.history_parts import history_key
from tests.serving import league
from tests.serving.builders import make_prediction, make_release, make_settings, write_keys, write_status
from tests.serving.conftest import reload
from tests.serving.past import english_teams, load_now, past_row, past_season, write_history
from tests.serving.processes import wait_until

HTML = {"Accept": "text/html"}
PARTS = {"team_id": "t1", "match_id": "m1", "code": "ENG-2"}
PATHS = [re.sub(r"\{(\w+):\w+\}", lambda part: PARTS[part[1]], path) for one in PAGES for path in one.paths]
PATHS.append("/teams?q=leeds")
WITH_PAST = {"/record", "/teams?q=leeds", "/teams/t1", "/matches/m1", "/competitions/ENG-2"}


@pytest.fixture
def written(tmp_path):
    """A release with a history that nobody has loaded; gives its entry."""
    store = tmp_path / "store"
    found = league.directory()
    home, away = found.teams[1], found.teams[2]
    one = make_prediction("m1", home_team=_side(home), away_team=_side(away))
    make_release(store, [one], directory=msgspec.json.encode(found))
    write_status(store)
    write_keys(store)
    season = past_season(*(past_row(n, n % 4, (n + 1) % 4, (n % 3, 1)) for n in range(12)))
    return write_history(store, season, teams=english_teams())


def _side(entry):
    return msgspec.convert({"id": entry.id, "name": entry.name}, type=type(make_prediction().home_team))


def test_damaged_history_takes_no_page_down_and_is_made_anew(tmp_path, written, serve):
    load_now(make_settings(tmp_path), written)
    client = serve(pages="public")
    holder = client.app.state["snapshots"]
    wait_until(lambda: holder.history_state == "loaded")
    broken = holder.history
    broken.close()
    for file in broken.file.parent.glob(f"{broken.file.name}-*"):
        file.unlink()
    broken.file.write_bytes(b"\0" * 8_192)
    for path in PATHS:
        page = client.get(path, headers=HTML)
        assert page.status_code == 200, path
        assert ("History cannot be read right now" in page.text) == (path in WITH_PAST), path
    gone = client.get("/matches/only-in-the-history", headers=HTML)
    assert gone.status_code == 503
    assert 'soccer_history_failures_total{what="read"} 0.0' not in client.get("/metrics").text

    def is_healed():
        reload(client)
        return "History cannot be read" not in client.get("/teams/t1", headers=HTML).text

    wait_until(is_healed)
    wait_until(lambda: reload(client) or "Attack and defence" in client.get("/teams/t1", headers=HTML).text)
    assert client.get("/ready").json()["history"] == "loaded"
    assert holder.history is not broken


def test_history_that_does_not_come_is_told_and_counted(tmp_path, written, serve):
    """On the board, without its cause to the public, in `/ready` and as a metric."""
    (tmp_path / "store" / history_key(written.sha256)).unlink()
    client = serve(pages="public")
    wait_until(lambda: client.get("/ready").json()["history"] == "failed")
    assert 'soccer_history_failures_total{what="load"} 1.0' in client.get("/metrics").text
    board = client.get("/status", headers=HTML).text
    assert "cannot be loaded" in board
    fault = client.app.state["snapshots"].history_fault
    assert fault
    assert fault not in board
