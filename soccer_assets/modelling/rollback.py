"""Whether the champion is rolled back to the previous champion, and the sentence for the operator.

The evidence is an e-value (`modelling/e_process.py`) over the settled matches that both predicted before
kickoff. It may be looked at after every match.
"""

import msgspec


class RollbackPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The bound.

    Attributes:
        evidence: e-value from which the champion is rolled back. At 50 the false-rollback rate is at most
            2 %: Ville's inequality bounds it by 1 / 50, however often the evidence is looked at.
    """

    evidence: float = 50.0


class RollbackFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision is made from.

    Attributes:
        champion: version of the champion; None before the first.
        previous: version of the previous champion; None where there was none.
        is_busy: whether a rollback or a training is queued or runs.
        matches: settled matches that both predicted before kickoff.
        evidence: `e_value` of those; 1 where there are none.
        difference: mean log loss of the champion minus that of the previous champion, nats.
    """

    champion: str | None
    previous: str | None
    is_busy: bool
    matches: int
    evidence: float
    difference: float


class RollbackDecision(msgspec.Struct, frozen=True):
    """Whether to roll back now, and the sentence for the operator."""

    roll_back: bool
    text: str


DEFAULT_POLICY = RollbackPolicy()


def decide_rollback(facts: RollbackFacts, policy: RollbackPolicy = DEFAULT_POLICY) -> RollbackDecision:
    """Whether to roll back to the previous champion.

    Only a promoted champion is rolled back. One that a rollback restored has the lower version number and
    stays until a candidate passes the gates, so two models cannot replace each other in a loop.
    """
    if facts.champion is None or facts.previous is None:
        return RollbackDecision(False, "there is no previous champion")
    if int(facts.champion) <= int(facts.previous):
        return RollbackDecision(
            False, f"version {facts.champion} was restored by a rollback; only a promotion replaces it"
        )
    summary = (
        f"log loss of version {facts.champion} minus version {facts.previous} on {facts.matches} settled "
        f"matches {facts.difference:+.4f}, evidence {facts.evidence:.3g} (bound {policy.evidence:.0f})"
    )
    if facts.is_busy:
        return RollbackDecision(False, f"{summary}; a training or rollback is queued or running")
    return RollbackDecision(facts.evidence >= policy.evidence, summary)
