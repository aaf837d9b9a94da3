"""Season projections: the list, one competition, assumed results, and reloads beside a release."""

import datetime as dt
import functools
import itertools
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.schemas import ProjectionList
from soccer_assets.contract.release import Team
from soccer_assets.contract.season_projection import (
    PROJECTIONS_SCHEMA_VERSION,
    ProjectionPart,
    ProjectionsFile,
    SeasonProjection,
)
from soccer_assets.football.projections.projection import Fixture, Result
from soccer_assets.football.projections.season_input import SeasonInput, StoredStrengths, project
from soccer_assets.football.projections.season_rules import simulated_rules
from tests.serving.builders import (
    READER,
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_projections,
    write_status,
)
from tests.serving.conftest import Serve, reload
from tests.serving.processes import wait_until

PREDICTOR = {"X-API-Key": TOKENS["predictor"]}
_TODAY = dt.date(2025, 4, 25)
_CLUBS = ("Leeds", "Derby", "Hull", "Stoke")
_LEEDS_AT_HOME = {"home_team": "Leeds", "away_team": "t-Derby", "home_goals": 3, "away_goals": 0}


def _season(seed: int = 1) -> SeasonInput:
    """Four clubs; all but the last four matches are played, the home side won each."""
    pairs = list(itertools.permutations(range(4), 2))
    left = {(0, 1), (1, 0), (2, 3), (3, 2)}
    return SeasonInput(
        rules=simulated_rules("ENG-2", "2024/2025", 4, 1),
        feed="simulated",
        as_of="2025-04-25T08:55:00Z",
        today=_TODAY,
        key=f"key {seed}",
        seed=seed,
        seasons=2_000,
        clubs=tuple(Team(f"t-{name}", name) for name in _CLUBS),
        rules_names={},
        results=tuple(Result(*pair, 1, 0) for pair in pairs if pair not in left),
        fixtures=(Fixture(0, 1, _TODAY + dt.timedelta(days=1), "m1"),),
        points_off=(0, 0, 0, 0),
        strengths=StoredStrengths(
            np.zeros((4, 3)).tolist(),
            np.tile(0.2 * np.eye(3), (4, 1, 1)).tolist(),
            [0.2, 0.3, 0.0, 0.0],
            [0.0, 0.0],
            -0.07,
        ),
    )


