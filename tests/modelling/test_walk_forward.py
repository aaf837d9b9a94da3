"""Walk-forward knows only what was known."""

from functools import partial

import numpy as np
import pytest

from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.modelling.training import fit_candidate
from soccer_assets.modelling.walk_forward import walk_forward
from tests.football.helpers import epoch, random_table

FIT = partial(fit_candidate, feature_names=FEATURE_NAMES, recipe="elo_textbook")
START, END = epoch("2024-02-05T00:00"), epoch("2024-02-26T00:00")


def trained_matches(count=400):
    matches = random_table(7, count, teams=12)
    features, _ = compute_features(matches)
    return matches, features.values


def walk(matches, values, **options):
    return walk_forward(matches, values, FIT, start=START, end=END, calibration_days=1, **options)


def test_every_match_of_the_period_is_predicted_once():
    """Rows are those that kick off from start to end, and no other."""
    matches, values = trained_matches()

    walked = walk(matches, values)

    inside = (matches.features_as_of >= START) & (matches.features_as_of < END)
    assert sorted(walked.rows) == np.flatnonzero(inside).tolist()
    assert walked.probabilities.sum(axis=1) == pytest.approx(1.0)
    assert walked.prior.sum(axis=1) == pytest.approx(1.0)


def test_results_of_a_week_do_not_reach_its_own_forecasts():
    """Turning every result from a week on leaves the forecasts of that week and before as they were."""
    matches, values = trained_matches()
    turn = START + 7 * 86_400
    is_later = matches.result_known_at > turn
    columns = {name: getattr(matches, name) for name in matches.__dataclass_fields__}
    turned = type(matches).from_columns(
        **columns
        | {
            "home_goals": np.where(is_later, matches.away_goals, matches.home_goals),
            "away_goals": np.where(is_later, matches.home_goals, matches.away_goals),
        }
    )

    before, after = walk(matches, values), walk(turned, values)

    same = matches.features_as_of[before.rows] < turn + 7 * 86_400
    assert before.probabilities[same].tobytes() == after.probabilities[same].tobytes()
    assert before.probabilities[~same].tobytes() != after.probabilities[~same].tobytes()


def test_refitting_less_often_predicts_the_same_matches():
    """With one fit for three weeks every match is still predicted, the first week's alike."""
    matches, values = trained_matches()

    weekly, once = walk(matches, values), walk(matches, values, refit_weeks=3)

    assert sorted(weekly.rows) == sorted(once.rows)
    first = {row: p.tobytes() for row, p in zip(once.rows, once.probabilities, strict=True)}
    is_first = matches.features_as_of[weekly.rows] < START + 7 * 86_400
    for row, p in zip(weekly.rows[is_first], weekly.probabilities[is_first], strict=True):
        assert p.tobytes() == first[row]


def test_a_period_without_matches_is_refused():
    """Nothing to predict is an error, not an empty proof."""
    matches, values = trained_matches(50)

    with pytest.raises(ValueError, match="no match lies between"):
        walk_forward(matches, values, FIT, start=END + 10**8, end=END + 10**8 + 1)
