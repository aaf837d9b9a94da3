"""Play-offs of the simulated world: is the probability of going up that a projection gives right?

Usage: ``python -m benchmarks.play_off_oracle [--seeds 20] [--first 1]``. For each seed the world plays its
leagues, and after each of the last seasons the play-offs of ENG-2, ENG-5, ESP-2 and ITA-2 as this module has
them in its own words: of as many groups of places as a table has, so that a season gives several. Projections
have the ratings of that day and the rules of ``seasons.toml``. By the place of a club the deviation of what
came from what was forecast is compared with 2,000 drawn worlds in which the forecasts are true; p of the
largest one, after Holm over the four rules. Printed are a line a seed, and the same of all worlds together,
there also where each league is projected with the rules of another one.
"""

import argparse
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.projection_oracle import INDEPENDENT, world_matches
from benchmarks.projections import Cut, cuts_of, final_places
from soccer_assets.feeds.providers.simulated.season import match_rates
from soccer_assets.feeds.providers.simulated.world import clubs_of, league_of, normals, strengths
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.projections.play_offs import SeasonPlayOff, season_play_offs
from soccer_assets.football.projections.projection import Result, project_season
from soccer_assets.football.projections.season_rules import PlaceBand, simulated_rules
from soccer_assets.football.projections.strengths import FITTED, season_strengths

NULLS = 2000
_LAST_YEAR = 2024
_SEASON = "2024/2025"
# Each league's rules against those of the next one.
WRONG = {"ENG-2": "ESP-2", "ESP-2": "ENG-2", "ITA-2": "ENG-5", "ENG-5": "ITA-2"}
_SIMULATED = 1000
_PLAY_OFF_DAYS = 14


class Side(NamedTuple):
    """A club in the play-offs: its number in the season and its place in the table."""

    club: int
    place: int


class World:
    """The truth about the clubs of a finished season, of which matches are played."""

    def __init__(self, seed: int, league_number: int, year: int, day: int, numbers: Sequence[int]) -> None:
        league = league_of(seed, league_number)
        self._attack, self._defence = strengths(seed, league, year, np.array([day]))
        self._effects = normals((2,), seed, "temper", league.number)
        self._numbers = numbers  # of the season's clubs among those of the country
        self._seed = [seed, league_number, year]
        self.begin("")

    def begin(self, rules: str) -> None:
        """Draw from here on what the play-offs by some rules come to: the same each time."""
        self._draw = np.random.default_rng([*self._seed, *rules.encode()])

    def rates(self, home: Side, away: Side, *, neutral: bool = False) -> NDArray[np.float64]:
        """Goals expected of both sides in 90 minutes."""
        one, two = (np.array([self._numbers[side.club]]) for side in (home, away))
        rates: NDArray[np.float64] = match_rates(self._attack, self._defence, one, two, self._effects)[0]
        if neutral:  # half-way between both grounds, in logs
            rates = np.sqrt(
                rates * match_rates(self._attack, self._defence, two, one, self._effects)[0][::-1]
            )
        return rates

    def goals(self, rates: NDArray[np.float64]) -> tuple[int, int]:
        """A score."""
        home, away = self._draw.poisson(rates)
        return int(home), int(away)

    def goes_on(
        self, first: Side, second: Side, if_level: str, *, legs: int = 2, neutral: bool = False
    ) -> Side:
        """Who wins a tie; the first side is at home in the only match, or in the first of two."""
        last = self.rates(first, second, neutral=neutral)
        goals, others = self.goals(last)
        if legs == 2:
            last = self.rates(second, first)[::-1]
            more, less = self.goals(last)
            goals, others = goals + more, others + less
        if goals == others and if_level != "place":
            goals, others = self.goals(last / 3.0)
        if goals == others and if_level == "shoot-out":
            goals += 1 if self._draw.random() < 0.5 else -1
        if goals == others:
            return min(first, second, key=lambda side: side.place)
        return first if goals > others else second


