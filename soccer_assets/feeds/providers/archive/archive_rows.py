"""Competition, day and end of every row of an archive, computed for all rows at once."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import noon_of
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.archive.archive_table import Column
from soccer_assets.feeds.visibility import over_at
from soccer_assets.football.competitions import Competition, load_competitions, squad_of, uncatalogued
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.football.text_folding import fold

EPOCH = dt.date(1970, 1, 1)


class RowCompetitions(msgspec.Struct, frozen=True):
    """The competitions of an archive; row i belongs to ``competitions[of_row[i]]``."""

    competitions: list[Competition]
    of_row: NDArray[np.int64]


class RowTimes(msgspec.Struct, frozen=True):
    """Day and end of each row's match.

    Attributes:
        days: UTC kickoff day, in days since 1970; a row without a valid date has that of the row before it.
        over_at: epoch seconds from which the match counts as over; infinite where its date is not known.
    """

    days: NDArray[np.int64]
    over_at: NDArray[np.float64]


def row_times(columns: Mapping[str, Column]) -> RowTimes:
    """Days and ends of all rows.

    Raises:
        FeedRefusedError: no row has a valid date.
    """
    date, kickoff = columns["date"], columns["kickoff_utc"]
    days = _per_row(date, lambda day: float((day - EPOCH).days))
    kickoff_days = _per_row(kickoff, lambda instant: float((instant.date() - EPOCH).days))
    over = _per_row(date, lambda day: over_at(noon_of(day), KickoffPrecision.DAY).timestamp())
    kickoff_over = _per_row(kickoff, lambda instant: over_at(instant, KickoffPrecision.MINUTE).timestamp())
    over = np.where(np.isnan(kickoff_over), over, kickoff_over)
    days = np.where(np.isnan(kickoff_days), days, kickoff_days)
    known = np.flatnonzero(~np.isnan(days))
    if not known.size:
        raise FeedRefusedError(f"{SETTING}: no row of the archive has a date that can be used")
    last_known = np.maximum(np.searchsorted(known, np.arange(len(days)), side="right") - 1, 0)
    return RowTimes(days[known[last_known]].astype(np.int64), np.where(np.isnan(over), np.inf, over))


def assign_competitions(columns: Mapping[str, Column], feed: str) -> RowCompetitions:
    """The competition of every row: the catalogue's with the same country and name, or country and tier.

    The tier is used only where the file has one competition of that tier in the country. A competition
    outside the catalogue is one of national teams where its rows fill the column ``neutral``; its calendar is
    that of most of its season labels.
    """
    country, name = columns["country"], columns["competition"]
    pairs, first_row, of_row = np.unique(
        country.codes.astype(np.int64) * (len(name.values) + 1) + name.codes,
        return_index=True,
        return_inverse=True,
    )
    is_autumn = _per_row(columns["season"], lambda season: float("/" in season)) > 0
    autumn_rows = np.bincount(of_row, weights=is_autumn, minlength=len(pairs))
    rows = np.bincount(of_row, minlength=len(pairs))
    neutral_rows = np.bincount(of_row, weights=columns["neutral"].codes >= 0, minlength=len(pairs))
    tiers = np.full(len(pairs), np.inf)
    np.fmin.at(tiers, of_row, _per_row(columns["tier"], float))
    known = [
        (str(country.values[country.codes[row]]), str(name.values[name.codes[row]]), int(tier))
        for row, tier in zip(first_row, np.where(np.isinf(tiers), 0, tiers), strict=True)
    ]
    catalogue = _Catalogue(known)
    competitions = [
        catalogue.find(country_name, competition_name, tier)
        or uncatalogued(
            country_name,
            competition_name,
            tier=tier,
            calendar="autumn" if 2 * autumn_rows[index] > rows[index] else "year",
            squad=squad_of(rows[index], neutral_rows[index]),
            feed=feed,
        )
        for index, (country_name, competition_name, tier) in enumerate(known)
    ]
    return RowCompetitions(competitions, of_row)


class _Catalogue:
    """The competitions of ``competitions.toml`` by country and name, and by country and tier."""

    def __init__(self, pairs: list[tuple[str, str, int]]) -> None:
        catalogue = load_competitions().values()
        self._by_name = {
            (fold(competition.country), fold(competition.name)): competition for competition in catalogue
        }
        places = [(fold(country), tier) for country, _, tier in pairs]
        self._by_tier = {
            (fold(competition.country), competition.tier): competition
            for competition in catalogue
            if competition.tier and places.count((fold(competition.country), competition.tier)) == 1
        }

    def find(self, country: str, name: str, tier: int) -> Competition | None:
        """The catalogue's competition, None where it has none."""
        by_name = self._by_name.get((fold(country), fold(name)))
        return by_name or self._by_tier.get((fold(country), tier))


def _per_row(column: Column, measure: Callable[[Any], float]) -> NDArray[np.float64]:
    """``measure`` of each row's value, shape (rows,); NaN where there is none."""
    measured = np.array([np.nan if value is None else measure(value) for value in column.values])
    result: NDArray[np.float64] = measured[column.codes]
    return result
