"""The rollback sensor: starts a rollback where the champion is significantly worse than its predecessor."""

import dagster as dg

from soccer_assets.clock import SystemClock
from soccer_assets.graph.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.graph.jobs import build_everything, retrain_model, rollback_champion, rollback_config
from soccer_assets.modelling.rollback import decide_rollback
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegistryUnavailableError
from soccer_assets.stores.models.rollback_facts import read_rollback_facts

WORSE_THAN_PREVIOUS = "worse than the previous champion"
# Jobs that may change the champion; a replay reads the same list.
CHAMPION_JOBS = (retrain_model.name, rollback_champion.name, build_everything.name)


@dg.sensor(
    job=rollback_champion,
    description="Starts rollback_champion where settled matches show that the champion forecasts worse than "
    "the "
    "previous champion: an e-value of 50 or more, which chance reaches for at most 2 % of equal champions.",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def rollback_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
) -> dg.RunRequest | dg.SkipReason:
    """Rolls back to the previous champion when settled matches show that it forecasts better."""
    try:
        facts = read_rollback_facts(database, model_registry, context.instance, CHAMPION_JOBS)
    except RegistryUnavailableError as error:
        return dg.SkipReason(str(error))
    decision = decide_rollback(facts)
    if not decision.roll_back:
        return dg.SkipReason(decision.text)
    context.log.info(decision.text)
    return dg.RunRequest(
        # At most one attempt a day for the same pair of versions.
        run_key=f"{facts.champion}/{facts.previous}/{SystemClock().now():%Y-%m-%d}",
        tags={REASON_TAG: WORSE_THAN_PREVIOUS, TEXT_TAG: decision.text},
        # A request that waited behind a promotion or a rollback by hand replaces no other champion.
        run_config=rollback_config(facts.champion, facts.previous),
    )
