"""Matches as they stand in the table, on both engines, and without it."""

import msgspec
import pytest

from serving.http.schemas import LivePage
from tests.services import free_ports
from tests.serving.backed import store_matches
from tests.serving.builders import READER, TOKENS
from tests.serving.conftest import make_store, serving_from

PATH = "/livescores/"


@pytest.fixture(scope="module")
def live(shared_database, tmp_path_factory):
    """A sidecar on a table of five matches of April 2025, the last of them still ahead."""
    store_matches(shared_database)
    url = shared_database.engine.url.render_as_string(hide_password=False)
    home = tmp_path_factory.mktemp("live")
    make_store(home)
    with serving_from(home) as start:
        yield start(database_url=url, rate_limit_per_minute=0)


def ids(client, **params):
    """Ids by source of the matches of a page."""
    page = client.get(PATH, params=params, headers=READER).json()
    return [item["source_match_id"] for item in page["items"]]


def test_matches_are_answered_with_their_goals_and_teams(live):
    """Each match fits its struct; a fixture has no goals."""
    response = live.get(PATH, headers=READER)

    page = msgspec.json.decode(response.content, type=LivePage, strict=True)
    assert [item.source_match_id for item in page.items] == ["1", "2", "3", "30", "ahead"]
    assert (page.items[1].home_goals, page.items[1].away_goals) == (2, 0)
    assert page.items[1].home_team.name
    assert page.items[4].home_goals is None
    known = live.get(PATH, headers=READER | {"If-None-Match": response.headers["etag"]})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"from": "2025-04-02", "to": "2025-04-03"}, ["2", "3"]),
        ({"from": "2025-04-02", "to": "2025-04-03", "tz": "Europe/Madrid"}, ["1", "2"]),
        ({"year": 2025, "month": 4}, ["1", "2", "3", "30"]),
        ({"year": 2025, "month": 4, "tz": "Europe/Madrid"}, ["1", "2", "3"]),
        ({"year": 2025, "month": 12}, []),
        ({"status": "scheduled"}, ["ahead"]),
        ({"competition": "TST-1", "limit": 1}, ["1"]),
    ],
)
def test_matches_are_filtered(live, params, expected):
    """Days, months, zones, status and competition each leave only their matches."""
    assert ids(live, **params) == expected


def test_pages_follow_each_other(live):
    """The cursors lead to every match once."""
    found, params = [], {"limit": 2}
    while True:
        page = live.get(PATH, params=params, headers=READER).json()
        found += [item["source_match_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]

    assert found == ["1", "2", "3", "30", "ahead"]


@pytest.mark.parametrize(
    "params",
    [
        {"year": 2025},
        {"month": 4},
        {"year": 2025, "month": 13},
        {"year": 2025, "month": 4, "from": "2025-04-01"},
        {"status": "5"},
        {"competition": "\0"},
        {"competition": "nowhere"},
        {"competition": ""},
        {"cursor": "WyJ4IiwgInkiXQ"},
        {"tz": "Mars/Olympus"},
    ],
)
def test_what_makes_no_sense_is_refused(live, params):
    """400, and the parameter is named."""
    response = live.get(PATH, params=params, headers=READER)

    assert response.status_code == 400
    assert any(name in response.json()["detail"] for name in params)


def test_srv_06_without_its_database_livescores_is_503_and_predictions_go_on(store, serve):
    """A dead server or a missing file: 503 at once, look-ups still work, no file is created."""
    missing = store.parent / "gone.db"
    port = free_ports(1)[0]
    for url in (f"sqlite:///{missing}", f"postgresql+psycopg2://x@127.0.0.1:{port}/x"):
        client = serve(database_url=url)
        for _ in range(2):
            response = client.get(PATH, headers=READER)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert client.get("/predict/m1", headers=READER).status_code == 200
    assert not missing.exists()


def test_reading_needs_its_scope(live):
    """Livescores need a key that may read."""
    assert live.get(PATH).status_code == 401
    assert live.get(PATH, headers={"X-API-Key": TOKENS["predictor"]}).status_code == 403
