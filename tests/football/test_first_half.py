"""Shares of the goals before half-time, shrunk to that of all competitions."""

import pytest

from soccer_assets.football.first_half import (
    SHRINKAGE_GOALS,
    USUAL_FIRST_HALF_SHARE,
    FirstHalfShares,
    first_half_shares,
)


def test_without_half_time_scores_the_share_is_the_usual_one():
    """No counts, and counts of 0 goals, leave what the archive has."""
    for counts in ([], [("ENG-1", 0, 0)]):
        assert first_half_shares(counts).of("ENG-1") == pytest.approx(USUAL_FIRST_HALF_SHARE)


def test_a_competition_is_shrunk_to_all():
    """Of two halves of the goals with .5 and .4 each moves as far as its count allows."""
    goals = int(SHRINKAGE_GOALS)
    shares = first_half_shares([("A", goals // 2, goals), ("B", 4 * goals // 10, goals)])

    assert shares.usual == pytest.approx((0.9 * goals + 0.44 * goals) / (3 * goals))
    assert shares.of("A") == pytest.approx((0.5 + shares.usual) / 2)
    assert shares.of("B") == pytest.approx((0.4 + shares.usual) / 2)
    assert shares.of("C") == shares.usual


def test_a_handful_of_matches_hardly_moves_it():
    """Three goals, all before half-time, are no sign of anything."""
    assert FirstHalfShares().usual < first_half_shares([("A", 3, 3)]).of("A") < 0.4405
