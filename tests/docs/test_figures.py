"""Figures in prose: a bound that a page states is the code's; a measured figure has its date and command."""

import datetime as dt
import importlib
import re

import pytest

from serving import reloader
from serving.routes import scoring as scoring_routes
from serving.scoring import engine
from serving.tasks import queue
from soccer_assets.alerting import disk_space, watchdog
from soccer_assets.contract import status
from soccer_assets.football import validity
from soccer_assets.football.ratings import parameters
from soccer_assets.graph import ingest_checks
from soccer_assets.graph.assets import livescores
from soccer_assets.modelling import (
    dataset,
    drift,
    explanations,
    ledger_rules,
    promotion,
    retraining,
    rollback,
    tuning,
)
from soccer_assets.stores import predictions, retention
from soccer_assets.stores.ledger import shadows
from soccer_assets.stores.matches import due
from soccer_assets.stores.releases import draft
from tests.docs.pages import ROOT, code_blocks, read

ASSETS = "docs/reference/assets.md"
BENCHMARKS = "docs/benchmarks.md"
JOBS = "docs/reference/jobs-and-sensors.md"
HTTP = "docs/reference/http-api.md"
GATES = "docs/explanation/evaluation-and-gates.md"
DRIFT = "docs/explanation/drift.md"
LEDGER = "docs/explanation/ledger-and-rollback.md"
HISTORY = "docs/tutorial/load-history.md"
ALERTS = "docs/how-to/set-up-alerts.md"
RELEASE = "docs/reference/release-format.md"

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
_RETRAIN, _DRIFT = retraining.DEFAULT_POLICY, drift.DEFAULT_POLICY
_PROMOTION, _ROLLBACK = promotion.DEFAULT_POLICY, rollback.DEFAULT_POLICY


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


# What a page says, with the code's number in its place.
FIGURES = [
    (JOBS, f"at least {_RETRAIN.least_settled} settled matches"),
    (JOBS, f"by more than {_RETRAIN.largest_z:g} standard errors"),
    (JOBS, f"e-value of {_RETRAIN.evidence:g} or more"),
    (JOBS, f"more than {_percent(_DRIFT.share)} of the columns"),
    (JOBS, f"{_RETRAIN.new_matches} or more matches were played"),
    (JOBS, f"the last training is {_RETRAIN.oldest // DAY} days old"),
    (JOBS, f"less than {_RETRAIN.cool_down // HOUR} hours after the last attempt"),
    (JOBS, f"wait {_RETRAIN.rest // DAY} days"),
    (JOBS, f"| export snapshots | the newest {retention.KEPT_SNAPSHOTS},"),
    (JOBS, f"| releases | the newest {retention.KEPT_RELEASES},"),
    (JOBS, f"| runs of scheduled jobs | {retention.KEPT_RUN_DAYS} days,"),
    (JOBS, f"| {shadows.KEPT_DAYS} days after the match |"),
    (ASSETS, f"a finished match has {validity.LEAST_GOALS} to {validity.MOST_GOALS} goals a side"),
    (ASSETS, f"at most {_percent(ingest_checks.MOST_REJECTED)} of the newest batch are rejected"),
    (ASSETS, f"rejected and at most {_percent(ingest_checks.MOST_DOUBLES)} are duplicates"),
    (
        ASSETS,
        (
            f"fewer than {ingest_checks.LEAST_ROWS_TO_BLOCK} rows, or fewer than "
            f"{ingest_checks.LEAST_BAD_ROWS_TO_BLOCK} bad"
        ),
    ),
    (HISTORY, f"up to {livescores.MONTHS_A_RUN} months of a feed in local files"),
    (HISTORY, f"or {livescores.SHORT_RUN_MONTHS} months of a remote server"),
    (HTTP, f"matches played in the last {predictions.PLAYED_DAYS} days"),
    (HTTP, f"a list of up to {scoring_routes.MAX_ROWS:,} of either"),
    (HTTP, f"score up to {scoring_routes.MAX_TASK_ROWS:,} rows in the background"),
    (HTTP, f"fewer than {engine.MIN_RESULTS} known results is not modelled"),
    (HTTP, f"the last check is over {status.CHECK_PROMISE // HOUR} hours old"),
    (HTTP, f"kickoff + {due.SETTLING_TIME // HOUR} h + the feed's result lag"),
    ("docs/explanation/consistency-after-crashes.md", f"within {queue.HEARTBEAT_TIMEOUT_SECONDS} seconds"),
    (RELEASE, f"| `golden_rows` | {draft.GOLDEN_ROWS} rows"),
    (RELEASE, f"agree within {reloader.GOLDEN_TOLERANCE:.0e}"),
    (RELEASE, f"retried every {reloader.RETRY_REFUSED_SECONDS:.0f} seconds"),
    (GATES, f"at most {_percent(_PROMOTION.back_to_back)} of the sides"),
    (GATES, f"at least {_PROMOTION.elo_gain} below textbook Elo's"),
    (GATES, f"is below +{_PROMOTION.champion_loss};"),
    (GATES, f"the champion's plus {_PROMOTION.champion_ece},"),
    (GATES, f"within {_PROMOTION.draw_rate} of the frequency"),
    (GATES, f"worse than the champion by more than {_PROMOTION.slice_loss} and"),
    (GATES, f"Holm-corrected, {_percent(_PROMOTION.slice_level)})"),
    (GATES, f"better than the closing odds by more than {_PROMOTION.market_gain}:"),
    (GATES, f"beside closing odds: {_percent(_PROMOTION.market_accuracy)},"),
    (GATES, f"the newest {dataset.TEST_DAYS} days"),
    (GATES, f"calibration the {dataset.CALIBRATION_DAYS} days before"),
    (GATES, f"the first {dataset.WARM_UP_DAYS} days only warm up"),
    (GATES, f"not been played for {dataset.DEAD_AFTER_DAYS} days"),
    (GATES, f"a row of {dataset.HALF_LIFE_DAYS / 365.25:g} years ago weighs half"),
    (GATES, f"beats them by {tuning.LEAST_GAIN} log loss"),
    (GATES, f"the four largest of at least {explanations.LEAST_LOG_ODDS} log-odds"),
    (DRIFT, f"the last {_DRIFT.current_days} days"),
    (DRIFT, f"is {_DRIFT.psi} or more"),
    (DRIFT, f"p-value is at most {_DRIFT.false_discovery_rate} after"),
    (DRIFT, f"more than {_percent(_DRIFT.share)} of the columns"),
    (DRIFT, f"fewer than {_DRIFT.least_current} recent matches or {_DRIFT.least_reference} in"),
    (LEDGER, f"moved by more than {ledger_rules.LONGEST_DELAY // HOUR} hours"),
    (LEDGER, f"when the e-value reaches {_ROLLBACK.evidence:g}"),
    (LEDGER, f"is at most {_percent(1 / _ROLLBACK.evidence)}, however"),
    (ALERTS, f"daemon for {watchdog._DAEMON_GRACE // dt.timedelta(minutes=1)} minutes"),
    (ALERTS, f"does not answer for {watchdog._SIDECAR_GRACE // dt.timedelta(seconds=1)} seconds"),
    (ALERTS, f"less than {disk_space._LEAST_FREE_BYTES / 1e9:.0f} GB free"),
    ("docs/reference/features.md", f"shrunk towards {parameters.AVERAGE_POINTS} with the weight of"),
    ("docs/reference/glossary.md", f"K = {parameters.TEXTBOOK_K:.0f}, home advantage"),
    ("docs/reference/glossary.md", f"home advantage {parameters.TEXTBOOK_HOME_ADVANTAGE:.0f}, start 1500"),
    ("docs/explanation/features-and-ratings.md", f"K = {parameters.ELO_K} times (1 + goal difference)"),
]


