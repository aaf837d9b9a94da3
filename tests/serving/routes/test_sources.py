"""Runs launched through Dagster: its answers, its absence, and in a trial the real one."""

import json

import pytest
from werkzeug import Response

from tests.live import LiveHome
from tests.services import free_ports
from tests.serving.builders import READER, TOKENS

ADMIN = {"X-API-Key": TOKENS["admin"]}
LAUNCHED = {
    "data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "abc", "status": "QUEUED"}}}
}


@pytest.fixture
def dagster(httpserver, store, serve):
    """A sidecar beside a webserver that launches everything; gives both."""
    httpserver.expect_request("/graphql", method="POST").respond_with_json(LAUNCHED)
    return serve(dagster_url=httpserver.url_for("/").rstrip("/")), httpserver


def asked(server):
    """The parameters of the last launch."""
    return json.loads(server.log[-1][0].data)["variables"]["params"]


@pytest.mark.parametrize("headers", [ADMIN, {"X-Token": TOKENS["admin"]}])
def test_ingest_of_a_window_is_launched(dagster, headers):
    """PATCH launches livescores/window with its days, answers the run and its page; X-Token is a key too."""
    client, server = dagster
    response = client.patch("/sources/livescores/", json={"start": "2025-04-01"}, headers=headers)

    assert response.status_code == 202
    assert response.json() == {
        "run_id": "abc",
        "status": "queued",
        "url": f"{server.url_for('/').rstrip('/')}/runs/abc",
    }
    assert asked(server)["selector"]["assetSelection"] == [{"path": ["livescores", "window"]}]
    config = asked(server)["runConfigData"]["ops"]["livescores__window"]["config"]
    assert config == {"start": "2025-04-01", "days": 90}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_export_is_launched(dagster, method):
    """Both tables are exported under one snapshot; GET, the predecessor's way, is deprecated."""
    client, server = dagster
    response = client.request(method, "/sources/export/match", headers=ADMIN)

    assert (response.status_code, response.json()["run_id"]) == (202, "abc")
    assert ("deprecation" in response.headers) == (method == "GET")
    paths = [asset["path"] for asset in asked(server)["selector"]["assetSelection"]]
    assert paths == [["exports", "match_raw"], ["exports", "match"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/sources/livescores/", {"start": "2025-04-02", "end": "2025-04-02"}, 422),
        ("PATCH", "/sources/livescores/", {"start": "0870-02-20"}, 422),
        ("PATCH", "/sources/livescores/", {"end": "0001-01-02", "days": 36_500}, 422),
        ("PATCH", "/sources/livescores/", {"end": "9999-12-31"}, 422),
        ("PATCH", "/sources/livescores/", {"start": "yesterday"}, 400),
        ("PATCH", "/sources/livescores/", {"days": 0}, 400),
        ("PATCH", "/sources/livescores/", {"week": 3}, 400),
        ("POST", "/sources/export/odds", None, 400),
    ],
)
def test_what_cannot_be_launched_is_refused_here(dagster, method, path, body, status):
    """Empty windows, unreadable days and unknown tables never reach Dagster."""
    client, server = dagster
    response = client.request(method, path, json=body, headers=ADMIN)

    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert server.log == []


def test_what_dagster_refuses_is_told(httpserver, store, serve):
    """A run that Dagster does not start is 422 with its reason; a fault of its is 503."""
    refusal = {
        "__typename": "RunConfigValidationInvalid",
        "errors": [{"message": "days is wrong"}],
    }
    httpserver.expect_ordered_request("/graphql").respond_with_json({"data": {"launchRun": refusal}})
    httpserver.expect_ordered_request("/graphql").respond_with_response(Response(status=500))
    client = serve(dagster_url=httpserver.url_for("/").rstrip("/"))

    refused, broken, at_once = (client.post("/sources/export/match", headers=ADMIN) for _ in range(3))
    assert (refused.status_code, "days is wrong" in refused.text) == (422, True)
    assert (broken.status_code, at_once.status_code) == (503, 503)
    assert len(httpserver.log) == 3  # a fault of one request is not held against the next


def test_without_dagster_sources_are_503_and_predictions_go_on(store, serve):
    """Nobody at the address: 503 with Retry-After, look-ups as ever."""
    client = serve(dagster_url=f"http://127.0.0.1:{free_ports(1)[0]}")
    response = client.patch("/sources/livescores/", json={}, headers=ADMIN)

    assert (response.status_code, response.headers["retry-after"]) == (503, "10")
    assert client.get("/predict/m1", headers=READER).status_code == 200


def test_sources_are_for_admins(dagster):
    """Read and predict keys do not launch, and X-Token opens nothing elsewhere."""
    client, server = dagster
    for name in ("reader", "predictor"):
        answer = client.post("/sources/export/match", headers={"X-API-Key": TOKENS[name]})
        assert answer.status_code == 403
    assert client.post("/sources/export/match").status_code == 401
    assert client.get("/predict/m1", headers={"X-Token": TOKENS["admin"]}).status_code == 401
    assert server.log == []


@pytest.mark.trial
def test_a_real_dagster_launches_what_is_asked(tmp_path, store, serve):
    """Ingest with its window and export are queued as runs of Dagster, under the ids that were answered."""
    home = LiveHome(tmp_path / "home", SOCCER_LEAGUES="1", SOCCER_NOW="2024-11-02T09:00:00Z")
    with home.code(), home.webserver():
        client = serve(dagster_url=f"http://127.0.0.1:{home._port}")
        ingest = client.patch("/sources/livescores/", json={"days": 3}, headers=ADMIN)
        export = client.post("/sources/export/match_raw", headers=ADMIN)

        assert (ingest.status_code, export.status_code) == (202, 202), home.log
        query = (
            "query($id: ID!) { runOrError(runId: $id) { ... on Run "
            "{ runConfigYaml assetSelection { path } } } }"
        )
        run = home.ask(query, id=ingest.json()["run_id"])
        assert "days: 3" in run["runConfigYaml"]
        assert run["assetSelection"] == [{"path": ["livescores", "window"]}]
        paths = [asset["path"] for asset in home.ask(query, id=export.json()["run_id"])["assetSelection"]]
        assert sorted(paths) == [["exports", "match"], ["exports", "match_raw"]]
