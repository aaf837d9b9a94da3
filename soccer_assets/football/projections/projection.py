"""The projection of a season: its rest simulated many times from what is known today.

Results that are known are fixed, the rest follows from the told format and the listed fixtures. Equal inputs
give equal bits. Not here: where results, fixtures and strengths come from.
"""

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.football_error import FootballError
from soccer_assets.football.projections import kernel, table_order
from soccer_assets.football.projections.drawn_goals import Strengths
from soccer_assets.football.projections.play_off_ties import (
    OUTCOMES,
    KnownRivals,
    drawn_play_offs,
    simulated_play_offs,
)
from soccer_assets.football.projections.play_offs import SeasonPlayOff
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    PlaceBand,
    SeasonRules,
)
from soccer_assets.football.projections.standings import FRESH, SHARES, Tallies, criteria_codes

SEASONS = 10_000
_NO_FINALS = np.zeros((0, 0), np.int8)
# A round a week where the feed lists no fixtures.
ROUND_DAYS = 7


class Result(NamedTuple):
    """A result that is known; clubs by number."""

    home: int
    away: int
    home_goals: int
    away_goals: int


class Fixture(NamedTuple):
    """A listed fixture; clubs by number, ``day`` None where it was put off without a day."""

    home: int
    away: int
    day: dt.date | None
    match_id: str = ""


class WatchedMatch(NamedTuple):
    """What an upcoming match decides.

    Attributes:
        importance: the larger side's largest change of a band's probability from a defeat to a win.
        bands: (3, n, b) probability of each band by outcome (home, draw, away) and club.
    """

    match_id: str
    home: int
    away: int
    importance: float
    bands: NDArray[np.float64]


class Projection(NamedTuple):
    """How a season ends.

    Attributes:
        places: (n, n) probability of each final place by club.
        points: (n,) expected points at the end.
        bands: (n, b) probability of each of the season's bands, by place or by a play-off.
        play_offs: those that were simulated.
        finals: (k, n) places, from 0, of the clubs in the first k seasons.
        matches_left: matches that were simulated, before groups that are not drawn yet.
        listed: how many of these the feed lists.
    """

    places: NDArray[np.float64]
    points: NDArray[np.float64]
    bands: NDArray[np.float64]
    watched: tuple[WatchedMatch, ...]
    matches_left: int
    listed: int
    play_offs: tuple[SeasonPlayOff, ...] = ()
    finals: NDArray[np.int8] = _NO_FINALS


class NotLeftError(FootballError):
    """An assumed result is of no match that is left of the stage under way.

    Attributes:
        number: of the assumed result, from 0.
    """

    def __init__(self, number: int) -> None:
        super().__init__("these clubs have no match left on this ground in the stage under way")
        self.number = number


class _Stage(NamedTuple):
    """The stage under way."""

    number: int
    group_of: NDArray[np.int64]
    tallies: Tallies
    pairs: list[tuple[int, int, int]]  # two clubs, and how often they meet in it
    played: Counter[tuple[int, int]]
    beyond: list[Result]  # of deciding matches and play-offs, which no table counts


def project_season(
    rules: SeasonRules,
    results: Sequence[Result],
    fixtures: Sequence[Fixture],
    strengths: Strengths,
    today: dt.date,
    seed: int,
    *,
    points_off: NDArray[np.int64] | None = None,
    seasons: int = SEASONS,
    watched: int = 20,
    finals: int = 0,
    assumed: Sequence[Result] = (),
    rivals: KnownRivals | None = None,
    rival_results: Sequence[Result] = (),
) -> Projection:
    """Simulate the rest of a season.

    Args:
        rules: of the season.
        results: in order of time; clubs are numbers from 0 to ``rules.clubs`` - 1.
        fixtures: listed by the feed; those of pairs that have met as often as told are passed over.
        strengths: of the clubs, in the same numbers.
        today: the simulation starts here.
        seed: equal inputs give equal bits.
        points_off: (n,) points taken from each club by the season's end; they are off before a split.
        seasons: how many are simulated.
        watched: of how many upcoming matches the importance is asked.
        finals: of how many seasons the final places are kept.
        assumed: results of matches that are left, each of the next one of its pair on that ground. They are
            fixed in the same random seasons: a difference of two projections is theirs, not of the draw.
        rivals: clubs of other leagues in the play-offs; without them these are not simulated.
        rival_results: of play-offs with such clubs, whose numbers follow those of the league's own.

    Raises:
        NotProjectedError: the season was cut short, or pairs have met more often than told.
        NotLeftError: an assumed result is of no match that is left.
    """
    if rules.curtailed:
        raise NotProjectedError(f"{rules.competition} {rules.season} was cut short ({rules.curtailed})")
    clubs = rules.clubs
    off = np.zeros(clubs, np.int64) if points_off is None else points_off
    stage = _stage_under_way(rules, results, off)
    rest, listed = _rest(rules, stage, fixtures, today)
    chosen = [row for row, (_, match_id) in enumerate(rest) if match_id][:watched]
    start = kernel.Start(
        _with_scores([row for row, _ in rest], assumed),
        *stage.tallies,
        decided=_decided(stage.beyond, clubs),
        group_of=stage.group_of,
        stage=stage.number,
        watched=np.array(chosen, np.int64),
    )
    counts = kernel.Counts.zeros(clubs, len(chosen), finals)
    others = rivals or KnownRivals.none()
    simulated = simulated_play_offs(rules.play_offs, others)
    play_offs = drawn_play_offs(simulated, clubs, others, [*stage.beyond, *rival_results])
    kernel.simulate(seed, seasons, strengths, start, _form(rules, stage.number), play_offs, counts)
    chances = counts.places / seasons
    return Projection(
        places=chances[:, :clubs],
        points=counts.point_sum / seasons,
        bands=band_probabilities(chances, rules.bands),
        watched=tuple(
            _watched(rest[row], counts.by_outcome[place], rules.bands) for place, row in enumerate(chosen)
        ),
        matches_left=len(rest) + sum(rules.matches(n) for n in range(stage.number + 1, len(rules.stages))),
        listed=listed,
        play_offs=simulated,
        finals=counts.finals,
    )


