"""Reports of a training run: what MLflow logs and what an asset's page shows, from the same values."""

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.clock import isoformat
from soccer_assets.graph.pages.plots import (
    Plot,
    differences_plot,
    gains_plot,
    has_pages,
    learning_curve_plot,
    reliability_plot,
    slices_plot,
    trials_plot,
    weeks_plot,
)
from soccer_assets.graph.pages.scorecard import (
    flat_metrics,
    gates_markdown,
    scorecard_numbers,
    scorecard_tables,
    slices_markdown,
)
from soccer_assets.graph.pages.values import short_hash
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.diagnostics import feature_gains, learning_curve
from soccer_assets.modelling.evaluation import Evaluation, loss_differences
from soccer_assets.modelling.forecasters import CANDIDATE, ELO
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.training import SEED
from soccer_assets.modelling.tuning import Search, completed_trials
from soccer_assets.resources.model_registry import TrainingFacts

_HASHES = ("snapshot_id", "data_sha256", "code_version")


@dataclass(frozen=True)
class Dataset:
    """Matches that a run used; MLflow lists them beside the run and finds runs of the same ones.

    Attributes:
        name: such as "training matches".
        digest: hash of the snapshot they belong to.
        source: address of the snapshot.
        facts: their number and their span.
    """

    name: str
    digest: str
    source: str
    facts: Mapping[str, str]

    def log_to(self, mlflow: Any, use: str) -> None:
        """Log the dataset as an input of the active run."""
        source = mlflow.data.dataset_source_registry.resolve_dataset_source(self.source)
        # MLflow's digests have at most 36 characters.
        made = mlflow.data.meta_dataset.MetaDataset(source, name=self.name, digest=self.digest[:36])
        mlflow.log_input(made, context=use, tags=dict(self.facts))


