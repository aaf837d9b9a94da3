"""Predictions: every upcoming fixture by every model that has an alias, and the ledger of official ones."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.clock import Clock
from soccer_assets.contract.release import ALIASES, CHAMPION, PREVIOUS
from soccer_assets.football.knock_out import Tie
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.graph import freshness
from soccer_assets.graph.assets.livescores import UPCOMING_DAYS
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.columns import column_schema
from soccer_assets.graph.pages.lineage import table_metadata
from soccer_assets.graph.pages.values import timestamp
from soccer_assets.modelling.fixtures import forecast_fixtures
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_io_manager import ParquetIOManager
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore, feature_values
from soccer_assets.stores.ledger.parquet_copy import FOLDER as COPY_FOLDER
from soccer_assets.stores.ledger.parquet_copy import copy_ledger
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.ledger.shadows import record_shadows
from soccer_assets.stores.models.first_half import read_first_half_shares
from soccer_assets.stores.predictions import (
    PREDICTION_SCHEMA,
    forecast_table,
    merge_with_previous,
    prediction_months,
    read_served_matches,
    ties_of_fixtures,
)
from soccer_assets.stores.releases.current_models import (
    WITHOUT_REGISTRY,
    CurrentModels,
    read_current_models,
)
from soccer_assets.tables import ledger_entry

UPCOMING = dg.AssetKey(["predictions", "upcoming"])


@dg.asset(
    key=UPCOMING,
    deps=[["features", "match_features"], ["exports", "match"], ["model", "champion"]],
    group_name="predictions",
    kinds={"python", "parquet", "xgboost"},
    owners=["team:models"],
    automation_condition=FOLLOW_UPSTREAM,
    freshness_policy=freshness.PREDICTIONS,
    metadata=table_metadata("predictions/upcoming", column_schema(PREDICTION_SCHEMA)),
    io_manager_key="parquet_io_manager",
)
def upcoming(
    context: dg.AssetExecutionContext,
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    model_registry: dg.ResourceParam[ModelRegistry],
    object_store: dg.ResourceParam[ObjectStore],
    frames: dg.ResourceParam[ParquetIOManager],
    clock: dg.ResourceParam[Clock],
) -> pd.DataFrame:
    """Probabilities of home, draw and away for every fixture of the next fifteen days.

    One row for each of champion, previous champion and candidate. A played match keeps its last forecast
    before kickoff for 90 days, beside its result. Cup ties tell who goes on where round and legs say that the
    match decides one. Goals come from the goal model's two rates, on a grid of
    scores that keeps the probabilities; the champion's rows name the groups of features that moved them.

    While MLflow is away the champion is the current release's, and the other models keep their forecasts.
    """
    now = clock.now()
    manifest = feature_store.manifest()
    last_day = pd.Timestamp(now.date() + dt.timedelta(days=UPCOMING_DAYS + 1), tz="UTC")
    months = prediction_months(now, last_day)
    served = read_served_matches(exports, manifest.snapshot_id, months)
    fixtures = served[(served["kickoff"] > now) & (served["kickoff"] < last_day)]
    features = feature_store.read(manifest, months)
    values = feature_values(features, fixtures["match_id"].tolist(), manifest.feature_names)
    models = read_current_models(model_registry, object_store)
    if models.note:
        context.log.warning(models.note)
    shares = read_first_half_shares(object_store)
    first_half = [shares.of(code) for code in fixtures["competition"]]
    ties = ties_of_fixtures(fixtures, served)
    forecasts = _forecasts(models, fixtures, values, manifest.feature_names, first_half, ties, now)
    predictions = merge_with_previous(forecasts, frames.read(UPCOMING), served, now, models.absent)
    table = predictions.merge(served, on="match_id").sort_values(["kickoff", "match_id", "model"])
    champion = table[(table["model"] == CHAMPION) & (table["kickoff"] > now)]
    context.add_output_metadata(
        {
            "upcoming_matches": len(champion),
            "first_kickoff": _kickoff(champion["kickoff"].min()),
            "last_kickoff": _kickoff(champion["kickoff"].max()),
            "by_competition": _counts(champion["competition"]),
            "by_model": _counts(table["model"]),
        }
        | ({WITHOUT_REGISTRY: models.note} if models.note else {})
    )
    return table.reset_index(drop=True)


def _kickoff(instant: Any) -> dg.MetadataValue:
    return timestamp(None if pd.isna(instant) else instant.to_pydatetime(), "no upcoming match")


def _counts(column: "pd.Series[str]") -> dg.JsonMetadataValue:
    return dg.MetadataValue.json({str(name): int(count) for name, count in column.value_counts().items()})


def _forecasts(
    current: CurrentModels,
    fixtures: pd.DataFrame,
    values: NDArray[np.float64],
    feature_names: Sequence[str],
    first_half: Sequence[float],
    ties: Sequence[Tie | None],
    now: dt.datetime,
) -> pd.DataFrame:
    """Forecasts of every model that could be read; reasons for the champion's only."""
    is_neutral, is_turned = (fixtures[name].to_numpy(dtype=bool) for name in ("neutral", "away_is_host"))
    tables = []
    for alias in ALIASES:
        if alias not in current.models:
            continue
        forecasts = forecast_fixtures(
            current.models[alias],
            values,
            feature_names,
            is_neutral,
            with_reasons=alias == CHAMPION,
            is_turned=is_turned,
            first_half_shares=first_half,
            ties=ties,
        )
        tables.append(forecast_table(alias, current.registered[alias], fixtures, forecasts, now))
    return pd.concat(tables, ignore_index=True)


@dg.asset(
    key=["predictions", "ledger"],
    ins={"predictions": dg.AssetIn(UPCOMING, input_manager_key="parquet_io_manager")},
    deps=[["matches", "match"]],
    group_name="predictions",
    kinds={"python", "table", "parquet"},
    owners=["team:models"],
    automation_condition=FOLLOW_UPSTREAM,
    metadata=table_metadata("predictions/ledger", column_schema(ledger_entry)),
)
def ledger(
    predictions: pd.DataFrame,
    database: dg.ResourceParam[Database],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The official prediction of each match, made before its kickoff and never rewritten.

    Entries are chained by hash and scored when the result arrives; a corrected result adds a score and
    replaces none. The previous champion's forecast is kept beside each entry as a shadow. Entries and scores
    are appended to a copy in parquet.
    """
    now = clock.now()
    upcoming = predictions[predictions["kickoff"] > now]
    champion, previous = (upcoming[upcoming["model"] == alias] for alias in (CHAMPION, PREVIOUS))
    entries = [(row["competition"], _entry(row)) for row in champion.to_dict("records")]
    counts = record_and_score(database, entries, now)
    shadows = record_shadows(database, [_entry(row) for row in previous.to_dict("records")])
    copied = copy_ledger(database, object_store)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": counts.entries,
            "dagster/uri": f"{object_store.url}/{COPY_FOLDER}",
            "recorded": counts.recorded,
            "shadows": shadows,
            "scored": counts.scored,
            "void": counts.void,
            "ledger_head": counts.head,
            "entries_in_parquet_copy": copied.entries.rows
            if copied
            else "not updated: the copy disagrees with the ledger",
        }
    )


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(
        match_id=row["match_id"],
        kickoff=row["kickoff"].to_pydatetime(),
        kickoff_precision=KickoffPrecision(row["kickoff_precision"]),
        model_sha256=row["model_sha256"],
        p_home=row["p_home"],
        p_draw=row["p_draw"],
        p_away=row["p_away"],
        recorded_at=dt.datetime.fromisoformat(row["predicted_at"]),
    )