def projections_file(seed: int = 1) -> ProjectionsFile:
    season = _season(seed)
    why = SeasonProjection(
        competition="MEX-1",
        season="2024/2025",
        feed="simulated",
        as_of=season.as_of,
        key="why",
        not_projected="not projected: write `rules` for MEX-1 in football/seasons.toml",
    )
    return ProjectionsFile(
        schema_version=PROJECTIONS_SCHEMA_VERSION,
        competitions={
            "MEX-1": ProjectionPart(projection=why),
            "ENG-2": ProjectionPart(
                projection=project(season), inputs=msgspec.Raw(msgspec.json.encode(season))
            ),
        },
    )


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sidecar whose release has projections; it simulates in a child process."""
    home = tmp_path_factory.mktemp("projections")
    store = home / "store"
    make_release(store, [make_prediction("m1")])
    write_projections(store, projections_file())
    write_status(store)
    write_keys(store)
    app = create_app(make_settings(home), scorer=StubScorer())
    with TestClient(app, raise_server_exceptions=False) as client:
        reload(client)
        yield client


def test_the_list_says_what_is_projected_and_what_to_write(league: TestClient[Litestar]) -> None:
    """Every league, by code, with its `as_of`."""
    answer = league.get("/projections/", headers=READER)
    items = msgspec.json.decode(answer.content, type=ProjectionList, strict=True).items

    assert [(one.competition, one.teams, one.matches_left) for one in items] == [
        ("ENG-2", 4, 4),
        ("MEX-1", 0, 0),
    ]
    assert items[0].as_of == "2025-04-25T08:55:00Z"
    assert items[1].not_projected.startswith("not projected: write")


def test_a_competition_answers_its_stored_projection(league: TestClient[Litestar]) -> None:
    """With an ETag that gives 304, for HEAD as well; probabilities of places add up to 1."""
    answer = league.get("/projections/ENG-2", headers=READER)
    body = msgspec.json.decode(answer.content, type=SeasonProjection, strict=True)

    assert body == projections_file().competitions["ENG-2"].projection
    assert np.allclose(np.array([line.places for line in body.teams]).sum(axis=0), 1)
    assert [(one.match_id, one.day) for one in body.matches] == [("m1", "2025-04-26")]
    again = league.get("/projections/ENG-2", headers=READER | {"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = league.head("/projections/ENG-2", headers=READER)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", answer.headers["ETag"])


@pytest.mark.parametrize(
    ("path", "what"),
    [("MEX-1", "write `rules` for MEX-1"), ("XXX-1", "GET /projections/"), ("%00", "GET /projections/")],
)
def test_what_is_not_projected_is_404_with_the_reason(
    league: TestClient[Litestar], path: str, what: str
) -> None:
    """For GET and POST alike."""
    for answer in (
        league.get(f"/projections/{path}", headers=READER),
        league.post(f"/projections/{path}", headers=PREDICTOR, json={}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:soccer-assets:problem:not-projected")
        assert what in answer.json()["detail"]


def test_without_assumptions_the_answer_is_the_stored_one_and_a_win_moves_it(
    league: TestClient[Litestar],
) -> None:
    """The same random seasons: a club that has no part in the match and is level with none moves little."""
    stored = league.get("/projections/ENG-2", headers=READER)
    same = league.post("/projections/ENG-2", headers=PREDICTOR, json={"results": []})
    assert same.status_code == 200, same.text
    assert same.content == stored.content

    won = league.post("/projections/ENG-2", headers=PREDICTOR, json={"results": [_LEEDS_AT_HOME]}).json()
    expected = {line["team"]["name"]: line["expected_points"] for line in won["teams"]}
    before = {line["team"]["name"]: line["expected_points"] for line in stored.json()["teams"]}
    assert won["assumed"][0]["home_team"] == {"id": "t-Leeds", "name": "Leeds"}
    assert expected["Leeds"] > before["Leeds"] + 0.5
    assert expected["Derby"] < before["Derby"] - 0.5
    assert (expected["Hull"], expected["Stoke"]) == (before["Hull"], before["Stoke"])
    assert [line["points"] for line in won["teams"]] != []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[]", 422, ""),
        (b'{"result": []}', 422, ""),
        (b'{"results": [{}]}', 422, "results[0]"),
        ({"results": [_LEEDS_AT_HOME, _LEEDS_AT_HOME]}, 422, "results[1].home_team"),
        ({"results": [_LEEDS_AT_HOME | {"home_team": "Nobody"}]}, 422, "results[0].home_team"),
        ({"results": [_LEEDS_AT_HOME | {"away_team": "Leeds"}]}, 422, "results[0].away_team"),
        ({"results": [_LEEDS_AT_HOME | {"away_team": "Hull"}]}, 422, "results[0].home_team"),
        ({"results": [_LEEDS_AT_HOME | {"home_goals": -1}]}, 422, "results[0].home_goals"),
        ({"results": [_LEEDS_AT_HOME | {"home_goals": 1.5}]}, 422, "results[0].home_goals"),
        ({"results": [_LEEDS_AT_HOME] * 401}, 422, "results"),
    ],
)
def test_an_assumption_that_cannot_be_meant_is_refused_by_its_field(
    league: TestClient[Litestar], body: Any, status: int, field: str | None
) -> None:
    """400 where the body is no JSON, 422 with the field otherwise."""
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = league.post("/projections/ENG-2", headers=PREDICTOR, **sent)

    assert answer.status_code == status, answer.text
    if field is not None:
        assert answer.json()["errors"][0]["parameter"] == field


def wait_for(flag: Path, _inputs: bytes) -> None:
    """Load, in the child, until a file is there: as long as a compiler takes."""
    while not flag.exists():
        time.sleep(0.01)


def test_while_code_is_loaded_simulating_is_503_and_says_when_to_ask_again(
    store: Path, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Problem and header as wherever scoring is starting; a request after the code was loaded is answered."""
    flag = tmp_path / "compiled"
    monkeypatch.setattr("serving.scoring.assumptions.load_code", functools.partial(wait_for, flag))
    monkeypatch.setattr("serving.scoring.assumptions.LOADING_SECONDS", 0.1)
    write_projections(store, projections_file())
    client = serve()
    for _ in range(2):
        refused = client.post("/projections/ENG-2", headers=PREDICTOR, json={})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:soccer-assets:problem:not-now"
        assert "is being loaded" in refused.json()["detail"]

    flag.touch()
    wait_until(
        lambda: client.post("/projections/ENG-2", headers=PREDICTOR, json={}).status_code == HTTPStatus.OK
    )


def test_reading_and_assuming_need_their_scopes(league: TestClient[Litestar]) -> None:
    """A key that reads may not let the sidecar simulate."""
    assert league.get("/projections/", headers=PREDICTOR).status_code == 403
    assert league.post("/projections/ENG-2", headers=READER, json={}).status_code == 403
    assert league.get("/projections/").status_code == 401


def test_projections_are_reloaded_beside_their_release(store: Path, serve: Serve) -> None:
    """An old release has none; new ones are read without a new release, and damaged ones change nothing."""
    client = serve()
    assert client.get("/projections/", headers=READER).json() == {"items": []}

    write_projections(store, projections_file())
    reload(client)
    assert client.get("/projections/ENG-2", headers=READER).json()["seed"] == 1
    assert client.get("/predict/m1", headers=READER).status_code == 200

    path = write_projections(store, projections_file(2))
    path.write_bytes(path.read_bytes().replace(b"Leeds", b"Sheds"))
    reload(client)
    assert client.get("/projections/ENG-2", headers=READER).json()["seed"] == 1
    assert client.get("/predict/m1", headers=READER).json()["release_id"] == "r1"
    assert 'soccer_reloads_total{result="corrupt"} 1.0' in client.get("/metrics").text
    assert len(list((store / "outbox").glob("*.json"))) == 1

    make_release(store, [make_prediction("m1")], release_id="r2")
    reload(client)
    write_projections(store, projections_file(3))
    reload(client)
    assert client.get("/predict/m1", headers=READER).json()["release_id"] == "r2"
    assert client.get("/projections/ENG-2", headers=READER).json()["seed"] == 3
