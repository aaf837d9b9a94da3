"""The scorecard: scores of several forecasters on the same rows, and their paired differences."""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.modelling.calibration import ClassCalibration, class_calibration
from soccer_assets.modelling.forecasters import BOOK, CANDIDATE, PRIOR
from soccer_assets.modelling.leaks import MarketPull, market_pull
from soccer_assets.modelling.market_scores import MarketCard
from soccer_assets.modelling.metrics import (
    Difference,
    accuracy,
    brier_score,
    ece_15,
    ece_15_noise,
    iso_week_number,
    log_loss,
    log_losses,
    paired_difference,
    rps,
)
from soccer_assets.modelling.odds import devig_shin

# Smaller slices are left out: at 200 rows the standard error of a difference is .010.
LEAST_SLICE = 200


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one forecaster."""

    rows: int
    log_loss: float
    rps: float
    brier_score: float
    accuracy: float
    ece_15: float
    mean_p_draw: float


class SliceScore(msgspec.Struct, frozen=True, kw_only=True):
    """Scores on one slice of the rows.

    Attributes:
        dimension: what the rows are sliced by, such as ``tier``.
        name: the slice, such as ``1``.
        log_losses: by forecaster.
        differences: log loss of the candidate minus that of each other forecaster.
    """

    dimension: str
    name: str
    rows: int
    log_losses: dict[str, float]
    differences: dict[str, Difference]


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of every forecaster on the same rows of the test window.

    Attributes:
        forecasters: scores on all rows, by name; `CANDIDATE` is always there.
        forecasters_with_odds: scores on the rows with closing prices, the book's among them; empty without.
        differences: log loss of the candidate minus that of each other forecaster, all rows.
        differences_with_odds: the same on the rows with prices.
        ece_15_noise: 95 % quantile of `ece_15` for a perfect forecaster with the candidate's probabilities.
        draw_rate: share of draws.
        ece_15_noise_with_odds: the same on the rows with prices; 0 without.
        skill_share: (prior - m) / (prior - book) in log loss on the rows with prices, by forecaster m: the
            forecaster's share of the market's knowledge.
        market_pull: see `leaks.market_pull`, of the candidate on the rows with prices; None without.
        slices: the same rows by `slices.slices_of`; slices of fewer than `LEAST_SLICE` rows are left out.
        calibration: of the candidate by outcome, on all rows.
        calibration_with_odds: the same on the rows with prices.
        markets: scores of the goal markets; None where they were not asked for.
    """

    rows: int
    rows_with_odds: int
    first_kickoff: int
    last_kickoff: int
    forecasters: dict[str, Metrics]
    forecasters_with_odds: dict[str, Metrics]
    differences: dict[str, Difference]
    differences_with_odds: dict[str, Difference]
    ece_15_noise: float
    draw_rate: float
    ece_15_noise_with_odds: float = 0.0
    skill_share: dict[str, float] = {}
    market_pull: MarketPull | None = None
    slices: tuple[SliceScore, ...] = ()
    calibration: dict[str, ClassCalibration] = {}
    calibration_with_odds: dict[str, ClassCalibration] = {}
    markets: MarketCard | None = None


