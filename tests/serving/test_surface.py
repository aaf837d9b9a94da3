"""The HTTP surface as a whole: paths, documents, metrics, origins."""

import datetime as dt
import re
from pathlib import Path

import msgspec
from litestar.routes import HTTPRoute

from serving.http.schemas import PairingBody, PredictionBody
from serving.scoring.schemas import FeatureRow, Pairing
from soccer_assets.clock import isoformat, parse_instant
from tests.serving.builders import READER, TOKENS
from tests.serving.scoring.test_engine import PAIRING, ask, scoring

__all__ = ["scoring"]

# Section "HTTP" of the design, and the predecessor's names.
SURFACE = {
    ("GET", "/", None),
    ("GET", "/healthcheck", None),
    ("GET", "/ready", None),
    ("GET", "/metrics", None),
    ("GET", "/predict/matches", "read"),
    ("GET", "/predict/predictions", "read"),
    ("GET", "/predict", "read"),
    ("POST", "/predict/lookup", "read"),
    ("GET", "/predict/{match_id}", "read"),
    ("GET", "/predict/{match_id}/markets", "read"),
    ("GET", "/predict/precomputed/{match_id}", "read"),
    ("GET", "/predict/model/info", "read"),
    ("POST", "/predict", "predict"),
    ("POST", "/predict/async", "predict"),
    ("GET", "/monitoring/task_status/{task_id}", "predict"),
    ("GET", "/monitoring/queues", "admin"),
    ("GET", "/monitoring/workers", "admin"),
    ("GET", "/monitoring/celery/queues", "admin"),
    ("GET", "/monitoring/celery/workers", "admin"),
    ("GET", "/monitoring/freshness", "read"),
    ("GET", "/monitoring/drift", "read"),
    ("GET", "/monitoring/quality", "read"),
    ("GET", "/projections", "read"),
    ("GET", "/projections/{competition}", "read"),
    ("POST", "/projections/{competition}", "predict"),
    ("GET", "/downloads", "read"),
    ("GET", "/downloads/dictionary", "read"),
    ("GET", "/downloads/csv/{dataset}", "read"),
    ("GET", "/downloads/parquet/{dataset}", "read"),
    ("GET", "/livescores", "read"),
    ("PATCH", "/sources/livescores", "admin"),
    ("POST", "/sources/export/{table}", "admin"),
    ("GET", "/sources/export/{table}", "admin"),
    ("GET", "/events", "read"),
}
METRICS = Path(__file__).parents[2] / "docs/reference/metrics.md"


def test_openapi_paths_are_the_designs_table(client):
    """The document lists these requests and no other, and each asks for its scope."""
    document = client.get("/schema/openapi.json").json()
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    scopes = {
        (method, route.path_format): handler.opt.get("scope")
        for route in client.app.routes
        if route.path_format in document["paths"]
        for method, (handler, _) in route.route_handler_map.items()
    }

    assert documented == {(method, path) for method, path, _ in SURFACE}
    assert {which: scopes[which] for which in documented} == {
        (method, path): scope for method, path, scope in SURFACE
    }


def test_srv_03_every_answer_of_every_route_has_a_body_in_the_document(client):
    """No route answers something that the document does not describe."""
    document = client.get("/schema/openapi.json").json()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, answer in operation["responses"].items():
                content = answer.get("content") or {}
                if status == "304":  # RFC 9110: without one
                    continue
                assert any(media.get("schema") for media in content.values()), (method, path, status)
            assert operation["description"], (method, path)


def test_examples_are_answers(client):
    """The examples of the document are what the routes answer, field by field."""
    paths = client.get("/schema/openapi.json").json()["paths"]

    for path, method, kind in (
        ("/predict/{match_id}", "get", PredictionBody),
        ("/predict", "post", PairingBody),
    ):
        media = paths[path][method]["responses"]["200"]["content"]["application/json"]
        (example,) = media["examples"].values()
        of_pairing = ("ground_rule", "leg", "state", "rest_goals", "markets") if kind is PairingBody else ()
        for name in ("p_advance", *of_pairing):
            example["value"].setdefault(name, None)  # the document leaves nulls out
        body = msgspec.convert(example["value"], kind, strict=True)
        fields = msgspec.json.decode(msgspec.json.encode(body))
        fields.pop("result", None)  # of a match that is ahead
        assert fields == example["value"]
    asked = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for example in asked.values():
        for row in example["value"] if isinstance(example["value"], list) else [example["value"]]:
            msgspec.convert(row, FeatureRow if "features" in row else Pairing, strict=True)


