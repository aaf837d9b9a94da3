"""Scores of the goal markets: over 2.5, Asian handicap, both to score, and home, draw or away at half-time.

All are read off the served score grid. Beside it stand the grid of the goal rates alone, before it is scaled
to the forecast's home, draw and away; the shares among the matches of the training; and closing prices. A bet
on a line is scored by what is decided: a returned stake does not count and half a stake counts half, so that
a probability is conditional on no push, as a price is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.football.first_half import first_half_shares
from soccer_assets.football.match_scores import GRID_GOALS, thinned
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.prices import PriceKind
from soccer_assets.football.ratings.parameters import DRAW_CORRELATIONS, match_kinds
from soccer_assets.football.score_grid import TOTAL_LINE, goal_columns, rates_grid, score_grid
from soccer_assets.modelling.calibration import equal_mass_bins, holm, p_calibrated
from soccer_assets.modelling.forecasters import BOOK, CANDIDATE, PRIOR, RATES
from soccer_assets.modelling.metrics import LEAST_PROBABILITY, Difference, iso_week_number, paired_difference
from soccer_assets.modelling.odds import devig_shin

OVER, HANDICAP, BOTH, HALF_TIME = "over_2_5", "asian_handicap", "both_to_score", "half_time"
MARKETS = (OVER, HANDICAP, BOTH, HALF_TIME)
TOTAL_LINES = tuple(goals + 0.5 for goals in range(7))
HANDICAP_LINES = tuple(halves / 2 for halves in range(-5, 6))
_ROWS_AT_A_TIME = 8_192
_COUNTS = np.arange(2 * GRID_GOALS - 1)
_LEADS = _COUNTS - (GRID_GOALS - 1)


class MarketScore(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of one market on the rows of the test window that settle it.

    Attributes:
        market: one of `MARKETS`.
        rows: matches with a decided bet; the handicap is the closing line where there is one, else the half
            goal at which the forecast's bet is most even.
        rows_with_odds: those with closing prices.
        log_losses: by forecaster, a decided stake.
        differences: log loss of the candidate minus that of each other forecaster.
        log_losses_with_odds: the same on the rows with prices, the book's among them.
        differences_with_odds: likewise.
    """

    market: str
    rows: int
    rows_with_odds: int
    log_losses: dict[str, float]
    differences: dict[str, Difference]
    log_losses_with_odds: dict[str, float]
    differences_with_odds: dict[str, Difference]


class LineCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """Calibration of the candidate on one line of a market.

    Attributes:
        line: goals added to the home side, total of goals, or the outcome at half-time.
        rows: matches on which a bet on it was decided.
        mean_p: mean probability.
        frequency: how often it happened.
        ece_10: distance of both in ten bins of equal mass.
        p_value: see `calibration.p_calibrated`.
        p_corrected: after Holm, over the lines of all markets.
    """

    market: str
    line: str
    rows: int
    mean_p: float
    frequency: float
    ece_10: float
    p_value: float
    p_corrected: float


class MarketCard(msgspec.Struct, frozen=True, kw_only=True):
    """The markets of a scorecard."""

    scores: tuple[MarketScore, ...]
    lines: tuple[LineCalibration, ...]