def _four(world: World, sides: Sequence[Side], if_level: str, *, neutral_final: bool) -> Side:
    best, second, third, last = sides
    one = world.goes_on(last, best, if_level)
    two = world.goes_on(third, second, if_level)
    if neutral_final:
        return world.goes_on(one, two, if_level, legs=1, neutral=True)
    worse, better = sorted((one, two), key=lambda side: -side.place)
    return world.goes_on(worse, better, if_level)


def _championship(world: World, sides: Sequence[Side]) -> Side:
    """Two legs, extra time and a shoot-out; a final at Wembley."""
    return _four(world, sides, "shoot-out", neutral_final=True)


def _segunda(world: World, sides: Sequence[Side]) -> Side:
    """Two legs in the final too; after extra time the better placed."""
    return _four(world, sides, "extra time, place", neutral_final=False)


def _national_league(world: World, sides: Sequence[Side]) -> Side:
    """One match each at the better placed; the two best wait for the second round; a final at Wembley."""
    second, third, fourth, fifth, sixth, seventh = sides
    one = world.goes_on(fifth, sixth, "shoot-out", legs=1)
    two = world.goes_on(fourth, seventh, "shoot-out", legs=1)
    one = world.goes_on(second, one, "shoot-out", legs=1)
    two = world.goes_on(third, two, "shoot-out", legs=1)
    return world.goes_on(one, two, "shoot-out", legs=1, neutral=True)


def _serie_b(world: World, sides: Sequence[Side]) -> Side:
    """One match each at the better placed, then two legs without extra time: the better placed on a draw."""
    third, fourth, fifth, sixth, seventh, eighth = sides
    one = world.goes_on(fifth, eighth, "extra time, place", legs=1)
    two = world.goes_on(sixth, seventh, "extra time, place", legs=1)
    one = world.goes_on(one, fourth, "place")
    two = world.goes_on(two, third, "place")
    worse, better = sorted((one, two), key=lambda side: -side.place)
    return world.goes_on(worse, better, "place")


# How a league plays, and how many clubs take part.
PLAYED: Mapping[str, tuple[Callable[[World, Sequence[Side]], Side], int]] = {
    "ENG-2": (_championship, 4),
    "ENG-5": (_national_league, 6),
    "ESP-2": (_segunda, 4),
    "ITA-2": (_serie_b, 6),
}


