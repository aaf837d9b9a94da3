"""`/status` and `/models`: what the graph wrote is shown, and what the public may not see is not."""

import msgspec
import pytest

from soccer_assets.contract.model_history import (
    CHAMPIONS_KEY,
    EVALUATION_KEY,
    Decision,
    GateVerdict,
    Reign,
    Verdict,
)
from soccer_assets.contract.pipeline import (
    PIPELINE_KEY,
    DueResults,
    FeedLatency,
    OpenAlert,
    PipelineState,
    PlannedRun,
)
from soccer_assets.contract.reports import DRIFT_KEY, ColumnDrift
from tests.serving.builders import put, write_status
from tests.serving.routes.test_monitoring import DRIFT

HTML = {"Accept": "text/html"}
HOSTILE = "<script>alert(1)</script>"
ALERT = OpenAlert(
    severity="failure",
    headline=f"livescores/recent is stale on host-17 {HOSTILE}",
    since="2025-04-25T08:00:00Z",
    impact="answers are old",
    action="run soccer doctor",
)
PIPELINE = PipelineState(
    schema_version=1,
    written_at="2025-04-25T09:00:00Z",
    queued=2,
    running=1,
    oldest_queued_at=None,
    oldest_running_at=None,
    jobs=(),
    results_due=4,
    due=(DueResults(competition="ENG-2", matches=4, since="2025-04-24T14:00:00Z"),),
    latencies=(FeedLatency(feed="simulated", matches=1_412, median_hours=1.44, slowest_hours=6.0),),
    planned=(
        PlannedRun(job="refresh_daily", starts_at="2025-04-26T06:07:00Z", makes=("livescores/recent",)),
        PlannedRun(job="refresh_hourly", starts_at="2025-04-25T09:07:00Z", makes=("livescores/recent",)),
    ),
    alerts=(ALERT,),
)
VERDICT = Verdict(
    candidate_version="8",
    champion_version="7",
    decision=Decision(
        promote=False,
        reason="the draw rate is off",
        gates=(
            GateVerdict(name="signature", passed=True, value=0.0, bound=0.0, text="reads them as they are"),
            GateVerdict(name="draw_rate", passed=False, value=0.0212, bound=0.015, text=f"off {HOSTILE}"),
            GateVerdict(name="calibrated", passed=False, value=None, bound=0.01, text="no number"),
        ),
    ),
)
REIGNS = (
    Reign(version="6", recipe="elo_textbook", since="2025-03-01T00:00:00Z", how="bootstrapped"),
    Reign(version="7", recipe="xgboost", since="2025-04-01T00:00:00Z", how="promoted", reason="better"),
    Reign(version="6", recipe="elo_textbook", since="2025-04-20T00:00:00Z", how="rolled_back"),
)


@pytest.fixture
def full(store):
    """The good store with everything that the graph writes beside a release."""
    put(store, PIPELINE_KEY, PIPELINE)
    put(store, EVALUATION_KEY, VERDICT)
    put(store, CHAMPIONS_KEY, REIGNS)
    column = ColumnDrift(
        name="elo_gap",
        kind="feature",
        psi=0.31,
        ks=0.2,
        shift=0.5,
        p_value=0.0,
        p_corrected=0.0,
        has_drifted=True,
    )
    put(store, DRIFT_KEY, msgspec.structs.replace(DRIFT, columns=(column,)))
    return store


def page(client, path):
    found = client.get(path, headers=HTML)
    assert found.status_code == 200
    return found.text


def test_status_shows_what_the_pipeline_wrote(full, serve):
    text = page(serve(pages="public"), "/status")
    assert "Forecasts are fresh" in text
    assert "1 at work, 2 waiting" in text
    assert "checked every 90 minutes" in text  # the stage's promise
    assert "25 Apr 2025, 09:07 UTC" in text  # of two runs that make it, the next
    assert "26 Apr 2025, 06:07" not in text
    assert "4 results are due and missing" in text
    assert "ENG-2" in text
    assert "1,412" in text
    assert "1.4 h" in text


def test_public_status_has_no_alert(full, serve):
    """Alerts name hosts, addresses and runs: whoever has signed in sees them, the public does not."""
    text = page(serve(pages="public"), "/status")
    assert "host-17" not in text
    assert "alert" not in text
    assert "run-7" not in page(serve(pages="public"), "/models")


def test_signed_in_operator_sees_alerts_as_text(full, serve):
    client = serve()
    gate = client.app.state["page_gate"]
    client.cookies.set(gate.sessions.cookie, gate.sessions.issue("reader"))
    text = page(client, "/status")
    assert "host-17 &lt;script&gt;" in text
    assert HOSTILE not in text
    assert "What to do: run soccer doctor." in text


def test_status_tells_a_late_check_and_a_silent_pipeline(full, serve):
    write_status(full, checked_at="2025-04-25T03:00:00Z")
    text = page(serve(pages="public"), "/status")
    assert "Forecasts rest on data older than promised" in text
    assert "25 Apr 2025, 03:00 UTC, over 3 hours ago" in text
    assert "The pipeline has not told its state for" in text


def test_status_before_the_pipeline_has_written(client):
    gate = client.app.state["page_gate"]
    client.cookies.set(gate.sessions.cookie, gate.sessions.issue("reader"))
    text = page(client, "/status")
    assert "The pipeline has not told its state yet" in text
    assert "Not told yet." in text


def test_models_shows_gates_reigns_and_drift(full, serve):
    text = page(serve(pages="public"), "/models")
    assert "12,000" in text
    assert "not promoted" in text
    assert text.index("draw rate") < text.index("signature")  # failures first
    assert "0.0212" in text
    assert "off &lt;script&gt;" in text
    assert HOSTILE not in text
    assert "rollback" in text
    assert text.index("20 Apr 2025") < text.index("1 Mar 2025")  # the newest first
    assert 'role="img"' in text
    assert "elo gap" in text
    assert "drifted" in text


def test_models_before_anything_was_evaluated(store, serve):
    text = page(serve(pages="public"), "/models")
    assert "No candidate was evaluated yet" in text
    assert "No change of the champion is recorded yet" in text
    assert "No report yet" in text


def test_no_page_without_a_release(tmp_path, serve):
    (tmp_path / "store").mkdir()
    client = serve(pages="public")
    for path in ("/status", "/models"):
        found = client.get(path, headers=HTML)
        assert found.status_code == 503
        assert found.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/status", "/models"])
def test_pages_have_no_inline_style_or_script(full, serve, path):
    text = page(serve(pages="public"), path)
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == 1  # the one file
