"""Rollback: equals stay, a bad champion goes, and two models never change places for ever."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from soccer_assets.modelling.rollback import (
    DEFAULT_POLICY,
    Facts,
    decide,
    duel_of,
    evidence_after_each,
    evidence_in,
    evidence_of,
)

# Five leagues of 20 clubs, one of 18 and so on: the big five play this many a season.
SEASON = 1_826
Forecasts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]
Models = Callable[[np.random.Generator, NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def _softmax(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    powers: NDArray[np.float64] = np.exp(margins)
    return powers / powers.sum(axis=1, keepdims=True)


def _season(seed: int, models: Models) -> Forecasts:
    """Champion, previous and outcomes of a season whose true margins `models` distort."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(0, [0.55, 0.12, 0.55], (SEASON, 3)) + np.array([0.45, -0.05, 0.0])
    drawn = rng.random(SEASON)[:, None] > _softmax(margins).cumsum(axis=1)
    champion, previous = models(rng, margins)
    return _softmax(champion), _softmax(previous), drawn.sum(axis=1).astype(np.int8)


def _rolled_back_after(models: Models, seasons: int) -> NDArray[np.float64]:
    """Matches until the evidence passes the bound, with a look after each; infinite where it never does."""
    after = []
    for seed in range(seasons):
        passed = np.flatnonzero(evidence_after_each(*_season(seed, models)) >= DEFAULT_POLICY.evidence)
        after.append(passed[0] + 1 if len(passed) else np.inf)
    return np.array(after)


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.6])
def test_over_200_seasons_of_equals_at_most_5_in_100_are_rolled_back(noise: float) -> None:
    """Two models that err equally, one looked at as the champion every day."""

    def equals(rng: np.random.Generator, truth: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        return truth + rng.normal(0, noise, truth.shape), truth + rng.normal(0, noise, truth.shape)

    after = _rolled_back_after(equals, 200)  # type: ignore[arg-type]  # two arrays

    assert np.isfinite(after).mean() <= 0.05


def test_a_better_champion_stays() -> None:
    """In none of 100 seasons does the true model give way to a noisy one."""
    better = _rolled_back_after(lambda rng, truth: (truth, truth + rng.normal(0, 0.3, truth.shape)), 100)

    assert np.isinf(better).all()


@pytest.mark.parametrize(
    ("bad", "median", "nine_in_ten"),
    [
        (lambda truth: truth[:, ::-1], 100, 200),  # home taken for away
        (lambda truth: 2 * truth, 350, 750),  # overconfident
        (lambda truth: np.tile(truth.mean(axis=0), (len(truth), 1)), 370, 800),  # the class prior
    ],
)
def test_a_deliberately_bad_champion_is_rolled_back_within_the_stated_matches(
    bad: Callable[[NDArray[np.float64]], NDArray[np.float64]], median: int, nine_in_ten: int
) -> None:
    """The bounds are the docstring's figures and a quarter."""
    after = _rolled_back_after(lambda _rng, truth: (bad(truth), truth), 100)

    assert np.median(after) <= median
    assert np.quantile(after, 0.9) <= nine_in_ten


def test_the_order_of_results_does_not_count_and_the_last_look_is_the_whole() -> None:
    """A result that arrives late changes nothing but its own factor, and one taken out leaves no trace."""
    noisy: Models = lambda rng, truth: (truth + rng.normal(0, 0.3, truth.shape), truth)  # noqa: E731
    champion, previous, outcomes = _season(3, noisy)
    shuffled = np.random.default_rng(0).permutation(SEASON)

    whole = evidence_of(champion, previous, outcomes)

    assert whole == evidence_of(champion[shuffled], previous[shuffled], outcomes[shuffled])
    first, rest = (duel_of(champion[one], previous[one], outcomes[one]) for one in np.split(shuffled, [700]))
    assert evidence_in(first + rest) == whole
    assert first + rest - rest == first
    assert whole == pytest.approx(evidence_after_each(champion, previous, outcomes)[-1])


def test_no_evidence_is_1_and_an_impossible_forecast_keeps_it_finite() -> None:
    """Nothing settled, equal models, and a champion that gave the outcome no chance at all."""
    some = np.full((4, 3), 1 / 3)
    impossible, outcomes = np.tile([0.0, 0.5, 0.5], (5_000, 1)), np.zeros(5_000, np.int8)
    assert evidence_of(some[:0], some[:0], outcomes[:0]) == 1.0
    assert evidence_of(some, some, outcomes[:4]) == 1.0
    sure = np.tile([1.0, 0.0, 0.0], (5_000, 1))
    assert np.isfinite(evidence_of(impossible, sure, outcomes))
    assert 0.0 <= evidence_of(sure, impossible, outcomes) < 1.0


WORSE = Facts(
    champion="7", previous="5", is_busy=False, matches=90, evidence=DEFAULT_POLICY.evidence, difference=0.0421
)


def test_the_decision_says_what_it_rests_on() -> None:
    """One sentence for the tick."""
    decision = decide(WORSE)

    assert decision.roll_back
    assert decision.text == (
        "log loss of version 7 minus version 5 on 90 settled matches +0.0421, evidence 50 (bound 50)"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"evidence": 49.9}, "bound 50"),
        ({"is_busy": True}, "under way"),
        ({"champion": None}, "no champion before"),
        ({"previous": None}, "no champion before"),
        ({"champion": "5", "previous": "7"}, "only a promotion replaces it"),
        ({"champion": "5", "previous": "5"}, "only a promotion replaces it"),
    ],
)
def test_otherwise_the_champion_stays_and_the_tick_says_why(change: dict[str, object], why: str) -> None:
    """No evidence, a run under way, nobody to go back to, or a champion that came back itself."""
    decision = decide(msgspec.structs.replace(WORSE, **change))

    assert not decision.roll_back
    assert why in decision.text
