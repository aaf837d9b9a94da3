"""Matches as columns: what ratings, features and models read.

One row is one match, played or ahead; every column has the same length. Times are UTC in epoch seconds.
A result is not known at the final whistle of another match: `result_known_at` and `features_as_of` hold the
two instants that keep the future out of every feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SECONDS_A_DAY = 86_400

# 90 minutes, half-time, stoppage and a feed's first look: nothing is learnt from a match before that.
RESULT_DELAY_SECONDS = 2 * 3600

UNKNOWN_GOALS = -1

_DTYPES: dict[str, Any] = {
    "match_id": object,
    "kickoff": np.int64,
    "is_day_precision": np.bool_,
    "competition": object,
    "season": object,
    "tier": np.int8,
    "home_team": object,
    "away_team": object,
    "home_goals": np.int16,
    "away_goals": np.int16,
    "is_neutral": np.bool_,
    "moves_ratings": np.bool_,
    "trains": np.bool_,
}


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
        trains: the match may teach a model.
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

    @classmethod
    def from_columns(cls, **columns: Sequence[Any] | NDArray[Any]) -> Self:
        """Build a table from one sequence a column, all of one length.

        Raises:
            ValueError: a column is missing, unknown or of another length, a team plays itself, or a match
                that moves ratings or trains has no score.
        """
        if columns.keys() != _DTYPES.keys():
            missing, unknown = _DTYPES.keys() - columns.keys(), columns.keys() - _DTYPES.keys()
            raise ValueError(f"columns missing: {sorted(missing)}; columns unknown: {sorted(unknown)}")
        table = cls(**{name: np.asarray(columns[name], dtype=dtype) for name, dtype in _DTYPES.items()})
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
            raise ValueError(
                f"match {self.match_id[without[0]]!r} has no 90-minute score: it teaches nothing"
            )

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
