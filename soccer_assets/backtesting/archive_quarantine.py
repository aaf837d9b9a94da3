"""The graph's quarantine for the results of archive files, column by column.

The rules are those of ``football/validity.py``; here is only which rows they need to see.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soccer_assets.feeds.providers.archive.archive_rows import EPOCH
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.football.validity import (
    LEAST_OF_ONE_SCORE,
    LEAST_WITHOUT_GOALS,
    Result,
    is_filled_in,
    twice_on_a_day,
)

SOURCE = "archive"


def quarantined_results(
    facts: Mapping[str, NDArray[Any]], settled: NDArray[np.bool_], goals: NDArray[Any]
) -> NDArray[np.bool_]:
    """Whether each match has a result that counts for nothing because of others of its day.

    Args:
        facts: ``match_id``, ``competition``, ``kickoff`` (epoch seconds), ``home_team``, ``away_team``.
        settled: whether each match has a result.
        goals: (n, 2) at home and away.
    """
    return _twice_on_a_day(facts, settled, goals) | _filled_in(facts, settled, goals)


def _twice_on_a_day(
    facts: Mapping[str, NDArray[Any]], settled: NDArray[np.bool_], goals: NDArray[Any]
) -> NDArray[np.bool_]:
    """Whether each result is one of several of a team on its day, or repeated: the graph's quarantine."""
    rows, day = np.flatnonzero(settled), facts["kickoff"][settled] // SECONDS_A_DAY
    teams = pd.factorize(np.concatenate([facts["home_team"][settled], facts["away_team"][settled]]))[0]
    # Team and day as one number: the rule itself need only see the few rows that share one.
    keys = teams.astype(np.int64) * 1_000_000 + np.tile(day, 2)
    is_shared = pd.Series(keys).duplicated(keep=False).to_numpy().reshape(2, -1).any(axis=0)
    columns = (facts[name][rows[is_shared]].tolist() for name in ("home_team", "away_team"))
    # The graph's ids: of two tellings of one match the least id counts.
    ids = [mint_match_id(SOURCE, match_id) for match_id in facts["match_id"][rows[is_shared]].tolist()]
    scores = map(tuple, goals[rows[is_shared]].tolist())
    days = (EPOCH + dt.timedelta(days=number) for number in day[is_shared].tolist())
    found = twice_on_a_day(
        Result(match_id, on, home, away, scored)
        for match_id, on, home, away, scored in zip(ids, days, *columns, scores, strict=True)
    )
    quarantined = np.zeros(len(settled), np.bool_)
    quarantined[rows[is_shared]] = [match_id in found for match_id in ids]
    return quarantined


def _filled_in(
    facts: Mapping[str, NDArray[Any]], settled: NDArray[np.bool_], goals: NDArray[Any]
) -> NDArray[np.bool_]:
    """Whether each result is of a matchday that is all one score."""
    quarantined = np.zeros(len(settled), np.bool_)
    is_scored = settled & (goals >= 0).all(axis=1)
    rows, scores = np.flatnonzero(is_scored), goals[is_scored].astype(np.int64)
    if not len(rows):
        return quarantined
    competition = pd.factorize(facts["competition"][is_scored])[0].astype(np.int64)
    matchday = np.unique(
        competition * 1_000_000 + facts["kickoff"][is_scored].astype(np.int64) // SECONDS_A_DAY,
        return_inverse=True,
    )[1]
    # The first row of each matchday, to hold the others against: few days are left for the rule itself.
    first = np.zeros(matchday.max() + 1, np.int64)
    first[matchday] = np.arange(len(rows))
    differs = np.bincount(matchday, (scores != scores[first[matchday]]).any(axis=1)) > 0
    is_alike = ~differs[matchday] & (
        np.bincount(matchday)[matchday] >= min(LEAST_OF_ONE_SCORE, LEAST_WITHOUT_GOALS)
    )
    for day in np.unique(matchday[is_alike]):
        of_day = matchday == day
        quarantined[rows[of_day]] = is_filled_in([(home, away) for home, away in scores[of_day].tolist()])
    return quarantined
