"""Sequential evidence that one forecaster's log loss is higher than another's.

The evidence is an e-process: the wealth of a bettor who stakes on "the champion's log loss is higher" and
cannot gain on average while it is not (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random
variables by betting", doi 10.1093/jrsssb/qkad009; for forecasters Choe & Ramdas 2024, "Comparing sequential
forecasters", doi 10.1287/opre.2021.0792). By Ville's inequality the probability that it ever reaches 1/a is
at most a, so it may be looked at after every match.
"""

import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.exact_sums import ExactSums, exact_sums
from soccer_assets.modelling.metrics import LEAST_PROBABILITY

# Stakes per nat of log loss. The best stake depends on how much worse the champion is, which is unknown.
_STAKES = np.geomspace(0.02, 1.0, 12)


_LARGEST_EXPONENT = 700.0


# The largest share of its wealth that a bet may lose on one match.
_MOST_LOST = 0.9


def e_value(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> float:
    """The e-value against "the champion's log loss is not higher"; 1 without matches.

    With d the champion's log loss minus the other's, E is the mean over fixed stakes s of prod(1 + s d). Each
    product is a supermartingale while the expected d is at most 0, and so is their mean. The largest loss on
    a match is known before its kickoff and caps the stake, so no factor reaches 0 and nothing is clipped. The
    order of the matches does not matter: a late result only adds its factor.

    In 200 simulated seasons of 1,826 matches, looked at after every match, at most 2 % of equal champions
    reach 50. A champion that swaps home and away reaches it after 80 matches (median; 90 % within 155, all
    within 300); one with doubled log odds after 280 (90 % within 600); one that always forecasts the class
    prior after 300 (640). A champion that is worse by only .012 is found in 60 % of the seasons
    (`tests/modelling/test_e_process.py`).

    Args:
        champion: probabilities (n, 3) of settled matches.
        previous: those of the other forecaster.
        outcomes: (n,) 0 home, 1 draw, 2 away.
    """
    return e_value_of_sums(comparison_sums(champion, previous, outcomes))


def comparison_sums(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> ExactSums:
    """Sums for `e_value_of_sums` and `mean_difference`; arguments as in `e_value`."""
    growth, difference = _log_factors(champion, previous, outcomes)
    return exact_sums(np.vstack([growth, difference]))


def e_value_of_sums(sums: ExactSums) -> float:
    """`e_value` the matches of a sums."""
    growth = sums.values[:-1]
    largest = float(growth.max())
    # Products of thousands of factors overflow: summed as logarithms, the largest factored out.
    return float(np.exp(min(largest, _LARGEST_EXPONENT)) * np.exp(growth - largest).mean())


def mean_difference(sums: ExactSums) -> float:
    """Mean log loss of the champion minus that of the other, nats; 0 without matches."""
    return float(sums.values[-1]) / sums.matches if sums.matches else 0.0


def running_e_values(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> NDArray[np.float64]:
    """`e_value` of the first 1, 2, ... n matches, (n,)."""
    growth = _log_factors(champion, previous, outcomes)[0].cumsum(axis=1)
    evidence: NDArray[np.float64] = np.exp(np.minimum(growth, _LARGEST_EXPONENT)).mean(axis=0)
    return evidence


def _log_factors(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log of each stake's factor at each match, (stakes, n), and the difference in log loss, (n,)."""
    least = LEAST_PROBABILITY
    ratios = np.log(np.maximum(previous, least)) - np.log(np.maximum(champion, least))
    difference = ratios[np.arange(len(outcomes)), outcomes]
    most_lost = np.maximum(-ratios.min(axis=1), least)
    growth: NDArray[np.float64] = np.log1p(np.minimum(_STAKES[:, None], _MOST_LOST / most_lost) * difference)
    return growth, difference
