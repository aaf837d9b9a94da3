"""Rollbacks: the plan is stored first, so that a retried run does not undo the rollback."""

import msgspec

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry
from soccer_assets.resources.object_store import ObjectStore

_KEY = "model/rollback.json"


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a run and of its retries.

    Attributes:
        run_id: the first run; retries share it.
        back_from: version of the champion that is replaced.
        back_to: version of the previous champion.
    """

    run_id: str
    back_from: str
    back_to: str


def roll_back(store: ObjectStore, registry: ModelRegistry, run_id: str) -> Rollback:
    """Swap champion and previous champion, once a run.

    Args:
        store: holds the plan.
        registry: whose aliases move.
        run_id: of the first run, where this one is its retry.

    Raises:
        MissingModelError: there is no champion or no previous champion.
    """
    data = store.read(_KEY)
    plan = msgspec.json.decode(data, type=Rollback) if data else None
    if plan is None or plan.run_id != run_id:
        replaced, current = registry.get(CHAMPION), registry.find(PREVIOUS)
        if current is None:
            raise MissingModelError("no previous champion to roll back to")
        plan = Rollback(run_id=run_id, back_from=replaced.version, back_to=current.version)
        store.write(_KEY, msgspec.json.encode(plan))
    registry.set_alias(CHAMPION, plan.back_to)
    registry.set_alias(PREVIOUS, plan.back_from)
    return plan
