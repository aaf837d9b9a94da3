"""Which match a row without an id speaks of: worked by hand, and as properties."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.identity import (
    KnownMeeting,
    assign_ids,
    meeting_key,
    mint_match_id,
    mint_team_id,
)

MEETING = "SCO-1|2024/2025|celtic|hearts"
FIRST_DAY = dt.date(2024, 8, 1)

days_of_a_season = st.integers(0, 300).map(lambda number: FIRST_DAY + dt.timedelta(days=number))


def day(text: str) -> dt.date:
    """A day of April 2025 such as ``12``, or an ISO date."""
    return dt.date.fromisoformat(text if "-" in text else f"2025-04-{text}")


def known(text: str, *, is_open: bool, source_match_id: str = "a") -> KnownMeeting:
    """A stored match on a day, finished or still open."""
    return KnownMeeting(source_match_id, day(text), is_open)


def test_a_meeting_never_seen_gets_an_id_of_its_day():
    """The id of a new match names the meeting and the day."""
    assert assign_ids(MEETING, [day("12")], []) == [f"{MEETING}|20250412"]


def test_two_matches_of_one_season_are_two():
    """A pass that sees autumn and spring of the Scottish split mints two ids."""
    autumn, spring = assign_ids(MEETING, [day("2024-11-02"), day("26")], [])

    assert (autumn, spring) == (f"{MEETING}|20241102", f"{MEETING}|20250426")


def test_the_exact_day_wins_over_an_open_fixture():
    """A row on the day of a finished match is that match, though an open fixture lies near."""
    stored = [known("12", is_open=False), known("14", is_open=True, source_match_id="b")]

    assert assign_ids(MEETING, [day("12")], stored) == ["a"]


@pytest.mark.parametrize(
    ("stored", "row", "is_the_same"),
    [
        ("2024-12-28", "2025-04-27", True),  # postponed by 120 days
        ("2024-12-28", "2025-04-28", False),  # by 121: another meeting
        ("20", "06", True),  # brought forward by 14 days
        ("20", "05", False),  # by 15: an earlier meeting that is only now seen
    ],
)
def test_an_open_fixture_moves_so_far_and_no_further(stored, row, is_the_same):
    """A fixture may be postponed by four months and brought forward by two weeks."""
    ids = assign_ids(MEETING, [day(row)], [known(stored, is_open=True)])

    assert (ids == ["a"]) is is_the_same


@pytest.mark.parametrize(("row", "is_the_same"), [("11", True), ("13", True), ("14", False)])
def test_a_finished_match_moves_by_a_corrected_day_only(row, is_the_same):
    """One day off is a corrected date: no two teams meet at the same ground on the next day."""
    ids = assign_ids(MEETING, [day(row)], [known("12", is_open=False)])

    assert (ids == ["a"]) is is_the_same


def test_the_row_nearest_to_an_open_fixture_takes_it():
    """Of two rows on unknown days the nearer one is the fixture that moved, in whichever order they come."""
    stored = [known("18", is_open=True)]

    assert assign_ids(MEETING, [day("10"), day("20")], stored) == [f"{MEETING}|20250410", "a"]
    assert assign_ids(MEETING, [day("20"), day("10")], stored) == ["a", f"{MEETING}|20250410"]


def test_a_fixture_that_the_same_pass_still_lists_does_not_move():
    """An open fixture whose own day is among the rows is taken; the other row is another match."""
    stored = [known("12", is_open=True)]

    assert assign_ids(MEETING, [day("26"), day("12")], stored) == [f"{MEETING}|20250426", "a"]


def test_a_row_listed_twice_is_one_match():
    """Two rows of one day share an id, so that the store can count a double."""
    assert assign_ids(MEETING, [day("12"), day("12")], []) == [f"{MEETING}|20250412"] * 2


def test_an_id_is_never_given_twice():
    """A new match on the day a moved one was first seen on gets a number behind its day."""
    moved = known("2025-01-20", is_open=False, source_match_id=f"{MEETING}|20241102")

    assert assign_ids(MEETING, [day("2024-11-02")], [moved]) == [f"{MEETING}|20241102-2"]


@given(st.lists(days_of_a_season, max_size=6), st.lists(days_of_a_season, max_size=4), st.data())
def test_days_and_ids_go_one_to_one(rows, stored_days, data):
    """Rows of one day share an id, rows of two days never do, in whatever order they come."""
    stored = [
        KnownMeeting(f"s{number}", stored_day, data.draw(st.booleans()))
        for number, stored_day in enumerate(dict.fromkeys(stored_days))
    ]

    ids = dict(zip(rows, assign_ids(MEETING, rows, stored), strict=True))

    assert len(set(ids.values())) == len(ids) == len(set(rows))
    shuffled = data.draw(st.permutations(rows))
    assert dict(zip(shuffled, assign_ids(MEETING, shuffled, stored), strict=True)) == ids


@given(st.lists(days_of_a_season, unique=True, max_size=6), st.booleans())
def test_a_second_pass_over_the_same_days_gives_the_same_ids(rows, is_open):
    """What was stored as it came is found again by its day."""
    first = assign_ids(MEETING, rows, [])
    stored = [KnownMeeting(one, row, is_open) for one, row in zip(first, rows, strict=True)]

    assert assign_ids(MEETING, rows, stored) == first


def test_spellings_of_a_team_meet_in_one_key():
    """Case, accents and blanks do not make another meeting; another season does."""
    key = meeting_key("GER-1", "2024/2025", "FC Köln", "Mainz")

    assert meeting_key("GER-1", "2024/2025", "fc  koln", "MAINZ") == key
    assert meeting_key("GER-1", "2023/2024", "FC Köln", "Mainz") != key
    assert meeting_key("GER-1", "2024/2025", "Mainz", "FC Köln") != key


def test_minted_ids_never_change():
    """Ids are the 64-bit BLAKE2b of documented text: a change of it would orphan every match."""
    assert mint_match_id("fake", "m1") == "11420bab8b21a96b"
    assert mint_team_id("England", "men", "senior", "Leeds") == mint_team_id(
        "England", "men", "senior", " LEEDS "
    )


def test_the_same_name_in_another_pool_is_another_team():
    """Country, sex, age group and squad separate teams of one name; the first squad needs no word."""
    pools = [
        ("England", "men", "senior"),
        ("Wales", "men", "senior"),
        ("England", "women", "senior"),
        ("England", "men", "u21"),
    ]

    ids = {mint_team_id(*pool, "Arsenal") for pool in pools}
    reserve = mint_team_id("England", "men", "senior", "Arsenal", "reserve")

    assert len(ids | {reserve}) == len(pools) + 1
    assert mint_team_id("England", "men", "senior", "Arsenal", "first") in ids
    assert mint_team_id("England", "women", "senior", "Arsenal (W)") in ids
    assert mint_team_id("England", "men", "senior", "Arsenal (W)") not in ids
