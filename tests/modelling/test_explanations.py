"""Reasons add up to the forecast they explain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import FEATURE_GROUPS, FEATURE_NAMES
from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.explanations import EVERYTHING_ELSE, HOME_GROUND, contributions, reasons
from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.neutral_ground import forecast, turned_back
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

    home, away, average = reasons(candidate, rows, GROUPS, candidate.predict_proba(rows))

    assert home[0].group == away[0].group == "strength"
    assert home[0].log_odds > 1.5
    assert away[0].log_odds < -1.5
    assert home[0].text.startswith(f"strength: for the home side ({home[0].log_odds:.2f} log-odds)")
    assert away[0].text.startswith(f"strength: for the away side ({-away[0].log_odds:.2f} log-odds)")
    assert all(abs(reason.log_odds) < 0.3 for reason in average if reason.group != HOME_GROUND)


def test_the_logit_part_is_coefficient_times_distance_from_the_mean():
    """Without trees a column adds its weight times its distance in standard deviations."""
    candidate = fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES)
    logit = type(candidate)(candidate.recipe, NAMES, candidate.center, candidate.scale, candidate.weights)

    parts, base = contributions(logit, VALUES[:1])

    distance = (VALUES[0] - candidate.center) / candidate.scale
    assert parts[0] == pytest.approx(distance[:, None] * candidate.weights[1:])
    assert base[0] == pytest.approx(candidate.weights[0])


def test_reasons_are_few_and_in_order(model):
    """At most four groups of .02 log-odds or more and the home ground, the strongest first; then the rest."""
    for row in reasons(model, VALUES[:50], GROUPS, model.predict_proba(VALUES[:50])):
        listed = [reason for reason in row if reason.group != EVERYTHING_ELSE]
        sizes = [max(abs(reason.log_odds), abs(reason.draw_log_odds)) for reason in listed]

        assert len(row) <= 6
        assert sizes == sorted(sizes, reverse=True)
        assert [reason.group for reason in listed].count(HOME_GROUND) == 1
        assert row[: len(listed)] == tuple(listed)
        assert all(
            size >= 0.02 for reason, size in zip(listed, sizes, strict=True) if reason.group != HOME_GROUND
        )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_listed_log_odds_are_the_forecasts_own(model, data):
    """Any features, on any ground: the sums are those of the probabilities, and no text says otherwise."""
    row = np.array([[data.draw(st.floats(-size, size)) for size in (900.0, 6.0, 6.0)]])
    is_neutral, is_turned = (np.array([data.draw(st.booleans())]) for _ in range(2))
    shown = turned_back(forecast(model, row, is_neutral), is_turned)
    home, draw, away = np.log(shown[0])

    [found] = reasons(model, row, {}, shown, is_neutral, is_turned)

    assert sum(reason.log_odds for reason in found) == pytest.approx(home - away, abs=1e-6)
    assert sum(reason.draw_log_odds for reason in found) == pytest.approx(draw - (home + away) / 2, abs=1e-6)
    first, second = (
        ("side named first", "side named second")
        if is_neutral[0] or is_turned[0]
        else ("home side", "away side")
    )
    for reason in found:
        assert (f"for the {first}" in reason.text) == (reason.log_odds >= 0.005)
        assert (f"for the {second}" in reason.text) == (reason.log_odds <= -0.005)
        assert ("for a draw" in reason.text) == (reason.draw_log_odds >= 0.005)
        assert ("against a draw" in reason.text) == (reason.draw_log_odds <= -0.005)
        assert f"{abs(reason.log_odds):.2f}" in reason.text or abs(reason.log_odds) < 0.005


def test_columns_of_another_model_are_refused(model):
    """A row of another width has no reasons."""
    with pytest.raises(ValueError, match="expected 3 features"):
        reasons(model, VALUES[:2, :2], GROUPS, np.full((2, 3), 1 / 3))


def test_every_feature_has_a_group():
    """Ratings are strength, their uncertainty is how well teams are known."""
    assert set(FEATURE_GROUPS) == set(FEATURE_NAMES)
    assert FEATURE_GROUPS["joint_log_odds"] == FEATURE_GROUPS["pi_gap"] == "strength"
    assert FEATURE_GROUPS["joint_home_uncertainty"] == "how well the teams are known"
    assert FEATURE_GROUPS["is_neutral"] == "neutral ground"
