"""Look-ups, pages and filters."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.schemas import MarketsBody, ModelInfo, PredictionBody, PredictionPage
from soccer_assets.contract.markets import GoalModel
from soccer_assets.contract.release import ALIASES, Result, Team
from tests.serving.builders import (
    READER,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)

LISTS = ["/predict/matches/", "/predict/predictions/"]


@pytest.fixture(scope="module")
def league(tmp_path_factory):
    """A sidecar on 25 upcoming matches, two a day at 14:00 but the last, and one played on 20 April."""
    home = tmp_path_factory.mktemp("league")
    teams = [Team("t-koln", "1. FC Köln"), Team("t-leeds", "Leeds"), Team("t-derby", "Derby")]
    upcoming = [
        make_prediction(
            f"m{number:02}",
            kickoff=f"2025-05-{1 + number // 2:02}T14:00:00Z",
            competition=("ENG-1", "GER-1")[number % 2],
            home_team=teams[number % 3],
            away_team=teams[(number + 1) % 3],
        )
        for number in range(25)
    ]
    played = make_prediction(
        "m99", kickoff="2025-04-20T14:00:00Z", result=Result(home_goals=2, away_goals=2, outcome="draw")
    )
    others = [make_prediction("m00", model="previous", model_version="6")]
    make_release(home / "store", [*upcoming, played, *others])
    write_status(home / "store")
    write_keys(home / "store")
    with TestClient(create_app(make_settings(home), scorer=StubScorer())) as client:
        yield client


def ids(client, path, **params):
    """Match ids of every page, following the cursors, and the number of pages."""
    found, pages = [], 0
    while True:
        page = client.get(path, params=params, headers=READER).json()
        found += [item["match_id"] for item in page["items"]]
        pages += 1
        if page["next_cursor"] is None:
            return found, pages
        params["cursor"] = page["next_cursor"]


def test_one_match_answers_the_stored_prediction(league):
    """The body is the stored prediction with the five fields of the status, and fits its struct."""
    response = league.get("/predict/m01", headers=READER)

    body = msgspec.json.decode(response.content, type=PredictionBody, strict=True)
    assert (body.p_home, body.p_draw, body.p_away) == (0.5, 0.3, 0.2)
    assert body.release_id == "r1"
    assert (body.stale, body.stale_reasons) == (False, ())
    assert set(response.json()) == set(PredictionBody.__struct_fields__)


def test_played_match_answers_its_last_prediction_and_the_result(league):
    """After the match the prediction stays, with the result beside it."""
    body = league.get("/predict/m99", headers=READER).json()

    assert body["p_home"] == 0.5
    assert body["result"] == {"home_goals": 2, "away_goals": 2, "outcome": "draw"}


def test_model_parameter_chooses_the_model(league):
    """The previous model's own probabilities are there on request; a model without them is 404."""
    assert league.get("/predict/m00?model=previous", headers=READER).json()["model_version"] == "6"
    assert league.get("/predict/m00?model=candidate", headers=READER).status_code == 404
    assert league.get("/predict/m00?model=best", headers=READER).status_code == 400


def test_models_are_those_of_the_contract(league):
    """The documented choice of models is the contract's."""
    document = league.get("/schema/openapi.json").json()

    parameters = document["paths"]["/predict/{match_id}"]["get"]["parameters"]
    (model,) = [parameter for parameter in parameters if parameter["name"] == "model"]
    assert model["schema"]["enum"] == list(ALIASES)


@pytest.mark.parametrize(
    "match_id", ["nope", "m1 or 1=1", "'; DROP TABLE prediction; --", "%ff", "m%00", "ü"]
)
def test_unknown_match_is_not_found(league, match_id):
    """Whatever the id, an unknown one is 404 and says where the known ones are."""
    response = league.get(f"/predict/{match_id}", headers=READER)

    assert response.status_code == 404
    assert "/predict/matches/" in response.json()["detail"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 2, 7, 24, 25, 26, 1000])
