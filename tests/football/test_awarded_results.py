"""Awarded results that a feed gives as played: known by name, day and season, in any spelling."""

import datetime as dt

import msgspec

from soccer_assets.football.awarded_results import as_awarded, score_of_award
from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from tests.builders import finished


def _told(day: dt.date, home: str, away: str, score: str = "1-1"):
    row = finished(score, f"{day}T18:00:00Z")
    return msgspec.structs.replace(
        row, competition="GER-1", season="2024/2025", home_team=home, away_team=away
    )


def test_a_result_that_was_awarded_counts_in_tables_and_nowhere_else() -> None:
    """Union Berlin against Bochum ended 1-1 and was awarded 0-2; a spelling and a day off are the same."""
    for home, away, day in (
        ("Union Berlin", "Bochum", dt.date(2024, 12, 14)),
        ("1. FC Union Berlin", "VfL Bochum", dt.date(2024, 12, 15)),
    ):
        record = as_awarded(_told(day, home, away))
        assert (record.status, record.home_goals, record.away_goals) == (MatchStatus.AWARDED, 0, 2)
        rule = STATUS_RULES[record.status]
        assert (rule.trains, rule.moves_ratings, rule.settles) == (False, False, False)


def test_other_matches_stay_as_told() -> None:
    """The return match, another season, and a fixture that is not over."""
    others = [
        _told(dt.date(2025, 4, 26), "Bochum", "Union Berlin"),
        msgspec.structs.replace(_told(dt.date(2023, 12, 14), "Union Berlin", "Bochum"), season="2023/2024"),
        msgspec.structs.replace(
            _told(dt.date(2024, 12, 14), "Union Berlin", "Bochum"), status=MatchStatus.SCHEDULED
        ),
    ]
    for record in others:
        assert as_awarded(record) is record
    assert score_of_award("ENG-1", "2024/2025", dt.date(2024, 12, 14), "Union Berlin", "Bochum") is None
