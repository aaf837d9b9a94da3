"""Model: hyper-parameters, a fitted candidate, its evaluation on unseen matches, and the champion."""

import datetime as dt
from typing import Any

import dagster as dg
import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.release import CANDIDATE, CHAMPION, PREVIOUS
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.misread_dates import back_to_back_share
from soccer_assets.graph import freshness
from soccer_assets.graph.pages.plots import (
    Plot,
    differences_plot,
    gains_plot,
    learning_curve_plot,
    reliability_plot,
    slices_plot,
    trials_plot,
    weeks_plot,
)
from soccer_assets.graph.pages.scorecard import (
    flat_metrics,
    gates_markdown,
    scorecard_markdown,
    slices_markdown,
)
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.diagnostics import feature_gains, learning_curve
from soccer_assets.modelling.metrics import log_losses
from soccer_assets.modelling.odds import devig_shin
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.modelling.promotion import PromotionFacts, decide_promotion
from soccer_assets.modelling.scorecard import ELO, score
from soccer_assets.modelling.slices import slices_of
from soccer_assets.modelling.training import (
    DEFAULTS,
    SEED,
    Parameters,
    fit_candidate,
    fit_elo_textbook,
    refit,
)
from soccer_assets.modelling.tuning import search
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry, TrainingFacts
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.fingerprint import code_version
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.models.champion import roll_back
from soccer_assets.stores.models.evaluations import Evaluation, Reading, Scorecards
from soccer_assets.stores.models.forecasts import forecasts_on_test
from soccer_assets.stores.models.parameters import current_parameters, write_search
from soccer_assets.stores.models.training_data import load_training_data

# On runs that may change the champion: the reason for the run, and its sentence.
REASON_TAG = "soccer/reason"
TEXT_TAG = "soccer/reason_text"

_KINDS = {"python", "xgboost", "mlflow"}
_OWNERS = ["team:models"]


class ChampionConfig(dg.Config):
    """Whether to promote or to roll back."""

    rollback: bool = Field(
        False, description="Roll back to the previous champion instead of promoting a candidate."
    )


class SearchConfig(dg.Config):
    """Limits of the search."""

    trials: int = Field(20, ge=1, description="Parameter sets to try; the first is the defaults.")
    timeout_minutes: float = Field(60.0, gt=0, description="No trial starts after this time.")


