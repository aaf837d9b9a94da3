"""Fitting and the model's bytes."""

import subprocess
import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.logit import fit_logit
from soccer_assets.modelling.metrics import class_prior, log_loss
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, OutcomeModel
from soccer_assets.modelling.training import ANCHOR_SHARE, SEEDS, fit_candidate, fit_elo_textbook, refit
from tests.modelling.helpers import NAMES, drawn, made_up

ROWS = 6_000
VALUES, OUTCOMES, TRUTH = made_up(ROWS)
PART = np.arange(ROWS)
SPLIT = Split(train=PART < 3_000, calibration=(PART >= 3_000) & (PART < 4_500), test=PART >= 4_500)


@pytest.fixture(scope="module")
def candidate():
    return fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES)


def test_the_logit_without_columns_gives_the_class_shares():
    """With an intercept alone, maximum likelihood is the frequency of each outcome."""
    weights = fit_logit(np.zeros((ROWS, 0)), OUTCOMES, l2=0.0)

    shares = np.exp(weights[0]) / np.exp(weights[0]).sum()

    assert shares == pytest.approx(class_prior(OUTCOMES), abs=1e-5)


def test_the_logit_finds_the_weights_that_made_the_outcomes():
    """Slopes between home and away come back within three standard errors."""
    weights = fit_logit(VALUES / [200.0, 1.0, 1.0], OUTCOMES, l2=0.0)

    assert weights[1:, 0] - weights[1:, 2] == pytest.approx([1.0, 0.4, 0.0], abs=0.2)


def test_with_few_matches_the_candidate_is_the_joint_goal_model():
    """Fifty matches against a prior of a thousand: slopes stay where the goal model has them."""
    names = ("joint_log_odds", "joint_draw_log_odds", "noise")
    rng = np.random.default_rng(3)
    values = np.column_stack([rng.normal(0.4, 0.8, 400), rng.normal(-0.3, 0.1, 400), rng.normal(0, 1, 400)])
    outcomes = rng.integers(0, 3, 400).astype(np.int8)
    rows = np.arange(400)
    few = fit_candidate(values, outcomes, Split(rows < 50, (rows >= 50) & (rows < 60), rows < 0), names)

    slopes = few.weights[1:] / few.scale[:, None]

    assert slopes[0] == pytest.approx([0.5, 0.0, -0.5], abs=0.03)
    assert slopes[1] == pytest.approx([-1 / 3, 2 / 3, -1 / 3], abs=0.15)
    assert slopes[2] == pytest.approx([0.0, 0.0, 0.0], abs=0.03)


def test_the_prior_yields_to_data():
    """With 100,000 matches that contradict the goal model, the data decide."""
    names = ("joint_log_odds", "joint_draw_log_odds")
    rng = np.random.default_rng(4)
    values = np.column_stack([rng.normal(0.4, 0.8, 100_000), rng.normal(-0.3, 0.1, 100_000)])
    outcomes = drawn(np.tile([0.2, 0.3, 0.5], (len(values), 1)), rng)

    fitted = fit_candidate(values, outcomes, _first(90_000, len(values)), names)

    assert fitted.predict_proba(values).mean(axis=0) == pytest.approx([0.2, 0.3, 0.5], abs=0.01)
    assert fitted.predict_proba(values).std(axis=0).max() < 0.02


def _first(count, rows):
    part = np.arange(rows)
    return Split(part < count, part >= count, part < 0)


@pytest.mark.parametrize("recipe", [ELO_TEXTBOOK, "xgboost_on_logit"])
def test_training_twice_gives_the_same_bytes(recipe):
    """A fit is a pure function of its rows and its seed."""
    first = fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES, recipe=recipe)
    second = fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES, recipe=recipe)

    assert first.to_bytes() == second.to_bytes()
    assert first.sha256 == second.sha256


def test_test_rows_do_not_touch_the_fit(candidate):
    """Whatever happened in the test window, the model is the same to the byte."""
    spoiled = np.where(SPLIT.test, 2, OUTCOMES).astype(np.int8)

    assert fit_candidate(VALUES, spoiled, SPLIT, NAMES).to_bytes() == candidate.to_bytes()


def test_forecasts_come_close_to_the_truth_and_beat_elo(candidate):
    """The candidate, which also reads form, beats textbook Elo, and no forecast beats the truth by much."""
    elo = fit_elo_textbook(VALUES, OUTCOMES, SPLIT.train, NAMES)
    happened = OUTCOMES[SPLIT.test]

    losses = [log_loss(model.predict_proba(VALUES[SPLIT.test]), happened) for model in (candidate, elo)]

    assert losses[0] < losses[1]
    assert losses[0] == pytest.approx(log_loss(TRUTH[SPLIT.test], happened), abs=0.005)


