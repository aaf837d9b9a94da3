"""Tables by the league's own rules: hand-worked standings, mini-tables, deductions."""

import datetime as dt
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.league_blocks import Annulled, Deduction, Stage
from soccer_assets.football.projections.season_rules import SeasonRules
from soccer_assets.football.projections.standings import CRITERIA, Played, Standing, league_table

_CLUBS = ("A", "B", "C", "D")


def _rules(*ties: str, clubs: int = 4, **more: object) -> SeasonRules:
    return SeasonRules(
        competition="XXX-1",
        season="2024/2025",
        clubs=clubs,
        stages=(Stage(meets=2),),
        ties=ties,
        bands=(),
        source="a test",
        **more,
    )


def _results(text: str) -> list[Played]:
    """``A-B 2:1`` and so on, with commas between."""
    found = []
    for part in text.split(","):
        pair, score = part.split()
        (home, away), (one, two) = pair.split("-"), score.split(":")
        found.append(Played(home, away, int(one), int(two)))
    return found


def _order(table: list[Standing]) -> str:
    return "".join(line.club for line in table)


# A, B and C have beaten each other at home: B 3:0 A by three goals, so the mini-table is B +1, C 0, A -1 in
# goal difference; over all matches A has the best goal difference thanks to 9:0 against D.
_CIRCLE = "A-B 2:0, B-C 3:0, C-A 3:0, A-D 9:0, B-D 1:0, C-D 1:0"


def test_three_clubs_level_on_points_go_by_goal_difference_or_by_their_own_matches() -> None:
    """A has 11-3, B 4-2, C 4-3 in all; among the three B is 3-2, C 3-3 and A 2-3."""
    results = _results(_CIRCLE)

    by_goals = league_table(_rules("goal_difference", "goals"), _CLUBS, results)
    by_mini_table = league_table(_rules("h2h_points", "h2h_goal_difference"), _CLUBS, results)

    assert _order(by_goals) == "ABCD"
    assert _order(by_mini_table) == "BCAD"
    assert [line.points for line in by_goals] == [6, 6, 6, 0]
    assert by_goals[0] == Standing("A", 1, 3, 2, 0, 1, 11, 3, 6)


def test_clubs_that_the_mini_table_leaves_level_go_by_the_next_criterion() -> None:
    """C has 12 points, A and B nine each and a win each over the other: all goals put B first."""
    rules = _rules("h2h_points", "goal_difference")
    level = _results(
        "A-B 1:0, B-A 1:0, A-C 1:0, B-C 1:0, C-D 1:0, C-D 2:0, A-D 1:0, B-D 4:0, C-A 1:0, C-B 1:0"
    )
    table = league_table(rules, _CLUBS, level)
    assert [line.points for line in table] == [12, 9, 9, 0]
    assert _order(table) == "CBAD"


def test_a_mini_table_counts_once_all_its_matches_are_played() -> None:
    """A has beaten B once; before the second match all goals decide, after it the two matches do."""
    rules = _rules("h2h_points", "goal_difference", h2h_when_complete=True)
    first = "A-B 1:0, C-A 1:0, B-D 5:0"
    second = first + ", B-A 0:0, A-C 0:1, B-C 0:1, C-B 0:1, D-A 0:1, D-B 2:0, C-D 0:3"

    early = league_table(rules, _CLUBS, _results(first))
    late = league_table(rules, _CLUBS, _results(second))

    level = [line.club for line in early if line.points == 3]
    assert level == ["B", "C", "A"]
    points = {line.club: line.points for line in late}
    assert points["A"] == points["B"]
    assert _order(late).index("A") < _order(late).index("B")


def test_deductions_count_from_their_day() -> None:
    """Seven points off: A falls from first to last once they are announced, and rises with three returned."""
    deductions = (
        Deduction(season="2024/2025", club="A", points=7, announced=dt.date(2025, 1, 10), why="x"),
        Deduction(season="2024/2025", club="A", points=-3, announced=dt.date(2025, 2, 10), why="appeal"),
    )
    rules = _rules("goal_difference", deductions=deductions)
    results = _results(_CIRCLE)

    on = {
        day: league_table(rules, _CLUBS, results, dt.date(2025, *day)) for day in ((1, 9), (1, 10), (2, 10))
    }

    assert [_order(table) for table in on.values()] == ["ABCD", "BCDA", "BCAD"]
    assert [next(one for one in table if one.club == "A").points for table in on.values()] == [6, -1, 2]


