"""Archive files as the matches of a backtest: the feed's reader, its validation, and the quarantine.

A row is parsed, rejected and quarantined by the same functions as on its way through the feed ``archive``
into the graph, column by column instead of row by row.
"""

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.backtesting.archive_meetings import one_row_a_match
from soccer_assets.backtesting.archive_quarantine import SOURCE, quarantined_results
from soccer_assets.backtesting.errors import ArchiveError
from soccer_assets.clock import SystemClock
from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import goal_book, noon_of
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedError
from soccer_assets.feeds.providers.archive.archive_rows import (
    EPOCH,
    STATUS_OF,
    RowCompetitions,
    assign_competitions,
    per_row,
    row_results,
    row_times,
)
from soccer_assets.feeds.providers.archive.archive_table import (
    STATISTICS,
    ArchiveTable,
    Column,
    concat_archives,
    read_archive,
    read_statistics,
)
from soccer_assets.feeds.validation import failed_match_checks, failed_price_checks, placeholder_fault
from soccer_assets.football.awarded_results import awarded_seasons, score_of_award
from soccer_assets.football.competitions import NATIONAL, Competition, club_and_pool
from soccer_assets.football.identity import meeting_key
from soccer_assets.football.match_table import (
    GOAL_PRICES,
    HALF_TIME_GOALS,
    OUTCOME_PRICES,
    SECONDS_A_DAY,
    UNKNOWN_COUNT,
    UNKNOWN_GOALS,
    MatchTable,
)
from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.football.neutral_grounds import ground_of, ruled_competitions, stage_of
from soccer_assets.football.placeholders import is_placeholder
from soccer_assets.football.prices import MARKET_KINDS, price_kind_of

ARCHIVE_OPTION, STATISTICS_OPTION = "--archive", "--stats"
_GOAL_QUOTES = ("odds_over", "odds_under", "handicap", "odds_handicap_home", "odds_handicap_away")
_HALF_TIME = ("ht_home_goals", "ht_away_goals")
_PRICES = ("odds_home", "odds_draw", "odds_away")
REPEATED = "another row tells this match, and counts"


class ArchiveMatches(msgspec.Struct, frozen=True, kw_only=True):
    """The matches of archive files.

    Attributes:
        matches: the rows that are no rejections; a quarantined result moves no rating and trains no model.
        closing_prices: (n, 3) the market's closing prices of each match; NaN where there are none or they are
            implausible. The matches' own prices are of every kind.
        rows: rows of all files.
        rejected: number of rejected rows by reason.
        quarantined: number of results that count for nothing: of a team with another one on that day, of a
            pair that meets once and has two, of a matchday that is filled in.
    """

    matches: MatchTable
    closing_prices: NDArray[np.float64]
    rows: int
    rejected: Mapping[str, int]
    quarantined: int


def read_matches(
    paths: Sequence[Path], stats_path: Path | None, now: dt.datetime | None = None
) -> ArchiveMatches:
    """All matches of the files, as known at ``now``.

    Args:
        paths: Parquet or CSV files in the archive's schema; of several valid rows with one id the last
            counts.
        stats_path: match statistics by ``match_id``; None without.
        now: results of matches that are not over by then are unknown; None for the system clock's now.

    Raises:
        ArchiveError: a file cannot be read or is not in the schema.
    """
    if not paths:
        raise ArchiveError("name at least one archive file")
    now = now or SystemClock().now()
    with tempfile.TemporaryDirectory() as folder:
        client = FileClient(ARCHIVE_OPTION, Path(folder))
        try:
            table = concat_archives(
                [read_archive(str(path), client, setting=ARCHIVE_OPTION) for path in paths]
            )
            statistics = (
                None
                if stats_path is None
                else read_statistics(str(stats_path), client, setting=STATISTICS_OPTION)
            )
            return _matches(table, statistics, now)
        except FeedError as error:
            raise ArchiveError(str(error).replace(SETTING, ARCHIVE_OPTION)) from error


