"""Season projections replayed: every complete double round robin since 2012, at four dates of each season.

Usage: ``python -m benchmarks.projections ARCHIVE [--stats FILE] [--from YEAR] [--until YEAR]``. A cut is
the start of the day before which the share of the season's matches that were played is nearest to 0, 25, 50
or 75 %; everything before that day is known and nothing after it: the ratings, and the results that are
fixed. With the first day *on* which a share is reached, 1 % less would be known on average. The RPS of n
simulated seasons is too large by 1/n of itself. Prints for each cut

- RPS of the final place: sum over places / (n - 1), mean over clubs, then over seasons; the same of the
  leagues with prices alone;
- Brier score of the last three places;
- the difference of the RPS to point estimates, with a bootstrap interval by season: to the means that are
  drawn around, and to the priced filter's own means, which do not change with what projections add;
- calibration of the champion, the first four and the last three: what was forecast and what came by bucket,
  and p of the largest standardised deviation. The null draws one simulated final table a season, 2,000
  times, so that places of one season depend on each other as they do; p after Holm over cuts and bands.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.backtesting.archive_matches import read_matches
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.features import run_from
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.projections import kernel, table_order
from soccer_assets.football.projections.drawn_ties import PlayOffs
from soccer_assets.football.projections.season_rules import load_awarded
from soccer_assets.football.projections.standings import Tallies
from soccer_assets.football.projections.strengths import (
    FITTED,
    Spread,
    league_records,
    season_strengths,
)
from soccer_assets.football.ratings.state import TeamState

SHARES = (0.0, 0.25, 0.5, 0.75)
EDGES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
NULLS = 2000
_LEAST_CLUBS = 8
_CRITERIA = np.array([[table_order.GOAL_DIFFERENCE, table_order.GOALS]])
_POINT_ESTIMATES = {"point estimates": FITTED, "the filter's point estimates": Spread()}


class Cut(NamedTuple):
    """A season as known on a day.

    Attributes:
        results: (m, 5) home, away, goals of both, days from the cut to the match; in order of time.
        is_known: (m,) the match was over before the day.
        is_priced: the league has prices in some season.
    """

    share: float
    competition: str
    season: str
    teams: NDArray[np.void]
    league: NDArray[np.void]
    match: NDArray[np.void]
    results: NDArray[np.int64]
    is_known: NDArray[np.bool_]
    is_priced: bool = False


def main() -> None:
    """Replay, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--stats", type=Path)
    parser.add_argument("--from", dest="first", type=int, default=2012)
    parser.add_argument("--until", type=int, default=2026, help="the first year without")
    parser.add_argument("--seasons", type=int, default=2000)
    asked = parser.parse_args()
    matches = read_matches([asked.archive], asked.stats).matches
    print(json.dumps(report(list(cuts_of(matches, asked.first, asked.until)), asked.seasons)))


def double_round_robins(
    matches: MatchTable, first: int, until: int, known: Container[str]
) -> list[NDArray[np.int64]]:
    """Rows of each complete one of known competitions, in order of time: each pair has two results.

    Awarded ones count, as in the table; a season from which a club withdrew is not complete. Of pairs on one
    ground twice there were ten in China in 2022.
    """
    found = defaultdict(list)
    for row in np.flatnonzero((matches.moves_ratings | _is_awarded(matches)) & (matches.tier > 0)):
        if matches.competition[row] in known and first <= int(matches.season[row][:4]) < until:
            found[matches.competition[row], matches.season[row]].append(int(row))
    complete = []
    for rows in (np.array(found[key]) for key in sorted(found)):
        sides = zip(matches.home_team[rows], matches.away_team[rows], strict=True)
        pairs = Counter(frozenset(pair) for pair in sides)
        clubs = len(frozenset().union(*pairs))
        meet_twice = set(pairs.values()) == {2}
        if clubs >= _LEAST_CLUBS and meet_twice and len(rows) == clubs * (clubs - 1):
            complete.append(rows[np.argsort(matches.kickoff[rows], kind="stable")])
    return complete


