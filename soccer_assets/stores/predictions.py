"""Predictions as a table: which matches get one, and which of them keep the one they have.

Reads and frames only. Not here: forecasting (``modelling/fixtures.py``), the ledger of official predictions
(``stores/ledger``).
"""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from soccer_assets.clock import isoformat
from soccer_assets.contract.prediction import json_column
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.cup_ties import CupMatch, ties_of
from soccer_assets.football.knock_out import Tie
from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.modelling.fixtures import FixtureForecasts
from soccer_assets.modelling.information import information_of_row
from soccer_assets.resources.model_registry import RegisteredModel
from soccer_assets.resources.parquet_parts import months_between
from soccer_assets.stores.exports import MATCH_SCHEMA, Exports

# A played match keeps its last prediction before kickoff, beside its result, for this long.
PLAYED_DAYS = 90

MATCH_COLUMNS = (
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
    "away_is_host",
    "home_goals",
    "away_goals",
    "source_match_id",
)
_FORECAST = (
    "match_id",
    "model",
    "model_version",
    "model_run_id",
    "model_sha256",
    "p_home",
    "p_draw",
    "p_away",
)
# Not compared: they follow from the probabilities, and from features that a model may not read.
_DERIVED = (
    "expected_home_goals",
    "expected_away_goals",
    "over_2_5",
    "both_teams_to_score",
    "likely_scores",
    "reasons",
    "information",
    "goal_model",
    "p_advance",
)


_TIE_COLUMNS = (
    *("match_id", "competition", "season", "round", "kickoff", "home_team_id", "away_team_id"),
    *("status", "home_goals", "away_goals"),
)

# The stored table: a forecast's columns, then the match's.
PREDICTION_SCHEMA = pa.schema(
    [
        pa.field("match_id", pa.string()),
        *(pa.field(name, pa.string()) for name in ("model", "model_version", "model_run_id", "model_sha256")),
        *(pa.field(name, pa.float64()) for name in ("p_home", "p_draw", "p_away")),
        *(pa.field(name, pa.float64()) for name in _DERIVED[:4]),
        *(pa.field(name, pa.string()) for name in _DERIVED[4:-1]),
        pa.field(_DERIVED[-1], pa.float64()),
        pa.field("predicted_kickoff", pa.timestamp("s", "UTC")),
        pa.field("predicted_at", pa.string()),
        *(MATCH_SCHEMA.field(name) for name in MATCH_COLUMNS if name != "match_id"),
    ]
)


def prediction_months(now: dt.datetime, until: dt.datetime) -> set[str]:
    """Months that hold the matches with a prediction: from 90 days ago to ``until``."""
    return months_between(now - dt.timedelta(days=PLAYED_DAYS), until)


def read_served_matches(exports: Exports, snapshot_id: str, months: set[str]) -> pd.DataFrame:
    """Matches of some months of a snapshot whose status may be served, `MATCH_COLUMNS` each."""
    matches: pd.DataFrame = exports.read_matches(
        exports.manifest(snapshot_id), months, list(MATCH_COLUMNS)
    ).to_pandas()
    is_served = [STATUS_RULES[MatchStatus(status)].is_served for status in matches["status"]]
    return matches[np.array(is_served, dtype=bool)]


def ties_of_fixtures(fixtures: pd.DataFrame, served: pd.DataFrame) -> list[Tie | None]:
    """What decides beside each fixture who goes on; None where nothing says that it decides a cup tie.

    Args:
        fixtures: rows of ``served``.
        served: rows of `read_served_matches`: a first leg is among them.
    """
    competitions = load_competitions()
    tiers = {code: competitions[code].tier for code in set(served["competition"]) & competitions.keys()}
    rounds = served[served["round"].notna() & served["competition"].isin(list(tiers))]
    ties = ties_of(
        CupMatch(
            match_id=row["match_id"],
            competition=row["competition"],
            season=row["season"],
            round=row["round"],
            kickoff=row["kickoff"].to_pydatetime(),
            home_team_id=row["home_team_id"],
            away_team_id=row["away_team_id"],
            score=_score_of(row),
            is_cup=not tiers[row["competition"]],
        )
        for row in rounds[list(_TIE_COLUMNS)].to_dict("records")
    )
    return [ties.get(match_id) for match_id in fixtures["match_id"]]


def _score_of(row: Mapping[Any, Any]) -> tuple[int, int] | None:
    if row["status"] != MatchStatus.FINISHED.value or np.isnan(row["home_goals"]):
        return None
    return int(row["home_goals"]), int(row["away_goals"])


def forecast_table(
    alias: str,
    registered: RegisteredModel,
    fixtures: pd.DataFrame,
    forecasts: FixtureForecasts,
    now: dt.datetime,
) -> pd.DataFrame:
    """One row a fixture: the forecast of the model behind ``alias``, made ``now``."""
    probabilities, goals = forecasts.probabilities, forecasts.goals
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
            "expected_home_goals": [goal.expected_home for goal in goals],
            "expected_away_goals": [goal.expected_away for goal in goals],
            "over_2_5": [goal.p_over_2_5 for goal in goals],
            "both_teams_to_score": [goal.p_both_score for goal in goals],
            "likely_scores": [json_column(goal.likeliest_scores) for goal in goals],
            "reasons": [json_column(reasons) for reasons in forecasts.reasons],
            "information": [
                information_of_row(registered.facts.information, has_price=has_price)
                for has_price in forecasts.reads_prices.tolist()
            ],
            "goal_model": [json_column(goal.goal_model) for goal in goals],
            "p_advance": forecasts.p_home_advances,
            "predicted_kickoff": fixtures["kickoff"].to_numpy(),
            "predicted_at": isoformat(now),
        }
    )


def merge_with_previous(
    forecasts: pd.DataFrame,
    previous: pd.DataFrame | None,
    served: pd.DataFrame,
    now: dt.datetime,
    absent: Collection[str] = (),
) -> pd.DataFrame:
    """The new forecasts, and the last ones of matches that were played meanwhile or that lost their model.

    An unchanged forecast keeps the instant at which it was first made.

    Args:
        forecasts: rows of `forecast_table`, of every model.
        previous: the table of the run before; None before the first.
        served: rows of `read_served_matches`.
        now: kickoffs before it are played matches.
        absent: aliases whose model could not be read: their last forecasts of upcoming matches stay.
    """
    if previous is None:
        return forecasts
    columns = [*_FORECAST, "predicted_kickoff", "predicted_at"]
    # A table of an earlier version has no goals.
    previous = previous.reindex(columns=[*columns, *_DERIVED])
    earlier = previous.merge(served[["match_id", "kickoff"]], on="match_id")
    oldest = pd.Timestamp(now) - pd.Timedelta(days=PLAYED_DAYS)
    is_played = (earlier["kickoff"] <= now) & (earlier["kickoff"] >= oldest)
    is_kept = (earlier["kickoff"] > now) & earlier["model"].isin(list(absent))
    kept = earlier.loc[is_played | is_kept, previous.columns]
    same = [*_FORECAST, "predicted_kickoff"]
    merged = forecasts.merge(earlier[columns], on=same, how="left", suffixes=("", "_before"))
    merged["predicted_at"] = merged.pop("predicted_at_before").fillna(merged["predicted_at"])
    parts = [part for part in (merged, kept) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else merged
