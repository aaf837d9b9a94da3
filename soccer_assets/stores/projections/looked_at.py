"""What the last look at each competition read, as a hash: an equal one needs no second look.

To find out that a season did not change costs 30 ms a league: its matches, clubs, rules and ratings are put
together. The hash is of the same things as they lie in memory, for all leagues in a few milliseconds each.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping

import msgspec
import numpy as np
import pandas as pd

from soccer_assets.football.ratings.state import TeamState


class LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes of what was read, by competition.

    Attributes:
        current: of those whose part is of what was read.
        waiting: of those that keep an older part until a run with more time, without a new result.
    """

    current: dict[str, str] = {}
    waiting: dict[str, str] = {}


def hashes_of(leagues: pd.DataFrame, state: TeamState, now: dt.datetime, made_by: str) -> dict[str, str]:
    """A hash a competition: of its rows, of the ratings of its clubs and league, and of the day.

    Args:
        leagues: `season_rows.MATCH_COLUMNS` of all competitions.
        state: of the ratings.
        now: the season under way, deductions and annulled clubs follow the day.
        made_by: what else a part depends on: code, feed, number of simulated seasons.
    """
    if leagues.empty:
        return {}
    common = hashlib.sha256(repr((made_by, now.date(), state.season_names)).encode())
    codes, names = pd.factorize(leagues["competition"], sort=True)
    rows = pd.util.hash_pandas_object(leagues, index=False).to_numpy()
    order = np.lexsort((rows, codes))
    rows, ends = rows[order], np.searchsorted(codes[order], np.arange(1, len(names) + 1))
    homes, aways = (leagues[name].to_numpy()[order] for name in ("home_team_id", "away_team_id"))
    league_rows = {name: row for row, name in enumerate(state.competition_names)}
    found, start = {}, 0
    for name, end in zip(names, ends.tolist(), strict=True):
        digest = common.copy()
        digest.update(str(name).encode() + rows[start:end].tobytes())
        digest.update(_ratings(state, {*homes[start:end], *aways[start:end]}, league_rows.get(name)))
        found[str(name)] = digest.hexdigest()
        start = end
    return found


def still_current(
    before: LookedAt, hashes: Mapping[str, str], *, has_time: bool
) -> tuple[set[str], set[str]]:
    """Competitions that need no look: those whose part is current, and those that go on waiting.

    Args:
        before: of the last run.
        hashes: of this one.
        has_time: nothing waits in this run.
    """
    current = {code for code, digest in hashes.items() if before.current.get(code) == digest}
    waiting = {code for code, digest in hashes.items() if before.waiting.get(code) == digest}
    return current, set() if has_time else waiting


def _ratings(state: TeamState, clubs: set[str], league_row: int | None) -> bytes:
    rows = [row for club in sorted(clubs) if (row := state.team_rows.get(club)) is not None]
    league = b"" if league_row is None else state.leagues[league_row].tobytes()
    return state.teams[rows].tobytes() + league
