"""How alike two spellings of a club's name are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.club_names import Likeness, closeness, likeness


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Ham-Kam", "HamKam", Likeness.SAME),
        ("Leeds United FC", "Leeds United", Likeness.SAME),
        ("Stade Rennais", "Stade Rennais FC", Likeness.SAME),
        ("Atl. Trollo", "Ath Trollo", Likeness.STRONG),
        ("Elfbury City", "Elfbury", Likeness.STRONG),
        ("Gornik Z.", "Gornik Zabrze", Likeness.STRONG),
        ("Man United", "Man Utd", Likeness.STRONG),
        ("QPR", "Queens Park Rangers", Likeness.STRONG),
        ("PSG", "Paris SG", Likeness.STRONG),
        ("OH Leuven", "Oud-Heverlee Leuven", Likeness.STRONG),
        ("NE Revolution", "New England Revolution", Likeness.STRONG),
        ("G.A. Eagles", "Go Ahead Eagles", Likeness.STRONG),
        ("Saint-Etienne", "St Etienne", Likeness.SAME),
        ("Sint-Truiden", "St. Truiden", Likeness.SAME),
        ("St Mirren", "St Johnstone", Likeness.NONE),
        ("Nott'm Forest", "Nottingham Forest", Likeness.STRONG),
        ("Torpedo Moscow", "T. Moscow", Likeness.STRONG),
        ("VfL Bochum 1848", "VfL Bochum", Likeness.STRONG),
        ("Rayo Ogreton", "Ogreton", Likeness.PARTIAL),
        ("Lausanne Ouchy", "Lausanne", Likeness.PARTIAL),
        ("Reggiana", "Reggina", Likeness.WEAK),
        ("Sheffield Weds", "Sheffield United", Likeness.WEAK),
        ("Wolves", "Wolverhampton", Likeness.WEAK),
        ("Oster", "Ostersunds", Likeness.WEAK),
        ("Man City", "Everton", Likeness.NONE),
        ("Ajax", "Jong Ajax", Likeness.NONE),
        ("Wacker Innsbruck", "Wacker Innsbruck II", Likeness.NONE),
        ("Arsenal", "Arsenal Women", Likeness.NONE),
        ("Zenit", "Zenit-2", Likeness.NONE),
        ("Jong Ajax", "Ajax II", Likeness.SAME),
        ("Arsenal (W)", "Arsenal Women FC", Likeness.SAME),
        ("Willem II", "Jong Willem II", Likeness.NONE),
    ],
)
def test_spellings_are_told_apart_by_kind(one: str, other: str, expected: Likeness) -> None:
    """Each kind of spelling, in both directions."""
    assert likeness(one, other) is likeness(other, one) is expected


@given(st.text(max_size=20), st.text(max_size=20))
def test_likeness_and_closeness_know_no_direction(one: str, other: str) -> None:
    """Whatever the two texts are, each is as like the other as the other is like it."""
    assert likeness(one, other) is likeness(other, one)
    assert closeness(one, other) == pytest.approx(closeness(other, one))
