"""What the rows of an archive mean, computed for all rows at once: competition, day, result, rejections.

Feed and backtest both read an archive through these functions, so a row means the same to both.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import FieldError, noon_of, score_of, teams_of
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.archive.archive_copies import copied_seasons
from soccer_assets.feeds.providers.archive.archive_table import SCHEMA, Column
from soccer_assets.feeds.visibility import over_at
from soccer_assets.football.club_sides import side_of_competition
from soccer_assets.football.competitions import Competition, load_competitions, squad_of, uncatalogued
from soccer_assets.football.matches import KickoffPrecision, MatchStatus
from soccer_assets.football.season_labels import read_label
from soccer_assets.football.text_folding import fold

EPOCH = dt.date(1970, 1, 1)

RESULT = frozenset(
    {
        *("home_goals", "away_goals", "ht_home_goals", "ht_away_goals", "status"),
        *("odds_home", "odds_draw", "odds_away", "odds_type"),
        *("odds_over", "odds_under", "handicap", "odds_handicap_home", "odds_handicap_away"),
        "goal_odds_type",
    }
)
FIXTURE = frozenset(SCHEMA) - RESULT
# A fault in these columns drops the cell, not the row.
LENIENT = RESULT - {"home_goals", "away_goals", "status"}

# AET and PEN rows hold the score after extra time, which is not the one after 90 minutes.
FULL_TIME, EXTRA_TIME, SHOOT_OUT = "FT", "AET", "PEN"
WENT_ON = frozenset({EXTRA_TIME, SHOOT_OUT})
_GOALS = ("home_goals", "away_goals")
# A date is the one of the ground or of the provider: an American night match is on the next day in UTC.
_DAYS_OF_TIME_ZONES = 1
STATUS_OF = {
    FULL_TIME: MatchStatus.FINISHED,
    EXTRA_TIME: MatchStatus.FINISHED,
    SHOOT_OUT: MatchStatus.FINISHED,
    "VOID": MatchStatus.CANCELLED,
}


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


class RowResults(msgspec.Struct, frozen=True):
    """The result of each row's match, and why rows are rejected.

    Attributes:
        goals: (n, 2) score after 90 minutes; -1 where unknown, also after extra time.
        rejected_before: by row, the reason while the match is not over: faults of the fixture.
        rejected_after: by row, the reason once it is over: faults of the fixture or the result.
    """

    goals: NDArray[np.int16]
    rejected_before: dict[int, str]
    rejected_after: dict[int, str]


def row_results(columns: Mapping[str, Column]) -> RowResults:
    """Scores and rejections of all rows."""
    before = _column_faults(columns, FIXTURE)
    after = _column_faults(columns, FIXTURE | (RESULT - LENIENT))
    for row, reason in (copied_seasons(columns) | _fixture_faults(columns)).items():
        before.setdefault(row, reason)
        after.setdefault(row, reason)
    goals = np.stack([per_row(columns[name], float) for name in _GOALS], axis=1)
    is_full_time = _is_value(columns["status"], FULL_TIME)
    half_scores = np.flatnonzero(np.isnan(goals[:, 0]) != np.isnan(goals[:, 1]))
    for row in half_scores.tolist():
        after.setdefault(row, _reason(score_of, *(_value(columns[name], row) for name in _GOALS)))
    for row in np.flatnonzero(is_full_time & np.isnan(goals).any(axis=1)).tolist():
        after.setdefault(row, "the status is FT, but there is no score; add it, or correct the status")
    for row in np.flatnonzero(columns["status"].codes < 0).tolist():
        after.setdefault(row, "the status is missing; add it")
    known = np.where(is_full_time[:, None] & ~np.isnan(goals).any(axis=1, keepdims=True), goals, -1)
    return RowResults(known.astype(np.int16), before, after)


def row_times(columns: Mapping[str, Column]) -> RowTimes:
    """Days and ends of all rows.

    Raises:
        FeedRefusedError: no row has a valid date.
    """
    date, kickoff = columns["date"], columns["kickoff_utc"]
    days = per_row(date, lambda day: float((day - EPOCH).days))
    kickoff_days = per_row(kickoff, lambda instant: float((instant.date() - EPOCH).days))
    over = per_row(date, lambda day: over_at(noon_of(day), KickoffPrecision.DAY).timestamp())
    kickoff_over = per_row(kickoff, lambda instant: over_at(instant, KickoffPrecision.MINUTE).timestamp())
    over = np.where(np.isnan(kickoff_over), over, kickoff_over)
    days = np.where(np.isnan(kickoff_days), days, kickoff_days)
    known = np.flatnonzero(~np.isnan(days))
    if not known.size:
        faults = [*date.faults.values(), "the column 'date' is empty"]
        raise FeedRefusedError(f"{SETTING}: no row of the archive has a date that can be used: {faults[0]}")
    last_known = np.maximum(np.searchsorted(known, np.arange(len(days)), side="right") - 1, 0)
    return RowTimes(days[known[last_known]].astype(np.int64), np.where(np.isnan(over), np.inf, over))


def assign_competitions(columns: Mapping[str, Column], feed: str) -> RowCompetitions:
    """The competition of every row: the catalogue's with the same country and name, or country and tier.

    The tier is used only for a competition of men's first teams, by its name, and only where the file has one
    of that tier in the country. A competition outside the catalogue is one of national teams where its rows
    fill the column ``neutral``; its calendar is that of most of its season labels.
    """
    country, name = columns["country"], columns["competition"]
    pairs, first_row, of_row = np.unique(
        country.codes.astype(np.int64) * (len(name.parsed) + 1) + name.codes,
        return_index=True,
        return_inverse=True,
    )
    is_autumn = per_row(columns["season"], lambda season: float("/" in season)) > 0
    autumn_rows = np.bincount(of_row, weights=is_autumn, minlength=len(pairs))
    rows = np.bincount(of_row, minlength=len(pairs))
    neutral_rows = np.bincount(of_row, weights=columns["neutral"].codes >= 0, minlength=len(pairs))
    tiers = np.full(len(pairs), np.inf)
    np.fmin.at(tiers, of_row, per_row(columns["tier"], float))
    known = [
        (str(country.parsed[country.codes[row]]), str(name.parsed[name.codes[row]]), int(tier))
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
        places = [(fold(country), tier) for country, name, tier in pairs if _is_of_first_teams(name)]
        self._by_tier = {
            (fold(competition.country), competition.tier): competition
            for competition in catalogue
            if competition.tier and places.count((fold(competition.country), competition.tier)) == 1
        }

    def find(self, country: str, name: str, tier: int) -> Competition | None:
        """The catalogue's competition, None where it has none."""
        by_name = self._by_name.get((fold(country), fold(name)))
        if by_name is not None or not _is_of_first_teams(name):
            return by_name
        return self._by_tier.get((fold(country), tier))


