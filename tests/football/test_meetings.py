"""Which rows of one pair in a season are one match, and which are two."""

import datetime as dt
import itertools

import msgspec
import pytest

from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.meetings import (
    ReportedRow,
    first_seen,
    group_rows,
    other_scores,
    results_beyond_format,
    status_by_now,
)
from soccer_assets.football.season_formats import SeasonFormat
from soccer_assets.football.validity import MET_TWICE, MET_TWICE_NOT_LISTED

LOOK = dt.datetime(2024, 10, 1, 6, tzinfo=dt.UTC)
LATER = LOOK + dt.timedelta(days=30)
ONCE = SeasonFormat(clubs=20, least_clubs=20, guests=0, meetings=1, most_meetings=1)
WITH_PLAY_OFFS = SeasonFormat(clubs=24, least_clubs=24, guests=0, meetings=1, most_meetings=2)
TWICE = SeasonFormat(clubs=12, least_clubs=12, guests=0, meetings=2, most_meetings=2)
OCTOBER, NEXT_DAYS, FEBRUARY = (
    dt.datetime(*day, 15, tzinfo=dt.UTC) for day in ((2024, 10, 26), (2024, 10, 29), (2025, 2, 27))
)


class Schedule:
    """Clubs that have no other match on the days in question, or have."""

    def __init__(self, *, is_free=False, repeats=False, has_moved=False):
        self.is_free, self.repeats, self.has_moved = is_free, repeats, has_moved

    def has_changed_grounds(self):
        """Whether the return match is listed at the other ground no longer."""
        return self.has_moved

    def do_others_repeat(self):
        """Whether other pairs met twice."""
        return self.repeats

    def could_play_both(self, _one, _other):
        """Whether they are free."""
        return self.is_free


BUSY = Schedule()


def reported(key, kickoff, score=None, status=None, **changes):
    """A row; finished where it has a score, else scheduled."""
    return ReportedRow(
        **{
            "key": key,
            "kickoff": kickoff,
            "status": status or (MatchStatus.FINISHED if score else MatchStatus.SCHEDULED),
            "score": score,
            "round": None,
            "first_seen_at": LOOK,
        }
        | changes
    )


def keys(groups):
    """The keys of each group, the one that stands first; groups in the order of their keys."""
    return sorted([one.key for one in group] for group in groups)


@pytest.mark.parametrize(
    ("season", "one", "other", "right"),
    [
        # A pair that meets once.
        (ONCE, {"score": (0, 2)}, {"score": (0, 2)}, [["new", "old"]]),
        (ONCE, {"score": (0, 2)}, {"score": (1, 2)}, [["new"], ["old"]]),
        (ONCE, {}, {"score": (2, 1), "first_seen_at": LATER}, [["new", "old"]]),
        (ONCE, {}, {"first_seen_at": LATER}, [["new", "old"]]),
        (ONCE, {"status": MatchStatus.POSTPONED}, {}, [["new", "old"]]),
        (
            ONCE,
            {"score": (2, 1)},
            {},
            [["new"], ["old"]],
        ),  # c08: the list drops the fixture, or a person asks
        # What was awarded or abandoned has a replay of its own.
        (ONCE, {"status": MatchStatus.ABANDONED}, {"score": (1, 0)}, [["new"], ["old"]]),
        (ONCE, {"status": MatchStatus.AWARDED}, {"score": (3, 0)}, [["new"], ["old"]]),
        # A pair may meet again, or nobody has written down whether.
        *(
            case
            for season in (TWICE, None)
            for case in (
                (season, {"score": (0, 2)}, {"score": (0, 2)}, [["new"], ["old"]]),
                (season, {}, {"score": (0, 2)}, [["new"], ["old"]]),
                (season, {"vanished_at": LATER}, {"first_seen_at": LATER}, [["new"], ["old"]]),  # 124 days on
                (
                    season,
                    {"status": MatchStatus.POSTPONED, "round": "Round 12"},
                    {"round": "Round 12"},
                    [["new", "old"]],
                ),
                (season, {"round": "Round 12"}, {"round": "Round 23"}, [["new"], ["old"]]),
                (
                    season,
                    {
                        "vanished_at": LATER,
                        "kickoff": FEBRUARY - dt.timedelta(days=20),
                        "round": "Semi-finals",
                    },
                    {"first_seen_at": LATER, "round": "Final"},
                    [["new"], ["old"]],
                ),
            )
        ),
    ],
)
def test_months_apart(season, one, other, right):
    """The format decides, or proof."""
    rows = [reported("old", **({"kickoff": OCTOBER} | one)), reported("new", FEBRUARY, **other)]
    for order in (rows, rows[::-1]):
        assert keys(group_rows(order, season, Schedule(is_free=True))) == right


