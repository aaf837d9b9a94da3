"""When a season's home and away sides are exchanged beyond doubt."""

import pytest

from soccer_assets.football.exchanged_sides import SideWins


def wins(home: int, away: int, results: int) -> SideWins:
    return SideWins(
        competition="ENG-1", season="2024/2025", source="f", results=results, home_wins=home, away_wins=away
    )


@pytest.mark.parametrize(
    ("home", "away", "results", "are_exchanged"),
    [
        (60, 100, 220, True),
        (100, 60, 220, False),
        (64, 100, 220, True),  # z = 36 / sqrt(164) = 2.81
        (70, 100, 220, False),  # z = 30 / sqrt(170) = 2.30
        (30, 80, 149, False),
        (30, 80, 150, True),
        (0, 0, 380, False),
    ],
)
def test_many_away_wins_prove_it(home: int, away: int, results: int, are_exchanged: bool) -> None:
    """A z above 2.5, from 150 results on."""
    assert wins(home, away, results).are_exchanged is are_exchanged


def test_it_is_told_in_one_line() -> None:
    """With the sums."""
    assert str(wins(60, 100, 220)) == (
        "ENG-1 2024/2025 (f): 60 wins at home, 100 away in 220 results; home and away seem to be exchanged"
    )
