"""Play-offs in projections: brackets by hand, chances in closed form, and ties that are known in part."""

import datetime as dt
import itertools
import math

import msgspec
import numpy as np
import pytest

from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.knock_out import HOME_ADVANTAGE, Tie, p_home_advances
from soccer_assets.football.league_blocks import Stage
from soccer_assets.football.match_scores import rates_grid
from soccer_assets.football.play_off_blocks import IfLevel, PlayOff, PlayOffTie
from soccer_assets.football.projections import drawn_ties
from soccer_assets.football.projections.drawn_goals import Strengths
from soccer_assets.football.projections.play_off_ties import KnownRivals, drawn_play_offs
from soccer_assets.football.projections.play_offs import LeaguePlace, SeasonPlayOff, season_play_offs
from soccer_assets.football.projections.projection import (
    Fixture,
    Projection,
    Result,
    project_season,
)
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    PlaceBand,
    SeasonRules,
    season_rules,
)
from soccer_assets.football.season_formats import load_season_formats

_TODAY = dt.date(2025, 5, 10)
_CLUBS = 6
_LEVEL, _RHO, _STEP = 0.2, -0.07, 0.12
_SEASONS = 20_000
_MANY = 4.0 * math.sqrt(0.25 / _SEASONS)  # four standard errors of a share, at most
_FOUR = (
    PlayOffTie(sides=(5, 2), legs=2),
    PlayOffTie(sides=(4, 3), legs=2),
    PlayOffTie(sides=("winner 1", "winner 2"), neutral=True),
)


def _strengths() -> Strengths:
    """Clubs from strong to weak, known exactly; home advantage as `knock_out` has it for return legs."""
    mean = np.zeros((_CLUBS, 3))
    mean[:, :2] = -_STEP * np.arange(_CLUBS)[:, None]
    return Strengths(
        mean=mean,
        root=np.zeros((_CLUBS, 3, 3)),
        common=np.array([_LEVEL, HOME_ADVANTAGE, 0.0, 0.0]),
        drift=np.array([0.0, 0.9]),
        rho=_RHO,
    )


def _play_off(
    ties: tuple[PlayOffTie, ...], sides: tuple[tuple[int, int], ...], **more: object
) -> SeasonPlayOff:
    told = {"own": (2, 3, 4, 5), "rivals": (), "decides": "promoted", "is_above": False} | more
    return SeasonPlayOff(ties=ties, sides=sides, **told)


_BRACKET = _play_off(_FOUR, ((4, 1), (3, 2), (-1, -2)))


def _season(*play_offs: SeasonPlayOff) -> SeasonRules:
    return SeasonRules(
        competition="XXX-2",
        season="2024/2025",
        clubs=_CLUBS,
        stages=(Stage(meets=2),),
        ties=("goal_difference",),
        bands=(PlaceBand("promoted", 1, 1, cups=False), PlaceBand("relegated", _CLUBS, _CLUBS, cups=False)),
        source="a test",
        play_offs=play_offs,
    )


def _played() -> list[Result]:
    """All matches, won by the club of the lower number: club n ends at place n + 1."""
    return [Result(a, b, 3 * (a < b), 3 * (a > b)) for a, b in itertools.permutations(range(_CLUBS), 2)]


def _project(rules: SeasonRules, beyond: tuple[Result, ...] = (), **more: object) -> Projection:
    results = [*_played(), *beyond]
    return project_season(rules, results, (), _strengths(), _TODAY, seed=5, seasons=_SEASONS, **more)


def _goals(home: int, away: int, advantage: float) -> GoalModel:
    difference = _STEP * (away - home)
    rates = (
        math.exp(_LEVEL + half + sign * difference)
        for sign, half in ((1, advantage / 2), (-1, -advantage / 2))
    )
    return GoalModel(*rates, draw_correlation=_RHO, first_half_share=0.45)


def _p_tie(home_first: int, other: int, *, legs: int = 2, neutral: bool = False) -> float:
    """That the first side goes on, in closed form."""
    goals = _goals(home_first, other, 0.0 if neutral else HOME_ADVANTAGE)
    return p_home_advances(rates_grid(goals), goals, Tie(is_first_leg=legs == 2))


def test_a_bracket_has_the_chances_of_its_ties_in_closed_form() -> None:
    """5 v 2 and 4 v 3 over two legs, a final on neutral ground; the first is up anyway, the rest stays."""
    low, high = _p_tie(4, 1), _p_tie(3, 2)
    reach = {4: low, 1: 1 - low, 3: high, 2: 1 - high}
    chance = {
        one: reach[one] * sum(reach[two] * _p_tie(one, two, legs=1, neutral=True) for two in others)
        for one, others in ((4, (3, 2)), (1, (3, 2)), (3, (4, 1)), (2, (4, 1)))
    }

    found = _project(_season(_BRACKET))

    promoted = found.bands[:, 0]
    assert promoted[0] == 1.0
    assert promoted[5] == 0.0
    assert promoted.sum() == pytest.approx(2.0)
    for club, expected in chance.items():
        assert promoted[club] == pytest.approx(expected, abs=_MANY)
    # Places are those of the table: a play-off moves none.
    assert found.places.shape == (_CLUBS, _CLUBS)
    assert np.allclose(found.places, np.eye(_CLUBS))