def test_probabilities_add_up_to_one(candidate):
    """Rows add up to 1 in double precision."""
    assert candidate.predict_proba(VALUES).sum(axis=1) == pytest.approx(1.0, abs=1e-12)


def test_one_row_scores_as_it_does_among_many(candidate):
    """Scoring in bulk and alone gives the same bits."""
    many = candidate.predict_proba(VALUES[:50])
    alone = np.vstack([candidate.predict_proba(VALUES[row : row + 1]) for row in range(50)])

    assert alone.tobytes() == many.tobytes()


def test_bytes_give_the_model_back(candidate):
    """A model read from its bytes has the same bytes and the same forecasts, to the bit."""
    read = OutcomeModel.from_bytes(candidate.to_bytes())

    assert read.to_bytes() == candidate.to_bytes()
    assert read.predict_proba(VALUES).tobytes() == candidate.predict_proba(VALUES).tobytes()


@pytest.mark.parametrize("data", [b"", b"garbage", msgspec.msgpack.encode(["another file", 1])])
def test_garbage_is_refused(data):
    """Bytes that are no model raise an error that says what to do."""
    with pytest.raises(ValueError, match="take the file of a release"):
        OutcomeModel.from_bytes(data)


@pytest.mark.parametrize(
    ("position", "value"),
    [(0, "soccer-assets outcome model 0"), (1, "coin"), (6, b"no trees"), (5, [[0, 0, 0]])],
)
def test_another_version_or_damage_is_refused(candidate, position, value):
    """A model of another version or with damaged parts never scores."""
    parts = msgspec.msgpack.decode(candidate.to_bytes())
    parts[position] = value

    with pytest.raises(ValueError, match=r"."):
        OutcomeModel.from_bytes(msgspec.msgpack.encode(parts))


def test_wrong_columns_and_missing_values_are_refused(candidate):
    """A row of another width or with NaN is an error that names what is wrong."""
    missing = VALUES[:2].copy()
    missing[1, 1] = np.nan

    with pytest.raises(ValueError, match="expected 3 features"):
        candidate.predict_proba(VALUES[:, :2])
    with pytest.raises(ValueError, match="'form' is not a finite number"):
        candidate.predict_proba(missing)


def test_a_temperature_is_kept_only_where_it_helps(candidate):
    """Well-made forecasts keep temperature 1; where calibration rows are random, forecasts are flattened."""
    random = np.where(SPLIT.calibration, drawn(np.full((ROWS, 3), 1 / 3), np.random.default_rng(0)), OUTCOMES)

    flattened = fit_candidate(VALUES, random.astype(np.int8), SPLIT, NAMES)

    assert candidate.temperature == 1.0
    assert flattened.temperature > 1.3


def test_the_boosters_are_averaged_on_the_margin(candidate):
    """Three seeds, three boosters that differ: the margins are the mean of those of each alone."""
    alone = [replace(candidate, trees=(trees,)).margins(VALUES) for trees in candidate.trees]

    assert len(candidate.trees) == SEEDS
    assert not np.array_equal(alone[0], alone[1])
    assert candidate.margins(VALUES) == pytest.approx(np.mean(alone, axis=0), abs=1e-6)


def test_the_textbook_has_its_share_of_the_margins(candidate):
    """The forecast is the weighted geometric mean of the trees' and of textbook Elo on the same rows."""
    textbook = fit_elo_textbook(VALUES, OUTCOMES, SPLIT.train, NAMES)
    own = replace(candidate, anchor=None)
    share = candidate.anchor_share

    mixed = (1 - share) * own.margins(VALUES) + share * np.log(textbook.predict_proba(VALUES))

    assert 0.0 < share < ANCHOR_SHARE + 0.1
    assert candidate.margins(VALUES) == pytest.approx(mixed, abs=0.03)
    assert refit(candidate, VALUES, OUTCOMES, SPLIT).to_bytes() == candidate.to_bytes()


def test_where_the_textbook_knows_better_it_gets_more(candidate):
    """Calibration rows drawn from the textbook's own forecast raise its share."""
    textbook = fit_elo_textbook(VALUES, OUTCOMES, SPLIT.train, NAMES).predict_proba(VALUES)
    redrawn = drawn(textbook, np.random.default_rng(7))

    other = fit_candidate(
        VALUES, np.where(SPLIT.calibration, redrawn, OUTCOMES).astype(np.int8), SPLIT, NAMES
    )

    assert other.anchor_share > candidate.anchor_share + 0.01


def test_a_file_of_one_booster_is_still_read(candidate):
    """What the first format wrote loads and forecasts as it did; the format of tomorrow is refused."""
    one = replace(candidate, trees=candidate.trees[:1], anchor=None, anchor_share=0.0)
    file = msgspec.msgpack.decode(one.to_bytes())
    first_format = msgspec.msgpack.encode(["soccer-assets outcome model 1", *file[1:6], file[6][0], file[7]])
    later = msgspec.msgpack.encode(["soccer-assets outcome model 3", *file[1:]])

    assert np.array_equal(
        OutcomeModel.from_bytes(first_format).predict_proba(VALUES), one.predict_proba(VALUES)
    )
    with pytest.raises(ValueError, match="another version"):
        OutcomeModel.from_bytes(later)