def _matches(table: ArchiveTable, statistics: ArchiveTable | None, now: dt.datetime) -> ArchiveMatches:
    columns, results = table.columns, row_results(table.columns)
    over = row_times(columns).over_at <= now.timestamp()
    rejected = {row: reason for row, reason in results.rejected_after.items() if over[row]}
    rejected |= {row: reason for row, reason in results.rejected_before.items() if not over[row]}
    for row, reason in _placeholder_faults(columns).items():
        rejected.setdefault(row, reason)
    facts = _facts(columns, np.where(over[:, None], results.goals, UNKNOWN_GOALS), over)

    rows = np.delete(np.arange(len(table)), list(rejected))
    failed = failed_match_checks(_checked(facts, rows), now)
    rows = _last_of_each_id(facts["match_id"], np.delete(rows, list(failed)))

    facts = {name: values[rows] for name, values in facts.items()}
    one_each = one_row_a_match(facts, _status_of(columns, rows, over), _rounds_of(columns, rows))
    rows = rows[one_each.stands]
    facts = {name: values[one_each.stands] for name, values in facts.items()}
    facts["match_id"] = one_each.match_id[one_each.stands]
    settled, goals = facts.pop("is_settled"), facts.pop("goals")
    away_is_host = facts.pop("away_is_host")
    quarantined = quarantined_results(facts, settled, goals) | one_each.is_contradicted[one_each.stands]
    has_result = (goals >= 0).all(axis=1) & ~quarantined & ~facts.pop("is_awarded")
    prices, kinds = _prices_of(columns, rows, over)
    half_time = _half_time_of(columns, rows, over)
    goal_prices, goal_kinds = _goal_prices_of(columns, rows, over)
    matches = MatchTable.from_columns(
        **facts,
        **dict(zip(OUTCOME_PRICES, prices.T, strict=True)),
        price_kind=np.array([price_kind_of(kind) for kind in kinds.tolist()]),
        **dict(zip(GOAL_PRICES, goal_prices.T, strict=True)),
        goal_price_kind=goal_kinds,
        home_goals=goals[:, 0],
        away_goals=goals[:, 1],
        **dict(zip(HALF_TIME_GOALS, half_time.T, strict=True)),
        moves_ratings=has_result,
        trains=has_result,
        **({} if statistics is None else _statistics(statistics.columns, facts["match_id"], over[rows])),
    ).turned_round(away_is_host)
    repeated = [REPEATED] * int((~one_each.stands).sum())
    reasons = Counter(
        [*repeated, *rejected.values(), *failed.values(), *(reason for reason, _ in table.broken)]
    )
    return ArchiveMatches(
        matches=matches,
        closing_prices=np.where(np.isin(kinds, MARKET_KINDS)[:, None], matches.prices, np.nan),
        rows=len(table) + len(table.broken),
        rejected=dict(reasons.most_common()),
        quarantined=int(quarantined.sum()),
    )


def _status_of(
    columns: Mapping[str, Column], rows: NDArray[Any], over: NDArray[np.bool_]
) -> list[MatchStatus]:
    """The status of each row, as known now."""
    status = columns["status"]
    known = [STATUS_OF.get(value, MatchStatus.SCHEDULED) for value in status.parsed]
    return [
        known[code] if is_over else MatchStatus.SCHEDULED
        for code, is_over in zip(status.codes[rows].tolist(), over[rows].tolist(), strict=True)
    ]


def _rounds_of(columns: Mapping[str, Column], rows: NDArray[Any]) -> list[str | None]:
    """The round of each row; None where it has none."""
    rounds = columns["round"]
    return [None if code < 0 else rounds.parsed[code] for code in rounds.codes[rows].tolist()]


def _placeholder_faults(columns: Mapping[str, Column]) -> dict[int, str]:
    """By row, the fault of a fixture with a placeholder for a team."""
    home, away = columns["home_team"], columns["away_team"]
    stands_for = [
        np.array([name is not None and is_placeholder(str(name)) for name in side.parsed])[side.codes]
        for side in (home, away)
    ]
    return {
        row: placeholder_fault(str(home.parsed[home.codes[row]]), str(away.parsed[away.codes[row]]))
        + "; name the team, or leave the row out"
        for row in np.flatnonzero(stands_for[0] | stands_for[1]).tolist()
    }


