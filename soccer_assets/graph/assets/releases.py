"""Releases: files, then manifest, then pointer, then event. The only way out of the graph."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.prediction import Meeting, Provenance, forecast_of_row, render
from soccer_assets.contract.release import (
    ALIASES,
    CHAMPION,
    GoldenRow,
    ModelCard,
    Prediction,
    Result,
    Team,
)
from soccer_assets.feeds.protocol import Feed
from soccer_assets.football.matches import outcome_of
from soccer_assets.graph import freshness
from soccer_assets.graph.assets.predictions import UPCOMING
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.models.evaluations import Scorecards
from soccer_assets.stores.monitoring.result_latency import ResultLatency, result_latency
from soccer_assets.stores.releases.current_status import current_status, data_as_of
from soccer_assets.stores.releases.directory import read_directory
from soccer_assets.stores.releases.publish import Draft, ReleaseRow, Releases

_GOLDEN_ROWS = 16


@dg.asset(
    key=["releases", "current"],
    ins={"predictions": dg.AssetIn(UPCOMING, input_manager_key="parquet_io_manager")},
    deps=[["predictions", "ledger"], ["features", "team_state"]],
    group_name="releases",
    kinds={"python", "sqlite"},
    owners=["team:serving"],
    automation_condition=FOLLOW_UPSTREAM,
    freshness_policy=freshness.RELEASES,
)
def current(
    context: dg.AssetExecutionContext,
    predictions: pd.DataFrame,
    database: dg.ResourceParam[Database],
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    model_registry: dg.ResourceParam[ModelRegistry],
    scorecards: dg.ResourceParam[Scorecards],
    object_store: dg.ResourceParam[ObjectStore],
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The release that the sidecar answers from.

    Predictions with their rendered bodies, the team state, the names of teams and competitions, the champion,
    and a manifest with the hash of each. The pointer is written last, then the event.
    """
    now = clock.now()
    is_healed = releases.reconcile(now)
    lease = releases.lease()
    registered = {alias: found for alias in ALIASES if (found := model_registry.find(alias)) is not None}
    champion = model_registry.get(CHAMPION)
    _refuse_other_champion(predictions[predictions["kickoff"] > now], champion)
    model = model_registry.load(champion)
    newest = data_as_of(database)
    draft = Draft(
        feed=feed.name,
        is_simulated=feed.is_simulated,
        data_as_of=isoformat(newest) if newest else None,
        snapshot_id=exports.manifest().snapshot_id,
        models={alias: _card(alias, version, scorecards) for alias, version in registered.items()},
        feature_names=model.feature_names,
        golden_rows=_golden_rows(model, feature_store),
        ledger_head=ledger_head(database),
        rows=tuple(_row(row, feed, now) for row in predictions.to_dict("records")),
        directory=read_directory(database),
    )
    team_state = feature_store.read_team_state(feature_store.manifest())
    # Before the pointer: a sidecar that loads the first release finds its status too.
    status = current_status(database, feed, clock, context.instance, freshness.WATCHED)
    releases.write_status(status, now)
    published = releases.publish(draft, model.to_bytes(), team_state, now, lease)
    manifest = published.manifest
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.release_id),
        metadata={
            "dagster/row_count": manifest.prediction_rows,
            "dagster/uri": f"{object_store.url}/releases/{manifest.release_id}",
            "release_id": manifest.release_id,
            "is_new": published.is_new,
            "is_announced": published.is_announced,
            "healed_a_lost_event": is_healed,
            "champion": f"{champion.facts.recipe}, version {champion.version}",
            "ledger_head": manifest.ledger_head or "empty",
            "checked_at": status.checked_at,
            "data_as_of": status.data_as_of or "no result yet",
            "next_expected_at": status.next_expected_at or "nothing is due",
            "whistle_to_answer": dg.MetadataValue.md(_latency_table(result_latency(database, now))),
        },
    )


def _latency_table(by_feed: Mapping[str, ResultLatency]) -> str:
    if not by_feed:
        return "no predicted match was played in the last 30 days"
    lines = ["| feed | matches | median hours | slowest hours |", "|---|---|---|---|"]
    lines += [
        f"| {feed} | {latency.matches} | {latency.median_hours:.1f} | {latency.slowest_hours:.1f} |"
        for feed, latency in by_feed.items()
    ]
    return "\n".join(lines)


def _refuse_other_champion(upcoming: pd.DataFrame, champion: RegisteredModel) -> None:
    """Refuse predictions of a model that is no longer the champion: its promoting run publishes its own."""
    versions = set(upcoming.loc[upcoming["model"] == CHAMPION, "model_version"])
    if versions - {champion.version}:
        raise dg.Failure(
            description=f"the champion became version {champion.version} after these predictions were made; "
            "the run that promoted it publishes its own, or materialise predictions/upcoming again",
            allow_retries=False,
        )


def _golden_rows(model: OutcomeModel, feature_store: FeatureStore) -> tuple[GoldenRow, ...]:
    features = feature_store.read_newest(feature_store.manifest(), _GOLDEN_ROWS)
    values = np.column_stack([features[name].to_numpy() for name in model.feature_names])
    return tuple(
        GoldenRow(tuple(map(float, row)), tuple(map(float, forecast)))  # type: ignore[arg-type]  # three of them
        for row, forecast in zip(values, model.predict_proba(values), strict=True)
    )


def _card(alias: str, registered: RegisteredModel, scorecards: Scorecards) -> ModelCard:
    return ModelCard(
        name="match_outcome",
        version=registered.version,
        run_id=registered.run_id,
        alias=alias,
        recipe=registered.facts.recipe,
        content_sha256=registered.facts.content_sha256,
        trained_at=registered.facts.trained_at,
        train_end=registered.facts.train_end,
        trained_rows=registered.facts.trained_rows,
        scorecard=scorecards.metrics_of(registered.version),
    )


def _row(row: Mapping[Any, Any], feed: Feed, now: Any) -> ReleaseRow:
    has_result = row["status"] == "finished" and not np.isnan(row["home_goals"])
    result = None
    if has_result:
        home_goals, away_goals = int(row["home_goals"]), int(row["away_goals"])
        result = Result(
            home_goals=home_goals, away_goals=away_goals, outcome=outcome_of(home_goals, away_goals).value
        )
    meeting = Meeting(
        competition=row["competition"],
        season=row["season"],
        home_team=Team(row["home_team_id"], row["home_team"]),
        away_team=Team(row["away_team_id"], row["away_team"]),
        kickoff=isoformat(row["kickoff"].to_pydatetime()),
        kickoff_precision=row["kickoff_precision"],
        neutral=bool(row["neutral"]),
    )
    provenance = Provenance(
        model=row["model"],
        model_version=row["model_version"],
        model_run_id=row["model_run_id"],
        release_id="",
        feed=feed.name,
    )
    prediction = render(
        Prediction,
        meeting,
        forecast_of_row(row),
        provenance,
        match_id=row["match_id"],
        round=row["round"],
        status=row["status"],
        predicted_at=row["predicted_at"],
        result=result,
    )
    return ReleaseRow(
        prediction=prediction,
        source_match_id=row["source_match_id"],
        is_upcoming=row["kickoff"].to_pydatetime() > now,
    )
