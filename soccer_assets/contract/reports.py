"""Daily reports of drift and quality, written by the graph and served by the sidecar."""

import msgspec

DRIFT_KEY = "monitoring/drift.json"
QUALITY_KEY = "monitoring/quality.json"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A window of matches by kickoff: first and last day (inclusive), and their number."""

    first_day: str
    last_day: str
    matches: int


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """Drift of one feature or one predicted probability from the reference.

    Attributes:
        name: a feature, or `p_home`, `p_draw`, `p_away`.
        kind: `feature` or `prediction`.
        psi: population stability index over ten reference deciles; 0 for equal distributions.
        ks: two-sample Kolmogorov-Smirnov statistic, 0 to 1.
        shift: change of the mean in standard deviations of the reference.
        p_value: of the Kolmogorov-Smirnov test.
        p_corrected: the p-value after Benjamini-Hochberg correction over all columns of the report.
        has_drifted: whether both effect size and corrected p-value exceed their bounds.
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
    """Drift of the newest matches from the champion's training data: `GET /monitoring/drift`.

    Attributes:
        checked_at: when the report was made.
        model_version: the champion whose training data is the reference.
        reference: training matches of the same days of the year; None if there are too few.
        current: the newest settled matches.
        columns: all features and predictions, largest drift first; empty if nothing can be compared.
        share_drifted: share of columns that drifted, 0 to 1.
        bound: a share above it triggers a retraining.
        is_within_bounds: false triggers one retraining, see `out_of_bounds_since`.
        text: the verdict as a sentence.
        out_of_bounds_since: time of the first report out of bounds since the share was last at most half the
            bound; None if no report was.
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
    """The published forecasts compared with another forecaster's, on the matches that both forecast.

    Attributes:
        rows: matches that both forecast.
        coverage: their share of the scored matches, 0 to 1.
        log_loss: of the published forecasts on these rows.
        other_log_loss: of the other forecaster on these rows.
        difference: the first minus the second; below 0 favours the published forecasts.
        low: lower end of its 95 % interval by block bootstrap over weeks; None with fewer than two weeks.
        high: upper end.
        evidence: e-value against the published forecasts being no worse: valid under daily looks; it reaches
            100 by chance with a probability of at most 1 %.
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
    """Scores of the official predictions of a set of finished matches.

    Attributes:
        finished: finished matches in the set.
        scored: those with an official prediction and a 90-minute result.
        void: those excluded by the ledger's rules (postponed by more than 36 hours, abandoned, awarded ...).
        due: matches whose result is due and missing.
        coverage: ``scored / (finished + due)``; None if there is no such match.
        log_loss: mean, in nats; None, like the other scores, if no match is scored.
        expected_log_loss: mean entropy of the forecasts.
        rps: ranked probability score, 0 to 1.
        brier_score: summed over the three outcomes, 0 to 2.
        ece_15: expected calibration error of the top label in 15 bins.
        hit_rate: share of matches in which the most probable outcome happened.
        against: comparison by forecaster: `elo_textbook`, `prior` (shares of the outcomes before the first
            forecast) and `book` (closing odds without the margin).
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
    due: int = 0


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
    """Scores of the published predictions from the settled ledger: `GET /monitoring/quality`.

    Attributes:
        checked_at: when the report was made.
        model_version: the champion at that time; the ledger may hold several models' predictions.
        ledger_head: hash of the newest ledger entry of the report; None while the ledger is empty.
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
