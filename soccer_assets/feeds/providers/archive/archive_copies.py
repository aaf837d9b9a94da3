"""Seasons of an archive that have the results of another competition of their country, by mistake."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.feeds.providers.archive.archive_table import Column
from soccer_assets.football.club_sides import side_of_competition

# No club plays twice a day, so sound seasons share no result. A copy may spell some clubs otherwise.
_COPIED = 0.25
_FEW_MATCHES = 10
_OF_RESULT = ("country", "date", "home_team", "away_team", "home_goals", "away_goals")
_OF_SEASON = ("country", "competition", "season")
_UNKNOWN_TIER = 99
_MOST_NUMBERS = 2**62


class _Season(NamedTuple):
    """A competition's season: what orders it before its copies, and how many rows it has."""

    tier: float
    rows: int
    name: str
    country: str


def copied_seasons(columns: Mapping[str, Column]) -> dict[int, str]:
    """By row of a copied season, why it is rejected.

    Of two seasons with the same results that of the higher tier stands, of one tier that with more rows.
    """
    rows, of_season = _codes(columns, _OF_SEASON)
    shared = _shared_results(columns, rows, of_season)
    if not shared:
        return {}
    seasons = {number: _season(columns, rows[of_season == number]) for pair in shared for number in pair}
    reasons: dict[int, str] = {}
    for pair, count in sorted(shared.items()):
        original, copy = sorted(
            pair, key=lambda number: (seasons[number].tier, -seasons[number].rows, number)
        )
        one, other = seasons[original], seasons[copy]
        is_one_side = side_of_competition(one.name) == side_of_competition(other.name)
        if count < _FEW_MATCHES or count < _COPIED * other.rows or not is_one_side:
            continue
        fault = (
            f"the season has the results of {one.name} ({one.country}), {count} of {other.rows} alike; "
            f"put those of {other.name} in their place"
        )
        reasons.update(dict.fromkeys(rows[of_season == copy].tolist(), fault))
    return reasons


def _codes(
    columns: Mapping[str, Column], names: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows in which all of the columns are filled, and for each a number that equal cells share."""
    rows = np.flatnonzero(np.logical_and.reduce([columns[name].codes >= 0 for name in names]))
    numbers, count = np.zeros(len(rows), np.int64), 1
    for name in names:
        column = columns[name]
        if count * len(column.parsed) > _MOST_NUMBERS:
            numbers = _numbered(numbers)
            count = len(rows)
        numbers = numbers * len(column.parsed) + column.codes[rows]
        count *= len(column.parsed)
    return rows, _numbered(numbers)


def _numbered(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values from 0 on without a gap; equal ones stay equal."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _shared_results(
    columns: Mapping[str, Column], rows: NDArray[np.int64], of_season: NDArray[np.int64]
) -> Counter[tuple[int, int]]:
    """How many results each two seasons share, by their numbers; ``rows`` are those that name a season."""
    with_result, results = _codes(columns, _OF_RESULT)
    _, ours, theirs = np.intersect1d(with_result, rows, assume_unique=True, return_indices=True)
    results, of_season = results[ours], of_season[theirs]
    several = np.flatnonzero(np.bincount(results)[results] > 1)
    seasons: defaultdict[int, set[int]] = defaultdict(set)
    for result, season in zip(results[several].tolist(), of_season[several].tolist(), strict=True):
        seasons[result].add(season)
    return Counter(
        (one, other) for found in seasons.values() for one in found for other in found if one < other
    )


def _season(columns: Mapping[str, Column], rows: NDArray[np.int64]) -> _Season:
    cells = {name: columns[name].parsed[columns[name].codes[rows[0]]] for name in (*_OF_SEASON, "tier")}
    return _Season(
        cells["tier"] or _UNKNOWN_TIER, len(rows), str(cells["competition"]), str(cells["country"])
    )
