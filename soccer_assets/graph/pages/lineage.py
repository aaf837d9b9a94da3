"""Column lineage: which columns of which assets each column of a table is made from.

Dagster's pages draw it. It is declared, because the code that makes a column is Python and not SQL; tests
hold it to the tables' columns, and that of the features to what the feature code reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from soccer_assets.football.features import FEATURE_NAMES, PRICE_FEATURES
from soccer_assets.graph.pages.columns import column_names
from soccer_assets.stores.exports import MATCH_RAW_SCHEMA, MATCH_SCHEMA
from soccer_assets.stores.predictions import PREDICTION_SCHEMA
from soccer_assets.tables import ledger_entry, match, match_raw, odds

LINEAGE = "dagster/column_lineage"

Columns = Mapping[str, Sequence[str]]
"""Columns of one asset upstream, by the column that is made from them."""

_RAW = [dg.AssetKey(["livescores", name]) for name in ("recent", "upcoming", "history", "window")]
_MATCH = dg.AssetKey(["matches", "match"])
_EXPORT = dg.AssetKey(["exports", "match"])
_FEATURES = dg.AssetKey(["features", "match_features"])
_UPCOMING = dg.AssetKey(["predictions", "upcoming"])

# The ids of teams and match, and everything that says which rows are one match.
_IDENTITY = ("source", "source_match_id", "meeting", "record")
# Written by the step itself: a counter, a clock or a rule over other rows.
_OWN = ("version", "change_no", "updated_at")

# What a feature of ratings is made from: the matches before, in the order of their kickoffs.
_PAST = (
    *("match_id", "kickoff", "kickoff_precision", "competition", "season", "tier", "squad", "status"),
    *("home_team_id", "away_team_id", "home_goals", "away_goals", "quarantine", "neutral", "away_is_host"),
)
STATISTICS = tuple(
    f"{side}_{name}" for side in ("home", "away") for name in ("shots_on_target", "shots", "corners")
)
PRICES = ("home_price", "draw_price", "away_price", "price_kind")
# Goal models that also read shots and corners: joint and priced, and what is made from joint's residuals.
_READSSTATISTICS = ("joint_", "priced_", "surprise", "league_favourite_gain", "favourite_log_odds")


def feature_sources(feature: str) -> tuple[str, ...]:
    """The columns of ``exports/match`` that a feature is made from."""
    if feature == "tier":
        return ("tier", "away_is_host")
    reads = (*_PAST, *(STATISTICS if any(part in feature for part in _READSSTATISTICS) else ()))
    return (*reads, *PRICES) if feature in PRICE_FEATURES else reads


def _raw_to_match() -> Columns:
    same = column_names(match_raw)
    return {
        name: ()
        if name in _OWN
        else _IDENTITY
        if name.endswith("_id") and name != "source_match_id"
        else (name,)
        if name in same
        else ("record",)
        for name in column_names(match)
    }


def _raw_to_odds() -> Columns:
    return {
        name: () if name in _OWN else _IDENTITY if name == "match_id" else ("record",)
        for name in column_names(odds)
    }


def _match_to_export() -> Columns:
    behind_ids = {"home_team": ("home_team_id",), "away_team": ("away_team_id",)}
    return {name: behind_ids.get(name, (name,)) for name in column_names(MATCH_SCHEMA)}


def _export_to_predictions() -> Columns:
    same = column_names(MATCH_SCHEMA)
    turned = ("neutral", "away_is_host")
    return {
        name: ("kickoff",)
        if name == "predicted_kickoff"
        else (name,)
        if name in same
        else turned
        if name in _FORECAST
        else ()
        for name in column_names(PREDICTION_SCHEMA)
    }


_FORECAST = (
    *("p_home", "p_draw", "p_away", "expected_home_goals", "expected_away_goals", "over_2_5"),
    *("both_teams_to_score", "likely_scores", "reasons", "information", "goal_model", "p_advance"),
)


def _predictions_to_ledger() -> Columns:
    recorded = {"recorded_at": ("predicted_at",)}
    entry = [name for name in column_names(ledger_entry) if name in column_names(PREDICTION_SCHEMA)]
    return {
        name: (*entry, "predicted_at")
        if name == "hash"
        else recorded.get(name, (name,) if name in entry else ())
        for name in column_names(ledger_entry)
    }


def lineage(*parts: tuple[Iterable[dg.AssetKey], Columns]) -> dg.TableColumnLineage:
    """The lineage of one table from its columns' sources in each asset upstream."""
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for keys, columns in parts:
        for key in keys:
            for name, sources in columns.items():
                deps.setdefault(name, []).extend(dg.TableColumnDep(key, source) for source in sources)
    return dg.TableColumnLineage(deps)


def _feature_columns() -> Columns:
    return {"match_id": ("match_id",)} | {name: feature_sources(name) for name in FEATURE_NAMES}


LINEAGES: dict[str, dg.TableColumnLineage] = {
    # The feed is no asset: its rows begin here.
    **{
        key.to_user_string(): dg.TableColumnLineage({name: [] for name in column_names(match_raw)})
        for key in _RAW
    },
    "matches/match": lineage((_RAW, _raw_to_match())),
    "matches/odds": lineage((_RAW, _raw_to_odds())),
    "exports/match_raw": lineage((_RAW, {name: (name,) for name in column_names(MATCH_RAW_SCHEMA)})),
    "exports/match": lineage(([_MATCH], _match_to_export())),
    "features/match_features": lineage(([_EXPORT], _feature_columns())),
    "predictions/upcoming": lineage(
        ([_EXPORT], _export_to_predictions()), ([_FEATURES], dict.fromkeys(_FORECAST, FEATURE_NAMES))
    ),
    "predictions/ledger": lineage(([_UPCOMING], _predictions_to_ledger())),
}
"""Column lineage by asset, for every asset that has columns."""


def table_metadata(asset: str, schema: dg.TableSchema) -> dict[str, Any]:
    """Metadata of an asset with columns: their types and descriptions, and where they come from.

    Raises:
        KeyError: the asset has no lineage.
    """
    return {"dagster/column_schema": schema, LINEAGE: LINEAGES[asset]}