@dataclass(frozen=True, eq=False)
class GoalChances:
    """What a forecaster expects of n matches; of all matches alike where n is 1.

    Attributes:
        leads: (n, 31) probabilities of the home side's goals minus the away side's, -15 to 15.
        totals: (n, 31) of the goals of both, 0 to 30.
        both_score: (n,).
        half_time: (n, 3) home, draw and away.
    """

    leads: NDArray[np.float64]
    totals: NDArray[np.float64]
    both_score: NDArray[np.float64]
    half_time: NDArray[np.float64]

    @classmethod
    def of_grids(cls, grid: NDArray[np.float64], first_half: NDArray[np.float64]) -> Self:
        """Read off grids (n, 16, 16), whose goals fall in the first half with chances (n,)."""
        flat = grid.reshape(len(grid), GRID_GOALS**2)
        home, away = np.divmod(np.arange(GRID_GOALS**2), GRID_GOALS)
        half_time = np.empty((len(grid), 3))
        for share in np.unique(first_half).tolist():
            rows = first_half == share
            half_time[rows] = flat[rows] @ np.array(thinned(share, 0)).reshape(-1, 3)
        return cls(
            leads=flat @ np.eye(len(_LEADS))[home - away + GRID_GOALS - 1],
            totals=flat @ np.eye(len(_COUNTS))[home + away],
            both_score=grid[:, 1:, 1:].sum(axis=(1, 2)),
            half_time=half_time,
        )

    @classmethod
    def of_results(cls, matches: MatchTable) -> Self:
        """Shares among matches that are over, one row."""
        home, away = matches.home_goals.astype(int), matches.away_goals.astype(int)
        lead = np.clip(home - away, _LEADS[0], _LEADS[-1]) - _LEADS[0]
        half = half_time_outcomes(matches)
        at_half = np.bincount(half[half >= 0], minlength=3) + 1.0  # none may be impossible
        return cls(
            leads=np.bincount(lead, minlength=len(_LEADS))[None] / len(matches),
            totals=np.bincount(np.minimum(home + away, _COUNTS[-1]), minlength=len(_COUNTS))[None]
            / len(matches),
            both_score=np.array([((home > 0) & (away > 0)).mean()]),
            half_time=at_half[None] / at_half.sum(),
        )

    def for_rows(self, rows: int) -> Self:
        """One row's chances for each of so many rows."""
        return type(self)(*(np.repeat(getattr(self, field.name), rows, axis=0) for field in fields(self)))


def half_time_outcomes(matches: MatchTable) -> NDArray[np.int8]:
    """0 home, 1 draw, 2 away at half-time, (n,); -1 where it is unknown or above the final score."""
    half = np.stack([matches.home_goals_half_time, matches.away_goals_half_time], axis=1)
    full = np.stack([matches.home_goals, matches.away_goals], axis=1)
    is_known = ((half >= 0) & (half <= full)).all(axis=1)
    return np.where(is_known, 1 - np.sign(half[:, 0] - half[:, 1]), -1).astype(np.int8)


def market_card(
    matches: MatchTable,
    values: NDArray[np.float64],
    feature_names: tuple[str, ...],
    model_reads: tuple[str, ...],
    probabilities: NDArray[np.float64],
    learnt: MatchTable,
    seed: int = 0,
) -> MarketCard:
    """Score the markets of the candidate's forecasts.

    Args:
        matches: the n matches that are scored.
        values: (n, k) their features.
        feature_names: the k columns.
        model_reads: the columns that the candidate reads.
        probabilities: (n, 3) its home, draw and away.
        learnt: the matches of the training: the class prior, and the shares of goals before half-time.
        seed: of the bootstrap.
    """
    features = values[:, [feature_names.index(name) for name in goal_columns(model_reads)]]
    shares = _first_half_shares(learnt, matches)
    forecasts = {
        CANDIDATE: _chances(features, shares, probabilities),
        RATES: _chances(features, shares, None),
        PRIOR: GoalChances.of_results(learnt).for_rows(len(matches)),
    }
    week = iso_week_number(matches.kickoff)
    scores = (
        _over(matches, forecasts, week, seed),
        _handicap(matches, forecasts, week, seed),
        _both(matches, forecasts, week, seed),
        _half_time(matches, forecasts, week, seed),
    )
    return MarketCard(
        scores=tuple(score for score in scores if score.rows),
        lines=_corrected(_lines(matches, forecasts[CANDIDATE])),
    )