def band_probabilities(chances: NDArray[np.float64], bands: Sequence[PlaceBand]) -> NDArray[np.float64]:
    """Probability of each band, (..., b), from those of the places and of what play-offs lead to.

    Args:
        chances: (..., n, n + OUTCOMES) as `kernel.Counts` has them.
        bands: of the season.
    """
    clubs = chances.shape[-2]
    found = []
    for band in bands:
        by_place = chances[..., band.first - 1 : band.last].sum(axis=-1)
        by_play_off = chances[..., clubs + OUTCOMES[band.name]] if band.name in OUTCOMES else 0.0
        found.append(by_place + by_play_off)
    return np.stack(found or [np.zeros((*chances.shape[:-1], 0))], axis=-1)


def _form(rules: SeasonRules, stage: int) -> kernel.Form:
    """The rules as the simulation takes them; groups of the stages after ``stage``."""
    later = [
        (number, group.clubs, group.meets, SHARES[group.points])
        for number, one in enumerate(rules.stages)
        if number > stage
        for group in one.groups
    ]
    criteria = np.zeros((len(rules.stages), 16), np.int64)
    counts = np.zeros(len(rules.stages), np.int64)
    for number in range(len(rules.stages)):
        codes = criteria_codes(rules, number)
        criteria[number, : len(codes)], counts[number] = codes, len(codes)
    return kernel.Form(
        rules.win,
        np.array(later, np.int64).reshape(-1, 4),
        criteria,
        counts,
        fresh=np.array([_fresh_bits(rules, number) for number in range(len(rules.stages))], np.int64),
        deciders=np.array(rules.deciders, np.int64) - 1,
        seeding=np.array([_seeding(rules, number) for number in range(len(rules.stages))], np.int64),
    )


def _seeding(rules: SeasonRules, stage: int) -> list[int]:
    """The place, from 0, in the stage before of each place at the start of a stage."""
    return [place - 1 for place in rules.stages[stage].seeding] or list(range(rules.clubs))


def _with_scores(rest: Sequence[tuple[int, int, int]], assumed: Sequence[Result]) -> NDArray[np.int64]:
    """(m, 5) the matches left, with the assumed goals of those that have some and -1 elsewhere."""
    rows = np.full((len(rest), 5), -1, np.int64)
    for row, match in enumerate(rest):
        rows[row, :3] = match
    for number, one in enumerate(assumed):
        is_it = (rows[:, 0] == one.home) & (rows[:, 1] == one.away) & (rows[:, 3] < 0)
        if not is_it.any():
            raise NotLeftError(number)
        rows[int(is_it.argmax()), 3:] = one.home_goals, one.away_goals
    return rows


def _watched(
    row: tuple[tuple[int, int, int], str], counts: NDArray[np.int64], bands: Sequence[PlaceBand]
) -> WatchedMatch:
    (home, away, _), match_id = row
    seen = counts[:, 0, : counts.shape[1]].sum(axis=-1)
    chances = band_probabilities(counts / np.maximum(seen, 1)[:, None, None], bands)
    importance = 0.0
    if len(bands) and seen[0] and seen[2]:
        importance = float(np.abs(chances[0] - chances[2])[[home, away]].max())
    return WatchedMatch(match_id, home, away, importance, chances)


def _fresh_bits(rules: SeasonRules, stage: int) -> int:
    return sum(FRESH[name] for name in rules.stages[stage].fresh)


