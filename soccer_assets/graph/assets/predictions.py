"""Predictions: every upcoming fixture by every model that has an alias, and the ledger of what was said."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.release import ALIASES, CHAMPION, OUTCOMES, PREVIOUS, Reason
from soccer_assets.football.features import FEATURE_GROUPS
from soccer_assets.football.matches import STATUS_RULES, KickoffPrecision, MatchStatus
from soccer_assets.football.score_grid import RATE_FEATURES, GoalForecast, goal_forecasts
from soccer_assets.graph import freshness
from soccer_assets.graph.assets.livescores import UPCOMING_DAYS
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.columns import column_schema
from soccer_assets.modelling.explanations import reasons
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_io_manager import ParquetIOManager
from soccer_assets.resources.parquet_parts import months_between
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore, feature_values
from soccer_assets.stores.ledger.parquet_copy import FOLDER as COPY_FOLDER
from soccer_assets.stores.ledger.parquet_copy import copy_ledger
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.ledger.shadows import record_shadows
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
# Follow the probabilities, and the features where a model does not read all of them: they say nothing new.
_EXPLAINED = (
    "expected_home_goals",
    "expected_away_goals",
    "over_2_5",
    "both_teams_to_score",
    "likely_scores",
    "reasons",
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
    kickoff, beside its result. Goals come from the goal model's two rates, on a grid of scores that keeps the
    probabilities; the champion's rows say which groups of features moved them, in words.
    """
    now = clock.now()
    made = feature_store.manifest()
    last_day = pd.Timestamp(now.date() + dt.timedelta(days=UPCOMING_DAYS + 1), tz="UTC")
    months = months_between(now - dt.timedelta(days=PLAYED_DAYS), last_day)
    snapshot = exports.manifest(made.snapshot_id)
    matches = exports.read_matches(snapshot, months, list(_FACTS)).to_pandas()
    is_served = [STATUS_RULES[MatchStatus(status)].is_served for status in matches["status"]]
    served = matches[np.array(is_served, dtype=bool)]
    fixtures = served[(served["kickoff"] > now) & (served["kickoff"] < last_day)]
    match_ids = fixtures["match_id"].tolist()
    values = feature_values(feature_store.read(made, months), match_ids, made.feature_names)
    said = [
        _predict(
            alias, registered, model_registry.load(registered), fixtures, values, made.feature_names, now
        )
        for alias in ALIASES
        if (registered := model_registry.find(alias)) is not None
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
    alias: str,
    registered: RegisteredModel,
    model: OutcomeModel,
    fixtures: pd.DataFrame,
    values: NDArray[np.float64],
    feature_names: Sequence[str],
    now: dt.datetime,
) -> pd.DataFrame:
    """What one model says of the fixtures, whose features are ``values``."""
    inputs = values[:, [feature_names.index(name) for name in model.feature_names]]
    rates = np.exp(values[:, [feature_names.index(name) for name in RATE_FEATURES]])
    probabilities, goals, why = np.empty((0, len(OUTCOMES))), list[GoalForecast](), list[tuple[Reason, ...]]()
    if len(fixtures):
        is_neutral = fixtures["neutral"].to_numpy(dtype=bool)
        probabilities = forecast(model, inputs, is_neutral)
        goals = goal_forecasts(rates[:, 0], rates[:, 1], probabilities)
        why = (
            reasons(model, inputs, FEATURE_GROUPS, is_neutral) if alias == CHAMPION else [()] * len(fixtures)
        )
    return pd.DataFrame(
        {
            "match_id": fixtures["match_id"].to_numpy(),
            "model": alias,
            "model_version": registered.version,
            "model_run_id": registered.run_id,
            "model_sha256": registered.facts.content_sha256,
            "p_home": probabilities[:, 0],
            "p_draw": probabilities[:, 1],
            "p_away": probabilities[:, 2],
            "expected_home_goals": [one.expected_home for one in goals],
            "expected_away_goals": [one.expected_away for one in goals],
            "over_2_5": [one.p_over_2_5 for one in goals],
            "both_teams_to_score": [one.p_both_score for one in goals],
            "likely_scores": [msgspec.json.encode(one.likeliest_scores).decode() for one in goals],
            "reasons": [msgspec.json.encode(one).decode() for one in why],
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
    # A frame of an earlier version has no goals.
    before = before.reindex(columns=[*columns, *_EXPLAINED])
    earlier = before.merge(served[["match_id", "kickoff"]], on="match_id")
    oldest = pd.Timestamp(now) - pd.Timedelta(days=PLAYED_DAYS)
    played = earlier[(earlier["kickoff"] <= now) & (earlier["kickoff"] >= oldest)]
    played = played[before.columns]
    same = [*_SAID, "predicted_kickoff"]
    stands = said.merge(earlier[columns], on=same, how="left", suffixes=("", "_before"))
    stands["predicted_at"] = stands.pop("predicted_at_before").fillna(stands["predicted_at"])
    parts = [part for part in (stands, played) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else stands


@dg.asset(
    key=["predictions", "ledger"],
    ins={"predictions": dg.AssetIn(UPCOMING, input_manager_key="parquet_io_manager")},
    deps=[["matches", "match"]],
    group_name="predictions",
    kinds={"python", "table", "parquet"},
    owners=["team:models"],
    automation_condition=FOLLOW_UPSTREAM,
)
def ledger(
    predictions: pd.DataFrame,
    database: dg.ResourceParam[Database],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """What was predicted before each kickoff, never rewritten.

    Entries are chained by hash, and scored when the result arrives. A corrected result
    adds a score, it replaces none. What the champion before said stands beside it, as a shadow.
    Entries and scores are appended to a copy in parquet.
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
            "dagster/column_schema": column_schema(ledger_entry),
            "recorded": counts.recorded,
            "shadows": shadows,
            "scored": counts.scored,
            "void": counts.void,
            "head": counts.head,
            "copied": copied.entries.rows if copied else "left alone: it does not agree with the ledger",
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