def decided(counts: NDArray[np.int64], lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a stake (m, 2) that is won and that is lost, where ``counts + lines`` above 0 wins.

    Args:
        counts: (m,) goals, such as the lead of the side that the bet is on.
        lines: (m,) in quarters of a goal, or one for all.
    """
    quarters = 4 * counts + np.rint(4 * lines).astype(np.int64)
    return np.stack([np.clip(quarters / 2.0, 0.0, 1.0), np.clip(-quarters / 2.0, 0.0, 1.0)], axis=-1)


def _chances(
    features: NDArray[np.float64], shares: NDArray[np.float64], probabilities: NDArray[np.float64] | None
) -> GoalChances:
    """Of the grid that is scaled to the probabilities, or of the rates alone."""
    parts = []
    for start in range(0, len(features), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        rates = np.exp(features[rows, :2])
        rho = DRAW_CORRELATIONS[match_kinds(features[rows, 2], features[rows, 3])]
        if probabilities is None:
            grid = rates_grid(rates[:, 0], rates[:, 1], rho)
            grid /= grid.sum(axis=(1, 2), keepdims=True)
        else:
            grid = score_grid(rates[:, 0], rates[:, 1], rho, probabilities[rows])
        parts.append(GoalChances.of_grids(grid, shares[rows]))
    names = [field.name for field in fields(GoalChances)]
    return GoalChances(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _first_half_shares(learnt: MatchTable, matches: MatchTable) -> NDArray[np.float64]:
    known = learnt.take(half_time_outcomes(learnt) >= 0)
    codes, number = np.unique(known.competition.astype(np.str_), return_inverse=True)
    first = np.bincount(number, known.home_goals_half_time + known.away_goals_half_time, len(codes))
    both = np.bincount(number, known.home_goals + known.away_goals, len(codes))
    found = first_half_shares(zip(codes.tolist(), map(int, first), map(int, both), strict=True))
    return np.array([found.of(code) for code in matches.competition.tolist()])


def _over(
    matches: MatchTable, forecasts: Mapping[str, GoalChances], week: NDArray[np.int64], seed: int
) -> MarketScore:
    is_over = matches.home_goals + matches.away_goals > TOTAL_LINE
    p = {name: _of_line(chances.totals, _COUNTS, -TOTAL_LINE) for name, chances in forecasts.items()}
    stakes = np.stack([is_over, ~is_over], axis=1).astype(float)
    return _scored(OVER, p, stakes, week, seed, _closing(matches, "over_price", "under_price"))


def _handicap(
    matches: MatchTable, forecasts: Mapping[str, GoalChances], week: NDArray[np.int64], seed: int
) -> MarketScore:
    prices = _closing(matches, "home_handicap_price", "away_handicap_price")
    quoted = np.isfinite(prices).all(axis=1)
    lines = np.where(quoted, matches.handicap, _even_lines(forecasts[CANDIDATE].leads))
    p = {name: _of_line(chances.leads, _LEADS, lines) for name, chances in forecasts.items()}
    stakes = decided(matches.home_goals.astype(np.int64) - matches.away_goals, lines)
    return _scored(HANDICAP, p, stakes, week, seed, prices)


def _both(
    matches: MatchTable, forecasts: Mapping[str, GoalChances], week: NDArray[np.int64], seed: int
) -> MarketScore:
    both = (matches.home_goals > 0) & (matches.away_goals > 0)
    p = {name: _with_rest(chances.both_score) for name, chances in forecasts.items()}
    return _scored(BOTH, p, np.stack([both, ~both], axis=1).astype(float), week, seed, None)


def _half_time(
    matches: MatchTable, forecasts: Mapping[str, GoalChances], week: NDArray[np.int64], seed: int
) -> MarketScore:
    outcome = half_time_outcomes(matches)
    stakes = np.eye(3)[np.maximum(outcome, 0)] * (outcome >= 0)[:, None]
    return _scored(
        HALF_TIME, {name: chances.half_time for name, chances in forecasts.items()}, stakes, week, seed, None
    )


def _closing(matches: MatchTable, *names: str) -> NDArray[np.float64]:
    """Prices (n, 2) that are averages at kickoff, as the market is; NaN where there are none."""
    is_closing = matches.goal_price_kind == PriceKind.CLOSING_AVERAGE
    return np.where(is_closing[:, None], np.stack([getattr(matches, name) for name in names], axis=1), np.nan)


def _even_lines(leads: NDArray[np.float64]) -> NDArray[np.float64]:
    """The half goal (n,) at which a bet on the home side is most even."""
    lines = np.arange(-5.5, 6.0)
    p = np.stack([_of_line(leads, _LEADS, line)[:, 0] for line in lines], axis=1)
    found: NDArray[np.float64] = lines[np.abs(p - 0.5).argmin(axis=1)]
    return found


def _of_line(
    chances: NDArray[np.float64], counts: NDArray[np.int64], lines: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Probabilities (n, 2) that a bet is won and lost, given that it is decided."""
    parts = decided(counts, np.asarray(lines, float)[..., None])
    mass = chances @ parts if np.ndim(lines) == 0 else np.einsum("nk,nks->ns", chances, parts)
    decided_mass: NDArray[np.float64] = mass / mass.sum(axis=1, keepdims=True)
    return decided_mass


def _with_rest(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([p, 1.0 - p], axis=1)


def _scored(
    market: str,
    p: Mapping[str, NDArray[np.float64]],
    stakes: NDArray[np.float64],
    week: NDArray[np.int64],
    seed: int,
    prices: NDArray[np.float64] | None,
) -> MarketScore:
    """Score probabilities (n, c) by forecaster on stakes (n, c): the part of a bet that each class wins."""
    rows = stakes.any(axis=1)
    losses = {name: _losses(chances[rows], stakes[rows]) for name, chances in p.items()}
    quoted = np.zeros(len(stakes), np.bool_) if prices is None else np.isfinite(prices).all(axis=1) & rows
    with_odds = {name: _losses(chances[quoted], stakes[quoted]) for name, chances in p.items()}
    if prices is not None and quoted.any():
        with_odds[BOOK] = _losses(devig_shin(prices[quoted]), stakes[quoted])
    return MarketScore(
        market=market,
        rows=int(rows.sum()),
        rows_with_odds=int(quoted.sum()),
        log_losses={name: float(loss.mean()) for name, loss in losses.items() if len(loss)},
        differences=_differences(losses, week[rows], seed),
        log_losses_with_odds={name: float(loss.mean()) for name, loss in with_odds.items() if len(loss)},
        differences_with_odds=_differences(with_odds, week[quoted], seed),
    )


def _losses(p: NDArray[np.float64], stakes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log loss (n,) of each match, whose mean is that of a decided stake."""
    losses: NDArray[np.float64] = -(stakes * np.log(np.maximum(p, LEAST_PROBABILITY))).sum(axis=1)
    if len(losses):
        losses /= stakes.sum(axis=1).mean()
    return losses


def _differences(
    losses: Mapping[str, NDArray[np.float64]], week: NDArray[np.int64], seed: int
) -> dict[str, Difference]:
    if len(np.unique(week)) < 2:  # noqa: PLR2004  one week has no spread, so no interval
        return {}
    return {
        name: paired_difference(losses[CANDIDATE], loss, week, seed)
        for name, loss in losses.items()
        if name != CANDIDATE
    }


def _lines(matches: MatchTable, served: GoalChances) -> Iterator[LineCalibration]:
    home, away = matches.home_goals.astype(np.int64), matches.away_goals.astype(np.int64)
    every = np.ones(len(matches), np.bool_)
    for line in TOTAL_LINES:
        p = _of_line(served.totals, _COUNTS, -line)[:, 0]
        yield _line(OVER.partition("_")[0], f"{line}", p, home + away > line, every)
    for line in HANDICAP_LINES:
        p = _of_line(served.leads, _LEADS, line)[:, 0]
        lead = home - away + line
        yield _line(HANDICAP, f"{line:+}", p, lead > 0, lead != 0)
    yield _line(BOTH, "yes", served.both_score, (home > 0) & (away > 0), every)
    at_half = half_time_outcomes(matches)
    for number, outcome in enumerate(OUTCOMES):
        yield _line(HALF_TIME, outcome, served.half_time[:, number], at_half == number, at_half >= 0)


def _line(
    market: str, line: str, p: NDArray[np.float64], happened: NDArray[np.bool_], rows: NDArray[np.bool_]
) -> LineCalibration:
    p, happened = p[rows], happened[rows]
    excess = np.bincount(equal_mass_bins(p, 10), happened - p)
    p_value = p_calibrated(p, happened)
    return LineCalibration(
        market=market,
        line=line,
        rows=len(p),
        mean_p=float(p.mean()) if len(p) else 0.0,
        frequency=float(happened.mean()) if len(p) else 0.0,
        ece_10=float(np.abs(excess).sum() / max(len(p), 1)),
        p_value=p_value,
        p_corrected=p_value,
    )


def _corrected(lines: Iterator[LineCalibration]) -> tuple[LineCalibration, ...]:
    found = [line for line in lines if line.rows]
    corrected = holm([line.p_value for line in found])
    return tuple(
        msgspec.structs.replace(line, p_corrected=p) for line, p in zip(found, corrected, strict=True)
    )
