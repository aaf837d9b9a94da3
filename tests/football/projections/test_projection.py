"""Simulated rests of seasons: fixed results, the told format, closed forms, and equal bits from a seed."""

import datetime as dt
import itertools
import math

import msgspec
import numpy as np
import pytest

from soccer_assets.football.league_blocks import Group, Stage
from soccer_assets.football.projections import table_order
from soccer_assets.football.projections.drawn_goals import Strengths
from soccer_assets.football.projections.projection import (
    Fixture,
    Projection,
    Result,
    project_season,
)
from soccer_assets.football.projections.season_rules import NotProjectedError, PlaceBand, SeasonRules
from soccer_assets.football.projections.standings import Played, league_table
from soccer_assets.football.ratings.goal_model import outcome_log_odds

_TODAY = dt.date(2025, 3, 1)


def _rules(clubs: int = 4, stages: tuple[Stage, ...] = (Stage(meets=2),), **more: object) -> SeasonRules:
    return SeasonRules(
        competition="XXX-1",
        season="2024/2025",
        clubs=clubs,
        stages=stages,
        ties=("goal_difference", "goals"),
        bands=(PlaceBand("title", 1, 1, False), PlaceBand("relegated", clubs, clubs, False)),
        source="a test",
        **more,
    )


def _strengths(clubs: int, spread: float = 0.0, deviation: float = 0.0) -> Strengths:
    """Clubs from strong to weak, a step of ``spread`` apart."""
    mean = np.zeros((clubs, 3))
    mean[:, :2] = (spread * np.linspace(0.5, -0.5, clubs))[:, None]
    return Strengths(
        mean=mean,
        root=deviation * np.tile(np.eye(3), (clubs, 1, 1)),
        common=np.array([0.2, 0.3, 0.0, 0.0]),
        drift=np.array([0.0, 0.9]),
        rho=-0.07,
    )


