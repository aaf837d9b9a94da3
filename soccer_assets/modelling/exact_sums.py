"""Sums over settled matches that are carried on from result to result.

They are kept in whole units of 2^-40 (1e-12): exact in any order, so that a sum which is carried on, and
which a corrected result has left and joined again, ends to the bit where one made anew does.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

_UNITS = 2.0**40


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Some sums over the same matches.

    Attributes:
        matches: how many.
        sums: each in units of 2^-40.
    """

    matches: int
    sums: tuple[int, ...]

    def __add__(self, other: "Tally") -> "Tally":
        """Over the matches of both."""
        return self._joined(other, 1)

    def __sub__(self, other: "Tally") -> "Tally":
        """Without the matches of another."""
        return self._joined(other, -1)

    def _joined(self, other: "Tally", sign: int) -> "Tally":
        pairs = zip(self.sums, other.sums, strict=True)
        return Tally(
            matches=self.matches + sign * other.matches,
            sums=tuple(own + sign * others for own, others in pairs),
        )

    @property
    def values(self) -> NDArray[np.float64]:
        """The sums as numbers."""
        return np.array(self.sums, np.float64) / _UNITS


def tally_of(terms: NDArray[np.float64]) -> Tally:
    """Sums over the matches of ``terms``, (sums, n)."""
    return Tally(
        matches=terms.shape[1],
        sums=tuple(np.rint(terms * _UNITS).astype(np.int64).sum(axis=1).tolist()),
    )