def metrics(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> Metrics:
    """All scores of one forecaster, (n, 3) against (n,)."""
    return Metrics(
        rows=len(outcomes),
        log_loss=log_loss(probabilities, outcomes),
        rps=rps(probabilities, outcomes),
        brier_score=brier_score(probabilities, outcomes),
        accuracy=accuracy(probabilities, outcomes),
        ece_15=ece_15(probabilities, outcomes),
        mean_p_draw=float(probabilities[:, 1].mean()),
    )


def score(
    outcomes: NDArray[np.int8],
    kickoff: NDArray[np.int64],
    forecasts: Mapping[str, NDArray[np.float64]],
    odds: NDArray[np.float64] | None = None,
    seed: int = 0,
    slices: Mapping[str, NDArray[np.str_]] | None = None,
    markets: MarketCard | None = None,
) -> Scorecard:
    """Score forecasters on the same matches.

    Args:
        outcomes: (n,) 0 home, 1 draw, 2 away.
        kickoff: (n,) epoch seconds, for the weeks of the bootstrap.
        forecasts: probabilities (n, 3) by name; `CANDIDATE` must be one.
        odds: (n, 3) closing decimal prices, NaN where there are none.
        seed: of the bootstrap and the noise band.
        slices: the slice (n,) of each match, by dimension.
        markets: scores of the goal markets on the same matches.

    Raises:
        ValueError: there is no candidate, or the matches lie in fewer than two weeks.
    """
    if CANDIDATE not in forecasts:
        raise ValueError(f"no forecasts named {CANDIDATE!r}; the scorecard compares it with the others")
    has_odds = np.zeros(len(outcomes), np.bool_) if odds is None else np.isfinite(odds).all(axis=1)
    week = iso_week_number(kickoff)
    priced = {name: probabilities[has_odds] for name, probabilities in forecasts.items()}
    if odds is not None and has_odds.any():
        priced[BOOK] = devig_shin(odds[has_odds])
    else:
        priced = {}
    return Scorecard(
        rows=len(outcomes),
        rows_with_odds=int(has_odds.sum()),
        first_kickoff=int(kickoff.min()),
        last_kickoff=int(kickoff.max()),
        forecasters={name: metrics(probabilities, outcomes) for name, probabilities in forecasts.items()},
        forecasters_with_odds={name: metrics(part, outcomes[has_odds]) for name, part in priced.items()},
        differences=_differences(forecasts, outcomes, week, seed),
        differences_with_odds=_differences(priced, outcomes[has_odds], week[has_odds], seed),
        ece_15_noise=ece_15_noise(forecasts[CANDIDATE], seed),
        draw_rate=float((outcomes == 1).mean()),
        ece_15_noise_with_odds=ece_15_noise(priced[CANDIDATE], seed) if priced else 0.0,
        skill_share=_skill_share(priced, outcomes[has_odds]),
        market_pull=market_pull(priced[CANDIDATE], priced[BOOK], outcomes[has_odds]) if priced else None,
        slices=tuple(_slices(forecasts, outcomes, week, slices or {}, seed)),
        calibration=_calibration(forecasts[CANDIDATE], outcomes, seed),
        calibration_with_odds=_calibration(priced[CANDIDATE], outcomes[has_odds], seed) if priced else {},
        markets=markets,
    )


def _calibration(
    probabilities: NDArray[np.float64], outcomes: NDArray[np.int8], seed: int
) -> dict[str, ClassCalibration]:
    return {
        name: class_calibration(probabilities[:, number], outcomes == number, seed)
        for number, name in enumerate(OUTCOMES)
    }


def _skill_share(priced: Mapping[str, NDArray[np.float64]], outcomes: NDArray[np.int8]) -> dict[str, float]:
    if not {PRIOR, BOOK} <= priced.keys():
        return {}
    losses = {name: log_loss(probabilities, outcomes) for name, probabilities in priced.items()}
    gap = losses[PRIOR] - losses[BOOK]
    # On a handful of rows the book may be no better than the prior: the share is undefined.
    return {name: (losses[PRIOR] - loss) / gap for name, loss in losses.items()} if gap > 0 else {}


def _slices(
    forecasts: Mapping[str, NDArray[np.float64]],
    outcomes: NDArray[np.int8],
    week: NDArray[np.int64],
    slices: Mapping[str, NDArray[np.str_]],
    seed: int,
) -> Iterator[SliceScore]:
    for dimension, part_of in slices.items():
        for part in np.unique(part_of).tolist():
            rows = part_of == part
            if rows.sum() < LEAST_SLICE:
                continue
            parts = {name: probabilities[rows] for name, probabilities in forecasts.items()}
            yield SliceScore(
                dimension=dimension,
                name=part,
                rows=int(rows.sum()),
                log_losses={
                    name: log_loss(probabilities, outcomes[rows]) for name, probabilities in parts.items()
                },
                differences=_differences(parts, outcomes[rows], week[rows], seed),
            )


def _differences(
    forecasts: Mapping[str, NDArray[np.float64]],
    outcomes: NDArray[np.int8],
    week: NDArray[np.int64],
    seed: int,
) -> dict[str, Difference]:
    if not forecasts or len(np.unique(week)) < 2:  # noqa: PLR2004  one week has no spread, so no interval
        return {}
    candidate = log_losses(forecasts[CANDIDATE], outcomes)
    return {
        name: paired_difference(candidate, log_losses(probabilities, outcomes), week, seed)
        for name, probabilities in forecasts.items()
        if name != CANDIDATE
    }
