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

# Layers of the ziggurat, and for these many the edge of the lowest one and the area of each.
_LAYERS = 128
_LAYER_BITS = np.uint64(_LAYERS - 1)
_EDGE, _AREA = 3.442619855899, 9.91256303526217e-3


def _edges() -> NDArray[np.float64]:
    """(_LAYERS + 1,) where each layer ends on the right, from the lowest one, which has the tail, up."""
    edges = np.zeros(_LAYERS + 1)
    density = math.exp(-0.5 * _EDGE * _EDGE)
    edges[0], edges[1] = _AREA / density, _EDGE
    for layer in range(2, _LAYERS):
        density += _AREA / edges[layer - 1]
        edges[layer] = math.sqrt(-2.0 * math.log(density))
    return edges


_EDGES = _edges()


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
def normal(stream: NDArray[np.uint64]) -> float:
    """A standard normal number, by the ziggurat (Marsaglia & Tsang, 2000, as corrected by Doornik, 2005).

    The density is covered by layers of equal area; 98 of 100 draws end after a comparison.
    """
    while True:
        bits = _next(stream)
        layer = np.int64(bits & _LAYER_BITS)  # not of the bits of the number below
        share = 2.0 * ((bits >> _BITS_11) * _UNIT) - 1.0
        x = share * _EDGES[layer]
        if abs(x) < _EDGES[layer + 1]:
            return x
        if layer == 0:
            return _tail(stream) if share > 0.0 else -_tail(stream)
        above = math.exp(-0.5 * (_EDGES[layer] * _EDGES[layer] - x * x))
        below = math.exp(-0.5 * (_EDGES[layer + 1] * _EDGES[layer + 1] - x * x))
        if below + uniform(stream) * (above - below) < 1.0:
            return x


@compiled
def _tail(stream: NDArray[np.uint64]) -> float:
    """A normal number beyond the lowest layer's edge (Marsaglia, 1964)."""
    while True:
        x = -math.log(1.0 - uniform(stream)) / _EDGE
        if -2.0 * math.log(1.0 - uniform(stream)) > x * x:
            return _EDGE + x