def test_pages_hold_every_match_once_in_order(league, path, limit):
    """Following the cursors gives each match once, by kickoff, whatever the size of a page."""
    played = ["m99"] if path == "/predict/predictions/" else []

    found, pages = ids(league, path, limit=limit)

    assert found == played + [f"m{number:02}" for number in range(25)]
    assert pages == -(-len(found) // limit)


@pytest.mark.parametrize(
    ("params", "numbers"),
    [
        ({"from": "2025-05-03", "to": "2025-05-04"}, [4, 5, 6, 7]),
        ({"from": "2025-05-13"}, [24]),
        ({"to": "2025-05-01"}, [0, 1]),
        ({"from": "2025-05-03", "to": "2025-05-03", "tz": "Pacific/Auckland"}, [2, 3]),
        ({"competition": "GER-1", "to": "2025-05-02"}, [1, 3]),
        ({"team": "t-koln", "to": "2025-05-02"}, [0, 2, 3]),
        ({"team": "1. fc koln", "to": "2025-05-02"}, [0, 2, 3]),
        ({"team": "LEEDS", "competition": "ENG-1", "to": "2025-05-02"}, [0]),
    ],
)
def test_upcoming_matches_are_filtered(league, params, numbers):
    """Days (both ends in), zones, competition and team each leave only their matches."""
    # Auckland is 12 hours ahead in May: 14:00 UTC on 2 May is 02:00 on 3 May there.
    found, _ = ids(league, "/predict/matches/", **params)

    assert found == [f"m{number:02}" for number in numbers]


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2025-05-04", "to": "2025-05-03"},
        {"from": "yesterday"},
        {"to": "9999-12-31"},
        {"from": "0001-01-01", "tz": "Asia/Tokyo"},
        {"tz": "Mars/Olympus"},
        {"tz": "../../etc/passwd", "from": "2025-05-01"},
        {"tz": ""},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "many"},
        {"team": "nobody"},
        {"team": "L" * 121},
        {"competition": "nowhere"},
        {"competition": ""},
        {"cursor": "x"},
        {"cursor": "bm90IGpzb24"},
        {"cursor": "WzEsMl0"},
        {"cursor": "W1tb" * 1000},
        {"cursor": "\N{SNOWMAN}"},
    ],
)
def test_parameters_that_make_no_sense_are_refused(league, params):
    """A parameter that cannot be understood is 400 and named."""
    response = league.get("/predict/matches/", params=params, headers=READER)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert any(name in response.json()["detail"] for name in params)


@settings(max_examples=50, deadline=None)
@given(team=st.text(max_size=20), cursor=st.text(max_size=30))
def test_hostile_texts_are_never_a_fault(league, team, cursor):
    """No text in a filter or a cursor breaks the sidecar."""
    response = league.get("/predict/matches/", params={"team": team, "cursor": cursor}, headers=READER)

    assert response.status_code in {200, 400}


def test_bulk_read_speaks_ndjson(league):
    """With Accept: application/x-ndjson each line is a prediction; Link names the next page."""
    response = league.get(
        "/predict/predictions/?limit=20&future_only=true",
        headers=READER | {"Accept": "application/x-ndjson"},
    )
    rows = [msgspec.json.decode(line, type=PredictionBody) for line in response.content.splitlines()]
    next_page = league.get(response.links["next"]["url"], headers=READER).json()

    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert [row.match_id for row in rows] == [f"m{number:02}" for number in range(20)]
    assert [item["match_id"] for item in next_page["items"]] == [f"m{number:02}" for number in range(20, 25)]


def test_page_fits_its_documented_struct(league):
    """A JSON page decodes strictly into the struct of the OpenAPI document."""
    response = league.get("/predict/predictions/", headers=READER)

    page = msgspec.json.decode(response.content, type=PredictionPage, strict=True)
    assert len(page.items) == 26
    assert page.next_cursor is None


def test_model_info_tells_model_and_release(league):
    """Name, version, run, training rows, scorecard and release; 404 for a model the release has not."""
    response = league.get("/predict/model/info", headers=READER)

    info = msgspec.json.decode(response.content, type=ModelInfo, strict=True)
    assert (info.version, info.trained_rows, info.release_id) == ("7", 12_000, "r1")
    assert info.scorecard == {"champion": {"log_loss": 1.01}}
    assert league.get("/predict/model/info?model=previous", headers=READER).status_code == 404


def test_known_bytes_are_not_sent_again(league):
    """A client that sends the ETag back gets 304 without a body; another resource has another tag."""
    first = league.get("/predict/m01", headers=READER)
    again = league.get("/predict/m01", headers=READER | {"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    other = league.get("/predict/m02", headers=READER | {"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


def test_markets_are_read_off_the_stored_prediction(store, serve):
    """The release alone answers: the three probabilities are kept, and nothing changed is sent twice."""
    goals = GoalModel(1.6, 1.1, -0.073, 0.44)
    make_release(store, [make_prediction("m1", goal_model=goals), make_prediction("m2")], release_id="r2")
    client = serve()

    answer = client.get("/predict/m1/markets", headers=READER)
    body = msgspec.json.decode(answer.content, type=MarketsBody)
    again = client.get("/predict/m1/markets", headers=READER | {"If-None-Match": answer.headers["ETag"]})
    old = client.get("/predict/m2/markets", headers=READER)

    outcome = body.markets.outcome
    assert (outcome.home.win, outcome.draw.win, outcome.away.win) == pytest.approx((0.5, 0.3, 0.2))
    assert body.markets.settled.startswith("after 90 minutes")
    assert (body.match_id, body.release_id, body.stale) == ("m1", "r2", False)
    assert (again.status_code, again.content) == (304, b"")
    assert (old.status_code, old.json()["type"]) == (404, "urn:soccer-assets:problem:no-markets")
    assert client.get("/predict/nobody/markets", headers=READER).status_code == 404
    assert client.get("/predict/m1/markets").status_code == 401
