"""Model: hyper-parameters, a fitted candidate, its evaluation on unseen matches, and the champion."""

import functools
from collections.abc import Iterator
from typing import Any

import dagster as dg
import msgspec
from pydantic import Field

from soccer_assets.clock import Clock
from soccer_assets.contract.release import CANDIDATE, CHAMPION, PREVIOUS
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.graph.pages.champion import champion_page
from soccer_assets.graph.pages.training_reports import candidate_report, evaluation_report, search_report
from soccer_assets.graph.pages.values import finite, short_hash, timestamp
from soccer_assets.graph.retries import refused
from soccer_assets.modelling.evaluation import evaluate, is_complete
from soccer_assets.modelling.leaks import own_facts
from soccer_assets.modelling.promotion import GATES, PromotionDecision
from soccer_assets.modelling.scorecard import Scorecard
from soccer_assets.modelling.training import SEED, fit_candidate
from soccer_assets.modelling.tuning import search
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.models.champion import update_champion
from soccer_assets.stores.models.champion_change import ChampionChange, change_metadata, change_of
from soccer_assets.stores.models.champion_move import ChampionMovedError, last_move
from soccer_assets.stores.models.evaluations import Scorecards, reading_of
from soccer_assets.stores.models.first_half import update_first_half_shares
from soccer_assets.stores.models.forecasts import forecasts_on_test
from soccer_assets.stores.models.parameters import current_parameters, read_search, write_search
from soccer_assets.stores.models.reigns import record_reign
from soccer_assets.stores.models.rollbacks import RollbackRefusedError, RollbackRequest, roll_back
from soccer_assets.stores.models.training_data import load_training_data, training_facts

GATE_CHECKS = frozenset(dg.AssetCheckKey(dg.AssetKey(["model", "evaluation"]), name) for name in GATES)
"""Checks that say whether a candidate is good enough: their failure is a verdict and no fault."""

# On runs that may change the champion: the reason for the run, and its sentence.
REASON_TAG = "soccer/reason"
TEXT_TAG = "soccer/reason_text"

_KINDS = {"python", "xgboost", "mlflow"}
_OWNERS = ["team:models"]


class ChampionConfig(dg.Config):
    """Whether to promote or to roll back, and from which version to which."""

    rollback: bool = Field(
        False, description="Roll back to the previous champion instead of promoting a candidate."
    )
    from_version: int | None = Field(
        None,
        ge=1,
        description="The version that is expected to be the champion. Where neither it nor `to_version` is, "
        "nothing is changed. Default: whichever is the champion.",
    )
    to_version: int | None = Field(
        None,
        ge=1,
        description="The version that becomes the champion, one that was champion before. Default: the "
        "previous champion; a champion that a rollback restored stays.",
    )

    def request(self, run: dg.DagsterRun) -> RollbackRequest:
        """The rollback that these fields ask for, in a run or its retry."""
        return RollbackRequest(
            run_id=first_run_id(run),
            from_version=None if self.from_version is None else str(self.from_version),
            to_version=None if self.to_version is None else str(self.to_version),
            why=run.tags.get(TEXT_TAG, ""),
        )


class SearchConfig(dg.Config):
    """Limits of the search."""

    trials: int = Field(
        20, ge=0, description="Parameter sets to try; the first is the defaults. 0 keeps what stands."
    )
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
    if config.trials == 0:
        return _kept_parameters(object_store)
    data = load_training_data(exports, feature_store, database, clock.now())
    found = search(
        data.matches,
        data.inputs(data.read),
        data.boundaries,
        data.read,
        trials=config.trials,
        timeout_seconds=config.timeout_minutes * 60.0,
        seed=SEED,
    )
    write_search(object_store, found)
    report = search_report(found, data.snapshot_id)
    report.log_to(mlflow)
    return dg.MaterializeResult(metadata=report.page())