def test_refit_keeps_trees_and_temperature_and_learns_all_rows(candidate):
    """The winner's recipe on all rows: as many trees, other weights."""
    everything = np.ones(ROWS, np.bool_)
    whole = refit(candidate, VALUES, OUTCOMES, Split(everything, ~everything, ~everything))

    assert whole.rounds == candidate.rounds
    assert whole.temperature == candidate.temperature
    assert not np.array_equal(whole.weights, candidate.weights)


def test_a_constant_feature_is_harmless():
    """A home of one league has columns that never change."""
    constant = VALUES.copy()
    constant[:, 2] = 1.0

    model = fit_candidate(constant, OUTCOMES, SPLIT, NAMES)

    assert np.isfinite(model.predict_proba(constant)).all()


def test_empty_windows_and_unknown_recipes_are_named():
    """What cannot be fitted says why."""
    nothing = np.zeros(ROWS, np.bool_)

    with pytest.raises(ValueError, match="training window is empty"):
        fit_candidate(VALUES, OUTCOMES, Split(nothing, SPLIT.calibration, nothing), NAMES)
    with pytest.raises(ValueError, match="calibration window is empty"):
        fit_candidate(VALUES, OUTCOMES, Split(SPLIT.train, nothing, nothing), NAMES)
    with pytest.raises(ValueError, match="unknown recipe 'coin'"):
        fit_candidate(VALUES, OUTCOMES, SPLIT, NAMES, recipe="coin")


def test_the_textbook_model_scores_without_xgboost_and_numba():
    """A sidecar that lost its trees still answers: scoring textbook Elo imports neither."""
    code = (
        "import sys, numpy as np\n"
        "from soccer_assets.modelling.outcome_model import OutcomeModel\n"
        "model = OutcomeModel.from_bytes(sys.stdin.buffer.read())\n"
        "model.predict_proba(np.zeros((1, 3)))\n"
        "print([name for name in ('xgboost', 'numba', 'scipy', 'pandas') if name in sys.modules])\n"
    )
    model = fit_elo_textbook(VALUES, OUTCOMES, SPLIT.train, NAMES)

    done = subprocess.run(
        [sys.executable, "-c", code], input=model.to_bytes(), capture_output=True, check=True
    )

    assert done.stdout.decode().strip() == "[]"


def test_a_row_counts_as_its_weight_says():
    """Weights of whole numbers give the logit that repeated rows give; a row of weight 0 is not read."""
    counts = np.arange(ROWS) % 3
    repeated = np.repeat(np.arange(ROWS), counts)

    weighed = fit_logit(VALUES, OUTCOMES, 1e-4, row_weights=counts.astype(float))
    spoiled = np.where(counts == 0, 2, OUTCOMES).astype(np.int8)

    assert weighed == pytest.approx(fit_logit(VALUES[repeated], OUTCOMES[repeated], 1e-4), abs=1e-9)
    assert fit_logit(VALUES, spoiled, 1e-4, row_weights=counts.astype(float)) == pytest.approx(
        weighed, abs=1e-12
    )
    split = replace(SPLIT, weight=counts.astype(float))
    assert (
        fit_candidate(VALUES, spoiled, _on_train(split), NAMES).to_bytes()
        == fit_candidate(VALUES, OUTCOMES, _on_train(split), NAMES).to_bytes()
    )


def _on_train(split):
    """Calibration rows that every version of the outcomes shares."""
    return replace(split, calibration=split.calibration & (split.weight > 0))


def test_national_teams_have_slopes_of_their_own():
    """What form says of clubs and of national teams may differ; one logit learns both."""
    names = (*NAMES, "is_international")
    rng = np.random.default_rng(6)
    is_national = (np.arange(ROWS) % 4 == 0).astype(float)
    values = np.column_stack([VALUES, is_national])
    strength = values[:, 1] * np.where(is_national, -1.0, 1.0)
    margins = np.column_stack([strength, np.zeros(ROWS), -strength])
    outcomes = drawn(np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True), rng)

    model = fit_candidate(values, outcomes, SPLIT, names)

    form = np.column_stack([np.full(4, 80.0), [1, -1, 1, -1], np.zeros(4), [0, 0, 1, 1]])
    logit = model.logit_log_probabilities(form)
    assert logit[0, 0] - logit[0, 2] == pytest.approx(2.0, abs=0.5)
    assert logit[2, 0] - logit[2, 2] == pytest.approx(-2.0, abs=0.5)
    assert OutcomeModel.from_bytes(model.to_bytes()).margins(form).tobytes() == model.margins(form).tobytes()
