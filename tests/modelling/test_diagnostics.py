"""What a fitted model shows of itself."""

import numpy as np
import pytest

from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.diagnostics import feature_gains, learning_curve
from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.metrics import log_loss
from soccer_assets.modelling.training import fit_candidate, fit_elo_textbook
from tests.modelling.helpers import NAMES, drawn, made_up

ROWS = 6_000
VALUES, _, _ = made_up(ROWS)
PART = np.arange(ROWS)
SPLIT = Split(train=PART < 4_500, calibration=PART >= 4_500, test=PART < 0)


@pytest.fixture(scope="module")
def bent():
    """Form helps the home side only above 1: a step that no logit on form can make."""
    chances = np.where(VALUES[:, 1:2] > 0, [0.7, 0.2, 0.1], [0.3, 0.3, 0.4])
    outcomes = drawn(chances, np.random.default_rng(1))
    return fit_candidate(VALUES, outcomes, SPLIT, NAMES), outcomes


def test_the_curve_leads_from_the_logit_to_the_model(bent):
    """It starts at the loss of the logit alone, ends at the model's own, and falls in between."""
    model, outcomes = bent
    rows = SPLIT.calibration

    curve = learning_curve(model, VALUES[rows], outcomes[rows])

    assert curve[0] == (
        0,
        pytest.approx(log_loss(np.exp(log_softmax(model.margins(VALUES[rows], 0))), outcomes[rows])),
    )
    assert curve[-1][0] == max(model.rounds)
    assert curve[-1][1] == pytest.approx(
        log_loss(model.predict_proba(VALUES[rows]), outcomes[rows]), abs=1e-6
    )
    assert curve[-1][1] < curve[0][1] - 0.001


def test_gains_name_the_feature_that_the_trees_use(bent):
    """The step lies in form: nearly all gain is its."""
    gains = feature_gains(bent[0])

    assert next(iter(gains)) == "form"
    assert gains["form"] > 0.5
    assert sum(gains.values()) == pytest.approx(1.0)


def test_a_model_without_trees_has_a_point_and_no_gains():
    """The textbook has nothing to add."""
    outcomes = made_up(ROWS)[1]
    elo = fit_elo_textbook(VALUES, outcomes, SPLIT.train, NAMES)

    assert len(learning_curve(elo, VALUES, outcomes)) == 1
    assert feature_gains(elo) == {}
