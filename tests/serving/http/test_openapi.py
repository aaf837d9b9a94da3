"""The OpenAPI document against a running sidecar: what it allows is asked, with every key and with none."""

import re
from http import HTTPStatus

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from litestar.handlers import HTTPRouteHandler
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.app import create_app
from soccer_assets.contract.release import PREVIOUS, Result
from tests.serving.builders import (
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    real_model,
    write_keys,
    write_status,
)
from tests.serving.generated import call, calls, generate
from tests.serving.processes import ready_release, sidecar, wait_until

pytestmark = pytest.mark.slow

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
# Of each holder of a key the scopes that it opens.
OPENS = {
    None: {""},
    "reader": {"", "read"},
    "predictor": {"", "predict"},
    "admin": {"", "read", "predict", "admin"},
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A sidecar with upcoming and played matches, by two models; no Redis, no database, no Dagster."""
    home = tmp_path_factory.mktemp("openapi")
    model, golden_rows = real_model(trees=True)
    played = Result(home_goals=2, away_goals=1, outcome="home")
    rows = [make_prediction("m1"), make_prediction("m1", model=PREVIOUS)]
    rows += [make_prediction("m2", status="finished", kickoff="2025-04-20T14:00:00Z", result=played)]
    make_release(home / "store", rows, model=model, golden_rows=golden_rows)
    write_status(home / "store")
    write_keys(home / "store")
    with sidecar(home, rate_limit_per_minute="0") as (one, _):
        wait_until(lambda: ready_release(one) == "r1")
        yield one


@pytest.fixture(scope="module")
def scopes(tmp_path_factory):
    """The scope of every method and path; empty where none is needed."""
    app = create_app(make_settings(tmp_path_factory.mktemp("scopes")), scorer=StubScorer())
    return {
        (method, path): handler.opt.get("scope", "")
        for route in app.routes
        for handler in route.route_handlers
        if isinstance(handler, HTTPRouteHandler)
        for path in {route.path, route.path + "/"}
        for method in handler.http_methods
    }


@pytest.mark.parametrize("holder", OPENS)
@pytest.mark.parametrize("examples", [6, pytest.param(300, marks=pytest.mark.trial)])
def test_every_operation_keeps_the_document_and_its_scope(address, scopes, holder, examples):
    """No fault, no undocumented status or body, and nothing reachable without its scope."""
    document = schemathesis.openapi.from_url(f"{address}/schema/openapi.json")
    operations = [result.ok() for result in document.get_all_operations()]
    for operation in operations:
        if "text/event-stream" not in str(operation.definition.raw):  # an answer without end
            path = re.sub(r"\{(\w+)\}", r"{\1:str}", operation.path)
            ask(operation, scopes[(operation.method.upper(), path)], holder, examples)

    assert len(operations) >= 9


def ask(operation, scope, holder, examples):
    """Send what the document allows of one operation, and check every answer."""
    headers = {} if holder is None else {"X-API-Key": TOKENS[holder]}
    refused = HTTPStatus.UNAUTHORIZED if holder is None else HTTPStatus.FORBIDDEN
    is_open = scope in OPENS[holder]

    @settings(
        max_examples=examples if is_open else examples // 3,
        deadline=None,
        derandomize=examples < 100,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def keep(case):
        response = case.call(headers=headers, timeout=30)
        # 503 of a backing service is documented; any other 5xx is a bug.
        assert response.status_code < 500 or response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert (response.status_code in {401, 403}) != is_open
        assert is_open or response.status_code == refused
        case.validate_response(response, checks=CHECKS)

    keep()


def test_a_generated_client_makes_every_call(address, tmp_path):
    """openapi-python-client makes one without a warning, and reads every answer as what the document says."""
    package = generate(address, tmp_path)
    client = package.AuthenticatedClient(
        address, TOKENS["admin"], prefix="", auth_header_name="X-API-Key", raise_on_unexpected_status=True
    )
    found = {}
    for name, module in calls(package):
        status, parsed = call(package, module, name, client)
        found[name] = status
        assert name == "read_metrics" or parsed is not None, name

    document = httpx.get(f"{address}/schema/openapi.json").json()
    assert len(found) == sum(len(item) for item in document["paths"].values())
    # What Redis, the database and Dagster would answer is 503 here, and read as a problem.
    refused = {name: status.value for name, status in found.items() if status not in {200, 202, 404, 503}}
    assert refused == {}
    assert found["read_prediction"] == found["list_upcoming"] == found["read_model"] == 200


def test_names_and_headers_of_operations_are_documented(address):
    """Each has an id and a summary of its own; conditional answers name their tag and 304."""
    document = httpx.get(f"{address}/schema/openapi.json").json()
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in ids)
    assert all(0 < len(operation["summary"]) <= 120 for operation in operations)
    reading = document["paths"]["/predict/{match_id}"]["get"]["responses"]
    assert {"ETag", "Age", "X-Request-ID", "RateLimit-Remaining"} <= reading["200"]["headers"].keys()
    assert "ETag" in reading["304"]["headers"]
    assert "Retry-After" in reading["429"]["headers"]
    bodies = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/ScoringRow"} in bodies["anyOf"]
    answered = httpx.get(f"{address}/predict/m1", headers={"X-API-Key": TOKENS["reader"]}).headers
    sent = {name.lower() for name in reading["200"]["headers"] if not name.startswith("RateLimit")}
    assert sent <= set(answered)  # this sidecar has no limits