def test_an_annulled_club_stands_last_and_its_matches_count_for_nobody() -> None:
    """Without D's matches A, B and C have three points each."""
    gone = (Annulled(season="2024/2025", club="D", day=dt.date(2025, 3, 1), why="wound up"),)
    rules = _rules("goal_difference", annulled=gone)
    before = league_table(rules, _CLUBS, _results(_CIRCLE), dt.date(2025, 2, 28))
    after = league_table(rules, _CLUBS, _results(_CIRCLE), dt.date(2025, 3, 1))

    assert [line.points for line in before] == [6, 6, 6, 0]
    assert [(line.club, line.points, line.played) for line in after] == [
        ("B", 3, 2),
        ("C", 3, 2),
        ("A", 3, 2),
        ("D", 0, 0),
    ]


def test_what_no_rule_separates_is_said() -> None:
    """A and B have the same of everything; C does not."""
    table = league_table(_rules("goal_difference", "goals"), _CLUBS, _results("A-C 1:0, B-C 1:0, D-C 3:0"))

    assert [(line.club, line.is_drawn) for line in table] == [
        ("D", False),
        ("A", True),
        ("B", True),
        ("C", False),
    ]


@pytest.mark.parametrize("results", ["A-A 1:0", "A-X 1:0"])
def test_a_match_of_another_club_is_refused(results: str) -> None:
    """A table of a season holds its clubs alone."""
    with pytest.raises(ValueError, match="no match of two clubs of the season"):
        league_table(_rules("goals"), _CLUBS, _results(results))


_scores = st.tuples(st.integers(0, 3), st.integers(0, 3))


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(_scores, min_size=12, max_size=12),
    ties=st.lists(st.sampled_from(sorted(CRITERIA)), min_size=1, max_size=5, unique=True),
    seed=st.randoms(use_true_random=False),
)
def test_a_table_is_the_one_of_a_plain_reading_of_the_rules(scores, ties, seed) -> None:
    """Against a second implementation, by recursion over groups; the order of its input is no matter."""
    pairs = list(itertools.permutations(_CLUBS, 2))
    results = [Played(*pair, *score) for pair, score in zip(pairs, scores, strict=True)]
    rules = _rules(*ties)
    table = league_table(rules, _CLUBS, results)
    shuffled, clubs = list(results), list(_CLUBS)
    seed.shuffle(shuffled)
    seed.shuffle(clubs)

    assert league_table(rules, clubs, shuffled) == table
    assert _order(table) == "".join(_plain(results, ties))


def _plain(results: list[Played], ties: list[str]) -> list[str]:
    """The order by the rules as they are told: points, then each criterion in turn."""

    def count(club: str, criterion: str, among: tuple[str, ...]) -> int:
        own = [(r, r.home == club) for r in results if club in (r.home, r.away)]
        if criterion.startswith("h2h_"):
            own = [(r, at_home) for r, at_home in own if (r.away if at_home else r.home) in among]
        total = 0
        for result, at_home in own:
            mine, theirs = (
                (result.home_goals, result.away_goals) if at_home else (result.away_goals, result.home_goals)
            )
            total += {
                "points": 3 * (mine > theirs) + (mine == theirs),
                "goal_difference": mine - theirs,
                "goals": mine,
                "wins": int(mine > theirs),
                "away_goals": 0 if at_home else mine,
                "away_wins": int(not at_home and mine > theirs),
                "half_point": 0,
                "stage_place": 0,
                "stage_points": 0,
            }[criterion.removeprefix("h2h_")]
        return total

    def split(group: tuple[str, ...], left: list[str], mini: tuple[str, ...]) -> list[str]:
        if len(group) < 2 or not left:
            return sorted(group)
        mini = (mini or group) if left[0].startswith("h2h_") else ()
        value = {club: count(club, left[0], mini) for club in group}
        return [
            club
            for number in sorted(set(value.values()), reverse=True)
            for club in split(tuple(one for one in group if value[one] == number), left[1:], mini)
        ]

    return split(_CLUBS, ["points", *ties], ())


def test_every_criterion_of_the_data_is_known_to_the_table() -> None:
    """A tie-breaker that `seasons.toml` may tell has a code."""
    told = msgspec.inspect.type_info(SeasonRules)
    ties = next(field for field in told.fields if field.name == "ties").type.item_type
    assert set(ties.values) == set(CRITERIA)
