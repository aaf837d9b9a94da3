"""The registry on MLflow's SQLite: versions, aliases, and artifacts that are checked before use."""

import datetime as dt
import socket
from pathlib import Path
from typing import Any

import dagster as dg
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.environment_variables import (
    MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_HTTP_REQUEST_TIMEOUT,
)

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.contract.release import CANDIDATE, CHAMPION, MODEL_FILE, MODEL_NAME
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, OutcomeModel
from soccer_assets.resources.mlflow_run import EXPERIMENT, training_run
from soccer_assets.resources.model_registry import (
    MissingModelError,
    ModelRegistry,
    RegisteredModel,
    RegistryUnavailableError,
)
from tests.models import elo_model, facts_of
from tests.services import free_ports

DAGSTER = "http://dagster.example:3000"


def register(registry: ModelRegistry, *models: OutcomeModel) -> tuple[list[RegisteredModel], str]:
    """Register models in one training run, the last in a run of its own, and the id of the MLflow run."""
    made = []

    @dg.asset
    def training(mlflow: dg.ResourceParam[Any]) -> None:
        mlflow.log_params({"seed": 20})
        made.extend(registry.register(model, facts_of(model)) for model in models[:-1])
        made.append(registry.register(models[-1], facts_of(models[-1]), run_name="first champion"))

    result = dg.materialize(
        [training], resources={"mlflow": training_run(registry, DAGSTER)}, tags={"soccer/reason": "by hand"}
    )
    assert result.success
    own, run = mlflow.search_runs(
        experiment_names=[EXPERIMENT], order_by=["attributes.start_time DESC"], output_format="list"
    )
    assert (run.info.status, run.data.params["seed"]) == ("FINISHED", "20")
    assert run.data.tags["dagster/run"] == f"{DAGSTER}/runs/{result.run_id}"
    assert run.data.tags["soccer/reason"] == "by hand"
    assert run.info.run_name.startswith(f"{result.dagster_run.job_name} 20")
    # A model that the run does not describe has a run below it, with its own parameters.
    assert (own.info.status, own.info.run_name) == ("FINISHED", "first champion")
    assert own.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert (own.data.params["recipe"], own.data.params["trained_rows"]) == (ELO_TEXTBOOK, "120")
    assert "seed" not in own.data.params
    return made, run.info.run_id


def damage(folder: Path, sha256: str, data: bytes | None) -> None:
    """Replace the artifact of a model, or remove it."""
    files = {OutcomeModel.from_bytes(file.read_bytes()).sha256: file for file in folder.rglob(MODEL_FILE)}
    if data is None:
        files[sha256].unlink()
    else:
        files[sha256].write_bytes(data)


