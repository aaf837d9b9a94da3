"""The rules of a match row, stated once and held by every place that checks rows."""

import ast
import datetime as dt
from pathlib import Path

import pytest

import serving
import soccer_assets
from soccer_assets.football import validity
from soccer_assets.football.validity import (
    LEAST_OVERROUND,
    MOST_OVERROUND,
    NOT_LISTED,
    OLDEST_YEAR,
    TOLD_TWICE,
    TWICE_ON_A_DAY,
    Result,
    beside_listed,
    is_book,
    is_goal_count,
    is_same_team,
    same_team_fault,
    twice_on_a_day,
)
from soccer_assets.modelling import promotion_policy

DAY = dt.date(2025, 4, 5)


@pytest.mark.parametrize(
    ("home", "away", "same"),
    [("Leeds", "Derby", False), ("1. FC KÖLN", "1. fc  koln", True), ("Leeds", "Leeds", True)],
)
def test_no_team_plays_itself_under_another_spelling(home, away, same):
    """Case, accents and blanks do not make two teams."""
    assert is_same_team(home, away) is same
    assert same_team_fault(home, away) == (f"{home} cannot play itself" if same else "")


@pytest.mark.parametrize(("count", "possible"), [(-1, False), (0, True), (36, True), (37, False)])
def test_a_side_scores_0_to_36_goals(count, possible):
    """36 is the highest score on record."""
    assert is_goal_count(count) is possible


@pytest.mark.parametrize(
    ("prices", "possible"),
    [
        ((2.1, 3.4, 3.6), True),
        ((1.0, 12.0, 30.0), False),  # a price that pays nothing
        ((0.0, 3.4, 3.6), False),
        ((3.2, 3.2, 3.2), False),  # .94: cheaper than any book
        ((3.0 / MOST_OVERROUND - 0.01,) * 3, False),
    ],
)
def test_prices_of_a_book_are_above_1_and_within_the_overround(prices, possible):
    """From .97, the best prices of several books, to 1.40."""
    assert is_book(*prices) is possible


def test_two_results_of_a_team_on_a_day_are_both_found():
    """Whichever comes first, and not a team that played the day before."""
    results = [
        Result("a", DAY, "Ash", "Birch", (1, 0)),
        Result("b", DAY, "Cedar", "Ash", (2, 2)),
        Result("c", DAY, "Elm", "Fir", (0, 0)),
        Result("d", DAY - dt.timedelta(days=1), "Elm", "Fir", (0, 0)),
    ]

    marks = dict.fromkeys("ab", TWICE_ON_A_DAY)
    assert twice_on_a_day(results) == twice_on_a_day(results[::-1]) == marks


def test_two_tellings_of_one_match_that_agree_keep_one():
    """The same score at either ground is one match; another score is a contradiction of two."""
    agree = [Result("a", DAY, "Ash", "Birch", (2, 0)), Result("b", DAY, "Birch", "Ash", (0, 2))]
    differ = [agree[0], Result("b", DAY, "Ash", "Birch", (2, 1))]

    assert twice_on_a_day(agree) == twice_on_a_day(agree[::-1]) == {"b": TOLD_TWICE}
    assert twice_on_a_day(differ) == dict.fromkeys("ab", TWICE_ON_A_DAY)


def test_the_numbers_of_the_rules_stand_nowhere_else():
    """The oldest year and the least overround are written in one module."""
    numbers = {OLDEST_YEAR, 1850, 1860, 1870, LEAST_OVERROUND}
    roots = [Path(str(package.__file__)).parent for package in (soccer_assets, serving)]
    holders = {
        file
        for root in roots
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and node.value in numbers
    }

    holders.discard(Path(str(promotion_policy.__file__)))  # its .97 is a share of the market's knowledge
    assert holders == {Path(str(validity.__file__))}


def test_a_result_that_is_listed_no_longer_gives_way_to_listed_ones() -> None:
    """Whatever their order; alone on its day it counts, and two of its kind contradict each other."""
    day, other = dt.date(2024, 8, 25), dt.date(2024, 9, 1)
    results = [
        Result("a", day, "x", "y", (3, 1)),
        Result("b", day, "y", "x", (3, 1)),
        Result("c", other, "x", "y", (0, 0)),
        Result("d", other, "z", "v", (0, 0)),
        Result("e", other, "z", "w", (1, 0)),
    ]
    gone = {"a", "c", "d", "e"}
    marks = {"a": NOT_LISTED, "d": TWICE_ON_A_DAY, "e": TWICE_ON_A_DAY}
    assert beside_listed(results, gone) == beside_listed(results[::-1], gone) == marks
    assert beside_listed(results[:2], set()) == twice_on_a_day(results[:2])
