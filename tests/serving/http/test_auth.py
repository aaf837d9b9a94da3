"""Who may ask what."""

import hashlib

import pytest

from tests.serving.builders import READER, TOKENS, make_prediction, make_release, write_keys
from tests.serving.conftest import reload

PROTECTED = [
    "/predict/m1",
    "/predict/matches/",
    "/predict/predictions/",
    "/predict/model/info",
    "/monitoring/freshness",
]
PUBLIC = ["/", "/healthcheck/", "/ready", "/metrics", "/schema", "/schema/openapi.json"]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": ""}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": TOKENS["reader"].upper()}, 401),
        ({"X-API-Key": hashlib.sha256(TOKENS["reader"].encode()).hexdigest()}, 401),
        ({"Authorization": f"Bearer {TOKENS['reader']}"}, 401),
        ({"X-API-Key": TOKENS["predictor"]}, 403),
        ({"X-API-Key": TOKENS["reader"]}, 200),
        ({"X-API-Key": TOKENS["admin"]}, 200),
    ],
)
def test_reading_needs_a_known_key_with_the_scope(shared, path, headers, status):
    """Every read route: 401 without a known key, 403 without its scope, an answer with read or admin."""
    response = shared.get(path, headers=headers)

    assert response.status_code == status
    assert (response.headers.get("www-authenticate") == "ApiKey") == (status == 401)
    if status != 200:
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", PROTECTED)
def test_key_in_the_address_is_not_accepted(shared, path):
    """A key in the query string opens nothing: addresses end up in logs."""
    response = shared.get(path, params={"X-API-Key": TOKENS["admin"], "api_key": TOKENS["admin"]})

    assert response.status_code == 401
    assert TOKENS["admin"] not in response.text


@pytest.mark.parametrize("path", PUBLIC)
def test_operations_need_no_key(shared, path):
    """Liveness, readiness, metrics and documentation are open."""
    response = shared.get(path)

    assert response.status_code == 200


def test_srv_01_every_other_route_is_protected(shared):
    """No route answers without a key but the listed ones: a new route cannot be left open by mistake."""
    document = shared.get("/schema/openapi.json").json()

    operations = {
        (path, method): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    open_to_all = {which for which, operation in operations.items() if "security" not in operation}
    assert open_to_all == {(path, "get") for path in ("/", "/healthcheck", "/ready", "/metrics")}
    for path, method in operations.keys() - open_to_all:
        assert shared.request(method, path).status_code == 401


def test_keys_change_without_restart_and_survive_an_outage(client, store):
    """A revoked key stops at the next poll; an unreadable set of keys leaves the last good one in use."""
    write_keys(store, {"admin": ("admin",)})
    reload(client)
    assert client.get("/predict/m1", headers=READER).status_code == 401

    write_keys(store)
    reload(client)
    assert client.get("/predict/m1", headers=READER).status_code == 200

    (store / "auth/keys.json").write_bytes(b'{"keys": [')
    reload(client)
    assert client.get("/predict/m1", headers=READER).status_code == 200

    (store / "auth/keys.json").unlink()
    reload(client)
    assert client.get("/predict/m1", headers=READER).status_code == 200


def test_before_any_keys_were_read_the_client_is_asked_to_wait(tmp_path, serve):
    """Without a set of keys nobody is let in, and 503 says that the key may be right."""
    make_release(tmp_path / "store", [make_prediction()])
    response = serve().get("/predict/m1", headers=READER)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"


def test_refusals_are_counted_by_reason(client):
    """Missing, unknown and insufficient keys are three series."""
    client.get("/predict/m1")
    client.get("/predict/m1", headers={"X-API-Key": "wrong"})
    client.get("/predict/m1", headers={"X-API-Key": TOKENS["predictor"]})

    text = client.get("/metrics").text

    for reason in ("missing", "unknown", "scope"):
        assert f'soccer_auth_failures_total{{reason="{reason}"}} 1.0' in text


def test_no_secret_reaches_the_log(client, capfd):
    """Neither a right nor a wrong key is written anywhere, not even when the request fails."""
    client.get("/predict/m1", headers={"X-API-Key": "wrong-secret"})
    client.get("/predict/m1?limit=x", headers=READER)
    client.app.state["snapshots"].current.snapshot.close()
    response = client.get("/predict/m1", headers=READER)

    written = "".join(capfd.readouterr())
    assert response.status_code == 500
    assert "request failed" in written
    assert "wrong-secret" not in written
    assert TOKENS["reader"] not in written
