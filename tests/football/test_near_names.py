"""The names most like a given one: found by trigrams first, whatever is asked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football import near_names
from soccer_assets.football.near_names import NearNames

CLUBS = [
    *("leeds united", "leeds", "derby county", "brighton & hove albion", "hull city", "1. fc koln", "koln"),
    *("atletico madrid", "real madrid", "athletic bilbao", "deportivo la coruna", "ajax", "porto"),
    *(f"{word} {number}" for word in ("sporting", "dynamo") for number in range(200)),
]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("leds utd", "leeds united"),
        ("leds", "leeds"),
        ("brighton", "brighton & hove albion"),
        ("brigthon and hove", "brighton & hove albion"),
        ("derby", "derby county"),
        ("la coruna", "deportivo la coruna"),
        ("atl madrid", "atletico madrid"),
        ("fc koln", "1. fc koln"),
        ("ajx", "ajax"),
        ("dynamo17", "dynamo 17"),
    ],
)
def test_a_misspelt_or_shortened_name_is_found(asked, expected):
    """Among the five nearest."""
    assert expected in NearNames(CLUBS).nearest(asked)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_any_text_has_at_most_five_near_names(text):
    """None for what is like nothing; each is one of the index."""
    near = NearNames(CLUBS).nearest(text)

    assert len(near) <= 5
    assert set(near) <= set(CLUBS)


def test_few_names_are_compared_letter_by_letter(monkeypatch):
    """Of ten thousand names with common words, only those that share the most with the one asked for."""
    compared = []
    monkeypatch.setattr(
        near_names.difflib, "get_close_matches", lambda _, names, *__: compared.append(len(names)) or []
    )
    names = NearNames(f"united {'abc'[number % 3]} {number}" for number in range(10_000))

    for asked in ("united", "united a 1", "x" * 120, ""):
        names.nearest(asked)

    assert max(compared) <= 60
