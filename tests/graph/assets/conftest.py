"""A graph over a folder and a fake feed: any of its assets, materialised in this process."""

import datetime as dt
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from soccer_assets.clock import Clock, FixedClock
from soccer_assets.contract.release import CHAMPION
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
from soccer_assets.graph.assets.livescores import livescore_assets
from soccer_assets.graph.checks import CHECKS
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.model_registry import RegisteredModel, TrainingFacts
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_io_manager import ParquetIOManager
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.releases.draft import ReleaseDrafts
from soccer_assets.stores.releases.publish import Releases
from tests.builders import CLOCK, FakeFeed
from tests.models import elo_model


class FakeRegistry:
    """Models by version and versions by alias, without MLflow, which takes seconds."""

    def __init__(self) -> None:
        self.models: dict[str, OutcomeModel] = {}
        self.registered: dict[str, RegisteredModel] = {}
        self.aliases: dict[str, str] = {}
        self.notes: dict[str, tuple[str, dict[str, str]]] = {}

    def add(self, model: OutcomeModel, *aliases: str) -> RegisteredModel:
        """Register a model of March under aliases."""
        facts = TrainingFacts(
            recipe=model.recipe,
            content_sha256=model.sha256,
            snapshot_id="s1",
            trained_at="2025-04-01T00:00:00Z",
            train_end="2025-03-31T18:00:00Z",
            trained_rows=100,
        )
        registered = self.register(model, facts)
        self.aliases |= dict.fromkeys(aliases, registered.version)
        return registered

    def register(self, model: OutcomeModel, facts: TrainingFacts, run_name: str = "") -> RegisteredModel:
        """Register a model as the next version."""
        version = str(len(self.models) + 1)
        self.models[version] = model
        run_id = run_name or f"run-{version}"
        self.registered[version] = RegisteredModel(version=version, run_id=run_id, facts=facts)
        return self.registered[version]

    def annotate(self, registered: RegisteredModel, note: str, tags: dict[str, str]) -> None:
        """Keep what became of a version."""
        self.notes[registered.version] = (note, tags)

    def version(self, version: str) -> RegisteredModel:
        """A version by its number."""
        return self.registered[version]

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias."""
        self.aliases[alias] = version

    def find(self, alias: str) -> RegisteredModel | None:
        """The version of an alias, None without."""
        return self.registered.get(self.aliases.get(alias, ""))

    def get(self, alias: str) -> RegisteredModel:
        """The version of an alias."""
        return self.registered[self.aliases[alias]]

    def load(self, registered: RegisteredModel) -> OutcomeModel:
        """The model of a version."""
        return self.models[registered.version]


class FakeTracking:
    """Takes what a training run logs."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self.series: dict[str, list[tuple[int, float]]] = {}
        self.tags: dict[str, str] = {}
        self.inputs: dict[str, dict[str, Any]] = {}
        self.files: set[str] = set()
        # MLflow's constructors of datasets: values with the same names.
        self.data = SimpleNamespace(
            dataset_source_registry=SimpleNamespace(resolve_dataset_source=str),
            meta_dataset=SimpleNamespace(MetaDataset=lambda source, **named: {"source": source, **named}),
        )

    def log_metric(self, name: str, value: float, step: int) -> None:
        """Keep one step of a metric."""
        self.series.setdefault(name, []).append((step, value))

    def set_tags(self, tags: dict[str, str]) -> None:
        """Keep tags."""
        self.tags |= tags

    def log_input(self, dataset: dict[str, Any], context: str, tags: dict[str, str]) -> None:
        """Keep a dataset by its use."""
        self.inputs[context] = dataset | tags

    def log_params(self, params: dict[str, Any]) -> None:
        """Keep parameters."""
        self.params |= params

    def log_metrics(self, metrics: dict[str, float]) -> None:
        """Keep metrics."""
        self.metrics |= metrics

    def log_dict(self, _content: dict[str, Any], name: str) -> None:
        """Keep the name of a file."""
        self.files.add(name)

    def log_artifacts(self, folder: str) -> None:
        """Keep the names of the files of a folder."""
        self.files |= {file.name for file in Path(folder).iterdir()}


class Graph:
    """The assets of a home, and what they keep."""

    def __init__(self, database: Database, store: ObjectStore, instance: dg.DagsterInstance) -> None:
        self.feed = FakeFeed()
        self.clock: Clock = CLOCK
        self.database = database
        self.store = store
        self.instance = instance
        self.registry = FakeRegistry()
        self.tracking = FakeTracking()
        self.exports = Exports(store, database)
        self.features = FeatureStore(store)
        self.frames = ParquetIOManager(store)
        self.releases = Releases(store, EventBus(""))

    def at(self, now: dt.datetime) -> None:
        """Move the clock."""
        self.clock = FixedClock(now)

    def run(self, *keys: str, **options: Any) -> dg.ExecuteInProcessResult:
        """Materialise assets and their checks, such as ``matches/match``; a failure is a result."""
        stages = [exports, features, history, matches, model, monitoring, predictions, projections, releases]
        stages.append(downloads)
        assets = [
            *livescore_assets(dt.date(2025, 1, 1), self.clock),
            *dg.load_assets_from_modules(stages),
        ]
        definitions = dg.Definitions(
            assets=assets,
            asset_checks=CHECKS,
            jobs=[dg.define_asset_job("chosen", dg.AssetSelection.assets(*(key.split("/") for key in keys)))],
            resources=self._resources(),
            executor=dg.in_process_executor,
        )
        job = definitions.resolve_job_def("chosen")
        return job.execute_in_process(instance=self.instance, raise_on_error=False, **options)

    def metadata(self, result: dg.ExecuteInProcessResult, key: str) -> dict[str, Any]:
        """What the page of an asset shows of a run."""
        (event,) = (
            event.event_specific_data.materialization
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey(key.split("/"))
        )
        return {name: value.value for name, value in event.metadata.items()}

    def _resources(self) -> dict[str, Any]:
        scorecards = Scorecards(self.store)
        return {
            "clock": self.clock,
            "database": self.database,
            "exports": self.exports,
            "feature_store": self.features,
            "feed": self.feed,
            "frames": self.frames,
            "mlflow": self.tracking,
            "model_registry": self.registry,
            "object_store": self.store,
            "parquet_io_manager": self.frames,
            "release_drafts": ReleaseDrafts(
                self.database,
                self.exports,
                self.features,
                self.registry,  # type: ignore[arg-type]  # a fake
                scorecards,
                self.store,
                self.feed,
            ),
            "releases": self.releases,
            "scorecards": scorecards,
        }


def history_of(first: str, last: str) -> dict[str, str]:
    """Tags of a run over a range of months."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


@pytest.fixture
def graph(sqlite_database: Database, folder_store: ObjectStore) -> Iterator[Graph]:
    """A graph of an empty home whose champion is a textbook model."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with dg.DagsterInstance.ephemeral() as instance:
        made = Graph(sqlite_database, folder_store, instance)
        made.registry.add(elo_model(), CHAMPION)
        yield made