@pytest.mark.parametrize("season", [ONCE, TWICE, None])
@pytest.mark.parametrize(
    ("one", "other", "right"),
    [
        ({"score": (0, 2)}, {"score": (0, 2)}, [["new", "old"]]),
        ({"score": (0, 2)}, {"score": (1, 2)}, [["new"], ["old"]]),
        ({"vanished_at": LATER}, {"first_seen_at": LATER}, [["new", "old"]]),
        (
            {"score": (1, 0), "vanished_at": LATER},
            {"score": (1, 0), "first_seen_at": LATER},
            [["new", "old"]],
        ),
        (
            {"score": (1, 0), "vanished_at": LATER},
            {"score": (3, 0), "first_seen_at": LATER},
            [["new", "old"]],
        ),
    ],
)
def test_days_apart(season, one, other, right):
    """One score within three days, and what came as the other went, is one match in every format."""
    rows = [reported("old", OCTOBER, **one), reported("new", NEXT_DAYS, **other)]
    assert keys(group_rows(rows, season, BUSY)) == right


@pytest.mark.parametrize(
    ("gone", "others"),
    [(None, ((2, 1),)), ("old", ()), ("new", ())],
    ids=["both listed", "old gone", "new gone"],
)
def test_two_scores_on_one_day_are_one_match_that_contradicts_itself_while_both_are_listed(gone, others):
    """Nobody plays the same opponent twice on a day; what is still listed stands."""
    rows = [reported("old", OCTOBER, (2, 1)), reported("new", OCTOBER, (0, 1), first_seen_at=LATER)]
    [group] = group_rows(
        [msgspec.structs.replace(row, vanished_at=LATER if row.key == gone else None) for row in rows],
        None,
        BUSY,
    )
    assert group[0].key == ("old" if gone == "new" else "new")
    assert other_scores(group) == others


@pytest.mark.parametrize(
    ("days", "is_free", "right"),
    [
        (1, True, [["new", "old"]]),
        (2, False, [["new", "old"]]),
        (3, False, [["new", "old"]]),
        (3, True, [["new"], ["old"]]),
        (4, False, [["new"], ["old"]]),
    ],
)
def test_one_score_twice_within_days_is_one_match_where_no_club_could_play_both(days, is_free, right):
    """Tours and series really repeat a score in three days; a club that plays elsewhere then cannot."""
    rows = [reported("old", OCTOBER, (1, 0)), reported("new", OCTOBER + dt.timedelta(days=days), (1, 0))]
    assert keys(group_rows(rows, None, Schedule(is_free=is_free))) == right


@pytest.mark.parametrize(
    ("repeats_from", "right"),
    [
        (dt.date(2025, 5, 1), [["new", "old"]]),
        (dt.date(2025, 2, 1), [["new"], ["old"]]),
        (None, [["new"], ["old"]]),  # a Liguilla follows the Apertura in December
    ],
)
@pytest.mark.parametrize("score", [(1, 1), None])
def test_a_pair_that_may_meet_in_play_offs_meets_once_before_them(repeats_from, right, score):
    """Two rows with one score, or one put off, are one match where play-offs have not begun."""
    season = msgspec.structs.replace(WITH_PLAY_OFFS, repeats_from=repeats_from)
    rows = [reported("old", OCTOBER, score), reported("new", FEBRUARY, score or (2, 0))]
    assert keys(group_rows(rows, season, BUSY)) == right


@pytest.mark.parametrize("score", [(1, 1), None])
def test_where_other_pairs_meet_twice_the_format_is_not_believed(score):
    """A feed that files two tournaments of a year under one label."""
    rows = [reported("old", OCTOBER, score), reported("new", FEBRUARY, score or (2, 0))]
    assert keys(group_rows(rows, ONCE, Schedule(repeats=True))) == [["new"], ["old"]]


def test_two_meetings_whose_rows_were_all_made_anew_stay_two():
    """A club's corrected name gives every row another id in one look: each replaces that of its own day."""
    april = FEBRUARY + dt.timedelta(days=50)
    rows = [
        row
        for day, name in ((FEBRUARY, "winter"), (april, "spring"))
        for row in (
            reported(f"old {name}", day, (1, 2), vanished_at=LATER),
            reported(f"new {name}", day, (1, 2), first_seen_at=LATER),
        )
    ]
    for order in itertools.permutations(rows):
        assert keys(group_rows(order, None, Schedule(is_free=True))) == [
            ["new spring", "old spring"],
            ["new winter", "old winter"],
        ]