def _facts(
    columns: Mapping[str, Column], goals: NDArray[np.int16], over: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """By name, one value a row; those of rejected rows mean nothing."""
    placed = assign_competitions(columns, SOURCE)
    status, season = columns["status"], columns["season"]
    settles = [value in STATUS_OF and STATUS_RULES[STATUS_OF[value]].settles for value in status.parsed]
    kickoff = per_row(columns["kickoff_utc"], lambda instant: instant.timestamp())
    is_day_precision = np.isnan(kickoff)
    noon = per_row(columns["date"], lambda day: noon_of(day).timestamp())
    kickoff = np.nan_to_num(np.where(is_day_precision, noon, kickoff)).astype(np.int64)
    squads = [competition.squad == NATIONAL for competition in placed.competitions]
    facts: dict[str, NDArray[Any]] = {
        "kickoff": kickoff,
        "is_day_precision": is_day_precision,
        "competition": _objects([competition.code for competition in placed.competitions])[placed.of_row],
        "season": season.parsed[season.codes],
        "tier": np.array([competition.tier for competition in placed.competitions], np.int8)[placed.of_row],
        "home_team": _team_ids(columns["home_team"], placed),
        "away_team": _team_ids(columns["away_team"], placed),
        "goals": goals,
        "is_international": np.array(squads)[placed.of_row],
        "is_settled": np.array(settles)[status.codes] & over,
    }
    facts["is_awarded"] = _awarded(columns, facts)
    return facts | _grounds(columns, placed, kickoff) | {"match_id": _match_ids(columns, facts)}


def _awarded(columns: Mapping[str, Column], facts: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which results a committee awarded, whose goals become those of the table, in place."""
    home, away = columns["home_team"], columns["away_team"]
    found = np.zeros(len(facts["kickoff"]), np.bool_)
    seasons = awarded_seasons()
    places = zip(facts["competition"].tolist(), facts["season"].tolist(), strict=True)
    for row, place in enumerate(places):
        if place not in seasons or not facts["is_settled"][row]:
            continue
        day = dt.datetime.fromtimestamp(int(facts["kickoff"][row]), dt.UTC).date()
        score = score_of_award(*place, day, *(str(side.parsed[side.codes[row]]) for side in (home, away)))
        if score is not None:
            found[row], facts["goals"][row] = True, score
    return found


def _grounds(
    columns: Mapping[str, Column], placed: RowCompetitions, kickoff: NDArray[Any]
) -> dict[str, NDArray[np.bool_]]:
    """Whether each row's ground is neutral, and whether the second side is at home: the graph's rules."""
    flag, rounds = columns["neutral"], columns["round"]
    is_neutral = np.array([value is True for value in flag.parsed])[flag.codes]
    away_is_host = np.zeros(len(is_neutral), np.bool_)
    is_ruled = [competition.code in ruled_competitions() for competition in placed.competitions]
    names = [columns["home_team"], columns["away_team"]]
    is_open = np.array(is_ruled)[placed.of_row] & ~is_neutral
    for name in names:
        is_open &= np.array([value is not None for value in name.parsed])[name.codes]
    for row in np.flatnonzero(is_open).tolist():
        home, away = (name.parsed[name.codes[row]] for name in names)
        title = rounds.parsed[rounds.codes[row]]
        found = ground_of(
            placed.competitions[placed.of_row[row]],
            _day(int(kickoff[row] // SECONDS_A_DAY)),
            home,
            away,
            stage=stage_of(*(() if title is None else (title,))),
            flag=flag.parsed[flag.codes[row]],
        )
        is_neutral[row], away_is_host[row] = found.is_neutral, found.away_is_host
    return {"is_neutral": is_neutral, "away_is_host": away_is_host}


def _match_ids(columns: Mapping[str, Column], facts: Mapping[str, NDArray[Any]]) -> NDArray[np.object_]:
    """The archive's ids; a row without one gets the id that its meeting and day would have in a home."""
    ids: NDArray[np.object_] = columns["match_id"].parsed[columns["match_id"].codes]
    for row in np.flatnonzero(columns["match_id"].codes < 0).tolist():
        teams = [columns[name].parsed[columns[name].codes[row]] for name in ("home_team", "away_team")]
        meeting = meeting_key(facts["competition"][row], facts["season"][row], *map(str, teams))
        ids[row] = f"{meeting}|{_day(int(facts['kickoff'][row] // SECONDS_A_DAY)):%Y%m%d}"
    return ids


def _team_ids(names: Column, placed: RowCompetitions) -> NDArray[np.object_]:
    """The id that each row's team has in a home: by name, country, sex, age group and squad."""
    pairs, of_row = np.unique(
        placed.of_row.astype(np.int64) * len(names.parsed) + names.codes % len(names.parsed),
        return_inverse=True,
    )
    ids = []
    for place, code in zip(*np.divmod(pairs, len(names.parsed)), strict=True):
        name, competition = names.parsed[code], placed.competitions[place]
        ids.append(None if name is None else _team_id(name, competition))
    return _objects(ids)[of_row]


def _team_id(name: str, competition: Competition) -> str:
    club, pool = club_and_pool(name, competition)
    return pool.team_id(club)


def _checked(facts: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The columns of some rows as validation reads them."""
    goals = np.where(facts["goals"][rows] < 0, np.nan, facts["goals"][rows])
    kickoff = facts["kickoff"][rows]
    return {
        "home_goals": goals[:, 0],
        "away_goals": goals[:, 1],
        # The feed drops an invalid half-time score itself, and no feature reads a valid one.
        **dict.fromkeys(HALF_TIME_GOALS, np.full(len(rows), np.nan)),
        "competition": facts["competition"][rows],
        "season": facts["season"][rows],
        "is_same_team": facts["home_team"][rows] == facts["away_team"][rows],
        "year": kickoff.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + EPOCH.year,
        "kickoff": kickoff,
        "is_settled": facts["is_settled"][rows],
    }


def _last_of_each_id(ids: NDArray[np.object_], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    last = dict(zip(ids[rows].tolist(), rows.tolist(), strict=True))
    return rows if len(last) == len(rows) else np.array(sorted(last.values()), np.int64)


def _statistics(
    columns: Mapping[str, Column], match_ids: NDArray[np.object_], over: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Counts of each match by name; -1 where unknown."""
    ids = columns["match_id"].parsed[columns["match_id"].codes].tolist()
    row_of = {match_id: row for row, match_id in enumerate(ids)}
    rows = np.array([row_of.get(match_id, -1) for match_id in match_ids.tolist()], np.int64)
    counts = {name: np.append(per_row(columns[name], float), np.nan)[rows] for name in STATISTICS}
    return {
        name: np.where(over & ~np.isnan(values), values, UNKNOWN_COUNT) for name, values in counts.items()
    }


def _half_time_of(
    columns: Mapping[str, Column], rows: NDArray[np.int64], over: NDArray[np.bool_]
) -> NDArray[np.int16]:
    """Scores (n, 2) at half-time of some rows; -1 where one is unknown or the match is not over."""
    goals = np.stack([per_row(columns[name], float) for name in _HALF_TIME], axis=1)[rows]
    is_known = over[rows] & ~np.isnan(goals).any(axis=1)
    return np.where(is_known[:, None], goals, UNKNOWN_GOALS).astype(np.int16)


def _prices_of(
    columns: Mapping[str, Column], rows: NDArray[np.int64], over: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Prices (n, 3) of some rows and their kinds; NaN and no text where there is no plausible one."""
    kind = columns["odds_type"]
    kinds = np.array([str(value or "") for value in kind.parsed])[kind.codes][rows]
    prices = np.stack([per_row(columns[name], float) for name in _PRICES], axis=1)[rows]
    priced = np.flatnonzero((kinds != "") & over[rows] & ~np.isnan(prices).any(axis=1))
    priced = np.delete(priced, list(failed_price_checks(prices[priced])))
    is_kept = np.isin(np.arange(len(rows)), priced)
    return np.where(is_kept[:, None], prices, np.nan), np.where(is_kept, kinds, "")


def _goal_prices_of(
    columns: Mapping[str, Column], rows: NDArray[np.int64], over: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Prices of goals and the handicap (n, 5) of some rows, and their kinds; NaN and none as in the feed."""
    kind = columns["goal_odds_type"]
    quotes = np.stack([per_row(columns[name], float) for name in _GOAL_QUOTES], axis=1)[rows]
    prices, kinds = np.full(quotes.shape, np.nan), np.zeros(len(rows), np.int8)
    for row in np.flatnonzero((kind.codes[rows] >= 0) & over[rows]).tolist():
        name = kind.parsed[kind.codes[rows[row]]]
        told = [None if np.isnan(value) else float(value) for value in quotes[row]]
        if name is not None and (found := goal_book(name, (told[0], told[1]), (told[2], told[3], told[4]))):
            prices[row] = [np.nan if value is None else value for value in msgspec.structs.astuple(found)[1:]]
            kinds[row] = price_kind_of(name)
    return prices, kinds


def _day(number: int) -> dt.date:
    return EPOCH + dt.timedelta(days=number)


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
