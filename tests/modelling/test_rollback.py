"""When the champion is rolled back, and the sentence for the operator."""

import msgspec
import pytest

from soccer_assets.modelling.rollback import DEFAULT_POLICY, RollbackFacts, decide_rollback

WORSE = RollbackFacts(
    champion="7", previous="5", is_busy=False, matches=90, evidence=DEFAULT_POLICY.evidence, difference=0.0421
)


def test_the_decision_names_its_evidence() -> None:
    """One sentence with the versions, the difference and the bound."""
    decision = decide_rollback(WORSE)

    assert decision.roll_back
    assert decision.text == (
        "log loss of version 7 minus version 5 on 90 settled matches +0.0421, evidence 50 (bound 50)"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"evidence": 49.9}, "bound 50"),
        ({"is_busy": True}, "is queued or running"),
        ({"champion": None}, "no previous champion"),
        ({"previous": None}, "no previous champion"),
        ({"champion": "5", "previous": "7"}, "only a promotion replaces it"),
        ({"champion": "5", "previous": "5"}, "only a promotion replaces it"),
    ],
)
def test_otherwise_the_champion_stays_with_a_reason(change: dict[str, object], why: str) -> None:
    """Too little evidence, a run in progress, no previous champion, or a champion restored by a rollback."""
    decision = decide_rollback(msgspec.structs.replace(WORSE, **change))

    assert not decision.roll_back
    assert why in decision.text
