"""Who was champion since when, and the verdict on the newest candidate: two objects that the graph writes.

The sidecar reads them for the page ``/models``. `Verdict` holds what the page shows of
``model/evaluation.json``: readers ignore its other fields.
"""

from typing import Literal

import msgspec

CHAMPIONS_KEY = "model/champions.json"
EVALUATION_KEY = "model/evaluation.json"

Kind = Literal["kept", "bootstrapped", "promoted", "rolled_back"]


class Reign(msgspec.Struct, frozen=True, kw_only=True):
    """One version as champion.

    Attributes:
        version: in the registry.
        recipe: how it was fitted.
        since: when it became champion, ISO 8601 in UTC.
        how: the change that made it champion; ``kept`` where an earlier version of this software did not say.
        reason: the sentence of that change; empty where an earlier version did not keep it.
    """

    version: str
    recipe: str
    since: str
    how: Kind
    reason: str = ""


class GateVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of a promotion: passed when ``value`` is at most ``bound``; null is no finite number."""

    name: str
    passed: bool
    value: float | None
    bound: float | None
    text: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the candidate took over, why, and every gate."""

    promote: bool
    reason: str
    gates: tuple[GateVerdict, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The newest evaluation: the candidate, the champion that it was compared with, and the decision."""

    candidate_version: str
    champion_version: str | None
    decision: Decision
