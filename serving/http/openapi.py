"""OpenAPI schemas and examples of bodies that handlers decode themselves, which Litestar cannot infer."""

from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)

from serving.http.document import REFERENCE, SCORING_ROW
from serving.http.schemas import IngestWindow, Lookup
from serving.scoring.assumptions import Assumptions
from soccer_assets.contract.markets import SETTLED

_PAIRING = {
    "home_team": "Leeds United",
    "away_team": "Derby County",
    "kickoff": "2026-12-05T15:00:00Z",
    "competition": "ENG-2",
}
_STATE = {"minute": "45+2", "home_goals": 1, "away_goals": 0, "home_reds": 0, "away_reds": 1}
_PREDICTED: dict[str, Any] = {
    "competition": "ENG-2",
    "season": "2026/2027",
    "home_team": {"id": "662d8361774cd676", "name": "Leeds United"},
    "away_team": {"id": "40768d998cf42b05", "name": "Derby County"},
    "kickoff": "2026-12-05T15:00:00Z",
    "kickoff_precision": "minute",
    "neutral": False,
    "away_is_host": False,
    "p_home": 0.52,
    "p_draw": 0.26,
    "p_away": 0.22,
    "predicted_label": "home",
    "expected_goals": {"home": 1.7, "away": 1.1},
    "over_2_5": 0.53,
    "both_teams_to_score": 0.55,
    "likely_scores": [{"home": 1, "away": 1, "p": 0.11}],
    "reasons": [
        {
            "group": "strength",
            "log_odds": 0.9,
            "draw_log_odds": -0.1,
            "text": "strength: for the home side (0.90 log-odds), against a draw (0.10 log-odds)",
        }
    ],
    "goal_model": {
        "home_rate": 1.66,
        "away_rate": 1.12,
        "draw_correlation": -0.073,
        "first_half_share": 0.44,
    },
    "model": "champion",
    "model_version": "7",
    "model_run_id": "14cd16389d5d47ed95e1b3b6720b1714",
    "information": "results+statistics+prices",
    "release_id": "caf802de937c8f55",
    "feed": "football-data",
    "predicted_at": "2026-12-02T19:02:03Z",
    "data_as_of": "2026-12-01T21:45:00Z",
    "checked_at": "2026-12-02T19:01:48Z",
    "next_expected_at": "2026-12-05T18:00:00Z",
    "stale": False,
    "stale_reasons": [],
}
PREDICTION = _PREDICTED | {"match_id": "52ebe02471d9ac99", "round": "19", "status": "scheduled"}
PREDICTIONS = {"items": [PREDICTION], "unknown": ["0b1d5c3f8e2a7d46"]}
_NOT_ASKED = {"state": None, "rest_goals": None, "p_advance": None, "markets": None}
SCORED_PAIRING = {
    "kind": "pairing",
    "leg": None,
    "ground_rule": None,
    **_NOT_ASKED,
    "settled": SETTLED,
    **_PREDICTED,
}
_SECOND_LEG = {"leg": 2, "first_leg": {"home_team": 1, "away_team": 2}}
_FEATURES = {"match_id": "my-1", "features": {"elo_textbook_gap": 120.0}}


_TEAM = {"id": "662d8361774cd676", "name": "Leeds United"}
_OTHER = {"id": "40768d998cf42b05", "name": "Derby County"}
PROJECTION: dict[str, Any] = {
    "competition": "ENG-2",
    "season": "2026/2027",
    "feed": "football-data",
    "as_of": "2026-12-02T19:01:48Z",
    "key": "9f1c35c0b7a4d7b0c1b5a0d0b0a7a4d76d1c35c0b7a4d7b0c1b5a0d0b0a7a4d7",
    "seed": 521418176,
    "seasons": 10000,
    "matches_left": 1,
    "awarded": 0,
    "not_projected": "",
    "source": "English Football League: regulations, section 9",
    "bands": [{"name": "title", "first": 1, "last": 1, "cups": False, "play_off": None}],
    "teams": [
        {
            "team": team,
            "place": place,
            "played": 1,
            "points": points,
            "expected_points": expected,
            "places": places,
            "bands": {"title": places[0]},
        }
        for team, place, points, expected, places in (
            (_TEAM, 1, 3, 4.1, [0.74, 0.26]),
            (_OTHER, 2, 0, 1.6, [0.26, 0.74]),
        )
    ],
    "matches": [
        {
            "match_id": "52ebe02471d9ac99",
            "day": "2026-12-05",
            "home_team": _OTHER,
            "away_team": _TEAM,
            "importance": 0.62,
        }
    ],
    "assumed": [],
}
_LOOKUP = {"ids": ["52ebe02471d9ac99", "0b1d5c3f8e2a7d46"]}
_ASSUMED = {
    "results": [{"home_team": "Leeds United", "away_team": "Derby County", "home_goals": 2, "away_goals": 0}]
}


def _named(kind: type) -> Reference:
    """The schema of a struct, which `document` adds by its name."""
    return Reference(ref=REFERENCE.format(name=kind.__name__))


def _rows(most: int) -> RequestBody:
    row = Reference(ref=REFERENCE.format(name=SCORING_ROW))
    rows = Schema(type=OpenAPIType.ARRAY, items=row, max_items=most)
    return RequestBody(
        content={
            "application/json": OpenAPIMediaType(
                schema=Schema(any_of=[row, rows]),
                examples={
                    "pairing": Example(summary="Two teams", value=_PAIRING),
                    "state": Example(summary="A match under way", value=_PAIRING | {"state": _STATE}),
                    "tie": Example(summary="The second leg of a cup tie", value=_PAIRING | _SECOND_LEG),
                    "features": Example(summary="Features by name", value=_FEATURES),
                    "list": Example(summary="Several rows", value=[_PAIRING]),
                },
            )
        },
        required=True,
    )


@dataclass
class RowsOperation(Operation):
    """An operation whose request body is a row or a list of at most 1,000 rows."""

    def __post_init__(self) -> None:
        """Set the request body, which Litestar found none of."""
        self.request_body = _rows(1_000)


@dataclass
class TaskOperation(RowsOperation):
    """The same for a task of at most 100,000 rows."""

    def __post_init__(self) -> None:
        """Set the request body, which Litestar found none of."""
        self.request_body = _rows(100_000)


@dataclass
class LookupOperation(Operation):
    """An operation whose request body is a list of match ids."""

    def __post_init__(self) -> None:
        """Set the request body, which Litestar found none of."""
        self.request_body = RequestBody(
            content={
                "application/json": OpenAPIMediaType(
                    schema=_named(Lookup),
                    examples={"ids": Example(summary="Two matches", value=_LOOKUP)},
                )
            },
            required=True,
        )


@dataclass
class AssumptionsOperation(Operation):
    """An operation whose request body is a list of assumed results."""

    def __post_init__(self) -> None:
        """Set the request body, which Litestar found none of."""
        self.request_body = RequestBody(
            content={
                "application/json": OpenAPIMediaType(
                    schema=_named(Assumptions),
                    examples={"results": Example(summary="A result that is assumed", value=_ASSUMED)},
                )
            },
            description="Without results the answer is the stored projection.",
            required=True,
        )


@dataclass
class WindowOperation(Operation):
    """An operation whose request body is a window of days."""

    def __post_init__(self) -> None:
        """Set the request body, which Litestar found none of."""
        self.request_body = RequestBody(
            content={"application/json": OpenAPIMediaType(schema=_named(IngestWindow))},
            description="All fields are optional; the default is the last 90 days.",
            required=True,
        )
