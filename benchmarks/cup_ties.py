"""Who goes on from cup ties: probabilities of the goal model against what came, and against a prior.

Usage: ``python -m benchmarks.cup_ties ARCHIVE [--from YEAR]``. A tie is two teams whose matches in a cup of
a season are one, or one at each side's ground within 45 days and neither with another match of the cup
between; it counts where exactly one of them plays on in that cup and season, which is who went on. A draw of
a final or of the last round of a group stage is no tie by that rule. Ratings know what was known before the
match that is asked about. For single matches, for second legs with the first one known and for first legs:

- n, Brier score and log loss of the goal model's scores, aggregate, away goals, extra time and shoot-out;
- the same of a prior from the seasons before ``--from``: how often the side at home went on, for second legs
  by the first leg's goal difference.

``--from`` (default 2012) is the first year that is scored; the years before it make the prior.
"""

import argparse
import datetime as dt
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.features import FEATURE_NAMES, run_from
from soccer_assets.football.first_half import USUAL_FIRST_HALF_SHARE
from soccer_assets.football.knock_out import Tie, away_goals_count, p_home_advances
from soccer_assets.football.match_scores import rates_grid
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.ratings.parameters import DRAW_CORRELATIONS, match_kinds
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.football.score_grid import GOAL_FEATURES

_LEGS_APART_DAYS = 45
_LEAST_PRIOR = 30


class _Leg(NamedTuple):
    """A match that is asked about: kind, row, the first leg's goals of the side at home, and what came."""

    kind: str
    row: int
    first_leg: tuple[int, int] | None
    home_went_on: bool


def main() -> None:
    """Score, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--from", dest="first", type=int, default=2012)
    asked = parser.parse_args()
    matches = read_matches([asked.archive], None).matches
    legs = list(ties_of(matches))
    rows = np.array([leg.row for leg in legs])
    values = features_of(matches, rows)
    print(json.dumps(report(matches, legs, values, asked.first), indent=1))


def ties_of(matches: MatchTable) -> Iterator[_Leg]:
    """The ties of all cups, in order of time."""
    cups = defaultdict(list)
    for row in np.argsort(matches.kickoff, kind="stable"):
        if matches.tier[row] == 0 and not matches.is_international[row] and matches.home_goals[row] >= 0:
            cups[matches.competition[row], matches.season[row]].append(int(row))
    found = []
    for rows in cups.values():
        played = defaultdict(list)
        pairs = defaultdict(list)
        for row in rows:
            home, away = matches.home_team[row], matches.away_team[row]
            played[home].append(row)
            played[away].append(row)
            pairs[frozenset((home, away))].append(row)
        for pair in pairs.values():
            found.extend(_legs(matches, pair, played))
    return iter(sorted(found, key=lambda leg: (matches.kickoff[leg.row], leg.row)))


def _legs(matches: MatchTable, pair: Sequence[int], played: dict[Any, list[int]]) -> list[_Leg]:
    last = pair[-1]
    home, away = matches.home_team[last], matches.away_team[last]
    goes_on = [played[club][-1] != last for club in (home, away)]
    if goes_on[0] == goes_on[1]:
        return []
    if len(pair) == 1:
        return [_Leg("one match", last, None, goes_on[0])]
    first = pair[0]
    is_return = len(pair) == 2 and matches.home_team[first] == away
    days = (matches.kickoff[last] - matches.kickoff[first]) / SECONDS_A_DAY
    follow = all(played[club].index(last) == played[club].index(first) + 1 for club in (home, away))
    if not (is_return and days <= _LEGS_APART_DAYS and follow):
        return []
    told = (int(matches.away_goals[first]), int(matches.home_goals[first]))
    return [_Leg("first leg", first, None, goes_on[1]), _Leg("second leg", last, told, goes_on[0])]


def features_of(matches: MatchTable, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 4) of `GOAL_FEATURES`, with what was known before each kickoff."""
    asked = np.zeros(len(matches), np.bool_)
    asked[rows] = True
    table, _ = run_from(matches, TeamState.initial(), asked, matches.moves_ratings)
    columns = [FEATURE_NAMES.index(name) for name in GOAL_FEATURES]
    return table.values[np.searchsorted(np.flatnonzero(asked), rows)][:, columns]


def p_advance(matches: MatchTable, leg: _Leg, values: NDArray[np.float64]) -> float:
    """Probability that the side at home goes on."""
    rho = DRAW_CORRELATIONS[match_kinds(values[2:3], values[3:4])][0]
    goals = GoalModel(math.exp(values[0]), math.exp(values[1]), float(rho), USUAL_FIRST_HALF_SHARE)
    counts = away_goals_count(matches.competition[leg.row], matches.season[leg.row])
    tie = Tie(first_leg=leg.first_leg, is_first_leg=leg.kind == "first leg", counts_away_goals=counts)
    return p_home_advances(rates_grid(goals), goals, tie)


def report(
    matches: MatchTable, legs: Sequence[_Leg], values: NDArray[np.float64], first: int
) -> dict[str, Any]:
    """All figures by kind of match."""
    year = [
        (dt.date(1970, 1, 1) + dt.timedelta(days=int(matches.kickoff[leg.row] // SECONDS_A_DAY))).year
        for leg in legs
    ]
    before: dict[Any, list[bool]] = defaultdict(list)
    for leg, when in zip(legs, year, strict=True):
        if when < first:
            before[_group(leg)].append(leg.home_went_on)
            before[leg.kind].append(leg.home_went_on)
    found: dict[str, Any] = {}
    for kind in ("one match", "first leg", "second leg"):
        scored = [n for n, leg in enumerate(legs) if leg.kind == kind and year[n] >= first]
        came = np.array([legs[n].home_went_on for n in scored])
        model = np.array([p_advance(matches, legs[n], values[n]) for n in scored])
        prior = np.array([_prior(before, legs[n]) for n in scored])
        found[kind] = {
            "n": len(scored),
            "home went on": float(came.mean()),
            "mean forecast": float(model.mean()),
            "model": _scores(model, came),
            "prior": _scores(prior, came),
            "calibration": _buckets(model, came),
        }
    return found


def _group(leg: _Leg) -> Any:
    return leg.kind, None if leg.first_leg is None else leg.first_leg[0] - leg.first_leg[1]


def _prior(before: dict[Any, list[bool]], leg: _Leg) -> float:
    group = before[_group(leg)]
    used = group if len(group) >= _LEAST_PRIOR else before[leg.kind]
    if len(group) < _LEAST_PRIOR and leg.first_leg is not None:
        return 0.99 if leg.first_leg[0] > leg.first_leg[1] else 0.01
    return (sum(used) + 1) / (len(used) + 2)


def _scores(p: NDArray[np.float64], came: NDArray[np.bool_]) -> dict[str, float]:
    likely = np.clip(np.where(came, p, 1.0 - p), 1e-6, 1.0)
    return {"brier": float(((p - came) ** 2).mean()), "log loss": float(-np.log(likely).mean())}


def _buckets(p: NDArray[np.float64], came: NDArray[np.bool_]) -> list[str]:
    number = np.minimum((p * 10).astype(int), 9)
    return [
        f"{(number == n).sum()}: {p[number == n].mean():.3f} {came[number == n].mean():.3f}"
        for n in range(10)
        if (number == n).any()
    ]


if __name__ == "__main__":
    main()
