"""Quality of settled predictions: hand-worked scores, coverage, and comparisons on the same rows."""

import datetime as dt
import math

import numpy as np
import pytest

from soccer_assets.modelling.quality import Settled, by_slice, by_week, overall, phases

# Monday, 30 December 2024 is the first day of 2025's first ISO week.
MONDAY = int(dt.datetime(2024, 12, 30, 15, tzinfo=dt.UTC).timestamp())
DAY = 86_400


def _settled(rows: int = 6) -> Settled:
    """Two weeks of three matches: one of each week is unscored, one of those void."""
    probabilities = np.tile([0.5, 0.3, 0.2], (rows, 1))
    probabilities[[2, 5]] = np.nan
    elo = np.tile([0.4, 0.3, 0.3], (rows, 1))
    book = np.full((rows, 3), np.nan)
    book[0] = [0.6, 0.2, 0.2]
    return Settled(
        kickoff=MONDAY + np.arange(rows) // 3 * 7 * DAY,
        is_finished=np.array([True, True, True, True, True, False]),
        is_void=np.array([False, False, False, False, False, True]),
        is_scored=np.array([True, True, False, True, True, False]),
        probabilities=probabilities,
        outcomes=np.array([0, 1, -1, 0, 2, -1], np.int8),
        others={"elo_textbook": elo, "book": book},
        dimensions={"competition": np.array(["A", "A", "A", "B", "", "B"], object)},
    )


def test_scores_of_four_matches_are_the_hand_worked_ones() -> None:
    """Two home wins, a draw and an away win at .5, .3, .2; five finished, one void."""
    score = overall(_settled())

    assert (score.finished, score.scored, score.void, score.coverage) == (5, 4, 1, 0.8)
    assert score.log_loss == pytest.approx(-(2 * math.log(0.5) + math.log(0.3) + math.log(0.2)) / 4)
    assert score.expected_log_loss == pytest.approx(-sum(p * math.log(p) for p in (0.5, 0.3, 0.2)))
    assert score.brier_score == pytest.approx((2 * 0.38 + 0.78 + 0.98) / 4)
    assert score.hit_rate == 0.5
    assert score.ece_15 == pytest.approx(0.0)


def test_a_missing_result_lowers_the_coverage_and_no_score() -> None:
    """The void match were due instead: four of six are covered, in its own slice one of two."""
    full = _settled()
    due = Settled(**(vars(full) | {"is_void": np.zeros(6, np.bool_), "is_due": full.is_void}))
    score = overall(due)

    assert (score.finished, score.scored, score.void, score.due) == (5, 4, 0, 1)
    assert score.coverage == 4 / 6
    assert score.log_loss == overall(full).log_loss
    assert {part.value: part.score.coverage for part in by_slice(due)} == {"A": 2 / 3, "B": 1 / 2}


def test_another_forecaster_is_compared_on_the_rows_that_both_have() -> None:
    """Elo has all four, the book has one: its coverage says so, and one match has no interval."""
    against = overall(_settled()).against

    elo, book = against["elo_textbook"], against["book"]
    assert (elo.rows, elo.coverage, book.rows, book.coverage) == (4, 1.0, 1, 0.25)
    assert elo.difference == pytest.approx((2 * math.log(0.4 / 0.5) + math.log(0.3 / 0.2)) / 4)
    assert elo.difference == pytest.approx(elo.log_loss - elo.other_log_loss)
    assert elo.low is not None
    assert elo.high is not None
    assert elo.low <= elo.difference <= elo.high
    assert (book.low, book.high) == (None, None)
    assert book.difference == pytest.approx(math.log(0.6 / 0.5))
    assert book.evidence > 1.0


def test_weeks_are_iso_weeks_in_order() -> None:
    """The last days of December belong to the new year's first week."""
    first, second = by_week(_settled())

    assert (first.week, first.first_day, first.score.finished) == ("2025-W01", "2024-12-30", 3)
    assert (second.week, second.first_day, second.score.finished) == ("2025-W02", "2025-01-06", 2)
    assert (second.score.scored, second.score.void, second.score.coverage) == (2, 1, 1.0)


def test_slices_leave_out_what_belongs_to_none() -> None:
    """A match without a value is in no slice."""
    assert [(part.dimension, part.value, part.score.scored) for part in by_slice(_settled())] == [
        ("competition", "A", 2),
        ("competition", "B", 1),
    ]


def test_nothing_finished_has_no_scores_and_no_coverage() -> None:
    """An empty ledger has no scores, not perfect ones."""
    full = _settled()
    none = np.zeros(6, np.bool_)
    empty = Settled(full.kickoff, none, none, none, *list(vars(full).values())[4:])
    score = overall(empty)

    assert (score.finished, score.scored, score.coverage, score.log_loss, score.ece_15) == (
        0,
        0,
        None,
        None,
        None,
    )
    assert score.against == {}


def test_a_season_has_three_thirds_and_a_cup_none() -> None:
    """Tier 0 is a cup, whatever its date."""
    assert phases([0.0, 0.34, 0.67, 1.0, 0.5], [1, 1, 2, 1, 0]) == ["early", "middle", "late", "late", "cup"]
