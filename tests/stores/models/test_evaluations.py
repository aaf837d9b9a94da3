"""Evaluations in the store."""

import pytest

from soccer_assets.modelling.forecasters import CANDIDATE, ELO
from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.promotion import PromotionDecision
from soccer_assets.modelling.promotion_policy import Gate
from soccer_assets.modelling.scorecard import Metrics, Scorecard
from soccer_assets.stores.models.evaluations import Evaluation, MissingEvaluationError, Scorecards


def metrics(log_loss: float) -> Metrics:
    """Scores of a forecaster on 100 rows."""
    return Metrics(
        rows=100, log_loss=log_loss, rps=0.2, brier_score=0.6, accuracy=0.5, ece_15=0.01, mean_p_draw=0.25
    )


EVALUATION = Evaluation(
    candidate_version="8",
    champion_version=None,
    scorecard=Scorecard(
        rows=100,
        rows_with_odds=50,
        first_kickoff=0,
        last_kickoff=86_400,
        forecasters={CANDIDATE: metrics(1.01), ELO: metrics(1.02)},
        forecasters_with_odds={CANDIDATE: metrics(0.99)},
        differences={ELO: Difference(-0.01, -0.02, 0.0, 100)},
        differences_with_odds={},
        ece_15_noise=0.02,
        draw_rate=0.25,
    ),
    decision=PromotionDecision(
        promote=True, reason="every gate holds", gates=(Gate("better", True, -0.01, 0.0, "by 0.01"),)
    ),
)


def test_the_newest_evaluation_is_kept_whole(folder_store):
    """Before the first there is a message that names the job; then it reads back as it was written."""
    scorecards = Scorecards(folder_store)
    with pytest.raises(MissingEvaluationError, match="run the job retrain_model"):
        scorecards.current()
    scorecards.write(EVALUATION)

    assert scorecards.current() == EVALUATION


def test_a_version_carries_the_scores_of_its_forecaster(folder_store):
    """Scores on all rows, on rows with odds where there are any, and none for a version never judged."""
    scorecards = Scorecards(folder_store)
    scorecards.describe("8", CANDIDATE, EVALUATION)
    scorecards.describe("9", ELO, EVALUATION)

    assert {rows: scores["log_loss"] for rows, scores in scorecards.metrics_of("8").items()} == {
        "all": 1.01,
        "odds": 0.99,
    }
    assert list(scorecards.metrics_of("9")) == ["all"]
    # A count stays a count: 1218.0 matches are shown by every client of the manifest.
    assert type(scorecards.metrics_of("8")["all"]["rows"]) is int
    assert scorecards.metrics_of("10") == {}
