"""The checks of matchdays that are filled in, and of seasons with home and away exchanged."""

from soccer_assets.clock import FixedClock
from soccer_assets.graph.ingest_checks import REMEDY
from soccer_assets.graph.meeting_checks import no_matchday_is_filled_in, sides_at_home_win_more
from tests.builders import NOW
from tests.stores.matches.test_exchanged_sides import season
from tests.stores.matches.test_filled_matchdays import matchday
from tests.stores.matches.test_normalise import update


def test_a_matchday_of_one_score_fails_the_check_with_the_command(sqlite_database):
    update(sqlite_database, matchday(["1-0"] * 5))
    assert no_matchday_is_filled_in(sqlite_database).passed

    update(sqlite_database, matchday(["1-0"] * 6))
    result = no_matchday_is_filled_in(sqlite_database)

    assert not result.passed
    assert result.description == "TST-1 2025-04-12: 6 results, all 1-0 (fake)"
    assert {REMEDY, "matchdays", "results", "filled_in"} == result.metadata.keys()


def test_a_season_with_home_and_away_exchanged_fails_the_check(sqlite_database):
    update(sqlite_database, season()[:100])
    assert sides_at_home_win_more(sqlite_database, FixedClock(NOW)).passed

    update(sqlite_database, season())
    result = sides_at_home_win_more(sqlite_database, FixedClock(NOW))

    assert not result.passed
    assert "40 wins at home, 120 away in 160 results" in result.description
    assert {REMEDY, "seasons", "exchanged"} == result.metadata.keys()