def test_a_bracket_that_is_played_is_taken_as_it_was() -> None:
    """By hand: 5 beats 2 by 3-2 in all, 3 beats 4, and 5 wins the final, listed the other way round."""
    legs = (Result(4, 1, 2, 0), Result(1, 4, 2, 1), Result(3, 2, 0, 0), Result(2, 3, 1, 0))
    semi = _project(_season(_BRACKET), legs)
    over = _project(_season(_BRACKET), (*legs, Result(2, 4, 0, 1)))

    expected = _p_tie(4, 2, legs=1, neutral=True)
    assert semi.bands[4, 0] == pytest.approx(expected, abs=_MANY)
    assert semi.bands[[4, 2], 0].sum() == pytest.approx(1.0)
    assert over.bands[:, 0].tolist() == [1, 0, 0, 0, 1, 0]


def test_a_first_leg_that_is_played_counts() -> None:
    """Two goals ahead after the first leg: the closed form of the second leg with that lead."""
    tie = _play_off((PlayOffTie(sides=(3, 2), legs=2),), ((2, 1),))
    back = _goals(1, 2, HOME_ADVANTAGE)
    stays_out = p_home_advances(rates_grid(back), back, Tie(first_leg=(0, 2)))

    found = _project(_season(tie), (Result(2, 1, 2, 0),))

    assert found.bands[2, 0] == pytest.approx(1 - stays_out, abs=_MANY)


@pytest.mark.parametrize(
    ("if_level", "first_wins"),
    [("better_placed", True), ("extra_time", None), ("shoot_out", 0.5), ("more_points", True)],
)
def test_what_a_level_tie_is_decided_by(if_level: IfLevel, first_wins: float | None) -> None:
    """1-1 at the better placed club's ground: its place, extra time at a third of the rates, lots, points."""
    goals = _goals(1, 2, HOME_ADVANTAGE)
    if first_wins is None:
        level = [[0.0, 0.0], [0.0, 1.0]]
        first_wins = p_home_advances(level, goals, Tie())
    told = _play_off((PlayOffTie(sides=(2, 3), if_level=if_level),), ((1, 2),))

    found = _project(_season(told), (Result(1, 2, 1, 1),))

    assert found.bands[1, 0] == pytest.approx(float(first_wins), abs=_MANY)
    assert found.bands[[1, 2], 0].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("away_goals", "expected"), [(True, 0.0), (False, None)])
def test_away_goals_decide_where_they_are_told_to(*, away_goals: bool, expected: float | None) -> None:
    """2-1 and 0-1: level in all, and the goal away is the second side's."""
    tie = _play_off((PlayOffTie(sides=(3, 2), legs=2, away_goals=away_goals),), ((2, 1),))

    found = _project(_season(tie), (Result(2, 1, 2, 1), Result(1, 2, 1, 0)))

    if expected is None:
        assert 0.2 < found.bands[2, 0] < 0.8
    else:
        assert found.bands[2, 0] == expected


def test_the_better_placed_side_is_at_home_last_or_alone() -> None:
    """Named first, and at home in the second leg all the same; alone at home in a single match."""
    two = _play_off((PlayOffTie(sides=(2, 5), legs=2, by_place=True),), ((1, 4),))
    single = _play_off((PlayOffTie(sides=(5, 2), by_place=True),), ((4, 1),))

    legs = _project(_season(two), (Result(4, 1, 1, 0), Result(1, 4, 3, 0)))
    match = _project(_season(single))

    assert legs.bands[1, 0] == 1.0
    assert match.bands[1, 0] == pytest.approx(_p_tie(1, 4, legs=1), abs=_MANY)


def test_the_loser_of_a_play_out_goes_down_unless_it_is_not_played() -> None:
    """Fifth against fourth; six points behind, the fifth goes down without a match where five are enough."""
    ties, sides = (PlayOffTie(sides=(5, 4), legs=2),), ((4, 3),)
    told = {"own": (4, 5), "decides": "relegated"}
    played = _project(_season(_play_off(ties, sides, **told)))
    apart = _project(_season(_play_off(ties, sides, margin=(3, 4, 6), **told)))
    nearer = _project(_season(_play_off(ties, sides, margin=(3, 4, 7), **told)))

    down = _p_tie(4, 3)
    assert played.bands[3, 1] == pytest.approx(down, abs=_MANY)
    assert played.bands[:, 1].sum() == pytest.approx(2.0)
    assert apart.bands[:, 1].tolist() == [0, 0, 0, 0, 1, 1]
    assert (nearer.bands == played.bands).all()


