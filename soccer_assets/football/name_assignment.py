"""The open spellings of a league assigned to its clubs at once."""

from collections.abc import Callable, Sequence

import numpy as np

from soccer_assets.football.club_names import Likeness, closeness

# What comes second, an assignment or a club, must be worse by this much closeness.
LEAST_MARGIN = 0.15
_IMPOSSIBLE = -100.0


def best_assignment(
    names: Sequence[str], clubs: Sequence[str], contradicted: Callable[[str, str], bool]
) -> dict[str, str]:
    """The best assignment of names to clubs, where the next best one is clearly worse.

    A linear sum assignment on closeness; a pair that is contradicted is left out.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - 60 ms, for the rare open spelling

    gain = np.array(
        [
            [_IMPOSSIBLE if contradicted(name, club) else closeness(name, club) for club in clubs]
            for name in names
        ]
    )
    rows, columns = linear_sum_assignment(gain, maximize=True)
    best, found = gain[rows, columns].sum(), {}
    for row, column in zip(rows, columns, strict=True):
        if gain[row, column] < Likeness.WEAK:
            continue
        without = gain.copy()
        without[row, column] = _IMPOSSIBLE
        if best - without[linear_sum_assignment(without, maximize=True)].sum() >= LEAST_MARGIN:
            found[names[row]] = clubs[column]
    return found
