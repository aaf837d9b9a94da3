"""Predictions: every upcoming fixture by every model that has an alias, and the ledger of what was said."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from soccer_assets import freshness
from soccer_assets.assets.livescores import UPCOMING_DAYS
from soccer_assets.assets.metadata import column_schema
from soccer_assets.clock import Clock, isoformat
from soccer_assets.conditions import FOLLOW_UPSTREAM
from soccer_assets.contract import ALIASES, CHAMPION, OUTCOMES
from soccer_assets.football.matches import STATUS_RULES, KickoffPrecision, MatchStatus
from soccer_assets.modelling.ledger import Entry
from soccer_assets.resources.database import Database
from soccer_assets.resources.exports import Exports
from soccer_assets.resources.feature_store import FeatureStore, feature_values
from soccer_assets.resources.ledger_store import record_and_score
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.parquet_io_manager import ParquetIOManager
from soccer_assets.tables import ledger_entry

# A played match keeps its last prediction before kickoff, beside its result, for this long.
PLAYED_DAYS = 90

UPCOMING = dg.AssetKey(["predictions", "upcoming"])

_FACTS = (
    "match_id",
    "competition",
    "season",
    "round",
    "home_team_id",
    "home_team",
    "away_team_id",
    "away_team",
    "kickoff",
    "kickoff_precision",
    "status",
    "neutral",
    "home_goals",
    "away_goals",
    "source_match_id",
)
_SAID = ("match_id", "model", "model_version", "model_run_id", "model_sha256", "p_home", "p_draw", "p_away")


@dg.asset(
    key=UPCOMING,
    deps=[["features", "match_features"], ["exports", "match"], ["model", "champion"]],
    group_name="predictions",
    kinds={"python", "parquet", "xgboost"},
    owners=["team:models"],
    automation_condition=FOLLOW_UPSTREAM,
    freshness_policy=freshness.PREDICTIONS,
    io_manager_key="parquet_io_manager",
)
def upcoming(
    context: dg.AssetExecutionContext,
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    model_registry: dg.ResourceParam[ModelRegistry],
    frames: dg.ResourceParam[ParquetIOManager],
    clock: dg.ResourceParam[Clock],
) -> pd.DataFrame:
    """Probabilities of home, draw and away for every fixture of the next fifteen days.

    Champion, previous and candidate each have their say. A played match keeps what was said last before its
    kickoff, beside its result.
    """
    now = clock.now()
    made = feature_store.manifest()
    matches = exports.read_matches(exports.manifest(made.snapshot_id)).select(list(_FACTS)).to_pandas()
    is_served = [STATUS_RULES[MatchStatus(status)].is_served for status in matches["status"]]
    served = matches[np.array(is_served, dtype=bool)]
    last_day = pd.Timestamp(now.date() + dt.timedelta(days=UPCOMING_DAYS + 1), tz="UTC")
    fixtures = served[(served["kickoff"] > now) & (served["kickoff"] < last_day)]
    features = feature_store.read(made)
    said = [
        _predict(alias, fixtures, features, model_registry, now)
        for alias in ALIASES
        if model_registry.find(alias) is not None
    ]
    if not said:
        raise dg.Failure("no model has an alias yet; run the job retrain_model", allow_retries=False)
    before = frames.read(UPCOMING)
    predictions = _keep_what_stands(pd.concat(said, ignore_index=True), before, served, now)
    table = predictions.merge(served, on="match_id").sort_values(["kickoff", "match_id", "model"])
    champion = table[(table["model"] == CHAMPION) & (table["kickoff"] > now)]
    context.add_output_metadata(
        {
            "upcoming": len(champion),
            "first_kickoff": str(champion["kickoff"].min()),
            "last_kickoff": str(champion["kickoff"].max()),
            "by_competition": _counts(champion["competition"]),
            "by_model": _counts(table["model"]),
        }
    )
    return table.reset_index(drop=True)


def _counts(column: "pd.Series[str]") -> dg.JsonMetadataValue:
    return dg.MetadataValue.json({str(name): int(count) for name, count in column.value_counts().items()})


def _predict(
    alias: str, fixtures: pd.DataFrame, features: pa.Table, registry: ModelRegistry, now: dt.datetime
) -> pd.DataFrame:
    registered = registry.get(alias)
    model = registry.load(registered)
    match_ids = fixtures["match_id"].tolist()
    if match_ids:
        probabilities = model.predict_proba(feature_values(features, match_ids, model.feature_names))
    else:
        probabilities = np.empty((0, len(OUTCOMES)))
    return pd.DataFrame(
        {
            "match_id": match_ids,
            "model": alias,
            "model_version": registered.version,
            "model_run_id": registered.run_id,
            "model_sha256": registered.facts.content_sha256,
            "p_home": probabilities[:, 0],
            "p_draw": probabilities[:, 1],
            "p_away": probabilities[:, 2],
            "predicted_kickoff": fixtures["kickoff"].to_numpy(),
            "predicted_at": isoformat(now),
        }
    )


def _keep_what_stands(
    said: pd.DataFrame, before: pd.DataFrame | None, served: pd.DataFrame, now: dt.datetime
) -> pd.DataFrame:
    """What is said now, with the time of the first saying where nothing changed, and played matches kept."""
    if before is None:
        return said
    columns = [*_SAID, "predicted_kickoff", "predicted_at"]
    earlier = before[columns].merge(served[["match_id", "kickoff"]], on="match_id")
    oldest = pd.Timestamp(now) - pd.Timedelta(days=PLAYED_DAYS)
    played = earlier[(earlier["kickoff"] <= now) & (earlier["kickoff"] >= oldest)][columns]
    same = [*_SAID, "predicted_kickoff"]
    stands = said.merge(earlier[columns], on=same, how="left", suffixes=("", "_before"))
    stands["predicted_at"] = stands.pop("predicted_at_before").fillna(stands["predicted_at"])
    return pd.concat([stands, played], ignore_index=True)


@dg.asset(
    key=["predictions", "ledger"],
    ins={"predictions": dg.AssetIn(UPCOMING, input_manager_key="parquet_io_manager")},
    deps=[["matches", "match"]],
    group_name="predictions",
    kinds={"python", "table"},
    owners=["team:models"],
    automation_condition=FOLLOW_UPSTREAM,
)
def ledger(
    predictions: pd.DataFrame, database: dg.ResourceParam[Database], clock: dg.ResourceParam[Clock]
) -> dg.MaterializeResult:
    """What was predicted before each kickoff, never rewritten.

    Entries are chained by hash, and scored when the result arrives. A corrected result
    adds a score, it replaces none.
    """
    now = clock.now()
    champion = predictions[(predictions["model"] == CHAMPION) & (predictions["kickoff"] > now)]
    entries = [(row["competition"], _entry(row)) for row in champion.to_dict("records")]
    counts = record_and_score(database, entries, now)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": counts.entries,
            "dagster/column_schema": column_schema(ledger_entry),
            "recorded": counts.recorded,
            "scored": counts.scored,
            "void": counts.void,
            "head": counts.head,
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
