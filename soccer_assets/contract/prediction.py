"""Renders predictions: assembles a body from a meeting, a forecast and its provenance.

The graph's releases, synthetic releases and the pairings that the sidecar scores share these parts. Not here:
the structs that readers decode (`release.Prediction`, ``serving/scoring/schemas.py``).
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from soccer_assets.contract.markets import GoalModel
from soccer_assets.contract.release import OUTCOMES, Advance, Goals, Reason, ScoreChance, Team

_T = TypeVar("_T")


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """Two teams, their competition and kickoff; see `release.Prediction`."""

    competition: str
    season: str
    home_team: Team
    away_team: Team
    kickoff: str
    kickoff_precision: str
    neutral: bool
    away_is_host: bool = False


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Which model of which release made a forecast, from which feed's matches."""

    model: str
    model_version: str
    model_run_id: str
    release_id: str
    feed: str


class Probabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilities of the three outcomes, and the likeliest of them."""

    p_home: float
    p_draw: float
    p_away: float
    predicted_label: str


class Forecast(Probabilities, frozen=True, kw_only=True):
    """Probabilities with goals and reasons; fields as in `Prediction`.

    ``likely_scores``, ``reasons`` and ``goal_model`` may be JSON already, see `stored_json`.
    """

    expected_goals: Goals | None = None
    over_2_5: float | None = None
    both_teams_to_score: float | None = None
    likely_scores: tuple[ScoreChance, ...] | msgspec.Raw = ()
    reasons: tuple[Reason, ...] | msgspec.Raw = ()
    goal_model: GoalModel | msgspec.Raw | None = None
    p_advance: Advance | None = None


class GoalForecast(Protocol):
    """Forecast of the goals of one match, see ``football/score_grid.py``."""

    @property
    def expected_home(self) -> float:
        """Mean goals of the home side."""

    @property
    def expected_away(self) -> float:
        """Mean goals of the away side."""

    @property
    def p_over_2_5(self) -> float:
        """Probability of three goals or more."""

    @property
    def p_both_score(self) -> float:
        """Probability that both teams score."""

    @property
    def likeliest_scores(self) -> tuple[ScoreChance, ...]:
        """The likeliest scores, the likeliest first."""

    @property
    def goal_model(self) -> GoalModel:
        """What the grid of scores is made of."""


def probabilities(p_home: float, p_draw: float, p_away: float) -> Probabilities:
    """The three probabilities with the label of the largest; of equal ones the first."""
    return Probabilities(
        p_home=p_home, p_draw=p_draw, p_away=p_away, predicted_label=_label((p_home, p_draw, p_away))
    )


def forecast(
    outcome_probabilities: Sequence[float],
    goals: GoalForecast,
    reasons: tuple[Reason, ...] = (),
    p_home_advances: float | None = None,
) -> Forecast:
    """A forecast of the three probabilities, the goals, the reasons and who goes on from one match."""
    return _forecast(
        outcome_probabilities,
        expected_goals=Goals(goals.expected_home, goals.expected_away),
        over_2_5=goals.p_over_2_5,
        both_teams_to_score=goals.p_both_score,
        likely_scores=goals.likeliest_scores,
        reasons=reasons,
        goal_model=goals.goal_model,
        p_advance=_advance(p_home_advances),
    )


def forecast_of_row(row: Any) -> Forecast:
    """The forecast of a row of the predictions table.

    Args:
        row: mapping of column to value. Rows of versions before the goal columns have NaN there.
    """
    has_goals = row["expected_home_goals"] == row["expected_home_goals"]
    return _forecast(
        (row["p_home"], row["p_draw"], row["p_away"]),
        expected_goals=Goals(row["expected_home_goals"], row["expected_away_goals"]) if has_goals else None,
        over_2_5=row["over_2_5"] if has_goals else None,
        both_teams_to_score=row["both_teams_to_score"] if has_goals else None,
        likely_scores=stored_json(row["likely_scores"] if has_goals else None),
        reasons=stored_json(row["reasons"]),
        goal_model=stored_json(row["goal_model"], "null"),
        p_advance=_advance(row.get("p_advance")),
    )


def _advance(p_home: float | None) -> Advance | None:
    """Both sides' chances; None where there is none, NaN in a table."""
    return None if p_home is None or math.isnan(p_home) else Advance(p_home, 1.0 - p_home)


def _forecast(outcome_probabilities: Sequence[float], **details: Any) -> Forecast:
    p_home, p_draw, p_away = outcome_probabilities
    return Forecast(
        p_home=p_home,
        p_draw=p_draw,
        p_away=p_away,
        predicted_label=_label(outcome_probabilities),
        **details,
    )


def json_column(value: tuple[msgspec.Struct, ...] | msgspec.Struct) -> str:
    """Encode scores, reasons or a goal model for a text column: the same JSON as in bodies."""
    return msgspec.json.encode(value).decode()


def stored_json(column: object, missing: str = "[]") -> msgspec.Raw:
    """The text of `json_column` for a body, without decoding it; ``missing`` if there is none."""
    return msgspec.Raw(column if isinstance(column, str) else missing)


def render(body: type[_T], *parts: msgspec.Struct, **fields: Any) -> _T:
    """Build a body from the fields of its parts and further fields.

    Raises:
        TypeError: a field is missing or unknown.
    """
    shared = {name: getattr(part, name) for part in parts for name in part.__struct_fields__}
    return body(**shared, **fields)


def _label(outcome_probabilities: Sequence[float]) -> str:
    return OUTCOMES[max(range(len(OUTCOMES)), key=outcome_probabilities.__getitem__)]
