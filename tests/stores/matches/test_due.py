"""Results that are due, and how far back a look must reach to find them."""

import datetime as dt

import pytest

from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import DueMatches, due_matches, first_day_to_read
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from tests.builders import COMPETITIONS, NOW, finished, raw_match

LAG = dt.timedelta(hours=12)


def look(database: Database, *rows: object, now: dt.datetime = NOW, asset: str = "livescores/recent") -> None:
    """A successful look at the feed."""
    window = Window(now.date() - dt.timedelta(days=3), now.date() + dt.timedelta(days=1))
    store_raw(database, iter(rows), asset=asset, source="fake", window=window, now=now)
    update_matches(database, COMPETITIONS, now)


def test_a_fresh_home_reads_three_days(database: Database) -> None:
    """Nothing is known: the last three days."""
    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=3)


@pytest.mark.parametrize(("days", "back"), [(1, 3), (11, 11), (400, 120)])
def test_a_home_that_slept_reads_from_its_last_look(database: Database, days: int, back: int) -> None:
    """However long nobody looked, up to a bound."""
    look(
        database,
        finished("1-0", (NOW - dt.timedelta(days=days + 1)).isoformat()),
        now=NOW - dt.timedelta(days=days),
    )

    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=back)


@pytest.mark.parametrize(
    ("status", "days"), [(MatchStatus.SCHEDULED, 9), (MatchStatus.LIVE, 6), (MatchStatus.TBD, 9)]
)
def test_a_late_result_is_looked_for_until_it_comes(
    database: Database, status: MatchStatus, days: int
) -> None:
    """A match of nine days ago without a result is in the window; with one it is not."""
    kickoff = NOW - dt.timedelta(days=days)
    look(database, raw_match(kickoff=kickoff, status=status))
    assert first_day_to_read(database, "fake", NOW) == kickoff.date()

    look(database, finished("2-1", kickoff.isoformat()))
    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=3)


def test_a_fixture_ahead_and_another_feeds_look_change_nothing(database: Database) -> None:
    """Only what should have been played by now, of this feed, counts."""
    look(database, raw_match(kickoff=NOW + dt.timedelta(days=2)))
    look(database, now=NOW - dt.timedelta(days=40), asset="livescores/history")

    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=3)
    assert first_day_to_read(database, "another", NOW) == NOW.date() - dt.timedelta(days=3)


def test_due_matches_are_counted_by_competition_with_their_months(database: Database) -> None:
    """A match is due 3 hours and the feed's lag after kickoff, and named by the month that mends it."""
    late = NOW - dt.timedelta(days=30)
    look(
        database,
        raw_match(kickoff=late),
        raw_match(source_match_id="m2", home_team="Hull", kickoff=NOW - dt.timedelta(hours=16)),
        raw_match(source_match_id="m3", home_team="York", kickoff=NOW - dt.timedelta(hours=14)),
        finished("1-0", (NOW - dt.timedelta(days=4)).isoformat(), source_match_id="m4"),
    )

    assert due_matches(database, LAG, NOW) == [
        DueMatches(competition="TST-1", matches=2, since=late, months=("2025-03-01", "2025-04-01"))
    ]
