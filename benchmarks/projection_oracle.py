"""Projections of the simulated world, whose seasons are drawn anew by every seed: is their calibration right?

Usage: ``python -m benchmarks.projection_oracle [--seeds 100] [--first 1] [--truth]``. For each seed the world
plays its leagues, ratings follow from the results, and each season of the last years is projected at 0, 25,
50 and 75 %. The calibration test is that of `benchmarks/projections.py`, after Holm over cuts and bands. The
two sides' goals in this world are independent, so they are in its projections. Prints how many seeds pass at
p of .05: for the projections; for a forecaster with half of their variance, which is the mean of two
simulated final tables, ranked again; and with ``--truth`` for one that knows the rates of every match, of
which up to 5 of 100 fail by chance.
"""

import argparse
import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.projections import Calibration, Cut, bands_of, cuts_of, final_places, project
from soccer_assets.feeds.providers.simulated.season import DAY, match_rates, play_season
from soccer_assets.feeds.providers.simulated.world import (
    clubs_of,
    competition_of,
    league_of,
    normals,
    strengths,
)
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.projections.strengths import FITTED

LEVEL = 0.05
SIMULATED = 300
_LAST_YEAR = 2024
# Dixon-Coles correlation of this world's scores.
INDEPENDENT = 0.0
_POINT, _GOAL = 1e6, 1e3


class Passed(NamedTuple):
    """A seed's p-values.

    Attributes:
        projections: the least one of the projections, after Holm.
        halved: of the forecaster with half of the variance.
        truth: of the one that knows the rates; None where it was not asked.
        by_test: of the projections, by cut and band, before Holm.
    """

    projections: float
    halved: float
    truth: float | None
    by_test: dict[str, float]