def _kept_parameters(store: ObjectStore) -> dg.MaterializeResult:
    """The page where nothing was searched: the parameters that the next candidate is fitted with."""
    chosen = msgspec.structs.asdict(current_parameters(store))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": 0,
            "parameters": dg.MetadataValue.json(chosen),
            "origin": "the last search" if read_search(store) else "the defaults: nothing was searched yet",
        }
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
    now = clock.now()
    data = load_training_data(exports, feature_store, database, now)
    parameters = current_parameters(object_store)
    model = fit_candidate(
        data.inputs(data.read), data.outcomes, data.split, data.read, parameters=parameters, seed=SEED
    )
    facts = training_facts(model, data, data.split.train | data.split.calibration, now, parameters)
    report = candidate_report(
        model, data, facts, f"{object_store.url}/exports/manifests/{data.snapshot_id}.json"
    )
    report.log_to(mlflow)
    registered = model_registry.register(model, facts)
    model_registry.set_alias(CANDIDATE, registered.version)
    update_first_half_shares(database, object_store)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(model.sha256),
        metadata=report.page() | {"version": registered.version, "mlflow_run_id": registered.run_id},
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
        ),
        *(
            dg.AssetCheckSpec(name, asset=["model", "evaluation"], description=f"Promotion gate. {text}")
            for name, text in GATES.items()
        ),
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
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The scorecard on the newest matches, and the verdict of every promotion gate.

    The candidate is compared with champion, textbook Elo, class prior and closing prices on the same rows,
    with paired intervals.
    """
    now = clock.now()
    data = load_training_data(exports, feature_store, database, now)
    candidate, champion = model_registry.get(CANDIDATE), model_registry.find(CHAMPION)
    model = model_registry.load(candidate)
    forecasts = forecasts_on_test(data, model, champion, model_registry)
    readings = scorecards.log_reading(reading_of(data, context.run.run_id, candidate.version, now))
    result = evaluate(
        data,
        forecasts,
        candidate_version=candidate.version,
        feature_names=model.feature_names,
        champion_version=champion.version if champion else None,
        champion_recipe=champion.facts.recipe if champion else None,
        own_facts=own_facts(data),
        feed=feed.name,
    )
    scorecards.write(result)
    scorecards.describe(candidate.version, CANDIDATE, result)
    report = evaluation_report(data, forecasts, result)
    report.log_to(mlflow)
    model_registry.annotate(
        candidate, result.decision.reason, {"passes_every_gate": str(result.decision.promote).lower()}
    )
    return dg.MaterializeResult(
        metadata=report.page() | {"readings_of_this_test": readings},
        check_results=[_completeness(result.scorecard), *_gates(result.decision)],
    )


def _gates(decision: PromotionDecision) -> Iterator[dg.AssetCheckResult]:
    """A result for each promotion gate. They warn: a candidate that is not promoted is no fault."""
    decided = {gate.name: gate for gate in decision.gates}
    for name in GATES:
        gate = decided.get(name)
        yield dg.AssetCheckResult(
            check_name=name,
            passed=gate is None or gate.passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=gate.text if gate else "does not apply to this evaluation",
            metadata=finite({"value": gate.value, "bound": gate.bound}) if gate else {},
        )


def _completeness(scorecard: Scorecard) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="scorecard_is_complete",
        passed=is_complete(scorecard),
        metadata={"rows": scorecard.rows, "forecasters": sorted(scorecard.forecasters)},
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
    mlflow: dg.ResourceParam[Any],
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
    now = clock.now()
    if config.rollback:
        with refused(MissingModelError, RollbackRefusedError, ChampionMovedError):
            change = roll_back(object_store, model_registry, config.request(context.run))
    else:
        load = functools.partial(load_training_data, exports, feature_store, database, now)
        run_id = first_run_id(context.run)
        with refused(ChampionMovedError):
            change = update_champion(object_store, model_registry, scorecards, load, now, run_id)
    change = _untold(context, object_store, change)
    context.log.info(change.reason)
    current = model_registry.get(CHAMPION)
    mlflow.set_tags({"champion": current.version, "change": change.kind, "reason": change.reason})
    reigns = record_reign(object_store, current, change.kind, now, change.reason)
    page = champion_page(current, model_registry.find(PREVIOUS), reigns, scorecards)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(current.facts.content_sha256),
        metadata={
            "version": current.version,
            "change": change.kind,
            "reason": change.reason,
            **page,
            "recipe": current.facts.recipe,
            "content": short_hash(current.facts.content_sha256),
            "dagster/row_count": current.facts.trained_rows,
            "newest_training_match": timestamp(current.facts.train_end, "unknown"),
            **change_metadata(change),
        },
    )


def _untold(context: dg.AssetExecutionContext, store: ObjectStore, change: ChampionChange) -> ChampionChange:
    """The change of a run that was killed before it could tell it, in place of one that kept the champion.

    Alerts read the newest materialisation: one that names another version was made before the move.
    """
    move = last_move(store)
    if change.kind != "kept" or move is None or move.version != change.version:
        return change
    event = context.instance.get_latest_materialization_event(context.asset_key)
    told = change_of(event.asset_materialization.metadata) if event and event.asset_materialization else None
    if told is None or told.version == change.version:
        return change
    return ChampionChange(kind=move.kind, version=move.version, reason=move.reason)


def first_run_id(run: dg.DagsterRun) -> str:
    """The id of the run, or of the first run where this one is its retry."""
    return run.root_run_id or run.run_id
