"""Random numbers of a simulation, and the scores drawn from them: exact distributions."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from soccer_assets.football.projections.drawn_goals import play_match
from soccer_assets.football.projections.random_stream import normal, start_stream, uniform

_DRAWS = 20_000


def _stream(seed: int = 1, season: int = 0) -> np.ndarray:
    stream = np.empty(1, np.uint64)
    start_stream(stream, seed, season)
    return stream


def test_numbers_are_uniform_and_normal() -> None:
    """Each twentieth of both, the normal ones' tails, first four moments, and neighbours."""
    stream = _stream()
    levels = np.linspace(0.0, 1.0, 21)
    numbers = np.array([normal(stream) for _ in range(2 * _DRAWS)])
    ends = np.array([NormalDist().inv_cdf(level) for level in levels[1:-1]])
    for counts in (
        np.histogram([uniform(stream) for _ in range(2 * _DRAWS)], levels)[0],
        np.bincount(np.searchsorted(ends, numbers), minlength=20),
    ):
        assert counts.sum() == 2 * _DRAWS
        assert ((counts / (_DRAWS / 10) - 1) ** 2).sum() * _DRAWS / 10 < 45.3  # 19 degrees, p of .0006
    for moment, (value, variance) in enumerate(((0, 1), (1, 2), (0, 15), (3, 96)), 1):
        found = (numbers**moment).mean()
        assert found == pytest.approx(value, abs=4 * math.sqrt(variance / (2 * _DRAWS)))
    beyond = (np.abs(numbers) > 3.0).sum()  # .0027 of them
    assert beyond == pytest.approx(108, abs=42)
    assert abs((numbers[1:] * numbers[:-1]).mean()) < 4 / math.sqrt(2 * _DRAWS)


def test_a_season_has_numbers_of_its_own() -> None:
    """Of neighbours, in seed or season, none is the other one later on."""
    ones = [[uniform(one) for _ in range(50)] for one in (_stream(1, 0), _stream(1, 1), _stream(2, 0))]

    assert len({number for one in ones for number in one}) == 150
    again = _stream(1, 1)
    assert [uniform(again) for _ in range(50)] == ones[1]


@pytest.mark.parametrize(("home", "away", "rho"), [(1.5, 1.1, -0.1), (3.4, 0.4, 0.15), (5.5, 0.1, 0.0)])
def test_scores_are_those_of_the_weighted_grid(home: float, away: float, rho: float) -> None:
    """Two Poisson counts with the four lowest scores weighted; every cell expected at least 20 times."""
    stream, strength = _stream(3), np.zeros((2, 3))
    level, advantage = math.log(home * away) / 2, math.log(home / away)
    seen = np.zeros((17, 17))
    for _ in range(_DRAWS):
        seen[play_match(strength, 0, 1, level, advantage, rho, stream)] += 1

    goals = np.arange(17)
    factorials = np.array([math.factorial(number) for number in goals], float)
    grid = np.outer(*(np.exp(-mean) * mean**goals / factorials for mean in (home, away)))
    grid[:2, :2] *= [[1 - home * away * rho, 1 + home * rho], [1 + away * rho, 1 - rho]]
    expected = _DRAWS * grid
    often = expected >= 20
    deviations = (seen[often] - expected[often]) / np.sqrt(expected[often])
    assert np.abs(deviations).max() < 4.2
    assert seen[~often].sum() == pytest.approx(_DRAWS - expected[often].sum(), abs=4 * math.sqrt(_DRAWS / 50))
