"""Reasons add up to the forecast they explain."""

import numpy as np
import pytest

from soccer_assets.football.features import FEATURE_GROUPS, FEATURE_NAMES
from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.explanations import contributions, reasons
from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.training import fit_candidate
from tests.modelling.helpers import NAMES, made_up

ROWS = 4_000
VALUES, OUTCOMES, _ = made_up(ROWS)
PART = np.arange(ROWS)
SPLIT = Split(train=PART < 3_000, calibration=PART >= 3_000, test=PART < 0)
GROUPS = {"elo_textbook_gap": "strength", "form": "recent form"}


@pytest.fixture(scope="module", params=["elo_textbook", "xgboost_on_logit"])
def model(request):
    return fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES, recipe=request.param)


def test_contributions_add_up_to_the_forecast(model):
    """Base and parts, through the softmax, are the probabilities."""
    parts, base = contributions(model, VALUES[:200])

    added = np.exp(log_softmax(base + parts.sum(axis=1)))

    assert added == pytest.approx(model.predict_proba(VALUES[:200]), abs=1e-5)
    assert (base == base[0]).all()


def test_contributions_of_national_teams_add_up_too():
    """Slopes of their own belong to the feature they are slopes of."""
    names = (*NAMES, "is_international")
    values = np.column_stack([VALUES, (np.arange(ROWS) % 3 == 0).astype(float)])
    national = fit_candidate(values, OUTCOMES, SPLIT, names)

    parts, base = contributions(national, values[:200])

    assert parts.shape == (200, len(names), 3)
    added = np.exp(log_softmax(base + parts.sum(axis=1)))
    assert added == pytest.approx(national.predict_proba(values[:200]), abs=1e-5)


def test_an_average_match_has_little_to_explain_and_a_strong_one_its_strength():
    """A gap of 400 points is the first reason and speaks for the home side; its mirror for the away side."""
    candidate = fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES)
    rows = np.array([[480.0, 0.0, 0.0], [-320.0, 0.0, 0.0], [80.0, 0.0, 0.0]])

    home, away, average = reasons(candidate, rows, GROUPS)

    assert home[0].group == away[0].group == "strength"
    assert home[0].log_odds > 1.5
    assert away[0].log_odds < -1.5
    assert home[0].text == f"strength: for the home side ({home[0].log_odds:.2f} log-odds)"
    assert away[0].text == f"strength: for the away side ({-away[0].log_odds:.2f} log-odds)"
    assert all(abs(reason.log_odds) < 0.3 for reason in average)


def test_the_logit_part_is_coefficient_times_distance_from_the_mean():
    """Without trees a column adds its weight times its distance in standard deviations."""
    candidate = fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES)
    logit = type(candidate)(candidate.recipe, NAMES, candidate.center, candidate.scale, candidate.weights)

    parts, base = contributions(logit, VALUES[:1])

    distance = (VALUES[0] - candidate.center) / candidate.scale
    assert parts[0] == pytest.approx(distance[:, None] * candidate.weights[1:])
    assert base[0] == pytest.approx(candidate.weights[0])


def test_reasons_are_few_and_in_order(model):
    """At most four, the strongest first, none below .02 log-odds."""
    for row in reasons(model, VALUES[:50], GROUPS):
        sizes = [max(abs(reason.log_odds), abs(reason.draw_log_odds)) for reason in row]

        assert len(row) <= 4
        assert sizes == sorted(sizes, reverse=True)
        assert all(size >= 0.02 for size in sizes)


def test_columns_of_another_model_are_refused(model):
    """A row of another width has no reasons."""
    with pytest.raises(ValueError, match="expected 3 features"):
        reasons(model, VALUES[:2, :2], GROUPS)


def test_every_feature_has_a_group():
    """Ratings are strength, their uncertainty is how well teams are known."""
    assert set(FEATURE_GROUPS) == set(FEATURE_NAMES)
    assert FEATURE_GROUPS["joint_log_odds"] == FEATURE_GROUPS["pi_gap"] == "strength"
    assert FEATURE_GROUPS["joint_home_uncertainty"] == "how well the teams are known"
    assert FEATURE_GROUPS["is_neutral"] == "neutral ground"
