"""The scorecard on made-up forecasts."""

import msgspec
import numpy as np
import pytest

from soccer_assets.modelling.metrics import log_loss
from soccer_assets.modelling.scorecard import Scorecard, score
from tests.modelling.helpers import made_up

ROWS = 2_000
_, OUTCOMES, TRUTH = made_up(ROWS, seed=3)
KICKOFF = np.arange(ROWS, dtype=np.int64) * 3_600
FLAT = np.full((ROWS, 3), 1 / 3)


def test_forecasters_are_compared_on_the_same_rows():
    """Candidate minus prior is the difference of their log losses, and its interval excludes 0."""
    card = score(OUTCOMES, KICKOFF, {"candidate": TRUTH, "prior": FLAT})

    gap = card.differences["prior"]
    assert gap.mean == pytest.approx(log_loss(TRUTH, OUTCOMES) - np.log(3))
    assert gap.low < gap.mean < gap.high < 0
    assert card.rows == gap.rows == ROWS
    assert card.forecasters_with_odds == {}


def test_the_book_is_scored_where_prices_are():
    """Only rows with all three prices count, for every forecaster."""
    odds = np.where(np.arange(ROWS)[:, None] % 2 == 0, 0.95 / TRUTH, np.nan)

    card = score(OUTCOMES, KICKOFF, {"candidate": FLAT}, odds)

    assert card.rows_with_odds == ROWS // 2
    assert {part.rows for part in card.forecasters_with_odds.values()} == {ROWS // 2}
    assert card.forecasters_with_odds["book"].log_loss == pytest.approx(
        log_loss(TRUTH[::2], OUTCOMES[::2]), abs=0.01
    )
    assert card.differences_with_odds["book"].low > 0


def test_the_skill_share_is_the_part_of_the_way_from_prior_to_book():
    """A forecaster half as good as the book has 1/2; the prior has none of it, the book all."""
    odds = 1 / TRUTH
    half = np.sqrt(TRUTH * FLAT) / np.sqrt(TRUTH * FLAT).sum(axis=1, keepdims=True)

    card = score(OUTCOMES, KICKOFF, {"candidate": half, "prior": FLAT}, odds)

    losses = {name: metrics.log_loss for name, metrics in card.forecasters_with_odds.items()}
    way = losses["prior"] - losses["book"]
    assert card.skill_share == pytest.approx(
        {"prior": 0.0, "candidate": (losses["prior"] - losses["candidate"]) / way, "book": 1.0}
    )
    assert score(OUTCOMES, KICKOFF, {"candidate": half, "prior": FLAT}).skill_share == {}


def test_slices_cut_the_same_rows():
    """Each part has its own losses and differences; parts of fewer than 200 rows are left out."""
    part = np.where(np.arange(ROWS) < 1_850, "most", "few")

    card = score(OUTCOMES, KICKOFF, {"candidate": TRUTH, "prior": FLAT}, slices={"tier": part})

    (most,) = card.slices
    assert (most.dimension, most.name, most.rows) == ("tier", "most", 1_850)
    assert most.log_losses["candidate"] == pytest.approx(log_loss(TRUTH[:1_850], OUTCOMES[:1_850]))
    assert most.differences["prior"].mean == pytest.approx(most.log_losses["candidate"] - np.log(3))


def test_a_scorecard_survives_json():
    """What is logged with a model can be read again."""
    card = score(OUTCOMES, KICKOFF, {"candidate": TRUTH, "prior": FLAT})

    assert msgspec.json.decode(msgspec.json.encode(card), type=Scorecard) == card


def test_one_week_claims_no_difference():
    """Where all matches lie in one week, scores are given and differences are not."""
    card = score(OUTCOMES, np.zeros(ROWS, np.int64), {"candidate": TRUTH, "prior": FLAT})

    assert card.differences == {}
    assert card.forecasters["candidate"].rows == ROWS


def test_a_candidate_must_be_there():
    """Without a candidate there is nothing to compare."""
    with pytest.raises(ValueError, match="candidate"):
        score(OUTCOMES, KICKOFF, {"prior": FLAT})
