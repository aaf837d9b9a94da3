"""The retrain sensor: starts a training where volume, drift, metric or age calls for one."""

import dagster as dg

from soccer_assets.clock import Clock, SystemClock
from soccer_assets.graph.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.graph.jobs import build_everything, retrain_model
from soccer_assets.modelling.retraining import decide_retrain
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegistryUnavailableError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.retraining_facts import read_facts

# Jobs that train a candidate; a replay reads the same list.
TRAINING_JOBS = (retrain_model.name, build_everything.name)


@dg.sensor(
    job=retrain_model,
    description="Starts retrain_model after enough new matches (volume), on drift, on a poor settled score "
    "(metric) "
    "or at the age limit (age). A skipped tick shows the numbers of every trigger.",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def retrain_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Starts a training after enough new matches, on drift, on a poor settled score, or at the age limit."""
    try:
        facts = read_facts(
            database, model_registry, context.instance, TRAINING_JOBS, SystemClock().now(), object_store
        )
    except RegistryUnavailableError as error:
        return dg.SkipReason(str(error))
    decision = decide_retrain(facts, clock.now())
    if decision.reason is None or facts.trained_at is None:
        return dg.SkipReason(decision.text)
    context.log.info(decision.text)
    return dg.RunRequest(
        # At most one attempt a day for the same reason since the same training.
        run_key=f"{decision.reason}/{facts.trained_at.isoformat()}/{SystemClock().now():%Y-%m-%d}",
        tags={REASON_TAG: decision.reason, TEXT_TAG: decision.text},
    )