@dataclass(frozen=True)
class RunReport:
    """One report, for MLflow and for the page.

    Attributes:
        params: MLflow's parameters.
        metrics: MLflow's metrics.
        series: MLflow's metrics by step, such as log loss by rounds of trees.
        tags: MLflow's tags.
        datasets: MLflow's datasets by their use.
        files: JSON artefacts of the MLflow run by file name.
        plots: by name; an artefact of the run each, and an image on the page, where the run has pages.
        metadata: entries of the page, without the plots.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plots: Mapping[str, Plot] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def log_to(self, mlflow: Any) -> None:
        """Log everything but the metadata into an MLflow run."""
        if self.params:
            mlflow.log_params(dict(self.params))
        if self.metrics:
            mlflow.log_metrics(dict(self.metrics))
        for name, points in self.series.items():
            for step, value in points:
                mlflow.log_metric(name, value, step=step)
        if self.tags:
            mlflow.set_tags(dict(self.tags))
        for use, dataset in self.datasets.items():
            dataset.log_to(mlflow, use)
        for name, content in self.files.items():
            mlflow.log_dict(content, name)
        if self.plots and has_pages():
            with tempfile.TemporaryDirectory() as folder:
                for name, plot in self.plots.items():
                    (Path(folder) / f"{name}.png").write_bytes(plot.png)
                mlflow.log_artifacts(folder)

    def page(self) -> dict[str, Any]:
        """Metadata of the asset, plots included."""
        return {**self.metadata, **{name: plot.metadata for name, plot in self.plots.items()}}


def search_report(found: Search, snapshot_id: str) -> RunReport:
    """The search for hyper-parameters: its choice, its score and every trial."""
    chosen = msgspec.structs.asdict(found.parameters)
    return RunReport(
        params=chosen | {"seed": SEED, "snapshot_id": snapshot_id, "trials": len(found.trials)},
        metrics={"log_loss": found.log_loss, "default_log_loss": found.default_log_loss},
        series={"trial.log_loss": completed_trials(found)},
        files={"search.json": msgspec.to_builtins(found)},
        plots={"trials": trials_plot(found)},
        metadata={
            "dagster/row_count": sum(found.fold_rows),
            "parameters": dg.MetadataValue.json(chosen),
            "log_loss": found.log_loss,
            "default_log_loss": found.default_log_loss,
            "trial_count": len(found.trials),
        },
    )


def candidate_report(model: OutcomeModel, data: TrainingData, facts: TrainingFacts, source: str) -> RunReport:
    """A fitted candidate: its recipe, its windows, how it learnt and which features it uses.

    Args:
        model: the candidate.
        data: what it was fitted on.
        facts: as the registry stores them.
        source: address of the snapshot of the matches.
    """
    parameters = msgspec.structs.asdict(facts.parameters)
    windows = {name: _window(data, getattr(data.split, name)) for name in ("train", "calibration", "test")}
    gains = feature_gains(model)
    curves = {
        name: learning_curve(model, data.inputs(model.feature_names)[rows], data.outcomes[rows])
        for name, rows in (("training", data.split.train), ("calibration", data.split.calibration))
    }
    origin = {
        "recipe": model.recipe,
        "snapshot_id": data.snapshot_id,
        "data_sha256": facts.data_sha256,
        "code_version": facts.code_version,
    }
    return RunReport(
        params={
            **origin,
            "seed": SEED,
            "features": len(model.feature_names),
            "information": facts.information,
            "rounds": " ".join(map(str, model.rounds)),
            "anchor_share": round(model.anchor_share, 6),
            "temperature": round(model.temperature, 6),
            **parameters,
            **windows,
        },
        series={f"{name}.log_loss": curve for name, curve in curves.items()},
        tags={"recipe": model.recipe, "snapshot_id": data.snapshot_id},
        datasets={
            name: Dataset(f"{name} matches", data.snapshot_id, source, {"window": window})
            for name, window in windows.items()
        },
        files={"insight.json": {"feature_gain": gains, "learning_curve": curves}},
        plots={"learning_curve": learning_curve_plot(curves), "feature_gain": gains_plot(gains)},
        metadata={
            **{name: short_hash(text) if name in _HASHES else text for name, text in origin.items()},
            "content": short_hash(model.sha256),
            "parameters": dg.MetadataValue.json(parameters),
            "finished_matches": len(data.matches),
            "dagster/row_count": facts.trained_rows,
            **windows,
        },
    )


def evaluation_report(
    data: TrainingData, forecasts: Mapping[str, NDArray[np.float64]], evaluation: Evaluation
) -> RunReport:
    """An evaluation: every score, the verdict of every gate, and where the candidate gains or loses."""
    scorecard, test = evaluation.scorecard, data.split.test
    return RunReport(
        metrics=flat_metrics(scorecard),
        tags={
            "verdict": evaluation.decision.reason,
            "passes_every_gate": str(evaluation.decision.promote).lower(),
            "compared_with_champion": evaluation.champion_version or "none",
            "information": evaluation.information,
        },
        files={"scorecard.json": msgspec.to_builtins(evaluation)},
        plots={
            "reliability": reliability_plot(forecasts[CANDIDATE], data.outcomes[test]),
            "differences": differences_plot(scorecard),
            "slices": slices_plot(scorecard, ELO),
            "weeks": weeks_plot(data.matches.kickoff[test], loss_differences(data, forecasts)),
        },
        metadata={
            "dagster/row_count": scorecard.rows,
            "verdict": evaluation.decision.reason,
            "information": evaluation.information,
            **scorecard_numbers(scorecard),
            **{name: dg.MetadataValue.md(table) for name, table in scorecard_tables(scorecard).items()},
            "slices_table": dg.MetadataValue.md(slices_markdown(scorecard)),
            "gates": dg.MetadataValue.md(gates_markdown(evaluation.decision.gates)),
        },
    )


def _window(data: TrainingData, rows: NDArray[np.bool_]) -> str:
    if not rows.any():
        return "no matches"
    kickoff = data.matches.kickoff[rows]
    return f"{int(rows.sum())} matches, {_instant(kickoff.min())} to {_instant(kickoff.max())}"


def _instant(epoch_seconds: Any) -> str:
    return isoformat(dt.datetime.fromtimestamp(int(epoch_seconds), dt.UTC))
