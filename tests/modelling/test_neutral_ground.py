"""Neutral ground: forecasts and their reasons are the same whichever side is written first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import FEATURE_GROUPS, FEATURE_NAMES, compute_features
from soccer_assets.football.hypothetical_match import Pairing, pairing_features
from soccer_assets.modelling.dataset import Split, outcomes
from soccer_assets.modelling.explanations import contributions, reasons
from soccer_assets.modelling.fixtures import forecast_fixtures
from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.neutral_ground import forecast, mirrored
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, XGBOOST_ON_LOGIT, OutcomeModel
from soccer_assets.modelling.training import fit_candidate
from tests.football.helpers import random_table


@pytest.fixture(scope="module")
def state():
    """Teams after two seasons."""
    return compute_features(random_table(seed=4, count=300))[1]


def pairings(state, *, is_neutral):
    """Features of every pair of teams, and of the same pairs the other way round."""
    teams = state.team_names
    kickoff = state.as_of + 7 * 86_400
    both = [(home, away) for home in teams for away in teams if home < away]
    return [
        pairing_features(
            state,
            [
                Pairing(
                    home_team=home,
                    away_team=away,
                    kickoff=kickoff,
                    competition="TST-1",
                    season=state.season_names[-1],
                    tier=1,
                    is_neutral=is_neutral,
                )
                for home, away in pairs
            ],
        )
        for pairs in (both, [(away, home) for home, away in both])
    ]


def model(recipe):
    """A model that leans to the home side."""
    rng = np.random.default_rng(5)
    names = FEATURE_NAMES if recipe == XGBOOST_ON_LOGIT else ("elo_textbook_gap",)
    columns = len(names) if recipe == XGBOOST_ON_LOGIT else 2
    return OutcomeModel(
        recipe=recipe,
        feature_names=names,
        center=rng.normal(size=columns),
        scale=np.full(columns, 20.0),
        weights=np.vstack([[0.4, 0.0, -0.4], rng.normal(scale=0.3, size=(columns, 3))]),
        temperature=1.3,
    )


def columns(values, used):
    """Those columns that a model uses."""
    return values[:, [FEATURE_NAMES.index(name) for name in used.feature_names]]


def test_swapped_pairing_has_mirrored_features(state):
    """On neutral ground every feature of the swapped pair follows from those of the pair."""
    one, other = pairings(state, is_neutral=True)

    np.testing.assert_allclose(mirrored(one, FEATURE_NAMES), other, atol=1e-12)
    np.testing.assert_allclose(mirrored(mirrored(one, FEATURE_NAMES), FEATURE_NAMES), one)


@pytest.mark.parametrize("recipe", [XGBOOST_ON_LOGIT, ELO_TEXTBOOK])
def test_neutral_forecast_is_symmetric_and_differs_from_home(state, recipe):
    """Swapped teams swap the probabilities on neutral ground; at home the model speaks alone."""
    scored = model(recipe)
    one, other = (columns(values, scored) for values in pairings(state, is_neutral=True))
    at_home, _ = (columns(values, scored) for values in pairings(state, is_neutral=False))
    neutral, home = np.ones(len(one), bool), np.zeros(len(one), bool)

    np.testing.assert_allclose(
        forecast(scored, one, neutral), forecast(scored, other, neutral)[:, ::-1], atol=1e-12
    )
    np.testing.assert_array_equal(forecast(scored, at_home, home), scored.predict_proba(at_home))
    assert np.abs(forecast(scored, one, neutral) - forecast(scored, at_home, home)).max() > 0.01


def test_mixed_rows_are_each_treated_by_their_ground(state):
    """Neutral rows among others change only themselves."""
    scored = model(XGBOOST_ON_LOGIT)
    values = pairings(state, is_neutral=True)[0]
    mixed = np.arange(len(values)) % 2 == 0

    forecasts = forecast(scored, values, mixed)

    np.testing.assert_array_equal(forecasts[~mixed], scored.predict_proba(values)[~mixed])
    np.testing.assert_array_equal(
        forecasts[mixed], forecast(scored, values, np.ones(len(values), bool))[mixed]
    )


def test_reasons_of_a_neutral_match_add_up_to_its_forecast(state):
    """With the average of both orders, groups still sum to the log-odds of home against away."""
    scored = model(XGBOOST_ON_LOGIT)
    one, other = pairings(state, is_neutral=True)
    neutral = np.ones(len(one), bool)
    probabilities = forecast(scored, one, neutral)
    base = contributions(scored, one)[1]
    swapped_base = contributions(scored, other)[1][:, ::-1]
    parts = contributions(scored, one)[0].sum(axis=1) + contributions(scored, other)[0].sum(axis=1)[:, ::-1]

    np.testing.assert_allclose(np.exp(log_softmax((base + swapped_base + parts) / 2)), probabilities)
    for here, there in zip(
        reasons(scored, one, FEATURE_GROUPS, forecast(scored, one, neutral), neutral),
        reasons(scored, other, FEATURE_GROUPS, forecast(scored, other, neutral), neutral),
        strict=True,
    ):
        assert {reason.group: round(reason.log_odds, 9) for reason in here} == {
            reason.group: -round(reason.log_odds, 9) for reason in there
        }


def test_a_host_named_second_is_forecast_as_at_home_and_turned_back(state):
    """Probabilities, goals and reasons are those of the match at home, with the sides exchanged."""
    scored = model(XGBOOST_ON_LOGIT)
    at_home = pairings(state, is_neutral=False)[0]
    nowhere, everywhere = np.zeros(len(at_home), bool), np.ones(len(at_home), bool)

    plain = forecast_fixtures(scored, at_home, FEATURE_NAMES, nowhere, with_reasons=True)
    turned = forecast_fixtures(
        scored, at_home, FEATURE_NAMES, nowhere, with_reasons=True, is_turned=everywhere
    )

    np.testing.assert_array_equal(turned.probabilities, plain.probabilities[:, ::-1])
    for here, there in zip(plain.goals, turned.goals, strict=True):
        assert there.expected_home == pytest.approx(here.expected_away, abs=1e-12)
        assert there.expected_away == pytest.approx(here.expected_home, abs=1e-12)
        assert there.p_over_2_5 == pytest.approx(here.p_over_2_5, abs=1e-12)
    for named, other in zip(plain.reasons, turned.reasons, strict=True):
        assert {reason.group: round(reason.log_odds, 12) for reason in named} == {
            reason.group: -round(reason.log_odds, 12) for reason in other
        }
        assert [reason.draw_log_odds for reason in named] == [reason.draw_log_odds for reason in other]
    mixed = np.arange(len(at_home)) % 2 == 0
    some = forecast_fixtures(scored, at_home, FEATURE_NAMES, nowhere, with_reasons=False, is_turned=mixed)
    np.testing.assert_array_equal(some.probabilities[~mixed], plain.probabilities[~mixed])


@pytest.fixture(scope="module")
def trained():
    """The candidate's recipe with its trees, fitted on two seasons, and the state after them."""
    matches = random_table(seed=11, count=900)
    values, state = compute_features(matches)
    rows = np.flatnonzero(matches.trains)
    ordered = rows[np.argsort(matches.kickoff[rows], kind="stable")]
    calibration = np.isin(np.arange(len(matches)), ordered[-len(ordered) // 4 :])
    train = matches.trains & ~calibration
    labels = np.zeros(len(matches), np.int8)
    labels[rows] = outcomes(matches.take(rows))
    split = Split(train, calibration, np.zeros(len(matches), bool))
    fitted = fit_candidate(values.values, labels, split, FEATURE_NAMES)
    assert fitted.boosters
    return fitted, state


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_with_trees_exchanged_sides_have_exchanged_answers(trained, data):
    """Any two teams, day, season, tier and kind of match: probabilities, goals and reasons, to 1e-9."""
    fitted, state = trained
    home, away = data.draw(st.permutations(state.team_names))[:2]
    ahead = {
        "kickoff": state.as_of + data.draw(st.integers(0, 400 * 86_400)),
        "competition": data.draw(st.sampled_from([*state.competition_names, "NEW-CUP"])),
        "season": data.draw(st.sampled_from([state.season_names[-1], "2031"])),
        "tier": data.draw(st.integers(0, 4)),
        "is_international": data.draw(st.booleans()),
        "is_day_precision": data.draw(st.booleans()),
        "is_neutral": True,
    }
    both = [
        Pairing(home_team=first, away_team=second, **ahead) for first, second in ((home, away), (away, home))
    ]

    found = forecast_fixtures(
        fitted, pairing_features(state, both), FEATURE_NAMES, np.ones(2, bool), with_reasons=True
    )

    np.testing.assert_allclose(found.probabilities[0], found.probabilities[1, ::-1], rtol=0, atol=1e-9)
    one, other = found.goals
    assert one.expected_home == pytest.approx(other.expected_away, abs=1e-9)
    assert one.expected_away == pytest.approx(other.expected_home, abs=1e-9)
    assert one.p_over_2_5 == pytest.approx(other.p_over_2_5, abs=1e-9)
    assert {reason.group: reason.log_odds for reason in found.reasons[0]} == pytest.approx(
        {reason.group: -reason.log_odds for reason in found.reasons[1]}, abs=1e-6
    )