# MLflow and dagster-mlflow warn about their own insides, but have nothing to say about what we log.
@pytest.mark.filterwarnings("ignore", "error:.*input example")
def test_models_are_registered_found_and_checked(tmp_path):
    """Aliases move between the versions of a run, and a changed artifact does not load."""
    artifacts = tmp_path / "artifacts"
    registry = ModelRegistry(f"sqlite:///{tmp_path}/deep/mlflow.db", artifacts)
    assert registry.find(CHAMPION) is None
    models = [elo_model(weight, ("elo_textbook_gap", "tier")) for weight in (0.5, 0.9, 1.3)]
    (first, second, third), run_id = register(registry, *models)

    assert [model.version for model in (first, second, third)] == ["1", "2", "3"]
    assert first.run_id == second.run_id == run_id != third.run_id
    registry.annotate(second, "not promoted: too few matches", {"passes_every_gate": "false"})
    described = mlflow.MlflowClient().get_model_version(MODEL_NAME, "2")
    assert described.description.startswith("`elo_textbook`, fitted on 120 matches until 2025-04-20")
    assert described.description.endswith("\n\nnot promoted: too few matches")
    assert described.tags["passes_every_gate"] == "false"
    assert registry.version("2") == second
    with pytest.raises(MissingModelError, match="run the job retrain_model"):
        registry.get(CHAMPION)
    registry.set_alias(CHAMPION, "1")
    registry.set_alias(CANDIDATE, "2")
    assert (registry.get(CHAMPION), registry.find(CANDIDATE)) == (first, second)
    registry.set_alias(CHAMPION, "2")
    assert registry.get(CHAMPION) == second

    loaded = registry.load(registry.get(CHAMPION))
    assert loaded.sha256 == models[1].sha256
    rows = np.array([[100.0, 1.0], [-50.0, 2.0]])
    frame = pd.DataFrame(rows, columns=list(loaded.feature_names))
    pyfunc = mlflow.pyfunc.load_model(f"models:/match_outcome@{CHAMPION}")
    np.testing.assert_array_equal(pyfunc.predict(frame), models[1].predict_proba(rows))

    copies = tmp_path / "copies"
    assert (
        ModelRegistry(registry.url, artifacts, copies=copies).load(second).sha256
        == second.facts.content_sha256
    )
    quick = ModelRegistry(registry.url, artifacts, copies=copies)
    assert (quick.find(CHAMPION), quick.find(CANDIDATE), quick.find("nobody")) == (second, second, None)
    assert quick.load(second).sha256 == models[1].sha256
    assert "_client" not in quick.__dict__, "MLflow's client was loaded"

    damage(artifacts, models[1].sha256, models[0].to_bytes())
    assert registry.load(second) is loaded  # checked when it was read; the next process reads again
    registry = ModelRegistry(registry.url, artifacts)
    with pytest.raises(MissingModelError, match="version 2 is missing or has another hash"):
        registry.load(second)
    (copy,) = copies.iterdir()
    copy.write_bytes(models[0].to_bytes())
    with pytest.raises(MissingModelError, match="version 2 is missing or has another hash"):
        ModelRegistry(registry.url, artifacts, copies=copies).load(second)
    damage(artifacts, models[2].sha256, None)
    with pytest.raises(MissingModelError, match="version 3 is missing or has another hash"):
        registry.load(third)


def test_the_mlflow_run_of_a_failed_step_has_failed(tmp_path):
    """Without a hook: the resource asks Dagster's log when it is torn down."""
    registry = ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")

    @dg.asset
    def training(mlflow: dg.ResourceParam[Any]) -> None:
        mlflow.log_params({"seed": 20})
        raise dg.Failure(description="no matches")

    resources = {"mlflow": training_run(registry, DAGSTER)}
    with dg.DagsterInstance.ephemeral() as instance:
        assert not dg.materialize(
            [training], resources=resources, instance=instance, raise_on_error=False
        ).success

    (run,) = mlflow.search_runs(experiment_names=[EXPERIMENT], output_format="list")
    assert run.info.status == "FAILED"
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_training_without_mlflow_fails_with_one_sentence(monkeypatch, tmp_path):
    """Refused, or no database at all: the alert and the run's page say it without the client's own text."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (port,) = free_ports(1)
    garbage = tmp_path / "mlflow.db"
    garbage.write_bytes(b"not a database" * 1000)

    @dg.asset
    def training(mlflow: dg.ResourceParam[Any]) -> None:
        mlflow.log_params({"seed": 20})

    for url, reason in (
        (f"http://127.0.0.1:{port}", "does not answer (Connection refused)"),
        (f"sqlite:///{garbage}", "cannot be used ("),
    ):
        resources = {"mlflow": training_run(ModelRegistry(url), DAGSTER)}
        with dg.DagsterInstance.ephemeral() as instance:
            dg.materialize([training], resources=resources, instance=instance, raise_on_error=False)
            (found,) = graph_conditions(instance, {}, [], dt.datetime.now(dt.UTC))
        assert f"MLflow at {url} {reason}" in found.cause
        assert "Max retries" not in found.cause


def test_a_server_that_never_answers_is_asked_for_half_a_minute(monkeypatch):
    """MLflow itself would ask for a quarter of an hour; an operator's own values stay."""
    for variable in (MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT):
        monkeypatch.setenv(variable.name, "")  # so that it is restored afterwards
        monkeypatch.delenv(variable.name)
    monkeypatch.setenv(MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.name, "0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        registry = ModelRegistry(f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv(MLFLOW_HTTP_REQUEST_TIMEOUT.name, "1")
        with pytest.raises(RegistryUnavailableError, match=r"does not answer \(timed out\)"):
            registry.find(CHAMPION)

    assert (MLFLOW_HTTP_REQUEST_MAX_RETRIES.get(), MLFLOW_HTTP_REQUEST_TIMEOUT.get()) == (2, 1)
