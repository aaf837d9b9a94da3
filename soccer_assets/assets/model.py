"""Model: a candidate is fitted, judged on matches it has not seen, and takes over if every gate holds."""

import datetime as dt
from typing import Any

import dagster as dg
import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from soccer_assets import freshness
from soccer_assets.assets.plots import differences_plot, reliability_plot
from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract import CANDIDATE, CHAMPION, PREVIOUS
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.neutral import forecast
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, OutcomeModel
from soccer_assets.modelling.promotion import PromotionFacts, decide
from soccer_assets.modelling.scorecard import ELO, PRIOR, Scorecard, score
from soccer_assets.modelling.training import fit_candidate, fit_elo_textbook, refit
from soccer_assets.resources.database import Database
from soccer_assets.resources.exports import Exports
from soccer_assets.resources.feature_store import FeatureStore
from soccer_assets.resources.model_registry import MissingModel, ModelRegistry, RegisteredModel, TrainingFacts
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.rollbacks import roll_back
from soccer_assets.resources.scorecards import Evaluation, Scorecards
from soccer_assets.resources.training_data import TrainingData, load_training_data

SEED = 20

# Why a run that may move the champion was started, and the sentence for it.
REASON_TAG = "soccer/reason"
TEXT_TAG = "soccer/reason_text"

_KINDS = {"python", "xgboost", "mlflow"}
_OWNERS = ["team:models"]


class ChampionConfig(dg.Config):
    """What to do with the champion."""

    rollback: bool = Field(
        False, description="Go back to the previous champion, whatever the evaluation says."
    )


