"""Whether a model has read what it forecasts: its match's own price, score or statistics.

A model that reads its match's own price knows what the market knows and beats nothing, so that no alarm of
being too good goes off. Here: facts for the promotion gates (`promotion.py`), which hold the bounds.
"""

from dataclasses import fields, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import PRICE_KINDS, PRICES, MatchTable
from soccer_assets.modelling.dataset import TrainingData


class OwnFacts(msgspec.Struct, frozen=True):
    """Test rows whose own price, statistics and score were replaced, and those whose features moved."""

    rows: int
    changed: int


class MarketPull(msgspec.Struct, frozen=True):
    """The slope of the model's residuals on what the market adds to it, and the slope's standard error.

    Near 1 where the market knows more than the model; near 0 where the model has read the market's price and
    only noise lies between them.
    """

    slope: float
    error: float


def own_facts(data: TrainingData) -> OwnFacts:
    """Replace what the matches of one moment tell of themselves, and compare the features to the bit.

    The moment is the one with the most test matches under way: what they tell is known later, so that none of
    their features may move. All of them exchange score, statistics and price with each other.
    """
    matches, test = data.matches, np.flatnonzero(data.split.test)
    asked, known = matches.features_as_of, matches.result_known_at
    instants = np.unique(asked[test])
    under_way = np.searchsorted(np.sort(asked[test]), instants, "right")
    under_way -= np.searchsorted(np.sort(known[test]), instants, "right")
    moment = instants[int(under_way.argmax())]
    sample = test[(asked[test] <= moment) & (known[test] > moment)]
    seen = np.flatnonzero((asked <= moment) | (known <= moment))
    told = _exchanged(matches, sample).take(seen)
    found = compute_features(told)[0]
    rows = {match_id: row for row, match_id in enumerate(found.match_id.tolist())}
    again = found.values[[rows[match_id] for match_id in matches.match_id[sample].tolist()]]
    columns = [FEATURE_NAMES.index(name) for name in data.feature_names]
    again, stored = np.ascontiguousarray(again[:, columns]), np.ascontiguousarray(data.values[sample])
    differs = (again.view(np.int64) != stored.view(np.int64)).any(axis=1)
    return OwnFacts(rows=len(sample), changed=int(differs.sum()))


def _exchanged(matches: MatchTable, rows: NDArray[np.int64]) -> MatchTable:
    """The matches, score, statistics and price of these rows moved on by one row; made up for one alone."""
    columns = {}
    for name in (field.name for field in fields(matches)):
        if name in PRICES or name.endswith(("_goals", "_half_time", "_on_target", "_shots", "_corners")):
            values = getattr(matches, name).copy()
            values[rows] = np.roll(values[rows], 1) if len(rows) > 1 else values[rows] + 1
            columns[name] = values
        elif name in PRICE_KINDS:
            kinds = getattr(matches, name).copy()
            kinds[rows] = np.roll(kinds[rows], 1)
            columns[name] = kinds
    return replace(matches, **columns)


def market_pull(
    model: NDArray[np.float64], market: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> MarketPull:
    """Regress residuals on market minus model, in log-odds of each outcome, weighted as in a logit's step.

    Args:
        model: (n, 3) probabilities of the model.
        market: (n, 3) probabilities behind the matches' own prices.
        outcomes: (n,) 0 home, 1 draw, 2 away.
    """
    residual = np.eye(3)[outcomes] - model
    distance = _log_odds(market) - _log_odds(model)
    score = (distance * residual).sum(axis=1)
    information = float((distance**2 * model * (1.0 - model)).sum())
    if information == 0.0:
        return MarketPull(0.0, float("inf"))
    return MarketPull(float(score.sum() / information), float(np.sqrt((score**2).sum()) / information))


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    log_odds: NDArray[np.float64] = np.log(probabilities) - np.log1p(-probabilities)
    return log_odds