def test_a_season_corrected_is_one_match():
    """The row that came in its place is the same match, whatever else differs."""
    old = reported("old", OCTOBER, replaced_by="new", vanished_at=LATER)
    new = reported("new", OCTOBER + dt.timedelta(days=200), first_seen_at=LATER)
    assert keys(group_rows([old, new], None, BUSY)) == [["new", "old"]]


def test_the_match_keeps_the_id_that_predictions_were_made_for():
    """The row seen first gives the id; the result stands."""
    old, new = reported("old", OCTOBER), reported("new", FEBRUARY, (2, 1), first_seen_at=LATER)
    [group] = group_rows([new, old], ONCE, BUSY)
    assert group[0] is new
    assert first_seen(group) is old


def test_two_meetings_and_a_row_put_off_are_two_matches_in_every_order():
    """A row joins the match it became and no other, however the rows come."""
    rows = [
        reported("first", OCTOBER, (1, 0)),
        reported("second", FEBRUARY, (2, 2), first_seen_at=LATER),
        reported("put off", FEBRUARY - dt.timedelta(days=20), vanished_at=LATER),
    ]
    for order in itertools.permutations(rows):
        assert keys(group_rows(order, TWICE, BUSY)) == [["first"], ["second", "put off"]]


@pytest.mark.parametrize(
    ("changes", "days", "right"),
    [
        ({"vanished_at": LOOK}, 6, MatchStatus.SCHEDULED),
        ({"vanished_at": LOOK}, 7, MatchStatus.WITHDRAWN),
        ({"vanished_at": LOOK, "status": MatchStatus.POSTPONED}, 7, MatchStatus.WITHDRAWN),
        ({"vanished_at": LOOK, "status": MatchStatus.FINISHED, "score": (1, 0)}, 70, MatchStatus.FINISHED),
        ({"vanished_at": LOOK, "status": MatchStatus.CANCELLED}, 70, MatchStatus.CANCELLED),
        ({"status": MatchStatus.LIVE}, 6, MatchStatus.LIVE),
        ({"status": MatchStatus.LIVE}, 8, MatchStatus.ABANDONED),
        ({"status": MatchStatus.SCHEDULED}, 70, MatchStatus.SCHEDULED),
    ],
)
def test_the_clock_withdraws_and_abandons(changes, days, right):
    """A week away from the list, or a week under way."""
    row = msgspec.structs.replace(reported("row", LOOK), **changes)
    assert status_by_now(row, LOOK + dt.timedelta(days=days)) is right


def test_a_return_match_that_came_to_the_same_ground_counts():
    """The feed dropped it at the other ground: the pair meets twice here, as its format has it."""
    rows = [reported("old", OCTOBER, score=(0, 2)), reported("new", FEBRUARY, score=(1, 2))]
    schedule = Schedule(is_free=True, has_moved=True)

    assert results_beyond_format(group_rows(rows, ONCE, schedule), ONCE, schedule) == {}


@pytest.mark.parametrize(
    ("season", "old", "new", "repeats", "marked"),
    [
        (ONCE, {}, {}, False, {"old": MET_TWICE, "new": MET_TWICE}),
        (ONCE, {"vanished_at": LATER}, {}, False, {"old": MET_TWICE_NOT_LISTED}),
        (ONCE, {}, {"vanished_at": LATER}, False, {"new": MET_TWICE_NOT_LISTED}),
        (ONCE, {}, {}, True, {}),
        (ONCE, {"round": "Semi-finals"}, {"round": "Final"}, False, {}),
        (ONCE, {"status": MatchStatus.ABANDONED}, {}, False, {}),
        (ONCE, {"status": MatchStatus.AWARDED}, {}, False, {}),
        (WITH_PLAY_OFFS, {}, {}, False, {}),
        (TWICE, {}, {}, False, {}),
        (None, {}, {}, False, {}),
    ],
)
def test_two_results_of_a_pair_that_meets_once_do_not_both_count(season, old, new, repeats, marked):
    """Which of them is wrong is told by the feed that drops it, else by nobody."""
    schedule = Schedule(is_free=True, repeats=repeats)
    rows = [
        reported("old", OCTOBER, **{"score": (0, 2)} | old),
        reported("new", FEBRUARY, **{"score": (1, 2)} | new),
    ]
    marks = results_beyond_format(group_rows(rows, season, schedule), season, schedule)
    assert {key: mark.partition(":")[0] for key, mark in marks.items()} == marked
    if len(marked) == 2:
        assert set(marks.values()) == {f"{MET_TWICE}: 0-2 on 2024-10-26 and 1-2 on 2025-02-27"}
