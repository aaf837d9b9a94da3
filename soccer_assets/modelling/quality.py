"""Quality of the published predictions: scores of the settled ledger by week and by slice.

Every score comes with its coverage, and with the scores of textbook Elo and the closing odds on the same
matches: the level depends on which matches were played, only the difference ranks forecasters.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.reports import Comparison, QualityScore, QualitySlice, QualityWeek
from soccer_assets.modelling.e_process import e_value
from soccer_assets.modelling.metrics import (
    EPOCH_WEEKDAY,
    accuracy,
    brier_score,
    ece_15,
    iso_week_number,
    log_losses,
    paired_difference,
    rps,
)

_FIRST_DAY = dt.date(1970, 1, 1)

EARLY, MIDDLE, LATE, CUP = "early", "middle", "late", "cup"


@dataclass(frozen=True, eq=False)
class Settled:
    """Matches in scope that are over, void or due, one row each.

    Attributes:
        kickoff: (n,) epoch seconds.
        is_finished: (n,) played to the end.
        is_void: (n,) predicted, and left out by the ledger's rules.
        is_scored: (n,) has an official prediction and a result.
        probabilities: (n, 3) official prediction, NaN where there is none.
        outcomes: (n,) 0 home, 1 draw, 2 away; only read where scored.
        others: (n, 3) by name of another forecaster, NaN where it has none.
        dimensions: (n,) text by dimension; empty text belongs to no slice.
        is_due: (n,) the result is due and missing; None where no row is.
    """

    kickoff: NDArray[np.int64]
    is_finished: NDArray[np.bool_]
    is_void: NDArray[np.bool_]
    is_scored: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    outcomes: NDArray[np.int8]
    others: Mapping[str, NDArray[np.float64]]
    dimensions: Mapping[str, NDArray[np.object_]]
    is_due: NDArray[np.bool_] | None = None


def overall(settled: Settled) -> QualityScore:
    """All rows together."""
    return _score(settled, np.ones(len(settled.kickoff), np.bool_))


def by_week(settled: Settled) -> tuple[QualityWeek, ...]:
    """Every ISO week that has a match, the oldest first."""
    number = iso_week_number(settled.kickoff)
    weeks = []
    for week in np.unique(number):
        monday = _FIRST_DAY + dt.timedelta(days=int(week) * 7 - EPOCH_WEEKDAY)
        year, of_year, _ = monday.isocalendar()
        weeks.append(
            QualityWeek(
                week=f"{year}-W{of_year:02d}",
                first_day=monday.isoformat(),
                score=_score(settled, number == week),
            )
        )
    return tuple(weeks)


def by_slice(settled: Settled) -> tuple[QualitySlice, ...]:
    """Every value of every dimension."""
    return tuple(
        QualitySlice(dimension=dimension, value=value, score=_score(settled, values == value))
        for dimension, values in settled.dimensions.items()
        for value in sorted(set(values.tolist()) - {""})
    )


def phases(season_progress: Sequence[float], tier: Sequence[int]) -> list[str]:
    """Which third of its season each match belongs to; cups (tier 0) have none."""
    return [
        CUP if level == 0 else EARLY if share < 1 / 3 else MIDDLE if share < 2 / 3 else LATE
        for share, level in zip(season_progress, tier, strict=True)
    ]


def _score(settled: Settled, rows: NDArray[np.bool_]) -> QualityScore:
    finished = int((rows & settled.is_finished).sum())
    due = 0 if settled.is_due is None else int((rows & settled.is_due).sum())
    scored = rows & settled.is_scored
    count = int(scored.sum())
    official, happened = settled.probabilities[scored], settled.outcomes[scored]
    has_scores = count > 0
    losses = log_losses(official, happened)
    return QualityScore(
        finished=finished,
        scored=count,
        void=int((rows & settled.is_void).sum()),
        due=due,
        coverage=count / (finished + due) if finished + due else None,
        log_loss=float(losses.mean()) if has_scores else None,
        expected_log_loss=float(-(official * np.log(official)).sum(axis=1).mean()) if has_scores else None,
        rps=rps(official, happened) if has_scores else None,
        brier_score=brier_score(official, happened) if has_scores else None,
        ece_15=ece_15(official, happened) if has_scores else None,
        hit_rate=accuracy(official, happened) if has_scores else None,
        against={
            name: comparison
            for name, other in settled.others.items()
            if (comparison := _compare(official, other[scored], happened, settled.kickoff[scored]))
            is not None
        },
    )


def _compare(
    official: NDArray[np.float64],
    other: NDArray[np.float64],
    happened: NDArray[np.int8],
    kickoff: NDArray[np.int64],
) -> Comparison | None:
    both = np.isfinite(other).all(axis=1)
    if not both.any():
        return None
    losses, other_losses = log_losses(official[both], happened[both]), log_losses(other[both], happened[both])
    week = iso_week_number(kickoff[both])
    interval = paired_difference(losses, other_losses, week) if len(np.unique(week)) > 1 else None
    return Comparison(
        rows=int(both.sum()),
        coverage=float(both.mean()),
        log_loss=float(losses.mean()),
        other_log_loss=float(other_losses.mean()),
        difference=float((losses - other_losses).mean()),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        evidence=e_value(official[both], other[both], happened[both]),
    )