def main() -> None:
    """Print a line a seed, and how many passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--leagues", type=int, default=20)
    parser.add_argument("--years", type=int, default=6, help="seasons of each league that are projected")
    parser.add_argument("--truth", action="store_true", help="judge the forecaster that knows the rates too")
    asked = parser.parse_args()
    found = []
    for seed in range(asked.first, asked.first + asked.seeds):
        found.append(judge(seed, asked.leagues, asked.years, truth=asked.truth))
        print(json.dumps({"seed": seed, **found[-1]._asdict()}), flush=True)
    print(
        json.dumps(
            {
                "seeds": len(found),
                "projections_pass": sum(one.projections >= LEVEL for one in found),
                "halved_fail": sum(one.halved < LEVEL for one in found),
                "truth_pass": sum((one.truth or 0.0) >= LEVEL for one in found) if asked.truth else None,
            }
        )
    )


def world_matches(seed: int, leagues: int, first_year: int, last_year: int) -> MatchTable:
    """Every match of some leagues of a world, with results."""
    tables = []
    for number in range(1, leagues + 1):
        league = league_of(seed, number)
        names = clubs_of(seed, league.country).names
        for year in range(first_year, last_year + 1):
            season = play_season(seed, league, year)
            count = len(season.home)
            tables.append(
                MatchTable.from_columns(
                    match_id=[f"{league.code}|{year}|{row}" for row in range(count)],
                    kickoff=season.kickoff,
                    is_day_precision=np.zeros(count, np.bool_),
                    competition=[competition_of(league).code] * count,
                    season=[season.label] * count,
                    tier=[league.tier] * count,
                    home_team=[names[club] for club in season.home.tolist()],
                    away_team=[names[club] for club in season.away.tolist()],
                    home_goals=season.goals[:, 0],
                    away_goals=season.goals[:, 1],
                    is_neutral=np.zeros(count, np.bool_),
                    moves_ratings=np.ones(count, np.bool_),
                    trains=np.ones(count, np.bool_),
                )
            )
    return MatchTable.concat(tables)


def judge(
    seed: int, leagues: int, years: int, simulated: int = SIMULATED, history: int = 4, *, truth: bool = False
) -> Passed:
    """All forecasters on one world."""
    first = _LAST_YEAR - years + 1
    matches = world_matches(seed, leagues, first - history, _LAST_YEAR)
    known = frozenset(matches.competition.tolist()) | set(load_competitions())
    tests: dict[tuple[str, str], Calibration] = {}
    for number, cut in enumerate(cuts_of(matches, first, _LAST_YEAR + 1, known)):
        finals = project(cut, simulated, FITTED, number, rho=INDEPENDENT)
        forecasts = {"projections": finals, "halved": halved_variance(finals)}
        if truth:
            forecasts["truth"] = true_finals(cut, true_rates(seed, cut), simulated, number)
        came = bands_of(final_places(cut))
        for name, tables in forecasts.items():
            for band, one in bands_of(tables).items():
                test = tests.setdefault((name, f"{cut.share:.0%} {band}"), Calibration())
                test.add(one, came[band])
    p_values = {key: test.test()[0] for key, test in tests.items()}
    by_test = {test: p for (name, test), p in p_values.items() if name == "projections"}
    return Passed(
        _least_p(p_values, "projections"),
        _least_p(p_values, "halved"),
        _least_p(p_values, "truth") if truth else None,
        by_test,
    )


def _least_p(p_values: Mapping[tuple[str, str], float], name: str) -> float:
    """The least p of a forecaster over cuts and bands, after Holm."""
    own = [p for (forecaster, _), p in p_values.items() if forecaster == name]
    return min(1.0, min(own) * len(own))


def true_rates(seed: int, cut: Cut) -> NDArray[np.float64]:
    """Goals expected of both sides in each match of a season, (m, 2), which only the world knows."""
    league, year = league_of(seed, int(cut.competition.removeprefix("SIM-"))), int(cut.season[:4])
    season = play_season(seed, league, year)
    days, day = np.unique(season.first_kickoff // DAY, return_inverse=True)
    attack, defence = strengths(seed, league, year, days)
    effects = normals((2,), seed, "temper", league.number)
    rates = match_rates(attack[day], defence[day], season.home, season.away, effects)
    names = clubs_of(seed, league.country).names
    clubs = sorted(set(season.home.tolist()), key=lambda club: names[club])
    row = np.zeros(len(names), np.int64)
    row[clubs] = np.arange(len(clubs))
    by_pair = np.zeros((len(clubs), len(clubs), 2))
    by_pair[row[season.home], row[season.away]] = rates
    return by_pair[cut.results[:, 0], cut.results[:, 1]]


def true_finals(cut: Cut, rates: NDArray[np.float64], seasons: int, seed: int) -> NDArray[np.int8]:
    """Final places (seasons, n), from 0, of a forecaster that knows the rates; known results stay."""
    draw = np.random.default_rng([3, seed])
    goals = draw.poisson(rates[:, None], (len(rates), seasons, 2)).astype(float)
    goals[cut.is_known] = cut.results[cut.is_known, None, 2:4]
    home, away = goals[..., 0].T, goals[..., 1].T
    is_home, is_away = (np.eye(len(cut.teams))[cut.results[:, side]] for side in (0, 1))
    lead, drawn = home - away, home == away
    # Points, goal difference, goals and a lot in one number: none reaches the next one's unit.
    of_home = _POINT * (3 * (lead > 0) + drawn) + _GOAL * lead + home
    of_away = _POINT * (3 * (lead < 0) + drawn) - _GOAL * lead + away
    order = of_home @ is_home + of_away @ is_away + 0.5 * draw.random((seasons, len(cut.teams)))
    return np.argsort(np.argsort(-order, axis=1), axis=1).astype(np.int8)


def halved_variance(finals: NDArray[np.int8]) -> NDArray[np.int8]:
    """Final places (s, n): the means of each simulated table and the next one, ranked; lots decide ties."""
    lots = np.random.default_rng(0).random(finals.shape)
    means = finals + np.roll(finals, 1, axis=0).astype(float) + 0.5 * lots
    return np.argsort(np.argsort(means, axis=1), axis=1).astype(np.int8)


if __name__ == "__main__":
    main()
