"""Retention as a job: what is removed once a day. The rules are in ``stores/retention.py``."""

import dagster as dg
import msgspec

from soccer_assets.clock import Clock, SystemClock
from soccer_assets.contract.release import ALIASES
from soccer_assets.resources.dagster_runs import TRAIN, at_most, on_queue
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegistryUnavailableError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.ledger.shadows import prune_shadows
from soccer_assets.stores.retention import prune


@dg.op(name="remove_what_is_old")
def remove_old_data(
    context: dg.OpExecutionContext,
    object_store: dg.ResourceParam[ObjectStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    clock: dg.ResourceParam[Clock],
) -> dg.Output[None]:
    """Removes old snapshots, features, releases, runs and shadow predictions; never matches or the ledger."""
    counts = prune(object_store, context.instance, SystemClock().now())
    try:
        models = [found for alias in ALIASES if (found := model_registry.find(alias)) is not None]
        shadows = prune_shadows(database, [model.facts.content_sha256 for model in models], clock.now())
    except RegistryUnavailableError as error:
        context.log.warning("%s; no shadow prediction is removed", error)
        shadows = 0
    removed = msgspec.structs.asdict(counts) | {"shadow_predictions": shadows}
    return dg.Output(None, metadata={f"{kind}_removed": count for kind, count in removed.items()})


@dg.job(
    description="Removes old exports, features, releases and runs; never matches or the ledger.",
    tags=on_queue(TRAIN) | at_most(hours=3),
)
def prune_daily() -> None:
    """Retention, once a day."""
    remove_old_data()
