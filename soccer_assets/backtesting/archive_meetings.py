"""Rows of an archive that are one match: the rules of the graph (``football/meetings.py``), on columns."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.meetings import (
    ReportedRow,
    do_pairs_repeat,
    first_seen,
    group_rows,
    other_scores,
    results_beyond_format,
)
from soccer_assets.football.season_formats import SeasonFormat, season_format

_PAIR = ("competition", "season", "home_team", "away_team")
_SECONDS_A_DAY = 86_400
_NOW = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# By competition and season, the distinct scores of each pair.
_ScoresOfSeasons = dict[tuple[str, str], dict[int, set[tuple[int, int]]]]


class OneRowAMatch(NamedTuple):
    """Which rows stand.

    Attributes:
        stands: (n,) whether a row stands for its match.
        match_id: (n,) id of each row's match.
        is_contradicted: (n,) whether another row of the day tells another score, or the pair has several
            results and meets once in the season.
    """

    stands: NDArray[np.bool_]
    match_id: NDArray[np.object_]
    is_contradicted: NDArray[np.bool_]


def one_row_a_match(
    facts: Mapping[str, NDArray[Any]], status: Sequence[MatchStatus], rounds: Sequence[str | None]
) -> OneRowAMatch:
    """The rows that stand for their matches.

    Args:
        facts: of n valid rows: ``match_id``, ``kickoff`` in epoch seconds, ``competition``, ``season``,
            teams, ``goals`` (n, 2) and ``is_settled``.
        status: of each row, as known now.
        rounds: of each row; None where it has none.
    """
    frame = pd.DataFrame({name: facts[name] for name in _PAIR})
    pairs = frame.groupby(list(_PAIR), sort=False).ngroup().to_numpy().astype(np.int64)
    several = np.flatnonzero(pd.Series(pairs).duplicated(keep=False).to_numpy())
    found = OneRowAMatch(
        np.ones(len(pairs), np.bool_), facts["match_id"].copy(), np.zeros(len(pairs), np.bool_)
    )
    scores_of_seasons: _ScoresOfSeasons = {}
    for rows in _groups(several, pairs):
        season = season_format(facts["competition"][rows[0]], facts["season"][rows[0]])
        if not _may_be_one(facts, rows) and not _meets_once(facts, rows, season):
            continue
        schedule = _Schedule(facts, rows, pairs, scores_of_seasons)
        reported_rows = [_reported_row(facts, row, status[row], rounds[row]) for row in rows]
        place = dict(zip((reported.key for reported in reported_rows), rows, strict=True))
        groups = group_rows(reported_rows, season, schedule)
        beyond = results_beyond_format(groups, season, schedule)
        for group in groups:
            best = place[group[0].key]
            found.stands[[place[one.key] for one in group[1:]]] = False
            found.match_id[best] = first_seen(group).key
            found.is_contradicted[best] = bool(other_scores(group)) or group[0].key in beyond
    return found


def _groups(rows: NDArray[np.intp], pairs: NDArray[np.int64]) -> Iterator[list[int]]:
    """The rows of each pair and season that has several."""
    ordered = rows[np.argsort(pairs[rows], kind="stable")]
    for group in np.split(ordered, np.flatnonzero(np.diff(pairs[ordered])) + 1):
        if len(group):
            yield group.tolist()


def _may_be_one(facts: Mapping[str, NDArray[Any]], rows: list[int]) -> bool:
    """Whether rows share a day or a score, or one has no result: else they are matches of their own."""
    days = {int(facts["kickoff"][row]) // _SECONDS_A_DAY for row in rows}
    scores = {tuple(facts["goals"][row].tolist()) for row in rows}
    return len(days) < len(rows) or len(scores) < len(rows) or not facts["is_settled"][rows].all()


def _meets_once(facts: Mapping[str, NDArray[Any]], rows: list[int], season: SeasonFormat | None) -> bool:
    """Whether the season's format allows the pair one match by the day of the second of the rows."""
    days = sorted(_day(facts, row) for row in rows)
    return season is not None and any(map(season.meets_once_by, days[1:]))


def _day(facts: Mapping[str, NDArray[Any]], row: int) -> dt.date:
    return dt.datetime.fromtimestamp(int(facts["kickoff"][row]), dt.UTC).date()


def _reported_row(
    facts: Mapping[str, NDArray[Any]], row: int, status: MatchStatus, title: str | None
) -> ReportedRow:
    return ReportedRow(
        key=str(facts["match_id"][row]),
        kickoff=dt.datetime.fromtimestamp(int(facts["kickoff"][row]), dt.UTC),
        status=status,
        score=_score(facts, row),
        round=title,
        first_seen_at=_NOW,
    )


def _score(facts: Mapping[str, NDArray[Any]], row: int) -> tuple[int, int] | None:
    """The result of a row; None where there is none, or its 90 minutes are unknown."""
    home, away = facts["goals"][row].tolist()
    return (home, away) if facts["is_settled"][row] and min(home, away) >= 0 else None


class _Schedule:
    """What else the two clubs of a pair played."""

    def __init__(
        self,
        facts: Mapping[str, NDArray[Any]],
        rows: list[int],
        pairs: NDArray[np.int64],
        scores_of_seasons: _ScoresOfSeasons,
    ) -> None:
        self._facts, self._rows, self._pairs = facts, rows, pairs
        self._scores_of_seasons = scores_of_seasons

    def could_play_both(self, one: dt.date, other: dt.date) -> bool:
        """Whether one of the clubs has no other match within a day of either."""
        epoch = _NOW.date()
        first, last = (one - epoch).days - 1, (other - epoch).days + 1
        day = self._facts["kickoff"] // _SECONDS_A_DAY
        near = np.flatnonzero((day >= first) & (day <= last) & (self._pairs != self._pairs[self._rows[0]]))
        played = {*self._facts["home_team"][near], *self._facts["away_team"][near]}
        clubs = {self._facts[name][self._rows[0]] for name in ("home_team", "away_team")}
        return not clubs <= played

    def do_others_repeat(self) -> bool:
        """Whether two other pairs of the season or more have two results that differ."""
        here = self._rows[0]
        key = (self._facts["competition"][here], self._facts["season"][here])
        if key not in self._scores_of_seasons:  # 20 ms for each of 400 pairs of an archive
            self._scores_of_seasons[key] = self._scores_of_season(*key)
        scores = self._scores_of_seasons[key]
        return do_pairs_repeat(found for pair, found in scores.items() if pair != self._pairs[here])

    def has_changed_grounds(self) -> bool:
        """Never: an archive is one look."""
        return False

    def _scores_of_season(self, competition: str, season: str) -> dict[int, set[tuple[int, int]]]:
        """The distinct scores of each pair of a season."""
        is_season = (self._facts["season"] == season) & (self._facts["competition"] == competition)
        scores: dict[int, set[tuple[int, int]]] = {}
        for row in np.flatnonzero(is_season).tolist():
            if (score := _score(self._facts, row)) is not None:
                scores.setdefault(int(self._pairs[row]), set()).add(score)
        return scores