def _is_awarded(matches: MatchTable) -> NDArray[np.bool_]:
    """Which results count in the table alone; none of seasons that a club withdrew from."""
    awarded = np.zeros(len(matches), np.bool_)
    seasons = {(one.competition, one.season) for one in load_awarded().results}
    for row in np.flatnonzero(~matches.moves_ratings & (matches.home_goals >= 0)):
        awarded[row] = (matches.competition[row], matches.season[row]) in seasons
    return awarded


def _table_known_at(matches: MatchTable) -> NDArray[np.int64]:
    """When each result is known to the table: an awarded one on the day after it was announced."""
    known_at = matches.result_known_at.copy()
    awarded = np.flatnonzero(_is_awarded(matches))
    for one in load_awarded().results:
        day, announced = (
            int(np.datetime64(on).astype(np.int64)) for on in (one.day, one.announced or one.day)
        )
        is_it = (matches.competition[awarded] == one.competition) & (matches.season[awarded] == one.season)
        is_it &= np.abs(matches.kickoff[awarded] // SECONDS_A_DAY - day) <= 1
        known_at[awarded[is_it]] = (announced + 1) * SECONDS_A_DAY
    return known_at


def cuts_of(
    matches: MatchTable,
    first: int,
    until: int,
    known: Container[str] | None = None,
    shares: Sequence[float] = SHARES,
) -> Iterator[Cut]:
    """The seasons at every share, in order of time, each with the state of its day.

    Args:
        matches: with results.
        first: year of the first season.
        until: year of the first one without.
        known: competitions; by default those of the catalogue.
        shares: at which seasons are cut; 1 is the week after the last match.
    """
    seasons = double_round_robins(matches, first, until, load_competitions() if known is None else known)
    planned = sorted(
        (_day_at(matches.kickoff[rows] // SECONDS_A_DAY, share), number, share)
        for number, rows in enumerate(seasons)
        for share in shares
    )
    known_at = matches.result_known_at
    results = np.flatnonzero(matches.moves_ratings)
    results = results[np.argsort(known_at[results], kind="stable")]
    instants = known_at[results]
    state, done = TeamState.initial(), 0
    table_known_at, priced = _table_known_at(matches), set(matches.competition[matches.price_kind > 0])
    for day, number, share in planned:
        new = int(np.searchsorted(instants, day * SECONDS_A_DAY, side="right"))
        if new > done:
            chunk = matches.take(results[done:new])
            nobody = np.zeros(len(chunk), np.bool_)
            state, done = run_from(chunk, state, nobody, chunk.moves_ratings)[1], new
        cut = _cut(matches, table_known_at, seasons[number], state, day, share)
        yield cut._replace(is_priced=cut.competition in priced)


def _day_at(days: NDArray[np.int64], share: float) -> int:
    """The day before which the share of matches played is nearest; ``days`` are in order."""
    if share >= 1.0:
        return int(days[-1]) + 7
    starts = np.unique(days)
    played = np.searchsorted(days, starts) / len(days)
    return int(starts[np.abs(played - share).argmin()])


def _cut(
    matches: MatchTable,
    known_at: NDArray[np.int64],
    rows: NDArray[np.int64],
    state: TeamState,
    day: int,
    share: float,
) -> Cut:
    season, competition = matches.season[rows[0]], matches.competition[rows[0]]
    clubs = sorted(set(matches.home_team[rows]))
    number = {club: place for place, club in enumerate(clubs)}
    records = league_records(state, clubs, competition, season, int(matches.tier[rows[0]]), day)
    played = matches.kickoff[rows] // SECONDS_A_DAY
    results = np.stack(
        [
            [number[club] for club in matches.home_team[rows]],
            [number[club] for club in matches.away_team[rows]],
            matches.home_goals[rows],
            matches.away_goals[rows],
            played - day,
        ],
        axis=1,
    ).astype(np.int64)
    return Cut(
        share,
        str(competition),
        str(season),
        *records,
        results,
        known_at[rows] <= day * SECONDS_A_DAY,
    )


def project(
    cut: Cut, seasons: int, spread: Spread, seed: int, rho: float | None = None, *, is_drawn: bool = True
) -> NDArray[np.int8]:
    """Final places (seasons, n), from 0.

    Args:
        cut: a season as known on a day.
        seasons: how many are simulated.
        spread: what is added to the filter's means and variances.
        seed: of the simulation.
        rho: Dixon-Coles correlation, in place of the model's.
        is_drawn: strengths are drawn and drift; else they are point estimates.
    """
    clubs = len(cut.teams)
    told = Tallies.of(cut.results[cut.is_known, :4].tolist(), clubs, 3)
    drawn = season_strengths(cut.teams, cut.league, cut.match, spread)
    if not is_drawn:
        drawn = drawn._replace(root=0.0 * drawn.root, drift=np.zeros(2))
    if rho is not None:
        drawn = drawn._replace(rho=rho)
    rest = cut.results[~cut.is_known][:, [0, 1, 4]]
    counts = kernel.Counts.zeros(clubs, finals=seasons)
    start = kernel.Start(
        np.hstack([rest, np.full((len(rest), 2), -1)]),
        *told,
        decided=np.zeros((clubs, clubs), np.int64),
        group_of=np.zeros(clubs, np.int64),
        stage=0,
        watched=np.zeros(0, np.int64),
    )
    none = np.zeros(0, np.int64)
    form = kernel.Form(
        win=3,
        groups=np.zeros((0, 4), np.int64),
        criteria=_CRITERIA,
        criteria_count=np.array([2]),
        fresh=np.zeros(1, np.int64),
        deciders=none,
        seeding=np.arange(clubs)[None],
    )
    kernel.simulate(seed, seasons, drawn, start, form, PlayOffs.none(clubs), counts)
    return counts.finals


def final_places(cut: Cut) -> NDArray[np.int64]:
    """The places that came, by club, from 0."""
    clubs = len(cut.teams)
    order = np.arange(clubs)
    lots = np.random.default_rng(0).random(clubs)
    told = Tallies.of(cut.results[:, :4].tolist(), clubs, 3)
    table_order.rank_clubs(order, 0, clubs, *told, _CRITERIA[0], lots, 0)
    return np.argsort(order)


def place_rps(finals: NDArray[np.int8], places: NDArray[np.int64]) -> float:
    """Mean over clubs of the ranked probability score of the final place."""
    steps = np.arange(finals.shape[1] - 1)
    forecast = (finals[:, :, None] <= steps).mean(axis=0)
    return float(((forecast - (places[:, None] <= steps)) ** 2).mean())


def bands_of(places: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """Which of the places, from 0, are of each band."""
    clubs = places.shape[-1]
    return {"champion": places == 0, "first four": places < 4, "last three": places >= clubs - 3}


def report(cuts: Sequence[Cut], seasons: int) -> dict[str, Any]:
    """All figures by share."""
    found: dict[str, Any] = {"seasons": sum(cut.share == 0.0 for cut in cuts)}
    found["leagues"] = len({cut.competition for cut in cuts})
    p_values = {}
    for share in SHARES:
        chosen = [cut for cut in cuts if cut.share == share]
        scores: list[tuple[float, float]] = []
        paired: dict[str, list[float]] = {name: [] for name in _POINT_ESTIMATES}
        calibration = {band: Calibration() for band in ("champion", "first four", "last three")}
        for seed, cut in enumerate(chosen):
            came = final_places(cut)
            finals = project(cut, seasons, FITTED, seed)
            last = bands_of(finals)["last three"].mean(axis=0)
            brier = float(((last - bands_of(came)["last three"]) ** 2).mean())
            scores.append((place_rps(finals, came), brier))
            for band, one in calibration.items():
                one.add(bands_of(finals)[band], bands_of(came)[band])
            for name, spread in _POINT_ESTIMATES.items():
                others = project(cut, seasons, spread, seed, is_drawn=False)
                paired[name].append(place_rps(others, came))
        drawn = np.array(scores)
        line = {"rps": drawn[:, 0].mean(), "brier_last_three": drawn[:, 1].mean()}
        of_priced = np.array([cut.is_priced for cut in chosen])
        if of_priced.any():
            line["rps_of_leagues_with_prices"] = drawn[of_priced, 0].mean()
            line["seasons_of_leagues_with_prices"] = int(of_priced.sum())
        for name, rps in paired.items():
            line[f"rps minus {name}"] = _interval(drawn[:, 0] - np.array(rps))
        for band, one in calibration.items():
            p_values[share, band], line[band] = one.test()
        found[f"{share:.0%}"] = line
        print(json.dumps({f"{share:.0%}": line}), flush=True)
    found["p"] = {f"{share:.0%} {band}": p for (share, band), p in p_values.items()}
    found["least p after Holm"] = min(1.0, min(p_values.values()) * len(p_values))
    return found


def _interval(differences: NDArray[np.float64]) -> list[float]:
    """Mean and 95 % bootstrap interval by season."""
    draws = np.random.default_rng(0).choice(differences, (2000, len(differences))).mean(axis=1)
    return [float(differences.mean()), *(float(one) for one in np.percentile(draws, (2.5, 97.5)))]


class Calibration:
    """Forecasts of one band at one cut, against what came and against drawn final tables.

    Half of the simulated tables choose a club's bucket, the other half are its forecast and its null. With
    the same ones the lowest bucket would have the clubs whose share is low by the luck of the draw, and the
    true forecaster would look too sure: with 300 tables, .0039 came .0052.
    """

    def __init__(self) -> None:
        self._buckets: list[NDArray[np.int64]] = []
        self._forecasts: list[NDArray[np.float64]] = []
        self._came: list[NDArray[np.bool_]] = []
        self._nulls = np.zeros((NULLS, len(EDGES) + 1))
        self._draw = np.random.default_rng(1)

    def add(self, simulated: NDArray[np.bool_], came: NDArray[np.bool_]) -> None:
        """Add a season: (s, n) of simulated tables, (n,) of the real one."""
        half = len(simulated) // 2
        bucket = np.digitize(simulated[:half].mean(axis=0), EDGES)
        tables = simulated[half:]
        by_bucket = tables.astype(float) @ (bucket[:, None] == np.arange(len(EDGES) + 1))
        self._nulls += by_bucket[self._draw.integers(0, len(tables), NULLS)]
        self._buckets.append(bucket)
        self._forecasts.append(tables.mean(axis=0))
        self._came.append(came)

    def test(self) -> tuple[float, list[str]]:
        """Give p of the largest standardised deviation, and a line a bucket: n, forecast, came."""
        forecast, came = np.concatenate(self._forecasts), np.concatenate(self._came)
        bucket = np.concatenate(self._buckets)
        buckets = np.arange(len(EDGES) + 1)
        expected = np.array([forecast[bucket == number].sum() for number in buckets])
        seen = np.array([came[bucket == number].sum() for number in buckets])
        deviation = self._nulls.std(axis=0)
        used = deviation > 0
        worst = np.abs((seen - expected)[used] / deviation[used]).max()
        nulls = np.abs((self._nulls - expected)[:, used] / deviation[used]).max(axis=1)
        lines = [
            f"{(bucket == number).sum()}: {forecast[bucket == number].mean():.3f} "
            f"{came[bucket == number].mean():.3f}"
            for number in buckets
            if (bucket == number).any()
        ]
        return float((1 + (nulls >= worst).sum()) / (1 + NULLS)), lines


if __name__ == "__main__":
    main()
