"""The ledger's rules, worked by hand."""

import datetime as dt
import hashlib
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.clock import parse_instant
from soccer_assets.football.matches import KickoffPrecision, MatchStatus
from soccer_assets.modelling.ledger_rules import (
    GENESIS,
    Entry,
    chain_hash,
    deadline,
    official_index,
    void_reason,
)

SATURDAY = parse_instant("2025-04-26T14:00:00Z")


def entry(recorded_at: str = "2025-04-25T09:00:00Z", **changes: Any) -> Entry:
    """A prediction of the match on Saturday, recorded at an instant, with the given changes."""
    made = Entry(
        match_id="m1",
        kickoff=SATURDAY,
        kickoff_precision=KickoffPrecision.MINUTE,
        model_sha256="a" * 64,
        p_home=0.5,
        p_draw=0.25,
        p_away=0.25,
        recorded_at=parse_instant(recorded_at),
    )
    return msgspec.structs.replace(made, **changes)


def test_the_first_hash_is_the_documented_one():
    """The canonical text is the previous hash and seven fields between bars, probabilities in exact hex."""
    text = "|".join(
        [
            "0" * 64,
            "m1",
            "2025-04-26T14:00:00Z",
            "minute",
            "a" * 64,
            "0x1.0000000000000p-1",
            "0x1.0000000000000p-2",
            "0x1.0000000000000p-2",
            "2025-04-25T09:00:00Z",
        ]
    )

    assert chain_hash(GENESIS, entry()) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"match_id": "m2"},
        {"kickoff": SATURDAY + dt.timedelta(hours=1)},
        {"kickoff_precision": KickoffPrecision.DAY},
        {"model_sha256": "b" * 64},
        {"p_home": math.nextafter(0.5, 1)},
        {"p_draw": math.nextafter(0.25, 1)},
        {"p_away": math.nextafter(0.25, 1)},
        {"recorded_at": "2025-04-25T09:00:01Z"},
    ],
)
def test_every_field_is_in_the_hash(changes):
    """No field can be changed, not by its last bit, without changing the hash."""
    assert chain_hash(GENESIS, entry(**changes)) != chain_hash(GENESIS, entry())


def test_a_hash_depends_on_all_before_it():
    """The same entry after another history has another hash."""
    assert chain_hash("1" * 64, entry()) != chain_hash(GENESIS, entry())


def test_the_last_entry_before_kickoff_is_official():
    """Later ones count until the kickoff's second, from which on they come too late."""
    entries = [entry(at) for at in ("2025-04-25T09:00:00Z", "2025-04-26T13:59:59Z", "2025-04-26T14:00:00Z")]

    assert official_index(entries) == 1


def test_the_first_known_kickoff_is_the_deadline():
    """A match that was put off by a day keeps its first deadline: later entries could use news of the day."""
    put_off = SATURDAY + dt.timedelta(days=1)
    entries = [
        entry("2025-04-25T09:00:00Z"),
        entry("2025-04-26T13:00:00Z", kickoff=put_off),
        entry("2025-04-26T20:00:00Z", kickoff=put_off),
    ]

    assert official_index(entries) == 1


def test_entries_that_all_came_too_late_are_not_official():
    """A match first predicted after its kickoff, or never, has no official prediction."""
    assert official_index([entry("2025-04-26T14:00:00Z")]) is None
    assert official_index([]) is None


@pytest.mark.parametrize("precision", [KickoffPrecision.DAY, KickoffPrecision.TBD])
def test_a_day_without_a_time_begins_at_midnight(precision):
    """Where only the day is known a prediction counts until 00:00 UTC of it."""
    day = entry(kickoff=parse_instant("2025-04-26T12:00:00Z"), kickoff_precision=precision)

    assert deadline(day.kickoff, precision) == parse_instant("2025-04-26T00:00:00Z")
    in_time = msgspec.structs.replace(day, recorded_at=parse_instant("2025-04-25T23:59:59Z"))
    too_late = msgspec.structs.replace(day, recorded_at=parse_instant("2025-04-26T00:00:00Z"))
    assert official_index([in_time, too_late]) == 0


@given(st.lists(st.integers(-72, 72), min_size=1, max_size=8).map(sorted))
def test_the_official_entry_is_the_newest_of_those_in_time(hours):
    """For entries at any hours around kickoff it is the last one before it."""
    entries = [
        msgspec.structs.replace(entry(), recorded_at=SATURDAY + dt.timedelta(hours=hour)) for hour in hours
    ]

    in_time = [index for index, hour in enumerate(hours) if hour < 0]
    assert official_index(entries) == (in_time[-1] if in_time else None)


@pytest.mark.parametrize(
    ("status", "hours", "reason"),
    [
        (MatchStatus.FINISHED, 0, None),
        (MatchStatus.FINISHED, 36, None),
        (MatchStatus.FINISHED, 37, "moved by more than 36 hours"),
        (MatchStatus.FINISHED, -37, "moved by more than 36 hours"),
        (MatchStatus.ABANDONED, 0, "abandoned"),
        (MatchStatus.REPLAYED, 0, "replayed"),
        (MatchStatus.AWARDED, 0, "awarded"),
        (MatchStatus.CANCELLED, 0, "cancelled"),
    ],
)
def test_what_was_not_played_as_predicted_is_void(status, hours, reason):
    """A match counts when it was played to its end within 36 hours of its first known kickoff."""
    assert void_reason(status, SATURDAY, SATURDAY + dt.timedelta(hours=hours), SATURDAY) == reason


def test_a_postponed_match_is_void_when_it_can_no_longer_be_played_in_time():
    """36 hours after its first kickoff it still may be, a second later not, whatever kickoff it now has."""
    limit = SATURDAY + dt.timedelta(hours=36)
    late = limit + dt.timedelta(seconds=1)

    assert void_reason(MatchStatus.POSTPONED, SATURDAY, SATURDAY, limit) is None
    assert void_reason(MatchStatus.POSTPONED, SATURDAY, SATURDAY, late) == "moved by more than 36 hours"
    assert void_reason(MatchStatus.LIVE, SATURDAY, SATURDAY, late) is None
