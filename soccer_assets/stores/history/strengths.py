"""Strengths of both sides before a match, from the features' parts.

A few changed matches read the parts of their months. Where everything is made anew, all parts are read once:
40 bytes a match.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from soccer_assets.contract.history_parts import SideStrength
from soccer_assets.football.ratings.side_strengths import STRENGTH_NAMES
from soccer_assets.resources.parquet_parts import month_of
from soccer_assets.stores.features.store import FeatureManifest, FeatureStore
from soccer_assets.stores.history.season_draft import Strengths

# Rows of more months than this read all parts, once.
_MOST_MONTHS = 24
_UNITS_A_GOAL = 100.0
_MOST_UNITS = 9_999

StrengthsOf = Callable[[Sequence[Any]], Mapping[str, Strengths]]
"""The strengths of both sides by match id, for rows of the table `match`."""


class _Strengths:
    """Match ids in order, and their strengths."""

    def __init__(self, table: pa.Table) -> None:
        ids = table["match_id"].to_numpy().astype("S")
        order = np.argsort(ids)
        self._ids = ids[order]
        columns = [table[name].to_numpy() for name in STRENGTH_NAMES]
        units = np.clip(np.rint(np.column_stack(columns) * _UNITS_A_GOAL), 0, _MOST_UNITS)
        self._units: NDArray[np.int16] = np.nan_to_num(units[order]).astype(np.int16)

    def of(self, rows: Sequence[Any]) -> dict[str, Strengths]:
        """By match id, of the matches that have any."""
        if not rows or not len(self._ids):
            return {}
        asked = np.array([row.match_id for row in rows]).astype("S")
        place = np.minimum(np.searchsorted(self._ids, asked), len(self._ids) - 1)
        is_known = (self._ids[place] == asked).tolist()
        units = self._units[place].tolist()
        return {
            row.match_id: _sides(row, one)
            for row, one, known in zip(rows, units, is_known, strict=True)
            if known
        }


def strengths_of(features: FeatureStore, manifest: FeatureManifest) -> StrengthsOf:
    """A reader of strengths."""
    everything: list[_Strengths] = []

    def read(rows: Sequence[Any]) -> Mapping[str, Strengths]:
        months = {month_of(row.kickoff) for row in rows}
        if len(months) <= _MOST_MONTHS and not everything:
            return _Strengths(features.read_strengths(manifest, months)).of(rows)
        if not everything:
            everything.append(_Strengths(features.read_strengths(manifest)))
        return everything[0].of(rows)

    return read


def _sides(row: Any, units: Sequence[int]) -> Strengths:
    home, away = SideStrength(*units[:4]), SideStrength(*units[4:])
    # Features have the host in the first place.
    return (away, home) if row.away_is_host else (home, away)
