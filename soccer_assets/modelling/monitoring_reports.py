"""The two daily reports: drift of the champion's inputs and forecasts, quality of the settled predictions.

Not here: the statistics themselves (``drift.py``, ``quality.py``), and reading and writing
(``graph/assets/monitoring.py``).
"""

import datetime as dt

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.contract.release import SCHEMA_VERSION
from soccer_assets.contract.reports import ColumnDrift, DriftReport, QualityReport, Window
from soccer_assets.modelling import drift as rules
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.quality import Settled, by_slice, by_week, overall

_PROBABILITIES = ("p_home", "p_draw", "p_away")
# Counts of a team's known results only grow: every window lies above the seasons before it, in ordinary
# months too, and a retrain does not cure it.
GROWS_BY_CONSTRUCTION = ("home_log_matches_known", "away_log_matches_known")
# Drift ends at half the bound: a share that oscillates about the bound would ask for a training each time.
_RECOVERY_SHARE = 0.5


def drift_report(
    data: TrainingData, model: OutcomeModel, *, version: str, train_end: str, feed: str, now: dt.datetime
) -> DriftReport:
    """The last four weeks against the same weeks of the champion's training, column by column.

    Args:
        data: every finished match with its features.
        model: the champion.
        version: its version in the registry.
        train_end: kickoff of the newest match that it was trained on, ISO 8601 in UTC.
        feed: name of the feed, as the report shows it.
        now: the report's instant.
    """
    policy = rules.DEFAULT_POLICY
    seconds = int(now.timestamp())
    last_trained = int(dt.datetime.fromisoformat(train_end).timestamp())
    reference, current = rules.windows(data.matches.kickoff, seconds, last_trained, policy)
    columns: tuple[ColumnDrift, ...] = ()
    has_too_few = reference.sum() < policy.least_reference or current.sum() < policy.least_current
    if not has_too_few:
        columns = _compare_columns(data, model, reference, current)
    share = rules.share_drifted(columns)
    drifted = sum(column.has_drifted for column in columns)
    counts = (
        f"{int(current.sum())} matches against {int(reference.sum())} of the same weeks of earlier seasons"
    )
    text = f"{drifted} of {len(columns)} columns drifted (bound {policy.share:.0%}): {counts}"
    if has_too_few:
        text = f"too few to compare: {counts}; {policy.least_current} and {policy.least_reference} are needed"
    return DriftReport(
        schema_version=SCHEMA_VERSION,
        feed=feed,
        checked_at=isoformat(now),
        model_version=version,
        model_sha256=model.sha256,
        reference=_window(data, reference),
        current=_window(data, current),
        columns=columns,
        share_drifted=share,
        bound=policy.share,
        is_within_bounds=share <= policy.share,
        text=text,
    )


def with_drift_start(report: DriftReport, previous: DriftReport | None) -> DriftReport:
    """The report with the instant since which the share is out of bounds, kept from the previous report.

    Drift ends where the share is at half the bound or less, not at the bound.
    """
    since = previous.out_of_bounds_since if previous else None
    if report.is_within_bounds:
        has_ended = report.share_drifted <= _RECOVERY_SHARE * report.bound
        return msgspec.structs.replace(report, out_of_bounds_since=None if has_ended else since)
    return msgspec.structs.replace(report, out_of_bounds_since=since or report.checked_at)


def quality_report(
    settled: Settled, *, version: str, ledger_head: str | None, feed: str, now: dt.datetime
) -> QualityReport:
    """Scores of the settled predictions: all, by week and by slice.

    Args:
        settled: predictions whose matches are over, beside the other forecasters.
        version: the champion's version in the registry.
        ledger_head: hash of the newest ledger entry; None where there is none.
        feed: name of the feed, as the report shows it.
        now: the report's instant.
    """
    return QualityReport(
        schema_version=SCHEMA_VERSION,
        feed=feed,
        checked_at=isoformat(now),
        model_version=version,
        ledger_head=ledger_head,
        overall=overall(settled),
        weeks=by_week(settled),
        slices=by_slice(settled),
    )


def _compare_columns(
    data: TrainingData, model: OutcomeModel, reference: NDArray[np.bool_], current: NDArray[np.bool_]
) -> tuple[ColumnDrift, ...]:
    """Drift of every feature that can stand still, and every probability, between the two masks (n,)."""
    inputs = data.values[:, [data.feature_names.index(name) for name in model.feature_names]]
    before, now = inputs[reference], inputs[current]
    compared = [name for name in model.feature_names if name not in GROWS_BY_CONSTRUCTION]
    columns = [model.feature_names.index(name) for name in compared]
    seasons = [
        f"{competition} {season}"
        for competition, season in zip(data.matches.competition, data.matches.season, strict=True)
    ]
    _, group = np.unique(seasons, return_inverse=True)
    names = (*compared, *_PROBABILITIES)
    kinds = [rules.FEATURE] * len(compared) + [rules.PREDICTION] * len(_PROBABILITIES)
    return rules.compare(
        np.hstack([before[:, columns], model.predict_proba(before)]),
        np.hstack([now[:, columns], model.predict_proba(now)]),
        group[reference],
        group[current],
        names,
        kinds,
    )


def _window(data: TrainingData, rows: NDArray[np.bool_]) -> Window | None:
    if not rows.any():
        return None
    kickoff = data.matches.kickoff[rows]
    first, last = (
        dt.datetime.fromtimestamp(int(seconds), dt.UTC) for seconds in (kickoff.min(), kickoff.max())
    )
    return Window(
        first_day=first.date().isoformat(), last_day=last.date().isoformat(), matches=int(rows.sum())
    )
