"""Exact sums over settled matches, updated result by result.

Terms are rounded to whole units of 2^-40 (1e-12) and summed as integers. So sums do not depend on the order,
a corrected result can be subtracted and added again, and running sums equal recomputed ones to the bit.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

_UNITS = 2.0**40


class ExactSums(msgspec.Struct, frozen=True, kw_only=True):
    """Some sums over the same matches.

    Attributes:
        matches: how many.
        sums: each in units of 2^-40.
    """

    matches: int
    sums: tuple[int, ...]

    def __add__(self, other: "ExactSums") -> "ExactSums":
        """Over the matches of both."""
        return self._joined(other, 1)

    def __sub__(self, other: "ExactSums") -> "ExactSums":
        """Without the matches of another."""
        return self._joined(other, -1)

    def _joined(self, other: "ExactSums", sign: int) -> "ExactSums":
        pairs = zip(self.sums, other.sums, strict=True)
        return ExactSums(
            matches=self.matches + sign * other.matches,
            sums=tuple(own + sign * others for own, others in pairs),
        )

    @property
    def values(self) -> NDArray[np.float64]:
        """The sums as numbers."""
        return np.array(self.sums, np.float64) / _UNITS


def exact_sums(terms: NDArray[np.float64]) -> ExactSums:
    """Sums over the matches of ``terms``, (sums, n)."""
    return ExactSums(
        matches=terms.shape[1],
        sums=tuple(np.rint(terms * _UNITS).astype(np.int64).sum(axis=1).tolist()),
    )
