"""Drift and quality: read by the poll, answered from memory."""

import msgspec
import pytest

from soccer_assets.contract.reports import DRIFT_KEY, QUALITY_KEY, DriftReport, QualityReport, QualityScore
from tests.serving.builders import READER, TOKENS, put
from tests.serving.conftest import reload

DRIFT = DriftReport(
    schema_version=1,
    feed="simulated",
    checked_at="2025-04-25T06:00:00Z",
    model_version="7",
    model_sha256="0" * 64,
    reference=None,
    current=None,
    columns=(),
    share_drifted=0.125,
    bound=0.2,
    is_within_bounds=True,
    text="1 of 8 columns drifted",
)
SCORE = QualityScore(
    finished=2,
    scored=0,
    void=0,
    coverage=0.0,
    log_loss=None,
    expected_log_loss=None,
    rps=None,
    brier_score=None,
    ece_15=None,
    hit_rate=None,
    against={},
)
QUALITY = QualityReport(
    schema_version=1,
    feed="simulated",
    checked_at="2025-04-25T06:00:00Z",
    model_version="7",
    ledger_head=None,
    overall=SCORE,
    weeks=(),
    slices=(),
)


@pytest.mark.parametrize(
    ("path", "key", "report"),
    [("/monitoring/drift", DRIFT_KEY, DRIFT), ("/monitoring/quality", QUALITY_KEY, QUALITY)],
)
def test_report_is_answered_once_there_is_one(store, serve, monkeypatch, path, key, report):
    """404 before the first, then the report as stored; a broken one leaves the last good one."""
    monkeypatch.setattr("serving.reloader.REPORT_SECONDS", 0.0)
    client = serve()
    missing = client.get(path, headers=READER)
    assert (missing.status_code, "the asset monitoring/" in missing.json()["detail"]) == (404, True)
    assert 'soccer_store_failures_total{what="drift"} 0.0' in client.get("/metrics").text  # none yet

    put(store, key, report)
    reload(client)
    response = client.get(path, headers=READER)
    assert msgspec.json.decode(response.content, type=type(report), strict=True) == report
    known = client.get(path, headers=READER | {"If-None-Match": response.headers["etag"]})
    assert known.status_code == 304
    assert client.get(path, headers={"X-API-Key": TOKENS["predictor"]}).status_code == 403

    (store / key).write_bytes(b'{"half')
    reload(client)
    assert client.get(path, headers=READER).content == response.content


def test_drift_is_a_metric(store, serve):
    """The share of drifted columns is exported, so that Prometheus may watch it."""
    put(store, DRIFT_KEY, DRIFT)

    assert "soccer_drift_share 0.125" in serve().get("/metrics").text
