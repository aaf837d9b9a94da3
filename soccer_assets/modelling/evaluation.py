"""Evaluation: a candidate's scorecard on the test window, and whether it is promoted.

Not here: the scores (``scorecard.py``), the promotion gates (``promotion.py``), storing
(``stores/models/evaluations.py``).
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.misread_dates import back_to_back_share
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.forecasters import CANDIDATE, ELO
from soccer_assets.modelling.information import information_of_model
from soccer_assets.modelling.leaks import OwnFacts
from soccer_assets.modelling.market_scores import market_card
from soccer_assets.modelling.metrics import log_losses
from soccer_assets.modelling.odds import devig_shin
from soccer_assets.modelling.promotion import PromotionDecision, PromotionFacts, decide_promotion
from soccer_assets.modelling.scorecard import Scorecard, score
from soccer_assets.modelling.slices import slices_of
from soccer_assets.modelling.training import SEED


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The scorecard of a candidate on the test window, and the promotion decision.

    Attributes:
        information: what the candidate has read, see `modelling.information`.
    """

    candidate_version: str
    champion_version: str | None
    scorecard: Scorecard
    decision: PromotionDecision
    information: str = ""


def evaluate(
    data: TrainingData,
    forecasts: Mapping[str, NDArray[np.float64]],
    *,
    candidate_version: str,
    feature_names: tuple[str, ...],
    champion_version: str | None,
    champion_recipe: str | None,
    own_facts: OwnFacts | None = None,
    feed: str = "",
) -> Evaluation:
    """Score every forecaster on the test rows and decide on the candidate's promotion.

    Args:
        data: rows, odds and split.
        forecasts: (n, 3) probabilities on the n test rows by forecaster.
        candidate_version: the candidate's version in the registry.
        feature_names: the columns that the candidate reads.
        champion_version: the champion's version; None before the first.
        champion_recipe: the champion's recipe; None before the first.
        own_facts: see `leaks.own_facts`; None where it was not tried.
        feed: the feed's name.

    Raises:
        KeyError: a forecaster that the gates compare with is missing.
    """
    test = data.split.test
    slices = slices_of(data.matches.take(test), data.values[test], data.feature_names)
    markets = market_card(
        data.matches.take(test),
        data.values[test],
        data.feature_names,
        feature_names,
        forecasts[CANDIDATE],
        data.matches.take(data.split.train | data.split.calibration),
        SEED,
    )
    scorecard = score(
        data.outcomes[test],
        data.matches.kickoff[test],
        dict(forecasts),
        data.odds[test],
        SEED,
        slices,
        markets,
    )
    facts = PromotionFacts(
        scorecard=scorecard,
        champion_recipe=champion_recipe,
        feature_names=feature_names,
        expected_feature_names=data.read,
        own_facts=own_facts,
        feed=feed,
        back_to_back_share=back_to_back_share(data.matches),
    )
    return Evaluation(
        candidate_version=candidate_version,
        champion_version=champion_version,
        scorecard=scorecard,
        decision=decide_promotion(facts),
        information=information_of_model(feature_names, data.matches.take(data.split.train)),
    )


def is_complete(scorecard: Scorecard) -> bool:
    """Whether every forecaster has a finite score on sufficiently many matches."""
    has_scores = np.isfinite([metrics.log_loss for metrics in scorecard.forecasters.values()]).all()
    return bool(scorecard.rows >= len(scorecard.forecasters) and has_scores)


def loss_differences(
    data: TrainingData, forecasts: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Log loss of the candidate minus textbook Elo's and the market's, (n,) each; NaN without a price."""
    outcomes, odds = data.outcomes[data.split.test], data.odds[data.split.test]
    candidate = log_losses(forecasts[CANDIDATE], outcomes)
    return {
        "textbook Elo": candidate - log_losses(forecasts[ELO], outcomes),
        "closing price": candidate - log_losses(devig_shin(odds), outcomes),
    }
