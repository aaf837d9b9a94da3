"""The builder: one home's settings in, every asset, check, job, schedule, sensor and bound resource out.

The code location (``soccer_assets.definitions``) asks it once; a replay and tests ask it with a clock or a
feed of their own.
"""

import functools
from collections.abc import Mapping
from typing import Any

import dagster as dg

from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.clock import Clock, SystemClock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.graph.assets import (
    downloads,
    exports,
    features,
    history,
    matches,
    model,
    monitoring,
    predictions,
    projections,
    releases,
)
from soccer_assets.graph.assets.livescores import MONTHS_A_RUN, SHORT_RUN_MONTHS, livescore_assets
from soccer_assets.graph.automation_conditions import follow_upstream_sensor
from soccer_assets.graph.checks import CHECKS
from soccer_assets.graph.executor import one_process
from soccer_assets.graph.jobs import JOBS, monitor_daily, tune_parameters
from soccer_assets.graph.maintenance import prune_daily
from soccer_assets.graph.schedules import SCHEDULES
from soccer_assets.graph.sensors.alerts import alert_sensor
from soccer_assets.graph.sensors.retrain import retrain_sensor
from soccer_assets.graph.sensors.rollback import rollback_sensor
from soccer_assets.graph.sensors.status import status_sensor
from soccer_assets.home import apply_home, read_home
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.mlflow_run import training_run
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_io_manager import ParquetIOManager
from soccer_assets.settings import FIRST_MONTH, Settings
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.releases.draft import ReleaseDrafts
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.stores.releases.released_model import released_model


def build_definitions(
    settings: Settings, clock: Clock | None = None, feed: Feed | None = None
) -> dg.Definitions:
    """The graph of one home.

    Args:
        settings: of the home; what its ``home.json`` fixed wins.
        clock: the home's clock unless given; a replay passes the clock that it moves.
        feed: the feeds of the settings unless given; a replay passes the feed that it walks through.

    Raises:
        SettingError: a setting or ``home.json`` cannot be used.
    """
    settings = apply_home(settings, read_home(settings))
    clock = clock or settings.clock
    feed = feed or open_feeds(settings)
    store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
    database = Database(settings.database_url)
    events = EventBus(settings.redis_url, store)
    frames = ParquetIOManager(store)
    # A database keeps no files: they lie in the home. A server keeps its own.
    artifacts = settings.artifacts if settings.mlflow_url.startswith("sqlite:") else None
    registry = ModelRegistry(
        settings.mlflow_url,
        artifacts,
        functools.partial(released_model, store),
        copies=settings.home / "cache" / "models",
    )
    exports_store, feature_store = (
        Exports(store, database),
        FeatureStore(store, use_prices=settings.use_prices),
    )
    scorecards = Scorecards(store)
    in_fleet = settings.runs == "fleet"
    drafts = ReleaseDrafts(database, exports_store, feature_store, registry, scorecards, store, feed)
    return dg.Definitions(
        assets=[
            *livescore_assets(
                max(settings.history_start or feed.first_month(), FIRST_MONTH),
                clock,
                MONTHS_A_RUN if settings.is_feed_local and not in_fleet else SHORT_RUN_MONTHS,
                is_history_parallel=settings.is_feed_local and in_fleet,
            ),
            *dg.load_assets_from_modules(
                [
                    *(matches, exports, features, model, monitoring, predictions),
                    *(projections, releases, history, downloads),
                ]
            ),
        ],
        asset_checks=CHECKS,
        jobs=[*JOBS, monitor_daily, tune_parameters, prune_daily],
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources=described(
            {
                "alert_notifier": AlertNotifier(settings, database, events, SystemClock()),
                "clock": clock,
                "database": database,
                "events": events,
                "exports": exports_store,
                "feature_store": feature_store,
                "feed": feed,
                "frames": frames,
                "mlflow": training_run(registry, settings.dagster_url),
                "model_registry": registry,
                "object_store": store,
                "parquet_io_manager": frames,
                "release_drafts": drafts,
                "releases": Releases(store, events),
                "scorecards": scorecards,
            }
        ),
        # Ten small assets take 1 s in one process and 28 to 55 s with a process each.
        executor=one_process,
    )


SENSORS = [status_sensor, alert_sensor, retrain_sensor, rollback_sensor, follow_upstream_sensor]

RESOURCE_DESCRIPTIONS = {
    "alert_notifier": "Records which subscriber is due which alert, and delivers the messages (Apprise).",
    "clock": "The home's clock: the wall clock, or the fixed instant of SOCCER_NOW.",
    "database": "Match tables, ledger and alert outbox in SQLite or PostgreSQL (SOCCER_DATABASE_URL).",
    "events": "The event stream in Redis or Valkey that sidecars listen to (SOCCER_REDIS_URL).",
    "exports": "Parquet snapshots of the match tables in the object store.",
    "feature_store": "Feature parts, team state and its checkpoints in the object store.",
    "feed": "The providers of match data (SOCCER_FEED).",
    "frames": "Reads and writes the frames of assets as Parquet in the object store.",
    "model_registry": "Versions and aliases of the model in MLflow's registry (SOCCER_MLFLOW_URL).",
    "object_store": "A folder or an S3 bucket for everything that is not a table (SOCCER_STORE_URL).",
    "parquet_io_manager": "Stores the output of predictions/upcoming as one Parquet file.",
    "release_drafts": "Reads what a release is made of: predictions, models, names, golden rows, team state.",
    "releases": "Publishes releases: files, manifest, pointer, event, and the status beside them.",
    "scorecards": "Evaluations of candidates, and the log of readings of the test window.",
}


def described(resources: Mapping[str, Any]) -> dict[str, dg.ResourceDefinition]:
    """Resources with a description each, as Dagster's pages show it.

    Raises:
        KeyError: a resource has no description.
    """
    return {name: _described(name, value) for name, value in resources.items()}


def plain_resources(definitions: dg.Definitions) -> dict[str, Any]:
    """The objects behind the resources of `build_definitions`, for callers that run no Dagster executor.

    ``mlflow`` stays a definition: it opens a run when it is initialised.
    """
    context = dg.build_init_resource_context()
    return {
        name: resource if name == "mlflow" else resource.resource_fn(context)
        for name, resource in (definitions.resources or {}).items()
    }


def _described(name: str, value: Any) -> dg.ResourceDefinition:
    if isinstance(value, dg.ResourceDefinition):
        return value
    description = RESOURCE_DESCRIPTIONS[name]
    if isinstance(value, dg.IOManager):
        return dg.IOManagerDefinition.hardcoded_io_manager(value, description)
    return dg.ResourceDefinition.hardcoded_resource(value, description)