def test_clubs_of_another_league_take_part_and_are_not_counted() -> None:
    """The last but one meets a club that is one of two by half the seasons of the league below."""
    ties = (PlayOffTie(sides=("XXX-2 -2", 3), legs=2),)
    rival = LeaguePlace("XXX-3", 3)
    above = _play_off(ties, ((4, 1000),), own=(5,), rivals=(rival,), decides="relegated", is_above=True)
    mean = np.full((2, 3), -_STEP * 2)
    mean[:, 2], mean[1, :2] = 0.0, -_STEP * 5
    others = KnownRivals((rival,), mean, np.zeros((2, 3, 3)), np.array([[0], [1]]))
    expected = 1 - (_p_tie(4, 2) + _p_tie(4, 5)) / 2

    without = _project(_season(above))
    found = _project(_season(above), rivals=others)
    led = _project(_season(above), rivals=others, rival_results=(Result(4, 6, 0, 9), Result(4, 7, 9, 0)))

    assert without.bands[4, 1] == 0.0
    assert without.play_offs == ()
    assert found.bands[4, 1] == pytest.approx(expected, abs=_MANY)
    # Against one of the two a first leg was lost, against the other one won: half of the seasons.
    assert led.bands[4, 1] == pytest.approx(0.5, abs=0.01)


def test_a_match_that_is_watched_counts_play_offs_too() -> None:
    """By each outcome of the last match one club is up by its place and one by the play-off."""
    rules = _season(_play_off((PlayOffTie(sides=(2, 3)),), ((1, 2),)))
    last = _played()[-1]
    listed = [Fixture(last.home, last.away, _TODAY, "last")]
    found = project_season(rules, _played()[:-1], listed, _strengths(), _TODAY, seed=1, seasons=500)

    assert found.watched[0].bands[:, :, 0].sum(axis=1) == pytest.approx([2.0, 2.0, 2.0])


@pytest.mark.parametrize("code", sorted(code for code, one in load_season_formats().items() if one.play_offs))
def test_told_play_offs_fit_their_leagues(code: str) -> None:
    """Both leagues have the bands that the play-offs lead to, and the places of one band take part."""
    for told in load_season_formats()[code].play_offs:
        for competition in filter(None, (code, told.above)):
            season = told.start
            try:
                rules = season_rules(competition, season)
            except NotProjectedError:
                pytest.fail(f"{competition} has no rules for {season}")
            bands = {band.name: band for band in rules.bands}
            for one in rules.play_offs:
                assert one.decides in bands
                named = "promotion_play_off" if one.decides == "promoted" else "relegation_play_off"
                places = bands[named]
                assert one.own == tuple(range(places.first, places.last + 1))
                others = KnownRivals(one.rivals, np.zeros((9, 3)), np.zeros((9, 3, 3)), np.zeros((1, 9), int))
                ties = drawn_play_offs([one], rules.clubs, others, ()).ties
                assert len(ties) == len(one.ties)
                assert (ties[:, [drawn_ties.WINNER_TO, drawn_ties.LOSER_TO]] >= 0).any()


def test_two_play_offs_of_one_league_keep_their_winners_apart() -> None:
    """Scotland's second tier: third to eleventh of the first, and its ninth against the third tier."""
    seen = season_play_offs("SCO-2", "2024/2025", 10)
    assert [(one.decides, one.own, len(one.rivals)) for one in seen] == [
        ("promoted", (2, 3, 4), 1),
        ("relegated", (9,), 3),
    ]
    places = (*seen[0].rivals, *seen[1].rivals)
    others = KnownRivals(places, np.zeros((4, 3)), np.zeros((4, 3, 3)), np.zeros((1, 4), int))
    made = drawn_play_offs(seen, 10, others, ())

    assert made.ties[:, :2].tolist() == [[3, 2], [-1, 1], [-2, 1000], [1001, 8], [1002, 1003], [-4, -5]]
    assert made.rivals.rank.tolist() == [11 - 1000, 1004, 1003, 1002]


@pytest.mark.parametrize(
    ("ties", "says"),
    [
        ([{"sides": [3, 3]}], "not twice 3"),
        ([{"sides": [3, 0]}], "count from 1"),
        ([{"sides": [3, "third"]}], "third|regex|match"),
        ([{"sides": [3, 4], "legs": 2, "neutral": True}], "neutral ground is one match"),
        ([{"sides": [3, 4]}, {"sides": [5, 6]}], "goes on to one other tie"),
        ([{"sides": ["winner 2", 4]}, {"sides": [5, 6]}], "waits for a later one"),
    ],
)
def test_what_no_bracket_can_mean_is_refused(ties: list[dict[str, object]], says: str) -> None:
    """One sentence with the fault."""
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert({"from": "2024/2025", "ties": ties}, PlayOff)