def test_paths_work_with_and_without_the_last_slash(client):
    """A slash at the end makes no difference."""
    for path in ("/predict/matches", "/predict/matches/", "/monitoring/freshness/", "/healthcheck"):
        assert client.get(path, headers=READER).status_code == 200


def test_metrics_are_those_of_the_table(scoring):
    """Every metric that the documentation names is exported, after one scored pairing with its numbers."""
    assert ask(scoring, PAIRING).status_code == 200
    named = set(re.findall(r"`(soccer_\w+)`", METRICS.read_text()))

    text = scoring.get("/metrics").text

    assert len(named) > 20
    assert [name for name in named if f"{name}" not in text] == []
    assert 'soccer_scored_rows_total{kind="single"}' in text
    assert 'soccer_model_info{model="champion",recipe="xgboost",version="7"} 1.0' in text
    assert re.search(r"^soccer_release_age_seconds 180.0$", text, re.MULTILINE)
    assert re.search(r"^soccer_snapshot_bytes [1-9]", text, re.MULTILINE)


def test_browsers_of_other_origins_are_refused_unless_named(store, serve):
    """CORS is off; named origins, and only they, may read answers and send a key."""
    page, other = "https://app.example.com", "https://evil.example.com"
    closed = serve()
    assert "access-control-allow-origin" not in closed.get("/ready", headers={"Origin": page}).headers

    client = serve(cors_origins=(page,))
    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "X-API-Key"}
    asked = client.options("/predict/m1", headers=preflight | {"Origin": page})
    assert asked.headers["access-control-allow-origin"] == page
    assert "x-api-key" in asked.headers["access-control-allow-headers"].lower()
    answer = client.get("/predict/m1", headers=READER | {"Origin": page})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, page)
    refused = client.get("/predict/m1", headers=READER | {"Origin": other})
    assert "access-control-allow-origin" not in refused.headers


def test_every_path_tells_its_methods_without_a_key(client):
    """OPTIONS names the methods of a path, pages too; a browser's question before a request sends no key."""
    paths = {route.path_format for route in client.app.routes if isinstance(route, HTTPRoute)}
    assert {path for _, path, _ in SURFACE} | {"/record", "/matches/{match_id}"} <= paths
    for path in paths:
        answer = client.options(_filled(path))
        allowed = set(answer.headers["Allow"].split(", "))

        assert answer.status_code == 204, path
        assert {method for method, of, _ in SURFACE if of == path} <= allowed
        assert ("HEAD" in allowed) == ("GET" in allowed and path != "/sources/export/{table}")


def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_takes(client):
    """405 names what OPTIONS names, HEAD too, whichever router holds the path's methods."""
    for route in client.app.routes:
        path = _filled(route.path_format)
        refused = client.put(path)

        assert (refused.status_code, refused.headers["Allow"]) == (
            405,
            client.options(path).headers["Allow"],
        ), path


def test_head_is_get_without_its_body(client):
    """Every GET route answers HEAD with the same status and type; where GET starts a run, HEAD does not."""
    for path in {path for method, path, _ in SURFACE if method == "GET"} - {"/events"}:
        headers = {"X-API-Key": TOKENS["admin"]}
        head = client.head(_filled(path), headers=headers)

        assert head.content == b"", path
        if path == "/sources/export/{table}":
            assert (head.status_code, head.headers["Allow"]) == (405, "GET, OPTIONS, POST")
            continue
        got = client.get(_filled(path), headers=headers)
        assert (head.status_code, head.headers.get("Content-Type")) == (
            got.status_code,
            got.headers.get("Content-Type"),
        ), path


def test_head_of_the_event_stream_ends(client):
    """The head of a stream without an end is answered, and nothing waits for events."""
    assert client.head("/events", headers={"X-API-Key": TOKENS["admin"]}).content == b""


def _filled(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "matches" if found[1] == "table" else "unknown", path)


def test_instants_have_four_digits_of_year():
    """A year before 1000 is written as text sorts it, and is read again."""
    early = dt.datetime(999, 1, 2, 3, 4, 5, tzinfo=dt.UTC)

    assert isoformat(early) == "0999-01-02T03:04:05Z"
    assert parse_instant(isoformat(early)) == early
