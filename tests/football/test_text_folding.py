"""Folding of names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.text_folding import fold


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("1. FC Köln", "1. fc koln"),
        ("Brøndby IF", "brondby if"),
        ("Widzew Łódź", "widzew lodz"),
        ("Preußen Münster", "preussen munster"),
        ("Kas\u0131mpaşa", "kasimpasa"),
        ("İstanbul Başakşehir", "istanbul basaksehir"),
        ("Đurgårdens", "durgardens"),
        ("Næstved", "naestved"),
        ("Œuvre Þór", "oeuvre thor"),
        ("\uff26\uff23\u3000東京", "fc 東京"),
        ("  Real \t Madrid\n", "real madrid"),
        ("\ufeffDynamo\u200b \u202bKy\u00adiv\u202c\ufe0f", "dynamo kyiv"),
        ("\u3164\u034f", ""),
        ("", ""),
    ],
)
def test_spellings_fold_to_plain_letters(name, folded):
    """Case, accents, special letters, width and blanks do not distinguish names."""
    assert fold(name) == folded


def test_composed_and_decomposed_accents_are_equal():
    """An accent as its own character is the same name."""
    assert fold("Málaga") == fold("Ma\u0301laga") == "malaga"


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(name):
    """A folded name is its own folding."""
    assert fold(fold(name)) == fold(name)


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=30))
def test_case_does_not_matter(name):
    """Upper case folds to the same name."""
    assert fold(name.upper()) == fold(name)
