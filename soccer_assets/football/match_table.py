"""Matches as columns: the input of ratings, features and models.

One row is one match, played or ahead; every column has the same length. Times are UTC in epoch seconds.
A result is not known at the final whistle of another match: `result_known_at` and `features_as_of` hold the
two instants that keep the future out of every feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.records import MatchStats

SECONDS_A_DAY = 86_400

# 90 minutes, half-time, stoppage and the first fetch: a result is not used before that.
RESULT_DELAY_SECONDS = 2 * 3600

_OTHER_SIDE = {"home": "away", "away": "home"}

# Columns of prices, NaN where unknown, and of their kinds.
OUTCOME_PRICES = ("home_price", "draw_price", "away_price")
GOAL_PRICES = ("over_price", "under_price", "handicap", "home_handicap_price", "away_handicap_price")
PRICES = (*OUTCOME_PRICES, *GOAL_PRICES)
PRICE_KINDS = ("price_kind", "goal_price_kind")
HALF_TIME_GOALS = ("home_goals_half_time", "away_goals_half_time")

UNKNOWN_GOALS = -1
UNKNOWN_COUNT = -1


@dataclass(frozen=True, eq=False)
class MatchTable:
    """Matches, one row each, in any order. Build one with `from_columns`, which checks it.

    Attributes:
        match_id: unique text.
        kickoff: epoch seconds; any instant of the UTC day where `is_day_precision`.
        competition: code such as ``ENG-1``.
        season: text that sorts in time within a competition, such as ``2025-26`` or ``2025``.
        tier: 1 for a top division, 2 below it and so on; 0 for cups and national teams.
        home_team: team id.
        home_goals: score after 90 minutes, -1 where unknown.
        moves_ratings: the match is finished and has a 90-minute score.
        trains: the match may train a model.
        is_international: national teams play; they have their own rating parameters.
        is_turned: the home side is the one named second, which is the host; forecasts are turned back.
        home_goals_half_time: score at half-time, -1 where unknown; read by scorecards alone.
        home_price: decimal price of a home win, NaN where unknown; and of the other outcomes. A price counts
            with its result: of a match that moves no rating it is never read.
        price_kind: a `prices.PriceKind`; 0 where there is no price.
        over_price: decimal price of over 2.5 goals, NaN where unknown; and of under.
        handicap: goals added to the home side, in quarters: the line of both handicap prices.
        goal_price_kind: the kind of these five, as `price_kind`.
        home_shots_on_target: and the other statistics: counts of the match, -1 where unknown; a statistic
            counts where both sides have it.
    """

    match_id: NDArray[np.object_]
    kickoff: NDArray[np.int64]
    is_day_precision: NDArray[np.bool_]
    competition: NDArray[np.object_]
    season: NDArray[np.object_]
    tier: NDArray[np.int8]
    home_team: NDArray[np.object_]
    away_team: NDArray[np.object_]
    home_goals: NDArray[np.int16]
    away_goals: NDArray[np.int16]
    is_neutral: NDArray[np.bool_]
    moves_ratings: NDArray[np.bool_]
    trains: NDArray[np.bool_]
    is_international: NDArray[np.bool_]
    is_turned: NDArray[np.bool_]
    home_goals_half_time: NDArray[np.int16]
    away_goals_half_time: NDArray[np.int16]
    home_price: NDArray[np.float64]
    draw_price: NDArray[np.float64]
    away_price: NDArray[np.float64]
    price_kind: NDArray[np.int8]
    over_price: NDArray[np.float64]
    under_price: NDArray[np.float64]
    handicap: NDArray[np.float64]
    home_handicap_price: NDArray[np.float64]
    away_handicap_price: NDArray[np.float64]
    goal_price_kind: NDArray[np.int8]
    home_shots_on_target: NDArray[np.int16]
    away_shots_on_target: NDArray[np.int16]
    home_shots: NDArray[np.int16]
    away_shots: NDArray[np.int16]
    home_corners: NDArray[np.int16]
    away_corners: NDArray[np.int16]

    @classmethod
    def from_columns(cls, **columns: Sequence[Any] | NDArray[Any]) -> Self:
        """Build a table from one sequence a column, all of one length; statistics may be left out.

        Raises:
            ValueError: a column is missing, unknown or of another length, a team plays itself, or a match
                that moves ratings or trains has no score.
        """
        missing = _DTYPES.keys() - _DEFAULTS.keys() - columns.keys()
        unknown = columns.keys() - _DTYPES.keys()
        if missing or unknown:
            raise ValueError(f"columns missing: {sorted(missing)}; columns unknown: {sorted(unknown)}")
        rows = len(columns["match_id"])
        filled = {name: np.full(rows, default) for name, default in _DEFAULTS.items()} | columns
        table = cls(**{name: np.asarray(filled[name], dtype=dtype) for name, dtype in _DTYPES.items()})
        lengths = {name: getattr(table, name).shape for name in _DTYPES}
        if len(set(lengths.values())) != 1 or table.kickoff.ndim != 1:
            raise ValueError(f"columns must be one-dimensional and equally long, not {lengths}")
        table._check_rows()
        return table

    def _check_rows(self) -> None:
        against_itself = np.flatnonzero(self.home_team == self.away_team)
        if against_itself.size:
            raise ValueError(f"match {self.match_id[against_itself[0]]!r}: a team cannot play itself")
        needs_score = self.moves_ratings | self.trains
        without = np.flatnonzero(needs_score & ((self.home_goals < 0) | (self.away_goals < 0)))
        if without.size:
            raise ValueError(f"match {self.match_id[without[0]]!r} has no 90-minute score: it cannot train")

    @property
    def prices(self) -> NDArray[np.float64]:
        """Decimal prices of home, draw and away, (n, 3)."""
        return np.stack([self.home_price, self.draw_price, self.away_price], axis=1)

    def without_prices(self) -> Self:
        """The same matches, none with a price."""
        unknown, none = np.full(len(self), np.nan), np.zeros(len(self), np.int8)
        columns: dict[str, Any] = dict.fromkeys(PRICES, unknown) | dict.fromkeys(PRICE_KINDS, none)
        return replace(self, **columns)

    @property
    def statistics(self) -> NDArray[np.int16]:
        """Shots on target, shots off target, corners of both sides, (n, 3, 2); -1 where not both are known.

        A row without any shot on target counts as one without statistics: some sources write 0 for unknown.
        """
        on_target = np.stack([self.home_shots_on_target, self.away_shots_on_target], axis=1)
        shots = np.stack([self.home_shots, self.away_shots], axis=1)
        corners = np.stack([self.home_corners, self.away_corners], axis=1)
        counts = np.stack([on_target, shots - on_target, corners], axis=1)
        is_known = [
            (on_target >= 0).all(axis=1) & on_target.any(axis=1),
            (on_target >= 0).all(axis=1) & (shots >= on_target).all(axis=1) & on_target.any(axis=1),
            (corners >= 0).all(axis=1) & corners.any(axis=1),
        ]
        known: NDArray[np.int16] = np.where(np.stack(is_known, axis=1)[:, :, None], counts, UNKNOWN_COUNT)
        return known

    @classmethod
    def empty(cls) -> Self:
        """A table without rows."""
        return cls.from_columns(**{name: [] for name in _DTYPES})

    @classmethod
    def concat(cls, tables: Sequence[Self]) -> Self:
        """The rows of several tables, one table after the other."""
        if not tables:
            return cls.empty()
        return cls(**{name: np.concatenate([getattr(table, name) for table in tables]) for name in _DTYPES})

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """The rows at ``rows``: indices, in their order, or a mask."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def turned_round(self, rows: NDArray[np.bool_]) -> Self:
        """The table with the sides of some rows exchanged, home for away in every column of a side."""
        if not rows.any():
            return self
        exchanged = {}
        for name, column in ((field.name, getattr(self, field.name)) for field in fields(self)):
            side, _, rest = name.partition("_")
            if side in _OTHER_SIDE:
                exchanged[name] = np.where(rows, getattr(self, f"{_OTHER_SIDE[side]}_{rest}"), column)
        exchanged["handicap"] = np.where(rows, -self.handicap, self.handicap)
        return replace(self, **exchanged, is_turned=self.is_turned ^ rows)

    def __len__(self) -> int:
        """Number of matches."""
        return len(self.match_id)

    @property
    def features_as_of(self) -> NDArray[np.int64]:
        """Epoch seconds at which each match is predicted: its kickoff, or 00:00 of a day without a time."""
        midnight = self.kickoff - self.kickoff % SECONDS_A_DAY
        return np.where(self.is_day_precision, midnight, self.kickoff)

    @property
    def result_known_at(self) -> NDArray[np.int64]:
        """Epoch seconds at which each result counts as known: kickoff + 2 h, or the end of its UTC day."""
        next_midnight = self.kickoff - self.kickoff % SECONDS_A_DAY + SECONDS_A_DAY
        return np.where(self.is_day_precision, next_midnight, self.kickoff + RESULT_DELAY_SECONDS)


# The type of each column, as its annotation in the class says: ``NDArray[np.int16]``.
_DTYPES: dict[str, Any] = {
    name: get_args(get_args(hint)[1])[0] for name, hint in get_type_hints(MatchTable).items()
}

# Columns that a source may leave out, with their values then.
_DEFAULTS: dict[str, Any] = (
    dict.fromkeys(("is_international", "is_turned"), False)
    | dict.fromkeys(HALF_TIME_GOALS, UNKNOWN_GOALS)
    | dict.fromkeys(PRICES, np.nan)
    | dict.fromkeys(PRICE_KINDS, 0)
    | dict.fromkeys(MatchStats.__struct_fields__, UNKNOWN_COUNT)
)
