"""The predecessor's names go on working: one test a row of the migration table."""

import re
from pathlib import Path

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.schemas import Precomputed
from tests.serving.builders import (
    READER,
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)

ADMIN = {"X-API-Key": TOKENS["admin"]}
MIGRATION = Path(__file__).parents[3] / "docs/how-to/move-from-the-predecessor.md"


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A sidecar with three matches, whose ids at the source are s-m1 to s-m3."""
    home = tmp_path_factory.mktemp("predecessor")
    matches = [make_prediction(f"m{number}", kickoff=f"2025-05-0{number}T14:00:00Z") for number in (1, 2, 3)]
    previous = make_prediction("m1", model="previous", model_version="6")
    make_release(home / "store", [*matches, previous])
    write_status(home / "store")
    write_keys(home / "store")
    with TestClient(create_app(make_settings(home), scorer=StubScorer())) as client:
        yield client


def is_precomputed(client):
    """The old shape, with the old classes: 0 home, 1 draw, 2 away."""
    response = client.get("/predict/precomputed/m1", headers=READER)
    body = msgspec.json.decode(response.content, type=Precomputed, strict=True)
    assert (body.proba_home, body.predicted_class, body.predicted_label) == (0.5, 0, "home")
    assert (body.is_future, body.home_team_name, body.model_stage) == (True, "Leeds", "champion")
    assert client.get("/predict/precomputed/s-m1", headers=READER).json()["match_id"] == "s-m1"
    assert client.get("/predict/precomputed/nope", headers=READER).status_code == 404
    return response


def is_found_by_the_sources_id(client):
    """An id of the source leads to our match."""
    response = client.get("/predict/s-m2", headers=READER)
    assert response.json()["match_id"] == "m2"
    assert "deprecation" not in client.get("/predict/m2", headers=READER).headers
    return response


def takes_stage(client):
    """The old name of the model's alias."""
    response = client.get("/predict/m1?stage=previous", headers=READER)
    assert response.json()["model_version"] == "6"
    assert client.get("/predict/m1?stage=Production", headers=READER).status_code == 400
    return response


def takes_offset(client):
    """Rows are passed over, and the next page goes on behind them."""
    response = client.get("/predict/predictions/?offset=1&limit=1", headers=READER)
    assert [item["match_id"] for item in response.json()["items"]] == ["m2"]
    following = client.get(response.links["next"]["url"], headers=READER)
    assert [item["match_id"] for item in following.json()["items"]] == ["m3"]
    assert "deprecation" not in following.headers
    return response


def answers_at(method, path, headers=ADMIN):
    """An old path that is there, though what it needs is not."""

    def check(client):
        response = client.request(method, path, headers=headers)
        assert response.status_code == 503

    return check


ROWS = {
    "GET `/predict/precomputed/{match_id}`": is_precomputed,
    "GET `/predict/{match_id}` with an integer id": is_found_by_the_sources_id,
    "GET `/predict/{match_id}?stage=champion`": takes_stage,
    "GET `/predict/predictions/?offset=100`": takes_offset,
    "GET `/monitoring/celery/queues`": answers_at("GET", "/monitoring/celery/queues"),
    "GET `/monitoring/celery/workers`": answers_at("GET", "/monitoring/celery/workers"),
    "GET `/sources/export/{table}`": answers_at("GET", "/sources/export/match"),
    "header `X-Token` on `/sources/*`": answers_at(
        "POST", "/sources/export/match", {"X-Token": TOKENS["admin"]}
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_predecessors_name_goes_on_working(old, row):
    """What the table promises is so; where it answers, it says that there is a better name."""
    response = ROWS[row](old)

    if response is not None:
        assert response.status_code == 200
        assert response.headers["deprecation"].startswith("@")


def test_the_table_has_these_rows():
    """No row without a test, no test without a row."""
    table = MIGRATION.read_text().split("| there | here |", 1)[1].split("\n\n", 1)[0]

    assert re.findall(r"^\| (.+?) \| ", table, re.MULTILINE) == list(ROWS)