def _results(rules: SeasonRules, seed: int, left: int = 0) -> list[Result]:
    """Every match of the first stage but the last ``left``, at random scores."""
    draw = np.random.default_rng(seed)
    pairs = list(itertools.permutations(range(rules.clubs), 2)) * (rules.stages[0].meets // 2)
    goals = draw.poisson(1.4, (len(pairs), 2)).tolist()
    results = [Result(*pair, *score) for pair, score in zip(pairs, goals, strict=True)]
    return results[: len(results) - left]


def _project(rules: SeasonRules, results: list[Result], seed: int = 1, **more: object) -> Projection:
    more = {"fixtures": (), "strengths": _strengths(rules.clubs), "seasons": 4000} | more
    return project_season(rules, results, today=_TODAY, seed=seed, **more)


def test_a_season_that_is_played_ends_as_its_table_says() -> None:
    """Every place is certain and is the one of the standings, with points after deductions."""
    rules = _rules(6)
    results = _results(rules, 3)
    off = np.array([0, 0, 9, 0, 0, 0])
    played = [Played(f"{one.home}", f"{one.away}", one.home_goals, one.away_goals) for one in results]
    table = {line.club: line for line in league_table(rules, [str(club) for club in range(6)], played)}

    found = _project(rules, results, points_off=off, seasons=50)

    assert found.matches_left == 0
    assert found.points.tolist() == [table[str(club)].points - off[club] for club in range(6)]
    plain = _project(rules, results, seasons=50)
    for club in range(6):
        if not table[str(club)].is_drawn:
            assert plain.places[club, table[str(club)].place - 1] == 1.0


def test_one_match_left_gives_the_goal_models_own_probabilities() -> None:
    """Of two clubs the leader is second only if it loses; points are those of the 1x2 probabilities."""
    rules = _rules(2)
    level, advantage, rho = 0.2, 0.3, -0.07
    means = math.exp(level + advantage / 2), math.exp(level - advantage / 2)
    odds, draw_odds = outcome_log_odds(*means, rho)
    # Club 0 won the first match and plays the last one at home.
    found = _project(rules, [Result(1, 0, 0, 1)], seasons=20_000)
    root = math.sqrt(math.exp(odds))
    p_draw = math.exp(draw_odds) / (math.exp(draw_odds) + root + 1 / root)
    p_away = (1 - p_draw) / (1 + math.exp(odds))

    # Club 0 leads by three points: it is second only if club 1 wins by two, or by one with more goals.
    assert found.places[0, 0] > 1 - p_away
    drawn_or_won = 1 - p_away
    expected = 3 + 3 * (drawn_or_won - p_draw) + p_draw
    error = 1.5 / math.sqrt(20_000)
    assert abs(found.points[0] - expected) < 4 * error


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    """Also with deviations, drift and groups."""
    stages = (
        Stage(meets=2),
        Stage(groups=(Group(clubs=2, meets=2, points="half_up"), Group(clubs=2, meets=1))),
    )
    rules = _rules(4, stages)
    results = _results(rules, 1, left=6)
    drawn = _strengths(4, 0.5, 0.2)._replace(
        drift=np.array([0.05, 0.9]), common=np.array([0.2, 0.3, 0.1, 0.1])
    )
    one, same, other = (
        _project(rules, results, seed=seed, strengths=drawn, seasons=500) for seed in (7, 7, 8)
    )

    assert one.places.tobytes() == same.places.tobytes()
    assert one.points.tobytes() == same.points.tobytes()
    assert one.places.tobytes() != other.places.tobytes()


def test_places_and_bands_are_probabilities() -> None:
    """Every club comes in somewhere, every place is somebody's; the stronger club is likelier champion."""
    rules = _rules(6)
    found = _project(rules, [], strengths=_strengths(6, 1.0, 0.1))

    assert np.allclose(found.places.sum(axis=0), 1)
    assert np.allclose(found.places.sum(axis=1), 1)
    assert np.allclose(found.bands[:, 0], found.places[:, 0])
    assert np.allclose(found.bands[:, 1], found.places[:, 5])
    assert np.all(np.diff(found.points) < 0)
    assert found.matches_left == 30


def test_uncertain_strengths_widen_the_table() -> None:
    """With a deviation of the posterior the favourite is less sure of the title, by more than the noise."""
    rules = _rules(6)
    sure = _project(rules, [], strengths=_strengths(6, 1.0, 0.0))
    unsure = _project(rules, [], strengths=_strengths(6, 1.0, 0.5))

    assert unsure.places[0, 0] < sure.places[0, 0] - 0.05


def test_after_a_split_a_club_stays_in_its_group() -> None:
    """Four clubs in two groups: the first two places are of the first two of the table, points are halved."""
    groups = (Group(clubs=2, meets=2, points="half_up"), Group(clubs=2, meets=2, points="half_down"))
    rules = _rules(4, (Stage(meets=2), Stage(groups=groups)))
    # 0 beats all, 1 all but 0, and so on: 18, 12, 6 and 0 points.
    results = [Result(a, b, 3 * (a < b), 3 * (a > b)) for a, b in itertools.permutations(range(4), 2)]
    found = _project(rules, results)

    assert np.allclose(found.places[:2, :2].sum(), 2)
    assert found.matches_left == 4
    # Two matches are 2.7 points a club; 0 starts with 9, 1 with 6, 2 with 3, 3 with 0.
    assert 10 < found.points[0] < 14
    assert 1 < found.points[3] < 5
    # One of the four is played: it is fixed, and three are left.
    after = _project(rules, [*results, Result(1, 0, 5, 0), Result(0, 1, 0, 5)])
    assert after.matches_left == 2
    assert after.points[1] == 12
    assert after.points[0] == 9


def test_halved_points_are_rounded_as_told() -> None:
    """21 points are 11, and the half gained stands behind; 10, and the half lost stands before."""
    assert table_order.kept_points(21, table_order.HALF_UP) == (11, -1)
    assert table_order.kept_points(21, table_order.HALF_DOWN) == (10, 1)
    assert table_order.kept_points(20, table_order.HALF_UP) == (10, 0)
    assert table_order.kept_points(20, table_order.KEEP_ALL) == (20, 0)
    assert table_order.kept_points(20, table_order.KEEP_NONE) == (0, 0)


def test_listed_fixtures_are_played_on_their_side_and_the_rest_follows_from_the_format() -> None:
    """Three of six left are listed; a fixture of a pair that has met twice is passed over."""
    rules = _rules(4)
    results = _results(rules, 2, left=6)
    left = [(one.home, one.away) for one in _results(rules, 2)[6:]]
    fixtures = [Fixture(*pair, _TODAY + dt.timedelta(days=3), f"m{pair}") for pair in left[:3]]
    fixtures += [
        Fixture(*left[3], None, "put off"),
        Fixture(results[0].home, results[0].away, _TODAY, "twice"),
    ]

    found = _project(rules, results, fixtures=fixtures)

    assert (found.matches_left, found.listed) == (6, 4)
    assert {one.match_id for one in found.watched} == {f"m{pair}" for pair in left[:3]} | {"put off"}
    assert all(0 <= one.importance <= 1 for one in found.watched)


def test_a_match_that_decides_the_title_is_important_and_one_that_decides_nothing_is_not() -> None:
    """0 and 1 are level before their last match; 2 and 3 cannot move."""
    rules = _rules(4)
    results = [
        Result(a, b, 3 * (a < b), 3 * (a > b))
        for a, b in itertools.permutations(range(4), 2)
        if {a, b} not in ({0, 1}, {2, 3})
    ]
    results += [Result(0, 1, 1, 1), Result(2, 3, 5, 0)]
    fixtures = [Fixture(1, 0, _TODAY, "title"), Fixture(2, 3, _TODAY, "foot")]

    found = {one.match_id: one.importance for one in _project(rules, results, fixtures=fixtures).watched}

    assert found["title"] == 1.0
    assert found["foot"] < found["title"]


def test_more_meetings_than_told_are_refused() -> None:
    """A pair that met three times in a double round robin under way is no season of it."""
    rules = _rules(4)
    with pytest.raises(NotProjectedError, match="more often than told"):
        _project(rules, [*_results(rules, 1, left=1), Result(0, 1, 1, 0)])
    with pytest.raises(NotProjectedError, match="cut short"):
        _project(_rules(4, curtailed="ppg"), [])


def test_play_offs_after_the_season_move_no_table() -> None:
    """A third match of a pair, once all are played, is no match of the league."""
    rules = _rules(4)
    results = _results(rules, 1)

    plain, with_play_off = _project(rules, results), _project(rules, [*results, Result(0, 1, 9, 0)])

    assert (plain.places == with_play_off.places).all()
    assert (plain.points == with_play_off.points).all()


def test_two_clubs_level_at_a_deciding_match_play_it() -> None:
    """0 and 1 are level, 1 has more goals; a match for the title favours the stronger one."""
    results = [
        Result(a, b, 3 * (a < b), 3 * (a > b))
        for a, b in itertools.permutations(range(4), 2)
        if {a, b} != {0, 1}
    ]
    results += [Result(0, 1, 1, 0), Result(1, 0, 2, 0)]
    told = _rules(4)
    deciding = msgspec.structs.replace(told, deciders=(1,))
    strengths = _strengths(4, 1.0)

    assert _project(told, results, strengths=strengths).places[1, 0] == 1.0
    title = _project(deciding, results, strengths=strengths).places[0, 0]
    assert 0.6 < title < 0.95
    assert _project(deciding, [*results, Result(0, 1, 1, 2)], strengths=strengths).places[1, 0] == 1.0
    # Not level: nothing to decide.
    assert _project(deciding, [*results[:-1], Result(1, 0, 0, 2)], strengths=strengths).places[0, 0] == 1.0


def test_a_stage_counts_what_it_is_told_to_count() -> None:
    """0 and 1 end level: by all goals 0 is first, by the goals of the group 1, by the points before it 0."""
    results = [Result(a, b, 3 * (a < b), 3 * (a > b)) for a, b in itertools.permutations(range(4), 2)]
    results += [Result(1, 0, 2, 0), Result(0, 1, 0, 1), Result(2, 3, 1, 0), Result(3, 2, 0, 1)]

    def first(ties: tuple[str, ...], fresh: tuple[str, ...] = ()) -> int:
        groups = (Group(clubs=2, meets=2), Group(clubs=2, meets=2))
        rules = _rules(4, (Stage(meets=2), Stage(groups=groups, ties=ties, fresh=fresh)))
        return int(_project(rules, results).places[:, 0].argmax())

    assert first(("goals",)) == 0
    assert first(("goals",), ("goals",)) == 1
    assert first(("stage_points",)) == 0
    assert first(("h2h_goals", "stage_points")) == 0
    assert first(("h2h_goals", "stage_points"), ("h2h",)) == 1
    assert first(("h2h_wins", "stage_points"), ("h2h",)) == 1


def test_groups_can_be_of_places_apart() -> None:
    """First and last of four in one group: the last comes second there, before the other two."""
    groups = (Group(clubs=2, meets=2, places=(1, 4)), Group(clubs=2, meets=2, places=(2, 3)))
    rules = _rules(4, (Stage(meets=2), Stage(groups=groups)))
    results = [Result(a, b, 3 * (a < b), 3 * (a > b)) for a, b in itertools.permutations(range(4), 2)]
    second = [Result(0, 3, 1, 0), Result(3, 0, 0, 1), Result(1, 2, 1, 0), Result(2, 1, 0, 1)]

    ahead, over = _project(rules, results), _project(rules, [*results, *second])

    assert ahead.places[[0, 3], :2].sum() == pytest.approx(2.0)
    assert over.places.argmax(axis=1).tolist() == [0, 2, 3, 1]
    # One match of the first stage is left: the last club is third in some of the seasons.
    assert 1.8 < _project(rules, results[:-1]).places[[0, 3], :2].sum() < 2.0


def test_points_are_off_before_a_split() -> None:
    """The first of four, eighteen points less, plays in the lower group."""
    groups = (Group(clubs=2, meets=2), Group(clubs=2, meets=2))
    rules = _rules(4, (Stage(meets=2), Stage(groups=groups)))
    results = [Result(a, b, 3 * (a < b), 3 * (a > b)) for a, b in itertools.permutations(range(4), 2)]
    off = np.array([18, 0, 0, 0])

    found = _project(rules, results, points_off=off)
    before = _project(rules, results[:-1], points_off=off)

    assert found.places[0, 2:].sum() == 1.0
    assert before.places[0, :2].sum() < 0.01
