"""Rollbacks: the plan is written down first, so that one that is started again does not do the reverse."""

import msgspec

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.resources.model_registry import MissingModel, ModelRegistry
from soccer_assets.resources.object_store import ObjectStore

_KEY = "model/rollback.json"


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of one run and of its retries.

    Attributes:
        run_id: the run that was started first.
        back_from: version of the champion that goes.
        back_to: version of the one before.
    """

    run_id: str
    back_from: str
    back_to: str


def roll_back(store: ObjectStore, registry: ModelRegistry, run_id: str) -> Rollback:
    """Let champion and previous change places, once a run.

    Args:
        store: where the plan lies.
        registry: whose aliases move.
        run_id: of the run that was started first, where this one is its retry.

    Raises:
        MissingModel: there is no champion, or none before it.
    """
    data = store.read(_KEY)
    plan = msgspec.json.decode(data, type=Rollback) if data else None
    if plan is None or plan.run_id != run_id:
        replaced, current = registry.get(CHAMPION), registry.find(PREVIOUS)
        if current is None:
            raise MissingModel("there is no champion before this one to go back to")
        plan = Rollback(run_id=run_id, back_from=replaced.version, back_to=current.version)
        store.write(_KEY, msgspec.json.encode(plan))
    registry.set_alias(CHAMPION, plan.back_to)
    registry.set_alias(PREVIOUS, plan.back_from)
    return plan