@dg.asset(
    key=["model", "parameters"],
    deps=[["features", "match_features"], ["exports", "match"]],
    group_name="model",
    kinds=_KINDS,
    owners=_OWNERS,
)
def parameters(
    config: SearchConfig,
    mlflow: dg.ResourceParam[Any],
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Hyper-parameters of the candidate: least log loss over the last three seasons before the test window.

    Each season is predicted by a model of the matches before it. Optuna searches with a fixed seed, once a
    month or by hand. The defaults stay where no trial beats them, and until the first search.
    """
    data = load_training_data(exports, feature_store, database, clock.now())
    found = search(
        data.matches,
        data.values,
        data.boundaries,
        data.feature_names,
        trials=config.trials,
        timeout_seconds=config.timeout_minutes * 60.0,
        seed=SEED,
    )
    write_search(object_store, found)
    chosen = msgspec.structs.asdict(found.parameters)
    plot = trials_plot(found)
    mlflow.log_params(chosen | {"seed": SEED, "snapshot_id": data.snapshot_id, "trials": len(found.trials)})
    mlflow.log_metrics({"log_loss": found.log_loss, "default_log_loss": found.default_log_loss})
    mlflow.log_dict(msgspec.to_builtins(found), "search.json")
    mlflow.log_figure(plot.figure, "trials.png")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(found.fold_rows),
            "parameters": dg.MetadataValue.json(chosen),
            "log_loss": found.log_loss,
            "default_log_loss": found.default_log_loss,
            "trials": len(found.trials),
            "history": plot.metadata,
        },
    )


@dg.asset(
    key=["model", "candidate"],
    deps=[["features", "match_features"], ["exports", "match"], ["model", "parameters"]],
    freshness_policy=freshness.CANDIDATE,
    group_name="model",
    kinds=_KINDS,
    owners=_OWNERS,
)
def candidate(
    mlflow: dg.ResourceParam[Any],
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """A fitted, calibrated model, registered in MLflow under the alias `candidate`.

    A logit on all features, trees of three seeds on its margin, a share of textbook Elo, a temperature
    where it helps. Training, calibration and test windows follow each other in time.
    """
    data = load_training_data(exports, feature_store, database, clock.now())
    tuned = current_parameters(object_store)
    model = fit_candidate(
        data.values, data.outcomes, data.split, data.feature_names, parameters=tuned, seed=SEED
    )
    learnt = data.split.train | data.split.calibration
    facts = _facts(model, data, learnt, clock.now(), tuned)
    windows = {name: _window(data, getattr(data.split, name)) for name in ("train", "calibration", "test")}
    mlflow.log_params(
        {
            "recipe": model.recipe,
            "seed": SEED,
            "snapshot_id": data.snapshot_id,
            "data_sha256": facts.data_sha256,
            "code_version": facts.code_version,
            "features": len(data.feature_names),
            "rounds": " ".join(map(str, model.rounds)),
            "anchor_share": round(model.anchor_share, 6),
            "temperature": round(model.temperature, 6),
            **msgspec.structs.asdict(tuned),
            **windows,
        }
    )
    gains = feature_gains(model)
    curves = {
        name: learning_curve(model, data.values[rows], data.outcomes[rows])
        for name, rows in (("training", data.split.train), ("calibration", data.split.calibration))
    }
    plots = {"learning_curve": learning_curve_plot(curves), "feature_gain": gains_plot(gains)}
    mlflow.log_dict({"feature_gain": gains, "learning_curve": curves}, "insight.json")
    _log_plots(mlflow, plots)
    registered = model_registry.register(model, facts)
    model_registry.set_alias(CANDIDATE, registered.version)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(model.sha256),
        metadata={
            "version": registered.version,
            "mlflow_run_id": registered.run_id,
            "recipe": model.recipe,
            "content_sha256": model.sha256,
            "snapshot_id": data.snapshot_id,
            "data_sha256": facts.data_sha256,
            "code_version": facts.code_version,
            "parameters": dg.MetadataValue.json(msgspec.structs.asdict(tuned)),
            "finished_matches": len(data.matches),
            "dagster/row_count": registered.facts.trained_rows,
            **windows,
            **{name: plot.metadata for name, plot in plots.items()},
        },
    )


@dg.asset(
    key=["model", "evaluation"],
    deps=[["model", "candidate"], ["matches", "odds"]],
    check_specs=[
        dg.AssetCheckSpec(
            "scorecard_is_complete",
            asset=["model", "evaluation"],
            blocking=True,
            description="Every forecaster was scored on the same, sufficiently many matches.",
        )
    ],
    group_name="model",
    kinds=_KINDS,
    owners=_OWNERS,
)
def evaluation(
    context: dg.AssetExecutionContext,
    mlflow: dg.ResourceParam[Any],
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    scorecards: dg.ResourceParam[Scorecards],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The scorecard on the newest matches, and the verdict of every promotion gate.

    The candidate is compared with champion, textbook Elo, class prior and closing prices on the same rows,
    with paired intervals.
    """
    now = clock.now()
    data = load_training_data(exports, feature_store, database, now)
    registered = model_registry.get(CANDIDATE)
    champion = model_registry.find(CHAMPION)
    model = model_registry.load(registered)
    forecasts = forecasts_on_test(data, model, champion, model_registry)
    test = data.split.test
    kickoff, odds, happened = data.matches.kickoff[test], data.odds[test], data.outcomes[test]
    readings = scorecards.log_reading(
        Reading(
            at=isoformat(now),
            run_id=context.run.run_id,
            candidate_version=registered.version,
            data_sha256=data.content_sha256,
            test_from=_instant(kickoff.min()),
            test_until=_instant(kickoff.max()),
            rows=len(kickoff),
        )
    )
    slices = slices_of(data.matches.take(test), data.values[test], data.feature_names)
    scorecard = score(happened, kickoff, forecasts, odds, SEED, slices)
    decision = decide_promotion(
        PromotionFacts(
            scorecard=scorecard,
            champion_recipe=champion.facts.recipe if champion else None,
            feature_names=model.feature_names,
            expected_feature_names=FEATURE_NAMES,
            back_to_back_share=back_to_back_share(data.matches),
        )
    )
    result = Evaluation(
        candidate_version=registered.version,
        champion_version=champion.version if champion else None,
        scorecard=scorecard,
        decision=decision,
    )
    scorecards.write(result)
    scorecards.describe(registered.version, CANDIDATE, result)
    mlflow.log_metrics(flat_metrics(scorecard))
    mlflow.log_dict(msgspec.to_builtins(result), "scorecard.json")
    plots = {
        "reliability": reliability_plot(forecasts[CANDIDATE], happened),
        "differences": differences_plot(scorecard),
        "slices": slices_plot(scorecard, ELO),
        "weeks": weeks_plot(kickoff, _by_match(forecasts, happened, odds)),
    }
    _log_plots(mlflow, plots)
    is_complete = (
        scorecard.rows >= len(scorecard.forecasters)
        and np.isfinite([metrics.log_loss for metrics in scorecard.forecasters.values()]).all()
    )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": scorecard.rows,
            "verdict": decision.reason,
            "looks_at_these_matches": readings,
            "scorecard": dg.MetadataValue.md(scorecard_markdown(scorecard)),
            "slices_table": dg.MetadataValue.md(slices_markdown(scorecard)),
            "gates": dg.MetadataValue.md(gates_markdown(decision.gates)),
            **{name: plot.metadata for name, plot in plots.items()},
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="scorecard_is_complete",
                passed=bool(is_complete),
                metadata={"rows": scorecard.rows, "forecasters": sorted(scorecard.forecasters)},
            )
        ],
    )


