"""Projections of the simulated world, whose seasons are drawn anew by every seed: is their calibration right?

Usage: ``python -m benchmarks.projection_oracle [--seeds 100] [--first 1]``. For each seed the world plays its
leagues, ratings follow from the results, and each season of the last years is projected at 0, 25, 50 and
75 %. The calibration test is that of `benchmarks/projections.py`, after Holm over cuts and bands. Prints how
many seeds pass at p of .05: for the projections, and for a forecaster with half of their variance, which is
the mean of two simulated final tables, ranked again.
"""

import argparse
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.projections import SHARES, Calibration, Cut, bands_of, cuts_of, final_places, project
from soccer_assets.feeds.providers.simulated.season import play_season
from soccer_assets.feeds.providers.simulated.world import clubs_of, competition_of, league_of
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.projections.strengths import FITTED

LEVEL = 0.05
_LAST_YEAR = 2024


class Passed(NamedTuple):
    """A seed's p-values.

    Attributes:
        projections: the least one of the projections, after Holm.
        halved: of the forecaster with half of the variance.
        by_test: of the projections, by cut and band, before Holm.
    """

    projections: float
    halved: float
    by_test: dict[str, float]


def main() -> None:
    """Print a line a seed, and how many passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--leagues", type=int, default=20)
    parser.add_argument("--years", type=int, default=6, help="seasons of each league that are projected")
    asked = parser.parse_args()
    found = []
    for seed in range(asked.first, asked.first + asked.seeds):
        found.append(judge(seed, asked.leagues, asked.years))
        print(json.dumps({"seed": seed, **found[-1]._asdict()}), flush=True)
    print(
        json.dumps(
            {
                "seeds": len(found),
                "projections_pass": sum(one.projections >= LEVEL for one in found),
                "halved_fail": sum(one.halved < LEVEL for one in found),
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


def judge(seed: int, leagues: int, years: int, simulated: int = 500, history: int = 4) -> Passed:
    """Both forecasters on one world."""
    first = _LAST_YEAR - years + 1
    matches = world_matches(seed, leagues, first - history, _LAST_YEAR)
    known = frozenset(matches.competition.tolist()) | set(load_competitions())
    return _least_p(list(cuts_of(matches, first, _LAST_YEAR + 1, known)), simulated)


def _least_p(cuts: Sequence[Cut], simulated: int) -> Passed:
    """The least p over cuts and bands, after Holm, of both forecasters."""
    whole_p, halved_p = dict[str, float](), list[float]()
    for share in SHARES:
        tests: dict[str, tuple[Calibration, Calibration]] = {}
        for number, cut in enumerate(one for one in cuts if one.share == share):
            finals = project(cut, simulated, FITTED, number)
            came = bands_of(final_places(cut))
            whole, halved = bands_of(finals), bands_of(halved_variance(finals))
            for band in came:
                one, other = tests.setdefault(band, (Calibration(), Calibration()))
                one.add(whole[band], came[band])
                other.add(halved[band], came[band])
        for band, (one, other) in tests.items():
            whole_p[f"{share:.0%} {band}"] = one.test()[0]
            halved_p.append(other.test()[0])
    return Passed(*(min(1.0, min(p) * len(p)) for p in (list(whole_p.values()), halved_p)), whole_p)


def halved_variance(finals: NDArray[np.int8]) -> NDArray[np.int8]:
    """Final places (s, n): the means of each simulated table and the next one, ranked; lots decide ties."""
    lots = np.random.default_rng(0).random(finals.shape)
    means = finals + np.roll(finals, 1, axis=0).astype(float) + 0.5 * lots
    return np.argsort(np.argsort(means, axis=1), axis=1).astype(np.int8)


if __name__ == "__main__":
    main()
