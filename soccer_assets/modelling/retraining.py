"""When to train again, and why: one pure decision for the sensor and the replay alike.

A model is trained again when enough matches were played since (volume), when the features have drifted
(drift), when its log loss on settled matches is higher than it expects or than textbook Elo's (metric), or
when it is old (age). It is not while a training runs, nor twice within 20 hours.
"""

import datetime as dt
import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.exact_sums import ExactSums, exact_sums

VOLUME, DRIFT, METRIC, AGE = "volume", "drift", "metric", "age"


class RetrainPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds.

    Attributes:
        new_matches: finished matches since the training that make another worth its cost: two weeks of the 36
            leagues of football-data.
        oldest: the freshness promise of `model/candidate`. Its coefficients hardly move within a month;
            ratings and form, which do, are updated by every run. Fitting every 4 weeks instead of every week
            costs nothing: -.0001 [-.0004, +.0001] in log loss on the same 10,246 matches, and every 2 weeks
            the same (`benchmarks/walk_forward.py --refit-weeks 1 2 4`).
        least_settled: fewest settled matches for the metric reason.
        largest_z: standard errors by which the settled log loss may exceed the model's own expectation. The
            test is repeated often: at a single look 3 is passed by chance once in 740, 4 once in 31,600.
        evidence: e-value from which the champion counts as worse than textbook Elo; the false-alarm rate is
            at most 2 %, however often it is looked at.
        rest: time after a training before drift or metric may ask for another, so that there are new matches
            to learn from.
        cool_down: shortest time between two attempts, whatever the reason.
    """

    new_matches: int = 500
    oldest: dt.timedelta = dt.timedelta(days=28)
    least_settled: int = 200
    largest_z: float = 4.0
    evidence: float = 50.0
    rest: dt.timedelta = dt.timedelta(days=3)
    cool_down: dt.timedelta = dt.timedelta(hours=20)


class RetrainFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision is made from.

    Attributes:
        trained_at: when the newest candidate was trained; None before the first.
        attempted_ago: how long ago a training last began, however it ended; None where none did.
        is_busy: whether a training is queued or runs.
        new_matches: finished matches whose kickoff lies after ``trained_at``.
        settled: settled matches of the champion in the ledger.
        spiegelhalter_z: of those, see `spiegelhalter_z`; 0 where there are none.
        drift: the drift report's verdict where the drift is out of bounds; else empty.
        drift_share: share of drifted columns in the newest report on the champion; None without one.
        drift_bound: share above which the drift is out of bounds; None without a report.
        drift_since: when it went out of bounds. A training after that has seen those matches already.
        evidence: e-value that the champion's log loss on those matches is higher than textbook Elo's; 1
            without such matches.
    """

    trained_at: dt.datetime | None
    attempted_ago: dt.timedelta | None
    is_busy: bool
    new_matches: int
    settled: int
    spiegelhalter_z: float
    drift: str = ""
    drift_share: float | None = None
    drift_bound: float | None = None
    drift_since: dt.datetime | None = None
    evidence: float = 1.0


class RetrainDecision(msgspec.Struct, frozen=True):
    """The reason to train now, None where there is none, and the sentence for the operator."""

    reason: str | None
    text: str


DEFAULT_POLICY = RetrainPolicy()


def decide_retrain(
    facts: RetrainFacts, now: dt.datetime, policy: RetrainPolicy = DEFAULT_POLICY
) -> RetrainDecision:
    """Whether to train now. Of several reasons the most urgent is named: metric, drift, volume, age."""
    if facts.trained_at is None:
        return RetrainDecision(None, "no model was trained yet; the first build trains one")
    if obstacle := _obstacle(facts, policy):
        return RetrainDecision(None, f"{obstacle}: {_numbers(facts, now - facts.trained_at, policy)}")
    age = now - facts.trained_at
    is_rested = age >= policy.rest
    is_new_drift = facts.drift_since is not None and facts.drift_since > facts.trained_at
    reasons = (
        (
            METRIC,
            is_rested and facts.settled >= policy.least_settled and facts.spiegelhalter_z > policy.largest_z,
            (
                f"log loss on {facts.settled} settled matches is {facts.spiegelhalter_z:.1f} standard errors "
                f"above the model's own expectation (bound {policy.largest_z:.1f})"
            ),
        ),
        (
            METRIC,
            is_rested and facts.evidence >= policy.evidence,
            (
                f"log loss on {facts.settled} settled matches is higher than textbook Elo's: e-value "
                f"{facts.evidence:.3g} (bound {policy.evidence:.0f})"
            ),
        ),
        (DRIFT, is_rested and is_new_drift, facts.drift),
        (
            VOLUME,
            facts.new_matches >= policy.new_matches,
            f"{facts.new_matches} matches since the last training (bound {policy.new_matches})",
        ),
        (AGE, age >= policy.oldest, f"the model is {age.days} days old (bound {policy.oldest.days})"),
    )
    for reason, holds, text in reasons:
        if holds:
            return RetrainDecision(reason, text)
    return RetrainDecision(None, f"no trigger holds: {_numbers(facts, age, policy)}")


def _numbers(facts: RetrainFacts, age: dt.timedelta, policy: RetrainPolicy) -> str:
    """The number and the bound of every trigger."""
    share = "no drift report on this champion"
    if facts.drift_share is not None and facts.drift_bound is not None:
        share = f"{facts.drift_share:.0%} of the columns drifted (bound {facts.drift_bound:.0%})"
    return (
        f"{facts.new_matches} of {policy.new_matches} new matches since the training, "
        f"{age.days} of {policy.oldest.days} days of age, {share}, "
        f"log loss on {facts.settled} settled matches (at least {policy.least_settled}) "
        f"{facts.spiegelhalter_z:+.1f} standard errors from expected (bound {policy.largest_z:.1f}), "
        f"e-value against textbook Elo {facts.evidence:.3g} (bound {policy.evidence:.0f})"
    )


def _obstacle(facts: RetrainFacts, policy: RetrainPolicy) -> str:
    """Why no training may start now; empty where one may."""
    if facts.is_busy:
        return "a training is queued or running"
    if facts.attempted_ago is not None and facts.attempted_ago < policy.cool_down:
        return f"the last training began less than {policy.cool_down / dt.timedelta(hours=1):.0f} hours ago"
    return ""


def excess_loss_sums(probabilities: NDArray[np.float64], losses: NDArray[np.float64]) -> ExactSums:
    """Sums for `spiegelhalter_z`: log loss minus expected log loss, and the variance of that difference.

    Args:
        probabilities: home, draw and away of each settled match, (n, 3).
        losses: the log loss of each, (n,).
    """
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    entropy = -(probabilities * logs).sum(axis=1)
    variance = (probabilities * logs**2).sum(axis=1) - entropy**2
    return exact_sums(np.vstack([losses - entropy, variance]))


def spiegelhalter_z(sums: ExactSums) -> float:
    """Spiegelhalter's z: standard errors by which the settled log loss exceeds its expectation.

    A calibrated forecast (p1, p2, p3) has the expected loss H = -sum p log p with the variance
    sum p (log p)^2 - H^2. Over independent matches the sum of (loss - H), divided by the root of the summed
    variances, is standard normal (Spiegelhalter 1986, doi 10.1002/sim.4780050506, here for the log score).
    Unlike the mean log loss, it does not depend on which leagues were played.
    """
    excess, variance = sums.values.tolist()
    return float(excess / math.sqrt(variance)) if variance > 0 else 0.0
