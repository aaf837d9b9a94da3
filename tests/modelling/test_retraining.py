"""When to train again: each reason fires for itself and only then."""

import datetime as dt

import msgspec
import numpy as np
import pytest

from soccer_assets.modelling.retraining import (
    AGE,
    DEFAULT_POLICY,
    DRIFT,
    METRIC,
    VOLUME,
    RetrainFacts,
    decide_retrain,
    excess_loss_sums,
    spiegelhalter_z,
)

NOW = dt.datetime(2025, 4, 25, 9, tzinfo=dt.UTC)
QUIET = RetrainFacts(
    trained_at=NOW - dt.timedelta(days=3),
    attempted_ago=dt.timedelta(days=3),
    is_busy=False,
    new_matches=499,
    settled=1_000,
    spiegelhalter_z=3.9,
)
DRIFTED = {"drift": "25 of 52 columns drifted", "drift_since": NOW - dt.timedelta(hours=2)}


def facts(**changes: object) -> RetrainFacts:
    """Facts that give no reason, but for ``changes``."""
    return msgspec.structs.replace(QUIET, **changes)


def test_nothing_fires_just_below_every_bound() -> None:
    """The sentence gives the distance to every bound."""
    decision = decide_retrain(QUIET, NOW)

    assert decision.reason is None
    assert decision.text == (
        "no trigger holds: 499 of 500 new matches since the training, 3 of 28 days of age, no drift report "
        "on "
        "this champion, log loss on 1000 settled matches (at least 200) +3.9 standard errors from expected "
        "(bound 4.0), e-value against textbook Elo 1 (bound 50)"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"is_busy": True},
        {"attempted_ago": dt.timedelta(hours=1)},
    ],
)
def test_a_skipped_tick_has_the_numbers_of_every_trigger(changes: dict[str, object]) -> None:
    """Matches, age, drift share, settled loss and e-value, each with its bound, whatever the obstacle."""
    text = decide_retrain(facts(drift_share=0.08, drift_bound=0.2, **changes), NOW).text

    for numbers in (
        "499 of 500 new matches",
        "3 of 28 days",
        "8% of the columns drifted (bound 20%)",
        "1000 settled matches (at least 200)",
        "+3.9 standard errors from expected (bound 4.0)",
        "e-value against textbook Elo 1 (bound 50)",
    ):
        assert numbers in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"new_matches": 500}, VOLUME),
        ({"spiegelhalter_z": 4.1}, METRIC),
        ({"trained_at": NOW - dt.timedelta(days=28)}, AGE),
        ({"trained_at": NOW - dt.timedelta(days=28), "new_matches": 900, "spiegelhalter_z": 9.0}, METRIC),
        ({"spiegelhalter_z": 9.0, "settled": 199}, None),
        ({"evidence": 50.0}, METRIC),
        ({"evidence": 49.9}, None),
        (DRIFTED, DRIFT),
        (DRIFTED | {"drift_since": NOW - dt.timedelta(days=30)}, None),  # the last training saw it
        (DRIFTED | {"new_matches": 500}, DRIFT),
        (DRIFTED | {"evidence": 50.0}, METRIC),
        # The last training is two days old and did not help: wait for new matches.
        (
            DRIFTED | {"spiegelhalter_z": 9.0, "evidence": 99.0, "trained_at": NOW - dt.timedelta(days=2)},
            None,
        ),
    ],
)
def test_or_05_each_reason_fires_for_itself(changes: dict[str, object], reason: str | None) -> None:
    """Predecessor's risk OR-05, no retrain triggers: each passes its bound alone."""
    assert decide_retrain(facts(**changes), NOW).reason == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"is_busy": True},
        {"attempted_ago": DEFAULT_POLICY.cool_down - dt.timedelta(seconds=1)},
        {"trained_at": None},
    ],
)
def test_no_reason_counts_while_busy_cooling_down_or_before_the_first_model(
    changes: dict[str, object],
) -> None:
    """Every reason holds, and still no training starts."""
    urgent = {"new_matches": 10_000, "spiegelhalter_z": 50.0, "evidence": 1e9} | DRIFTED | changes

    decision = decide_retrain(facts(**urgent), NOW)

    assert decision.reason is None
    assert decision.text


def _settled(truth: np.ndarray, forecasts: np.ndarray, seed: int) -> float:
    """Spiegelhalter's z of ``forecasts`` on matches drawn from ``truth``."""
    drawn = (np.random.default_rng(seed).random(len(truth))[:, None] > truth.cumsum(axis=1)).sum(axis=1)
    losses = -np.log(forecasts[np.arange(len(forecasts)), drawn])
    return spiegelhalter_z(excess_loss_sums(forecasts, losses))


def test_z_of_calibrated_forecasts_is_standard_normal_and_of_overconfident_ones_large() -> None:
    """Over 300 seasons of 400 matches: mean 0, deviation 1; overconfident forecasts pass the bound."""
    truth = np.random.default_rng(1).dirichlet((4.5, 2.7, 2.8), size=400)
    right = np.array([_settled(truth, truth, seed) for seed in range(300)])
    assert abs(right.mean()) < 0.2
    assert 0.85 < right.std() < 1.15
    assert (right < DEFAULT_POLICY.largest_z).all()
    confident = truth**2.5 / (truth**2.5).sum(axis=1, keepdims=True)
    wrong = [_settled(truth, confident, seed) for seed in range(20)]
    assert min(wrong) > DEFAULT_POLICY.largest_z


def test_z_is_0_without_settled_matches() -> None:
    """An empty ledger and certain forecasts have no variance."""
    assert spiegelhalter_z(excess_loss_sums(np.empty((0, 3)), np.empty(0))) == 0.0
    assert spiegelhalter_z(excess_loss_sums(np.array([[1.0, 0.0, 0.0]]), np.zeros(1))) == 0.0
