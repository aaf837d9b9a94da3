"""When to train again, and why: one pure decision that the sensor and a replay both ask.

A model is trained again when enough matches were played since (volume), when they no longer look like those
it learnt from (drift), when it is settled worse than it expects of itself or than textbook Elo on the same
matches (metric), or when it is old (age); not while a training runs, and not twice within a day.
"""

import datetime as dt
import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.exact_sums import Tally, tally_of

VOLUME, DRIFT, METRIC, AGE = "volume", "drift", "metric", "age"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds.

    Attributes:
        new_matches: finished matches since the training that make another worth its cost: two weeks of the 36
            leagues of football-data.
        oldest: the freshness promise of `model/candidate`. What a model holds are coefficients, which hardly
            move within a month; ratings and form, which do, are brought up to date by every run. Fitted every
            4 weeks instead of every week it loses nothing: -.0001 [-.0004, +.0001] in log loss on the same
            10,246 matches, every 2 weeks the same (`benchmarks/walk_forward.py --refit-weeks 1 2 4`).
        least_settled: matches below which the settled loss says nothing.
        surprise: standard errors by which the settled loss may exceed the model's own expectation. The look
            is taken many times, so 3 would be passed by chance; at one look 4 is passed by 3 in 100,000.
        evidence: e-value from which the champion counts as worse than textbook Elo: passed by chance for at
            most 2 in 100 champions, however often it is looked at.
        rest: what a training did not cure (drift, metric) waits this long for new matches to learn from.
        cool_down: from one attempt to the next, whatever the reason.
    """

    new_matches: int = 500
    oldest: dt.timedelta = dt.timedelta(days=28)
    least_settled: int = 200
    surprise: float = 4.0
    evidence: float = 50.0
    rest: dt.timedelta = dt.timedelta(days=3)
    cool_down: dt.timedelta = dt.timedelta(hours=20)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision is made from.

    Attributes:
        trained_at: when the newest candidate was trained; None before the first.
        attempted_ago: how long ago a training last began, however it ended; None where none did.
        is_busy: whether a training is queued or runs.
        new_matches: finished matches whose kickoff lies after ``trained_at``.
        settled: matches of the ledger that the champion predicted and that are over.
        surprise: `surprise_in` those; 0 where there are none.
        drift: the verdict of the report on drift where it is out of bounds; else empty.
        drift_since: when it left them. A training after that has seen those matches, and the next would learn
            nothing new from them.
        evidence: e-value that those matches went worse than textbook Elo forecast them; 1 where none says so.
    """

    trained_at: dt.datetime | None
    attempted_ago: dt.timedelta | None
    is_busy: bool
    new_matches: int
    settled: int
    surprise: float
    drift: str = ""
    drift_since: dt.datetime | None = None
    evidence: float = 1.0


class Decision(msgspec.Struct, frozen=True):
    """The reason to train now, None where there is none, and the sentence for the operator."""

    reason: str | None
    text: str


DEFAULT_POLICY = Policy()


def decide(facts: Facts, now: dt.datetime, policy: Policy = DEFAULT_POLICY) -> Decision:
    """Whether to train now. Of several reasons the most urgent is named: metric, drift, volume, age."""
    obstacle = _obstacle(facts, policy)
    if obstacle or facts.trained_at is None:
        return Decision(None, obstacle)
    age = now - facts.trained_at
    is_rested = age >= policy.rest
    is_new_drift = facts.drift_since is not None and facts.drift_since > facts.trained_at
    reasons = (
        (
            METRIC,
            is_rested and facts.settled >= policy.least_settled and facts.surprise > policy.surprise,
            (
                f"{facts.settled} settled matches went {facts.surprise:.1f} standard errors worse than the "
                f"model expects of itself (bound {policy.surprise:.1f})"
            ),
        ),
        (
            METRIC,
            is_rested and facts.evidence >= policy.evidence,
            (
                f"{facts.settled} settled matches went worse than textbook Elo forecast them: evidence "
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
            return Decision(reason, text)
    return Decision(
        None,
        f"{facts.new_matches} of {policy.new_matches} new matches, {age.days} of {policy.oldest.days} days, "
        f"settled loss {facts.surprise:+.1f} standard errors over {facts.settled} matches",
    )


def _obstacle(facts: Facts, policy: Policy) -> str:
    """Why no reason counts now; empty where one would."""
    if facts.trained_at is None:
        return "no model was trained yet; the first build trains one"
    if facts.is_busy:
        return "a training is under way"
    if facts.attempted_ago is not None and facts.attempted_ago < policy.cool_down:
        return f"the last training began less than {policy.cool_down / dt.timedelta(hours=1):.0f} hours ago"
    return ""


def expectation_of(probabilities: NDArray[np.float64], losses: NDArray[np.float64]) -> Tally:
    """What `surprise_in` is read from: by how much the loss exceeds the expected one, and its variance.

    Args:
        probabilities: home, draw and away of each settled match, (n, 3).
        losses: the log loss of each, (n,).
    """
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    entropy = -(probabilities * logs).sum(axis=1)
    variance = (probabilities * logs**2).sum(axis=1) - entropy**2
    return tally_of(np.vstack([losses - entropy, variance]))


def surprise_in(expectation: Tally) -> float:
    """By how many standard errors the settled log loss exceeds what the forecasts themselves expect.

    A forecast (p1, p2, p3) that is right expects the loss H = -sum p log p with the variance
    sum p (log p)^2 - H^2; over independent matches the sum of (loss - H), divided by the root of the summed
    variances, is standard normal (Spiegelhalter 1986, doi 10.1002/sim.4780050506, for the log score). The raw
    level would only measure which leagues played.
    """
    excess, variance = expectation.values.tolist()
    return float(excess / math.sqrt(variance)) if variance > 0 else 0.0
