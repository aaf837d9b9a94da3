"""Two feeds of one competition held against each other."""

import datetime as dt
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.feed_agreement import (
    ClockOffset,
    MonthAgreement,
    ReportedMatch,
    clock_offsets,
    compare,
    pair_by_one_team,
    pair_exchanged,
    pair_reports,
)

START = dt.datetime(2025, 3, 1, 15, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def reports(
    feed: str,
    count: int,
    wrong: int = 0,
    shift: dt.timedelta = dt.timedelta(),
    start: dt.datetime = START,
    *,
    is_timed: bool = True,
) -> list[ReportedMatch]:
    """Results 2-1 of one day as a feed reports them, the first ``wrong`` of them 0-0."""
    return [
        ReportedMatch(
            f"{feed}{start:%m%d}{number}",
            start + shift,
            is_timed,
            f"home {number}",
            f"away {number}",
            (0, 0) if number < wrong else (2, 1),
        )
        for number in range(count)
    ]


def months(first: Sequence[ReportedMatch], second: Sequence[ReportedMatch]) -> dict[str, MonthAgreement]:
    return compare(pair_reports(first, second))


@pytest.mark.parametrize(
    ("compared", "wrong", "is_disputed"),
    [
        (55, 45, True),  # invented scores
        (40, 2, False),  # 95 %
        (39, 2, True),  # below it
        (20, 1, False),
        (12, 2, False),  # two typing errors in a small league
        (12, 3, True),
        (3, 3, True),
        (0, 0, False),
    ],
)
def test_a_month_is_disputed_below_the_bound(compared: int, wrong: int, is_disputed: bool) -> None:
    """Under 95 % of at least 20 results, or at least three that differ."""
    found = months(reports("a", compared), reports("b", compared, wrong))

    month = found.get(
        "2025-03",
        MonthAgreement(month="2025-03", compared=0, contradictions=(), timed=0, offset_minutes=0, shifted=0),
    )
    assert (month.compared, len(month.contradictions)) == (compared, wrong)
    assert month.is_disputed == is_disputed


@pytest.mark.parametrize("are_scores_exchanged", [True, False])
def test_exchanged_sides_are_contradictions(are_scores_exchanged: bool) -> None:
    """A file whose columns of home and away are exchanged is no file without matches in common."""
    second = [
        msgspec.structs.replace(
            row, home=row.away, away=row.home, score=row.score[::-1] if are_scores_exchanged else row.score
        )
        for row in reports("b", 30)
    ]
    first = reports("a", 31)
    right = reports("b", 31)[30:]
    pairs = pair_reports(first, [*second, *right])

    (month,) = compare(pairs, pair_exchanged(first, [*second, *right], pairs)).values()

    assert (month.compared, len(month.contradictions), month.is_disputed) == (31, 30, True)
    assert month.contradictions[0].scores[1].endswith(", sides exchanged")
    assert pair_exchanged(first, right, pair_reports(first, right)) == []


def test_a_contradiction_names_the_match_and_both_scores() -> None:
    (found,) = months(reports("a", 1), reports("b", 1, wrong=1))["2025-03"].contradictions

    assert (found.day, found.home, found.away) == (START.date(), "home 0", "away 0")
    assert (found.first, found.second) == ((2, 1), (0, 0))


@pytest.mark.parametrize(("days", "is_same"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_match_is_at_most_a_day_apart(days: int, is_same: bool) -> None:
    pairs = pair_reports(reports("a", 1), reports("b", 1, shift=days * DAY))

    assert bool(pairs) == is_same


def test_the_nearest_of_two_meetings_is_the_same_match() -> None:
    """A pair that meets twice in three days is paired by kickoff, each match once."""
    first = [*reports("a", 1), *reports("a", 1, start=START + 2 * DAY)]
    second = [*reports("b", 1, start=START + HOUR), *reports("b", 1, start=START + 2 * DAY)]

    found = {(one.row_id, other.row_id) for one, other in pair_reports(first, second)}
    assert found == {("a03010", "b03010"), ("a03030", "b03030")}


def test_a_match_without_a_result_in_both_is_not_compared() -> None:
    """A fixture of one feed that the other has played says nothing about its scores."""
    fixture = [ReportedMatch("b0", START, True, "home 0", "away 0", None)]

    assert months(reports("a", 1), fixture)["2025-03"].compared == 0


def test_a_clock_that_is_an_hour_early_is_found() -> None:
    """All kickoffs of two months an hour early: one finding with both months."""
    april = START + 31 * DAY
    found = months(
        [*reports("a", 4), *reports("a", 4, start=april)],
        [*reports("b", 4, shift=-HOUR), *reports("b", 4, start=april, shift=-HOUR)],
    )

    assert clock_offsets(found.values()) == [
        ClockOffset(minutes=-60, matches=8, timed=8, months=("2025-03", "2025-04"))
    ]


@pytest.mark.parametrize(
    "second",
    [
        reports("b", 4, shift=HOUR),  # too few
        [*reports("b", 7, shift=HOUR)[:5], *reports("b", 7)[5:]],  # 5 of 7: moved kickoffs
        reports("b", 8, shift=dt.timedelta(minutes=25)),  # no clock is so wrong
        reports("b", 8, shift=HOUR, is_timed=False),  # the day alone
        reports("b", 8),
    ],
)
def test_other_differences_are_no_wrong_clock(second: list[ReportedMatch]) -> None:
    assert clock_offsets(months(reports("a", 8), second).values()) == []


@pytest.mark.parametrize(
    ("home", "away", "shared", "is_same"),
    [
        ("home", "promoted club", {"home"}, True),
        ("another", "away", {"away"}, True),
        ("home", "visitor", {"home", "visitor"}, False),  # a known club: another match
        ("home", "promoted club", {"home", "away"}, False),
        ("another", "visitor", {"home", "away"}, False),
    ],
)
def test_a_match_with_one_known_team_is_the_same_match_of_that_day(
    home: str, away: str, shared: set[str], is_same: bool
) -> None:
    """Where the opponents are named by one feed each."""
    first = [ReportedMatch("a", START, True, "home", "away", None)]
    second = [ReportedMatch("b", START, True, home, away, None)]

    assert bool(pair_by_one_team(first, second, shared)) == is_same
    assert pair_by_one_team(first, [msgspec.structs.replace(second[0], kickoff=START + DAY)], shared) == []


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_the_order_of_rows_does_not_matter(order: list[int], other_order: list[int]) -> None:
    first = [*reports("a", 4), *reports("a", 4, start=START + DAY)]
    second = [*reports("b", 4, 2, shift=HOUR), *reports("b", 4, 1, start=START + DAY)]

    found = months([first[n] for n in order], [second[n] for n in other_order])
    assert found == months(first, second)