def main() -> None:
    """Print a line a seed, and how many passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    asked = parser.parse_args()
    seasons: list[Finished] = []
    for seed in range(asked.first, asked.first + asked.seeds):
        world = list(finished_seasons(seed, leagues=20, years=6))
        right = {rules: judge(world, rules, rules) for rules in PLAYED}
        print(json.dumps({"seed": seed, "after Holm": holm(right), "right": right}), flush=True)
        seasons += world
    right = {rules: judge(seasons, rules, rules) for rules in PLAYED}
    wrong = {f"{rules} by {WRONG[rules]}": judge(seasons, rules, WRONG[rules]) for rules in PLAYED}
    print(json.dumps({"seeds": asked.seeds, "after Holm": holm(right), "right": right, "wrong": wrong}))


def holm(p_values: Mapping[str, float]) -> float:
    """The least of several p-values, after Holm."""
    return min(1.0, min(p_values.values()) * len(p_values))


class Finished(NamedTuple):
    """A season after its last match: what is known, the truth, and clubs by final place."""

    cut: Cut
    world: World
    order: list[int]


def finished_seasons(seed: int, leagues: int, years: int, history: int = 4) -> Iterator[Finished]:
    """The last seasons of each league of a world."""
    first = _LAST_YEAR - years + 1
    matches = world_matches(seed, leagues, first - history, _LAST_YEAR)
    known = frozenset(matches.competition.tolist()) | set(load_competitions())
    for cut in cuts_of(matches, first, _LAST_YEAR + 1, known, shares=(1.0,)):
        rows = (matches.competition == cut.competition) & (matches.season == cut.season)
        names = clubs_of(
            seed, league_of(seed, number := int(cut.competition.removeprefix("SIM-"))).country
        ).names
        numbers = [names.index(club) for club in sorted(set(matches.home_team[rows]))]
        day = int(cut.match["day"][0]) + _PLAY_OFF_DAYS
        world = World(seed, number, int(cut.season[:4]), day, numbers)
        yield Finished(cut, world, np.argsort(final_places(cut)).tolist())


def judge(seasons: Sequence[Finished], played: str, projected: str, simulated: int = _SIMULATED) -> float:
    """The p-value, where leagues play by the rules of one and are projected by those of another.

    Args:
        seasons: see `finished_seasons`.
        played: whose rules the world has.
        projected: whose rules the projection has; its places count from the best of the group.
        simulated: play-offs a projection.
    """
    play, size = PLAYED[played]
    size = max(size, PLAYED[projected][1])
    came, forecasts = [], []
    for number, season in enumerate(seasons):
        season.world.begin(played)
        groups = [season.order[low : low + size] for low in range(0, len(season.order) - size + 1, size)]
        p_up = _p_up(season, projected, size, number, simulated)
        for index, group in enumerate(groups):
            sides = [Side(club, index * size + place) for place, club in enumerate(group)]
            winner = play(season.world, sides[: PLAYED[played][1]])
            came.append([side == winner for side in sides])
            forecasts.append(p_up[group])
    return p_value(np.array(came, float), np.array(forecasts))


def _p_up(season: Finished, projected: str, size: int, seed: int, simulated: int) -> NDArray[np.float64]:
    """(n,) probability of winning the play-off of a club's group of places."""
    cut, clubs = season.cut, len(season.order)
    (told,) = (
        one
        for one in season_play_offs(projected, _SEASON, clubs)
        if one.decides == "promoted" and not one.rivals
    )
    least = min(told.own) - 1
    play_offs = tuple(_moved(told, low - least) for low in range(0, clubs - size + 1, size))
    rules = msgspec.structs.replace(
        simulated_rules(cut.competition, cut.season, clubs, 2),
        bands=(PlaceBand("promoted", 0, 0, cups=False),),
        play_offs=play_offs,
    )
    drawn = season_strengths(cut.teams, cut.league, cut.match, FITTED)._replace(rho=INDEPENDENT)
    results = [Result(*row) for row in cut.results[:, :4].tolist()]
    today = dt.date(1970, 1, 1) + dt.timedelta(days=int(cut.match["day"][0]))
    found = project_season(rules, results, (), drawn, today, seed, seasons=simulated)
    return found.bands[:, 0]


def _moved(play_off: SeasonPlayOff, places: int) -> SeasonPlayOff:
    """The same play-off, so many places further down; always played."""
    sides = tuple((one + places * (one >= 0), two + places * (two >= 0)) for one, two in play_off.sides)
    own = tuple(place + places for place in play_off.own)
    return msgspec.structs.replace(play_off, sides=sides, own=own, margin=(0, 0, 0))


def p_value(came: NDArray[np.float64], forecasts: NDArray[np.float64]) -> float:
    """P of the largest standardised deviation, by place and over all; (m, size), a winner a group."""
    came, size = came.sum(axis=0), came.shape[1]
    draw = np.random.default_rng(2)
    edges = forecasts.cumsum(axis=1)
    chosen = (draw.random((NULLS, len(forecasts), 1)) * edges[:, -1:] >= edges).sum(axis=2)
    nulls = np.stack([(chosen == place).sum(axis=1) for place in range(size)], axis=1)
    expected = forecasts.sum(axis=0)
    if (came[expected == 0.0] > 0).any():
        return 1.0 / (1 + NULLS)  # a club went up that had no chance
    # A rule that favours the better placed moves all places a little: their sum is seen first.
    weights = np.hstack([np.eye(size), np.arange(size)[:, None]])[:, [*(expected > 0.0), True]]
    deviation = (nulls @ weights).std(axis=0)
    seen = np.abs((came - expected) @ weights / deviation).max()
    drawn = np.abs((nulls - expected) @ weights / deviation).max(axis=1)
    return float((1 + (drawn >= seen).sum()) / (1 + NULLS))


if __name__ == "__main__":
    main()
