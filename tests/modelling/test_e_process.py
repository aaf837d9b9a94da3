"""The e-process: equal models rarely reach the bound, a bad champion soon does."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from soccer_assets.modelling.e_process import comparison_sums, e_value, e_value_of_sums, running_e_values
from soccer_assets.modelling.rollback import DEFAULT_POLICY

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
        passed = np.flatnonzero(running_e_values(*_season(seed, models)) >= DEFAULT_POLICY.evidence)
        after.append(passed[0] + 1 if len(passed) else np.inf)
    return np.array(after)


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.6])
def test_equal_models_reach_the_bound_in_at_most_5_percent_of_200_seasons(noise: float) -> None:
    """Two equally noisy models, one of them the champion, with a look after every match."""

    def equals(rng: np.random.Generator, truth: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        return truth + rng.normal(0, noise, truth.shape), truth + rng.normal(0, noise, truth.shape)

    after = _rolled_back_after(equals, 200)  # type: ignore[arg-type]  # two arrays

    assert np.isfinite(after).mean() <= 0.05


def test_a_better_champion_never_reaches_the_bound() -> None:
    """In none of 100 seasons is the true model rolled back in favour of a noisy one."""
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
def test_a_bad_champion_reaches_the_bound_within_the_stated_matches(
    bad: Callable[[NDArray[np.float64]], NDArray[np.float64]], median: int, nine_in_ten: int
) -> None:
    """The bounds are the figures of the docstring plus a quarter."""
    after = _rolled_back_after(lambda _rng, truth: (bad(truth), truth), 100)

    assert np.median(after) <= median
    assert np.quantile(after, 0.9) <= nine_in_ten


def test_the_order_of_results_does_not_matter() -> None:
    """Sums of parts equal the whole, a subtracted part leaves no trace, and the last running value agrees."""
    noisy: Models = lambda rng, truth: (truth + rng.normal(0, 0.3, truth.shape), truth)  # noqa: E731
    champion, previous, outcomes = _season(3, noisy)
    shuffled = np.random.default_rng(0).permutation(SEASON)

    whole = e_value(champion, previous, outcomes)

    assert whole == e_value(champion[shuffled], previous[shuffled], outcomes[shuffled])
    first, rest = (
        comparison_sums(champion[rows], previous[rows], outcomes[rows]) for rows in np.split(shuffled, [700])
    )
    assert e_value_of_sums(first + rest) == whole
    assert first + rest - rest == first
    assert whole == pytest.approx(running_e_values(champion, previous, outcomes)[-1])


def test_the_e_value_is_1_without_evidence_and_always_finite() -> None:
    """No matches, equal models, and a champion that gave the outcome probability 0."""
    some = np.full((4, 3), 1 / 3)
    impossible, outcomes = np.tile([0.0, 0.5, 0.5], (5_000, 1)), np.zeros(5_000, np.int8)
    assert e_value(some[:0], some[:0], outcomes[:0]) == 1.0
    assert e_value(some, some, outcomes[:4]) == 1.0
    sure = np.tile([1.0, 0.0, 0.0], (5_000, 1))
    assert np.isfinite(e_value(impossible, sure, outcomes))
    assert 0.0 <= e_value(sure, impossible, outcomes) < 1.0
