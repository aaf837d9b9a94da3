"""Rollback: whether a new champion is so much worse than the one before that it must go.

The two are compared match by match on predictions made before each kickoff, and the comparison may be looked
at every day. The evidence is an e-process: a bet that the champion's log loss is higher, whose stake cannot
grow on average while it is not (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables
by betting", doi 10.1093/jrsssb/qkad009; for forecasters Choe and Ramdas 2024, "Comparing sequential
forecasters", doi 10.1287/opre.2021.0792). By Ville's inequality the chance that it ever reaches 1/a is at
most a, however often it is looked at.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.exact_sums import Tally, tally_of
from soccer_assets.modelling.metrics import LEAST_PROBABILITY

# Stakes on one nat of log loss: the best one depends on how bad the champion is, which is not known.
_STAKES = np.geomspace(0.02, 1.0, 12)
_LARGEST_EXPONENT = 700.0
# Of what it stands on a match no bet may lose more than this, whatever the outcome.
_MOST_LOST = 0.9


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The bound.

    Attributes:
        evidence: e-value from which the champion goes. 50 is passed by chance for at most 2 in 100 champions
            that are no worse than their predecessors.
    """

    evidence: float = 50.0


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision is made from.

    Attributes:
        champion: version of the champion; None before the first.
        previous: version of the one before; None where there was none.
        is_busy: whether a rollback or a training is queued or runs.
        matches: settled matches that both predicted before kickoff.
        evidence: `evidence_of` those; 1 where there are none.
        difference: mean log loss of the champion minus that of the one before.
    """

    champion: str | None
    previous: str | None
    is_busy: bool
    matches: int
    evidence: float
    difference: float


class Decision(msgspec.Struct, frozen=True):
    """Whether to go back now, and the sentence for the operator."""

    roll_back: bool
    text: str


DEFAULT_POLICY = Policy()


def decide(facts: Facts, policy: Policy = DEFAULT_POLICY) -> Decision:
    """Whether to go back to the champion before.

    Only a champion that came by a promotion can go: one that a rollback brought back is older than the one it
    replaced, and stays until a new candidate passes the gates. So two models never change places for ever.
    """
    if facts.champion is None or facts.previous is None:
        return Decision(False, "there is no champion before this one")
    if int(facts.champion) <= int(facts.previous):
        return Decision(
            False, f"version {facts.champion} came back by a rollback; only a promotion replaces it"
        )
    said = (
        f"log loss of version {facts.champion} minus version {facts.previous} on {facts.matches} settled "
        f"matches {facts.difference:+.4f}, evidence {facts.evidence:.3g} (bound {policy.evidence:.0f})"
    )
    if facts.is_busy:
        return Decision(False, f"{said}; a run that moves the champion is under way")
    return Decision(facts.evidence >= policy.evidence, said)


def evidence_of(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> float:
    """The e-value against "the champion is not worse than the other".

    With d the log loss of the champion minus that of the other, E is the mean over fixed stakes s of prod(1 +
    s d): each product is a supermartingale while the expected d is at most 0, and so is their mean. The most
    that d can fall on a match is known before its kickoff, and caps the stake, so that no product reaches 0;
    nothing is clipped. The order of the matches does not count: a result that arrives late adds its factor.

    In 200 seasons of 1,826 matches looked at after every match, at most 2 in 100 equals reach 50. A champion
    that takes home for away reaches it after 80 matches (median; 9 in 10 within 155, all within 300), one
    with its log odds doubled after 280 (600), one that answers every match with the class prior after 300
    (640); one that is worse by only .012 is found in 6 seasons of 10 (`tests/modelling/test_rollback.py`).

    Args:
        champion: probabilities (n, 3) of settled matches.
        previous: those of the other forecaster.
        outcomes: (n,) 0 home, 1 draw, 2 away.
    """
    return evidence_in(duel_of(champion, previous, outcomes))


def duel_of(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> Tally:
    """What `evidence_in` and `difference_in` are read from; arguments as in `evidence_of`."""
    growth, difference = _growth(champion, previous, outcomes)
    return tally_of(np.vstack([growth, difference]))


def evidence_in(duel: Tally) -> float:
    """`evidence_of` the matches of a duel."""
    growth = duel.values[:-1]
    largest = float(growth.max())
    # Products of thousands of factors: as sums of logarithms, the largest taken out.
    return float(np.exp(min(largest, _LARGEST_EXPONENT)) * np.exp(growth - largest).mean())


def difference_in(duel: Tally) -> float:
    """Mean log loss of the champion minus that of the other, nats; 0 without matches."""
    return float(duel.values[-1]) / duel.matches if duel.matches else 0.0


def evidence_after_each(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> NDArray[np.float64]:
    """`evidence_of` the first 1, 2, ... n matches, (n,)."""
    growth = _growth(champion, previous, outcomes)[0].cumsum(axis=1)
    evidence: NDArray[np.float64] = np.exp(np.minimum(growth, _LARGEST_EXPONENT)).mean(axis=0)
    return evidence


def _growth(
    champion: NDArray[np.float64], previous: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithm of each stake's factor at each match, (stakes, n), and the difference it bets on, (n,)."""
    least = LEAST_PROBABILITY
    ratios = np.log(np.maximum(previous, least)) - np.log(np.maximum(champion, least))
    difference = ratios[np.arange(len(outcomes)), outcomes]
    most_lost = np.maximum(-ratios.min(axis=1), least)
    growth: NDArray[np.float64] = np.log1p(np.minimum(_STAKES[:, None], _MOST_LOST / most_lost) * difference)
    return growth, difference