@dg.asset(
    key=["model", "candidate"],
    deps=[["features", "match_features"], ["exports", "match"]],
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
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """A fitted, calibrated model, registered in MLflow under the alias `candidate`.

    A logit on all features, trees on its margin, a temperature where it helps. Training,
    calibration and test lie one after the other in time.
    """
    data = load_training_data(exports, feature_store, database, clock.now())
    model = fit_candidate(data.values, data.outcomes, data.split, data.feature_names, seed=SEED)
    windows = {name: _window(data, getattr(data.split, name)) for name in ("train", "calibration", "test")}
    mlflow.log_params(
        {
            "recipe": model.recipe,
            "seed": SEED,
            "snapshot_id": data.snapshot_id,
            "features": len(data.feature_names),
            "temperature": round(model.temperature, 6),
            **windows,
        }
    )
    registered = model_registry.register(
        model, _facts(model, data, data.split.train | data.split.calibration, clock.now())
    )
    model_registry.set_alias(CANDIDATE, registered.version)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(model.sha256),
        metadata={
            "version": registered.version,
            "mlflow_run_id": registered.run_id,
            "recipe": model.recipe,
            "content_sha256": model.sha256,
            "snapshot_id": data.snapshot_id,
            "finished_matches": len(data.matches),
            "dagster/row_count": registered.facts.trained_rows,
            **windows,
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
    mlflow: dg.ResourceParam[Any],
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    database: dg.ResourceParam[Database],
    model_registry: dg.ResourceParam[ModelRegistry],
    scorecards: dg.ResourceParam[Scorecards],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The scorecard on the newest matches, and the verdict of every gate.

    The candidate stands beside champion, textbook Elo, class prior and the closing prices: on the same rows,
    with paired intervals.
    """
    data = load_training_data(exports, feature_store, database, clock.now())
    registered = model_registry.get(CANDIDATE)
    champion = model_registry.find(CHAMPION)
    forecasts = _forecasts(data, model_registry.load(registered), champion, model_registry)
    test = data.split.test
    kickoff = data.matches.kickoff[test]
    scorecard = score(data.outcomes[test], kickoff, forecasts, data.odds[test], SEED)
    decision = decide(
        PromotionFacts(
            scorecard=scorecard,
            champion_recipe=champion.facts.recipe if champion else None,
            feature_names=data.feature_names,
            expected_feature_names=FEATURE_NAMES,
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
    mlflow.log_metrics(_flat(scorecard))
    mlflow.log_dict(msgspec.to_builtins(result), "scorecard.json")
    plots = {
        "reliability": reliability_plot(forecasts[CANDIDATE], data.outcomes[test]),
        "differences": differences_plot(scorecard),
    }
    for name, plot in plots.items():
        mlflow.log_figure(plot.figure, f"{name}.png")
    is_complete = (
        scorecard.rows >= len(scorecard.forecasters)
        and np.isfinite([one.log_loss for one in scorecard.forecasters.values()]).all()
    )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": scorecard.rows,
            "verdict": decision.reason,
            "scorecard": dg.MetadataValue.md(_markdown(scorecard)),
            "gates": dg.MetadataValue.md("\n".join(f"- {_mark(g.passed)} {g.text}" for g in decision.gates)),
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

    A candidate that passed every gate is refitted on all rows by the same recipe and takes over; the one it
    replaces keeps the alias `previous`. The first champion is textbook Elo, so that there is always an
    honest answer.
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
        current = model_registry.register(elo, _facts(elo, data, everything, now))
        model_registry.set_alias(CHAMPION, current.version)
        scorecards.describe(current.version, ELO, result)
    if decision.promote and result.champion_version in (None, current.version):
        data = data or load_training_data(exports, feature_store, database, now)
        winner = model_registry.load(model_registry.version(result.candidate_version))
        final = refit(winner, data.values, data.outcomes, data.everything, seed=SEED)
        # A run that was killed behind the aliases and started again must not replace the winner by itself.
        if final.sha256 != current.facts.content_sha256:
            facts = _facts(final, data, data.everything.train, now)
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
    """Champion and previous change places: the same way leads back."""
    try:
        plan = roll_back(store, registry, run.root_run_id or run.run_id)
    except MissingModel as error:
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


def _forecasts(
    data: TrainingData, candidate: OutcomeModel, champion: RegisteredModel | None, registry: ModelRegistry
) -> dict[str, NDArray[np.float64]]:
    """Probabilities of every forecaster on the test rows, none of which any of them has seen."""
    split, test = data.split, data.split.test
    is_neutral = data.matches.is_neutral[test]
    learnt = split.train | split.calibration
    elo = fit_elo_textbook(data.values, data.outcomes, learnt, data.feature_names)
    prior = np.bincount(data.outcomes[learnt], minlength=3) / learnt.sum()
    forecasts = {
        PRIOR: np.tile(prior, (int(test.sum()), 1)),
        ELO: elo.predict_proba(data.values[test]),
        CANDIDATE: forecast(candidate, data.values[test], is_neutral),
    }
    if champion is not None:
        model = registry.load(champion)
        last_seen = dt.datetime.fromisoformat(champion.facts.train_end).timestamp()
        if last_seen > data.matches.kickoff[test].min():
            model = _same_recipe_at_cut(model, data, split)
        forecasts[CHAMPION] = forecast(model, data.values[test], is_neutral)
    return forecasts


def _same_recipe_at_cut(model: OutcomeModel, data: TrainingData, split: Split) -> OutcomeModel:
    """The champion's recipe without the test rows: having trained on them, it would be no fair opponent."""
    if model.recipe == ELO_TEXTBOOK:
        return fit_elo_textbook(
            data.values, data.outcomes, split.train | split.calibration, data.feature_names
        )
    return fit_candidate(
        data.values, data.outcomes, split, data.feature_names, recipe=model.recipe, seed=SEED
    )


def _facts(
    model: OutcomeModel, data: TrainingData, rows: NDArray[np.bool_], now: dt.datetime
) -> TrainingFacts:
    return TrainingFacts(
        recipe=model.recipe,
        content_sha256=model.sha256,
        snapshot_id=data.snapshot_id,
        trained_at=isoformat(now),
        train_end=_instant(data.matches.kickoff[rows].max()),
        trained_rows=int(rows.sum()),
    )


def _window(data: TrainingData, rows: NDArray[np.bool_]) -> str:
    if not rows.any():
        return "no matches"
    kickoff = data.matches.kickoff[rows]
    return f"{int(rows.sum())} matches, {_instant(kickoff.min())} to {_instant(kickoff.max())}"


def _instant(epoch_seconds: Any) -> str:
    return isoformat(dt.datetime.fromtimestamp(int(epoch_seconds), dt.UTC))


def _flat(scorecard: Scorecard) -> dict[str, float]:
    rows = {"all": scorecard.forecasters, "odds": scorecard.forecasters_with_odds}
    return {
        f"{row_set}.{forecaster}.{name}": float(value)
        for row_set, forecasters in rows.items()
        for forecaster, metrics in forecasters.items()
        for name, value in msgspec.structs.asdict(metrics).items()
    }


def _markdown(scorecard: Scorecard) -> str:
    lines = ["| rows | forecaster | n | log_loss | rps | brier | accuracy | ece_15 | candidate minus it |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    row_sets = {
        "all": (scorecard.forecasters, scorecard.differences),
        "odds": (scorecard.forecasters_with_odds, scorecard.differences_with_odds),
    }
    for row_set, (forecasters, differences) in row_sets.items():
        for name, one in forecasters.items():
            gap = differences.get(name)
            text = f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]" if gap else ""
            lines.append(
                f"| {row_set} | {name} | {one.rows} | {one.log_loss:.4f} | {one.rps:.4f} "
                f"| {one.brier_score:.4f} | {one.accuracy:.4f} | {one.ece_15:.4f} | {text} |"
            )
    return "\n".join(lines)


def _mark(passed: bool) -> str:
    return "✓" if passed else "✗"