def _stage_under_way(rules: SeasonRules, results: Sequence[Result], off: NDArray[np.int64]) -> _Stage:
    """Give each result to its stage: a pair's first matches are of the first."""
    clubs = rules.clubs
    first: list[Result] = []
    second: list[Result] = []
    met: Counter[tuple[int, int]] = Counter()
    for one in results:
        pair = (min(one.home, one.away), max(one.home, one.away))
        (first if met[pair] < rules.stages[0].meets else second).append(one)
        met[pair] += 1
    played = Counter((one.home, one.away) for one in first)
    told = Tallies.of(first, clubs, rules.win)
    told.points[:] -= off
    is_over = len(first) == rules.matches(0)
    if not is_over or len(rules.stages) == 1:
        # Beyond a stage that is over there are play-offs; beyond one under way the told number is wrong.
        if second and not is_over:
            raise NotProjectedError(
                f"clubs of {rules.competition} {rules.season} have met more often than told in "
                f"football/seasons.toml: {len(second)} matches more"
            )
        pairs = [(a, b, rules.stages[0].meets) for a, b in itertools.combinations(range(clubs), 2)]
        return _Stage(0, np.zeros(clubs, np.int64), told, pairs, played, second)
    order = np.arange(clubs)
    table_order.rank_clubs(order, 0, clubs, *told, criteria_codes(rules, 0), -np.arange(float(clubs)), 0)
    told.tally[order, table_order.STAGE_PLACE] = -np.arange(clubs)
    told.tally[:, table_order.STAGE_POINTS] = told.points
    table_order.start_anew(_fresh_bits(rules, 1), told.tally, told.h2h)
    order = order[_seeding(rules, 1)]
    group_of, pairs, low = np.zeros(clubs, np.int64), [], 0
    for number, group in enumerate(rules.stages[1].groups):
        members = order[low : low + group.clubs].tolist()
        low += group.clubs
        group_of[members] = number
        for club in members:
            told.points[club], told.tally[club, table_order.HALF_POINT] = table_order.kept_points(
                told.points[club], SHARES[group.points]
            )
        pairs += [(a, b, group.meets) for a, b in itertools.combinations(members, 2) if group.meets]
    # Of another group, or beyond the group's meetings: play-offs, which no table counts.
    left = {frozenset((a, b)): meets for a, b, meets in pairs}
    played, beyond = Counter(), list[Result]()
    for one in second:
        pair_left = left.get(frozenset((one.home, one.away)), 0)
        if pair_left:
            left[frozenset((one.home, one.away))] = pair_left - 1
            played[one.home, one.away] += 1
            table_order.add_result(
                *(told.tally, told.h2h, told.points),
                *(one.home, one.away, one.home_goals, one.away_goals),
                rules.win,
            )
        else:
            beyond.append(one)
    return _Stage(1, group_of, told, pairs, played, beyond)


def _decided(beyond: Sequence[Result], clubs: int) -> NDArray[np.int64]:
    """(n, n) goal difference of a club against another in deciding matches: those of two level on points."""
    decided = np.zeros((clubs, clubs), np.int64)
    for one in beyond:
        decided[one.home, one.away] += one.home_goals - one.away_goals
        decided[one.away, one.home] -= one.home_goals - one.away_goals
    return decided


def _rest(
    rules: SeasonRules, stage: _Stage, fixtures: Sequence[Fixture], today: dt.date
) -> tuple[list[tuple[tuple[int, int, int], str]], int]:
    """The matches left of a stage: (home, away, days from today) and the feed's id, in order of time."""
    left = {
        (one, two): meets - stage.played[one, two] - stage.played[two, one]
        for one, two, meets in (_sorted(*pair) for pair in stage.pairs)
    }
    at_home = Counter(stage.played)
    rest = []
    for fixture in sorted(fixtures, key=lambda one: (one.day or dt.date.max, one.match_id)):
        pair = (min(fixture.home, fixture.away), max(fixture.home, fixture.away))
        if left.get(pair, 0) < 1:
            continue
        left[pair] -= 1
        at_home[fixture.home, fixture.away] += 1
        days = max((fixture.day - today).days, 0) if fixture.day else 0
        rest.append(((fixture.home, fixture.away, days), fixture.match_id))
    listed = len(rest)
    last = max((row[2] for row, _ in rest), default=0)
    number = 0
    for (one, two), count in sorted(left.items()):
        for _ in range(count):
            home, away = (one, two) if at_home[one, two] <= at_home[two, one] else (two, one)
            at_home[home, away] += 1
            # In the order of pairs: within a stage the order of matches moves nothing but the drift.
            rest.append(((home, away, last + ROUND_DAYS * (1 + 2 * number // rules.clubs)), ""))
            number += 1
    return sorted(rest, key=lambda row: (row[0][2], row[1], row[0])), listed


def _sorted(one: int, two: int, meets: int) -> tuple[int, int, int]:
    return (one, two, meets) if one < two else (two, one, meets)
