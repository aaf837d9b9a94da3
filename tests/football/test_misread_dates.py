"""The share of teams that play on two days in a row, which exposes misread dates."""

import math

import pytest

from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.football.misread_dates import back_to_back_share
from tests.football.helpers import epoch, match, table


def saturdays(year: int, weeks: int = 50, *, early: int = 0) -> list[dict]:
    """Twenty matches of forty clubs a week; ``early`` of the first week are played on the second's Friday."""
    start = epoch(f"{year}-01-06T15:00")
    rows = []
    for number in range(20 * weeks):
        week, pair = divmod(number, 20)
        day = 6 if number < early else 7 * week
        rows.append(
            match(f"{year}-{number}", start + day * SECONDS_A_DAY, f"home {pair}", f"away {pair}", "1-0")
        )
    return rows


def test_clubs_that_play_once_a_week_are_rested():
    """Nobody plays on two days running."""
    assert back_to_back_share(table(*saturdays(2024))) == 0.0


def test_the_worst_year_counts():
    """Five matches on a Friday before a Saturday tire ten of that year's 2,000 sides."""
    assert back_to_back_share(table(*saturdays(2023), *saturdays(2024, early=5))) == 10 / 2_000


def test_two_clubs_on_neighbouring_days_are_not_one():
    """Days are compared within a club, also where one club's last day and another's first are neighbours."""
    start = epoch("2024-01-06T15:00")
    rows = [
        match(str(number), start + (number % 300) * SECONDS_A_DAY, f"h{number}", f"a{number}", "0-0")
        for number in range(1_000)
    ]

    assert back_to_back_share(table(*rows)) == 0.0


@pytest.mark.parametrize("rows", [[], saturdays(2024, weeks=49)])
def test_too_few_matches_say_nothing(rows):
    """A year of 980 matches gives no number."""
    assert math.isnan(back_to_back_share(table(*rows)))