@dg.asset(
    key=["model", "champion"],
    deps=[["model", "evaluation"]],
    group_name="model",
    kinds=_KINDS,
    owners=_OWNERS,
)
def champion(
    context: dg.AssetExecutionContext,
    config: ChampionConfig,
    mlflow: dg.ResourceParam[Any],  # noqa: ARG001 - registering a model needs the run that it opens
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    scorecards: dg.ResourceParam[Scorecards],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The model that is served: the alias `champion`.

    A candidate that passed every gate is refitted on all rows by the same recipe and promoted; the replaced
    model gets the alias `previous`. The first champion is textbook Elo.
    """
    if config.rollback:
        return _rolled_back(object_store, model_registry, context.run)
    now = clock.now()
    result = scorecards.current()
    decision = result.decision
    data: TrainingData | None = None
    current = model_registry.find(CHAMPION)
    if current is None:
        data = load_training_data(exports, feature_store, database, now)
        everything = data.everything.train
        elo = fit_elo_textbook(data.values, data.outcomes, everything, data.feature_names)
        current = model_registry.register(elo, _facts(elo, data, everything, now, DEFAULTS))
        model_registry.set_alias(CHAMPION, current.version)
        scorecards.describe(current.version, ELO, result)
    if decision.promote and result.champion_version in (None, current.version):
        data = data or load_training_data(exports, feature_store, database, now)
        judged = model_registry.version(result.candidate_version)
        recipe, winner = judged.facts.parameters, model_registry.load(judged)
        final = refit(winner, data.values, data.outcomes, data.everything, parameters=recipe, seed=SEED)
        # A run that was killed after moving the aliases and restarted must not replace the winner by itself.
        if final.sha256 != current.facts.content_sha256:
            facts = _facts(final, data, data.everything.train, now, recipe)
            replaced, current = current, model_registry.register(final, facts)
            model_registry.set_alias(PREVIOUS, replaced.version)
            model_registry.set_alias(CHAMPION, current.version)
        scorecards.describe(current.version, CANDIDATE, result)
    context.log.info(decision.reason)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(current.facts.content_sha256),
        metadata={
            "version": current.version,
            "recipe": current.facts.recipe,
            "content_sha256": current.facts.content_sha256,
            "dagster/row_count": current.facts.trained_rows,
            "train_end": current.facts.train_end,
            "promoted": decision.promote,
            "reason": decision.reason,
        },
    )


def _rolled_back(store: ObjectStore, registry: ModelRegistry, run: dg.DagsterRun) -> dg.MaterializeResult:
    """Champion and previous champion swap aliases; a second rollback swaps them back."""
    try:
        plan = roll_back(store, registry, run.root_run_id or run.run_id)
    except MissingModelError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    current, why = registry.get(CHAMPION), run.tags.get(TEXT_TAG, "")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(current.facts.content_sha256),
        metadata={
            "version": current.version,
            "recipe": current.facts.recipe,
            "content_sha256": current.facts.content_sha256,
            "dagster/row_count": current.facts.trained_rows,
            "train_end": current.facts.train_end,
            "promoted": False,
            "rolled_back": True,
            "reason": f"rolled back from version {plan.back_from} to version {plan.back_to}"
            + (f": {why}" if why else ""),
        },
    )


def _by_match(
    forecasts: dict[str, NDArray[np.float64]], happened: NDArray[np.int8], odds: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Log loss of the candidate minus Elo's and the market's, (n,) each, NaN without a price."""
    candidate = log_losses(forecasts[CANDIDATE], happened)
    return {
        "textbook Elo": candidate - log_losses(forecasts[ELO], happened),
        "closing price": candidate - log_losses(devig_shin(odds), happened),
    }


def _log_plots(mlflow: Any, plots: dict[str, Plot]) -> None:
    for name, plot in plots.items():
        mlflow.log_figure(plot.figure, f"{name}.png")


def _facts(
    model: OutcomeModel,
    data: TrainingData,
    rows: NDArray[np.bool_],
    now: dt.datetime,
    parameters: Parameters,
) -> TrainingFacts:
    return TrainingFacts(
        recipe=model.recipe,
        content_sha256=model.sha256,
        snapshot_id=data.snapshot_id,
        trained_at=isoformat(now),
        train_end=_instant(data.matches.kickoff[rows].max()),
        trained_rows=int(rows.sum()),
        parameters=parameters,
        data_sha256=data.content_sha256,
        code_version=code_version(),
    )


def _window(data: TrainingData, rows: NDArray[np.bool_]) -> str:
    if not rows.any():
        return "no matches"
    kickoff = data.matches.kickoff[rows]
    return f"{int(rows.sum())} matches, {_instant(kickoff.min())} to {_instant(kickoff.max())}"


def _instant(epoch_seconds: Any) -> str:
    return isoformat(dt.datetime.fromtimestamp(int(epoch_seconds), dt.UTC))
