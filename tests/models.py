"""Models for tests of stores and graph: textbook Elo without training, registered as a training run does."""

from typing import Any

import dagster as dg
import numpy as np

from soccer_assets.contract.release import CHAMPION
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, OutcomeModel
from soccer_assets.resources.mlflow_run import training_run
from soccer_assets.resources.model_registry import ModelRegistry, TrainingFacts


def elo_model(home_weight: float = 0.5, feature_names: tuple[str, ...] = FEATURE_NAMES) -> OutcomeModel:
    """A textbook model whose home side gains by the Elo gap."""
    return OutcomeModel(
        recipe=ELO_TEXTBOOK,
        feature_names=feature_names,
        center=np.zeros(2),
        scale=np.ones(2),
        weights=np.array([[0.3, 0.0, -0.3], [home_weight, 0.0, -home_weight], [0.0, 0.0, 0.0]]),
    )


def facts_of(model: OutcomeModel) -> TrainingFacts:
    """How a model was trained."""
    return TrainingFacts(
        recipe=model.recipe,
        content_sha256=model.sha256,
        snapshot_id="s1",
        trained_at="2025-04-25T09:00:00Z",
        train_end="2025-04-20T14:00:00Z",
        trained_rows=120,
    )


def train_champion(
    registry: ModelRegistry, home_weight: float, instance: dg.DagsterInstance | None = None
) -> str:
    """Register a champion in a run of Dagster's, with a file beside the model; returns its version."""
    model, versions = elo_model(home_weight), []

    @dg.asset(name="candidate", key_prefix="model")
    def training(mlflow: dg.ResourceParam[Any]) -> None:
        mlflow.log_text(f"weight {home_weight}", "notes.txt")
        versions.append(registry.register(model, facts_of(model)).version)

    resources = {"mlflow": training_run(registry, "http://127.0.0.1:3000")}
    assert dg.materialize([training], resources=resources, instance=instance).success
    registry.set_alias(CHAMPION, versions[0])
    return versions[0]