def _flowing(page: str) -> str:
    """The text of a page without its line breaks."""
    return re.sub(r"\s*\n\s*", " ", read(page))


@pytest.mark.parametrize(("page", "phrase"), FIGURES)
def test_a_figure_in_prose_is_the_codes(page: str, phrase: str) -> None:
    """The page states the bound that the code has."""
    assert phrase in _flowing(page)


def test_every_measured_figure_has_a_date_and_a_command() -> None:
    """A section of the benchmarks that shows a table has a date; it, or the section above, has a command."""
    sections = re.split(r"^##+ ", read(BENCHMARKS), flags=re.MULTILINE)[1:]
    measured = [text for text in sections if "\n|" in text]

    assert measured
    assert [
        text.split("\n")[0] for text in measured if not re.search(r"\bDates? 20\d\d-\d\d-\d\d", text)
    ] == []
    assert [text.split("\n")[0] for text in measured if not (code_blocks(text, "sh") or "`" in text)] == []


def test_every_benchmark_is_named_and_each_command_exists() -> None:
    """Each program of the folder is on the page of its figures or in the guide, and each named one exists."""
    programs = {file.stem for file in (ROOT / "benchmarks").glob("*.py") if "__main__" in file.read_text()}
    pages = read(BENCHMARKS) + read("CONTRIBUTING.md")
    named = {
        name
        for pair in re.findall(r"-m benchmarks\.(\w+)|benchmarks/(\w+)\.py", pages)
        for name in pair
        if name
    }

    assert named == programs


def test_every_benchmark_finds_what_it_imports() -> None:
    """Of the product and of the tests; the predecessor's packages are installed for `make trial` alone."""
    programs = {file.stem for file in (ROOT / "benchmarks").glob("*.py")} - {"predecessor"}
    for name in programs:
        assert importlib.import_module(f"benchmarks.{name}")