def _is_of_first_teams(name: str) -> bool:
    """Whether a competition's name tells no women, age group or reserves; no league of the catalogue does."""
    return side_of_competition(name) == ("men", "senior", "first")


def _column_faults(columns: Mapping[str, Column], names: Collection[str]) -> dict[int, str]:
    """By row, the faults of its cells in the order of the schema."""
    reasons: dict[int, list[str]] = {}
    for name in SCHEMA:
        column = columns[name]
        if name in names and column.faults:
            for row in np.flatnonzero(np.isin(column.codes, list(column.faults))).tolist():
                reasons.setdefault(row, []).append(column.faults[int(column.codes[row])])
    return {row: "; ".join(faults) for row, faults in reasons.items()}


def _fixture_faults(columns: Mapping[str, Column]) -> dict[int, str]:
    """By row, what is missing of its fixture, or that a team plays itself."""
    reasons: dict[int, str] = {}
    for name in ("date", "country", "competition", "season"):
        for row in np.flatnonzero(columns[name].codes < 0).tolist():
            reasons.setdefault(row, f"the {name} is missing; add it")
    for row, days in _days_apart(columns):
        date, kickoff = (_value(columns[name], row) for name in ("date", "kickoff_utc"))
        reasons.setdefault(
            row,
            f"the date {date} and kickoff_utc {kickoff:%Y-%m-%d} are {days} days apart; correct one of them",
        )
    for row in _outside_season(columns):
        reasons.setdefault(
            row,
            f"the date {_value(columns['date'], row)} lies outside the season "
            f"{_value(columns['season'], row)}; correct one of them",
        )
    home, away = columns["home_team"], columns["away_team"]
    code_at_home = {name: code for code, name in enumerate(home.parsed)}
    home_codes = np.array([code_at_home.get(name, -1) for name in home.parsed])[home.codes]
    away_codes = np.array([code_at_home.get(name, -1) for name in away.parsed])[away.codes]
    doubtful = (home.codes < 0) | (away.codes < 0) | ((home_codes == away_codes) & (home_codes >= 0))
    for row in np.flatnonzero(doubtful).tolist():
        # Two placeholders may be alike: validation tells them apart from a team that plays itself.
        if reason := _reason(teams_of, _value(home, row), _value(away, row)):
            reasons.setdefault(row, reason)
    return reasons


def _days_apart(columns: Mapping[str, Column]) -> list[tuple[int, int]]:
    """The rows whose date and kickoff are further apart than time zones make them, with the days between."""
    date, kickoff = columns["date"], columns["kickoff_utc"]
    days = per_row(date, lambda day: float((day - EPOCH).days))
    kickoff_days = per_row(kickoff, lambda instant: float((instant.date() - EPOCH).days))
    apart = np.abs(kickoff_days - days)
    rows = np.flatnonzero(apart > _DAYS_OF_TIME_ZONES)
    return [(int(row), int(apart[row])) for row in rows]


def _outside_season(columns: Mapping[str, Column]) -> list[int]:
    """The rows whose date is not within a year of their season; a label without a year says nothing.

    An archive's seasons come from many hands: the days that `season_days` gives them would refuse sound rows.
    """
    labels = {name: read_label(name) for name in columns["season"].parsed if name is not None}
    first = per_row(columns["season"], lambda name: float(label.year) if (label := labels[name]) else np.nan)
    last = first + per_row(
        columns["season"], lambda name: float(bool((label := labels[name]) and label.is_double))
    )
    year = per_row(columns["date"], lambda day: float(day.year))
    return np.flatnonzero((year < first - 1) | (year > last + 1)).tolist()


def _reason(parse: Callable[[Any, Any], Any], home: Any, away: Any) -> str:
    """Why two cells are rejected; empty where they are valid."""
    try:
        parse(home, away)
    except FieldError as error:
        return str(error)
    return ""


def _value(column: Column, row: int) -> Any:
    return column.parsed[column.codes[row]]


def _is_value(column: Column, value: Any) -> NDArray[np.bool_]:
    """Whether each row has this value, shape (rows,)."""
    wanted: NDArray[np.bool_] = np.array([known == value for known in column.parsed], np.bool_)
    return wanted[column.codes]


def per_row(column: Column, measure: Callable[[Any], float]) -> NDArray[np.float64]:
    """``measure`` of each row's value, shape (rows,); NaN where there is none."""
    measured = np.array([np.nan if value is None else measure(value) for value in column.parsed])
    result: NDArray[np.float64] = measured[column.codes]
    return result
