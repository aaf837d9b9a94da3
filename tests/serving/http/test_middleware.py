"""The outermost layer: request ids, safe headers, counts by route."""

import pytest

from tests.serving.builders import READER


def test_pages_cannot_be_framed(client):
    """No other site shows ours inside its own, on either way of a look-up."""
    for path in ("/", "/predict/m1", "/predict/m1?model=champion"):
        assert client.get(path, headers=READER).headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("request_id", ["with space", "x" * 65, '"}{"', ""])
def test_hostile_request_id_is_replaced(client, request_id):
    """Only a plain id from outside is kept; others get one of ours."""
    response = client.get("/ready", headers={"X-Request-ID": request_id})

    assert response.headers["x-request-id"] != request_id
    assert len(response.headers["x-request-id"]) == 32


def test_answers_carry_safe_headers(client):
    """Headers forbid browsers to sniff types and to send referrers."""
    response = client.get("/")

    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_requests_are_counted_by_route_template(client):
    """Ids make no series of their own, and unknown paths share one."""
    for path in ("/predict/m1", "/predict/unknown", "/no/such/path", "/no/other/path"):
        client.get(path, headers=READER)
    client.request("BREW", "/ready")

    text = client.get("/metrics").text

    assert 'soccer_http_requests_total{method="GET",route="/predict/{match_id}",status="200"} 1.0' in text
    assert 'soccer_http_requests_total{method="GET",route="/predict/{match_id}",status="404"} 1.0' in text
    assert 'soccer_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
    assert "BREW" not in text
    assert "soccer_http_request_duration_seconds_bucket" in text
    assert "soccer_snapshot_rows 1.0" in text
