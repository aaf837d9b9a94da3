"""The compiled random numbers of a simulation: a stream of its own for each season, a few ns a number.

SplitMix64 (Steele, Lea & Flood, 2014), whose state is one word: a season's numbers follow from the seed and
the number of the season, whatever was simulated before it or beside it. numba's own generator takes 10 ns a
uniform number and 40 a normal one, which was most of the time of a simulated season.
"""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

import math

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.compile_cache import compiled

# numba makes a float of an unsigned and a signed number: every constant is unsigned.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BITS_27, _BITS_30, _BITS_31 = np.uint64(27), np.uint64(30), np.uint64(31)
# A float has 53 bits.
_BITS_11, _UNIT = np.uint64(11), 2.0**-53


@compiled
def _next(stream: NDArray[np.uint64]) -> int:
    """64 random bits."""
    stream[0] += _STEP
    bits = stream[0]
    bits = (bits ^ (bits >> _BITS_30)) * _FIRST
    bits = (bits ^ (bits >> _BITS_27)) * _SECOND
    return bits ^ (bits >> _BITS_31)


@compiled
def start_stream(stream: NDArray[np.uint64], seed: int, season: int) -> None:
    """Begin the numbers of a season, in place.

    Args:
        stream: (1,) the state.
        seed: of the projection.
        season: its number, from 0.
    """
    stream[0] = np.uint64(seed)
    stream[0] = _next(stream) + np.uint64(season) * _STEP
    # Neighbours would be one stream, a number apart.
    stream[0] = _next(stream)


@compiled
def uniform(stream: NDArray[np.uint64]) -> float:
    """A number from 0 up to, not including, 1."""
    return (_next(stream) >> _BITS_11) * _UNIT


@compiled
def normal_pair(stream: NDArray[np.uint64]) -> tuple[float, float]:
    """Two independent standard normal numbers (Box & Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(stream)))
    angle = 2.0 * math.pi * uniform(stream)
    return radius * math.cos(angle), radius * math.sin(angle)
