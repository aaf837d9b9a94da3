"""The contract's daily reports: what the graph says of drift and quality, and the sidecar hands on.

Like the contract: readers ignore fields they do not know, so a new field ships first in the graph.
"""

import msgspec

DRIFT_KEY = "monitoring/drift.json"
QUALITY_KEY = "monitoring/quality.json"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Matches by kickoff: the first day, the last day (both within), and how many there are."""

    first_day: str
    last_day: str
    matches: int


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How far one feature, or one predicted probability, moved from the reference.

    Attributes:
        name: a feature, or `p_home`, `p_draw`, `p_away`.
        kind: `feature` or `prediction`.
        psi: population stability index over ten reference deciles; 0 where nothing moved.
        ks: largest gap between the two distribution functions, 0 to 1.
        shift: change of the mean in standard deviations of the reference.
        p_value: of the two-sample Kolmogorov-Smirnov test.
        p_corrected: the same after Benjamini and Hochberg over all columns of the report.
        has_drifted: whether both effect and corrected p are beyond their bounds.
    """

    name: str
    kind: str
    psi: float
    ks: float
    shift: float
    p_value: float
    p_corrected: float
    has_drifted: bool


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far today's matches are from those the champion learnt from: `GET /monitoring/drift`.

    Attributes:
        checked_at: when the report was made.
        model_version: the champion whose training window is the reference.
        reference: training matches of the same days of the year; None where there are too few.
        current: the newest settled matches.
        columns: every feature and prediction, the most moved first; empty where nothing can be compared.
        share_drifted: drifted columns among all, 0 to 1.
        bound: the share above which a retrain is asked for.
        is_within_bounds: false asks for a retrain, once: see `out_of_bounds_since`.
        text: the verdict as a sentence.
        out_of_bounds_since: the first report out of bounds since the share last was at half the bound or
            less; None where none was.
    """

    schema_version: int
    feed: str
    checked_at: str
    model_version: str
    model_sha256: str
    reference: Window | None
    current: Window | None
    columns: tuple[ColumnDrift, ...]
    share_drifted: float
    bound: float
    is_within_bounds: bool
    text: str
    out_of_bounds_since: str | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The published forecasts beside another forecaster on the matches that both have.

    Attributes:
        rows: matches that both forecast.
        coverage: those among the scored matches, 0 to 1.
        log_loss: of the published forecasts on these rows.
        other_log_loss: of the other forecaster on these rows.
        difference: the first minus the second; below 0 favours the published forecasts.
        low: lower end of its 95 % interval by block bootstrap over weeks; None with fewer than two weeks.
        high: upper end.
        evidence: that the published forecasts are worse, as an e-value: it may be looked at every day, and
            reaches 100 by chance once in 100 times at most.
    """

    rows: int
    coverage: float
    log_loss: float
    other_log_loss: float
    difference: float
    low: float | None
    high: float | None
    evidence: float = 1.0


class QualityScore(msgspec.Struct, frozen=True, kw_only=True):
    """How good the official predictions of some finished matches were.

    Attributes:
        finished: matches in scope that are over.
        scored: those with an official prediction and a 90-minute result.
        void: those that the ledger's rules leave out (postponed beyond 36 hours, abandoned, awarded ...).
        coverage: ``scored / finished``; None where nothing is finished.
        log_loss: mean, in nats; None like the other scores where nothing is scored.
        expected_log_loss: what the forecasts themselves expected: their mean entropy.
        rps: ranked probability score, 0 to 1.
        brier_score: summed over the three outcomes, 0 to 2.
        ece_15: expected calibration error of the top label in 15 bins.
        hit_rate: share of matches whose most probable outcome happened.
        against: by forecaster, `elo_textbook` and `book` (closing prices without the margin).
    """

    finished: int
    scored: int
    void: int
    coverage: float | None
    log_loss: float | None
    expected_log_loss: float | None
    rps: float | None
    brier_score: float | None
    ece_15: float | None
    hit_rate: float | None
    against: dict[str, Comparison]


class QualityWeek(msgspec.Struct, frozen=True, kw_only=True):
    """One ISO week (Monday to Sunday, UTC) by kickoff, such as `2025-W17`."""

    week: str
    first_day: str
    score: QualityScore


class QualitySlice(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one dimension: `competition`, `tier`, `phase` (of the season) or `model` (its SHA-256)."""

    dimension: str
    value: str
    score: QualityScore


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the settled ledger says of the published predictions: `GET /monitoring/quality`.

    Attributes:
        checked_at: when the report was made.
        model_version: the champion at that time; the ledger may hold several models' predictions.
        ledger_head: the newest entry's hash that the report rests on; None while the ledger is empty.
        overall: all weeks together.
        weeks: the oldest first.
        slices: by dimension, then value.
    """

    schema_version: int
    feed: str
    checked_at: str
    model_version: str
    ledger_head: str | None
    overall: QualityScore
    weeks: tuple[QualityWeek, ...]
    slices: tuple[QualitySlice, ...]
