"""How fresh the data is: when the feed was looked at, the newest result, and the next one due."""

import datetime as dt
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from soccer_assets.clock import parse_instant
from soccer_assets.contract.status import AssetState
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.releases.current_status import current_status, data_as_of, next_expected_at
from soccer_assets.tables import match
from tests.builders import CLOCK, COMPETITIONS, NOW, FakeFeed, finished, raw_match

FEED = FakeFeed()
SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))
NOON = parse_instant("2025-04-26T12:00:00Z")


def feed(
    database: Database, *items: RawMatch, asset: str = "livescores/recent", now: dt.datetime = NOW
) -> None:
    """Store the feed's matches and normalise them."""
    store_raw(database, items, asset=asset, source="fake", window=SEASON, now=now)
    update_matches(database, COMPETITIONS, now)


def status_of(database: Database, watched: dict[dg.AssetKey, str] | None = None) -> Any:
    """The status of a home without materialisations."""
    with dg.DagsterInstance.ephemeral() as instance:
        return current_status(database, FEED, CLOCK, instance, watched or {})


def test_the_newest_result_dates_the_data(database):
    """Of what is finished the latest kickoff counts; fixtures and live matches do not."""
    assert data_as_of(database) is None
    feed(
        database,
        finished("1-0", "2025-04-12T14:00:00Z", source_match_id="m1"),
        finished("1-0", "2025-04-20T14:00:00Z", source_match_id="m2"),
        raw_match(source_match_id="m3"),
        raw_match(source_match_id="m4", status=MatchStatus.LIVE, kickoff=NOW),
    )

    assert data_as_of(database) == parse_instant("2025-04-20T14:00:00Z")


def test_a_result_is_due_three_hours_and_the_lag_after_kickoff(database):
    """The earliest match without a result decides: kickoff 14:00, 3 h, and the feed's hour."""
    assert next_expected_at(database, FEED, NOW) is None
    feed(
        database, raw_match(), raw_match(source_match_id="m2", kickoff=parse_instant("2025-04-27T14:00:00Z"))
    )

    assert next_expected_at(database, FEED, NOW) == parse_instant("2025-04-26T18:00:00Z")


@pytest.mark.parametrize(
    ("status", "is_awaited"),
    [
        (MatchStatus.SCHEDULED, True),
        (MatchStatus.TBD, False),
        (MatchStatus.LIVE, True),
        (MatchStatus.FINISHED, False),
        (MatchStatus.POSTPONED, False),
        (MatchStatus.ABANDONED, False),
        (MatchStatus.REPLAYED, False),
        (MatchStatus.AWARDED, False),
        (MatchStatus.CANCELLED, False),
    ],
)
def test_only_a_match_that_should_be_played_is_awaited(database, status, is_awaited):
    """A postponed match or one without a date keeps nobody waiting."""
    feed(database, raw_match(status=status))

    assert (next_expected_at(database, FEED, NOW) is not None) is is_awaited


def test_a_day_without_a_time_is_due_after_its_end(database):
    """A match known by its day may begin late in the evening: its 12:00 is no kickoff."""
    feed(database, raw_match(kickoff=NOON, kickoff_precision=KickoffPrecision.DAY))
    alone = next_expected_at(database, FEED, NOW)
    feed(database, raw_match(source_match_id="m2", kickoff=parse_instant("2025-04-26T19:00:00Z")))

    assert alone == parse_instant("2025-04-27T04:00:00Z")
    assert next_expected_at(database, FEED, NOW) == parse_instant("2025-04-26T23:00:00Z")


def test_a_fixture_that_vanished_from_its_feed_is_not_awaited_for_ever(database):
    """After thirty days without a result the next match decides again."""
    feed(
        database, raw_match(), raw_match(source_match_id="m2", kickoff=parse_instant("2025-06-27T14:00:00Z"))
    )
    much_later = parse_instant("2025-05-26T14:00:01Z")

    assert next_expected_at(database, FEED, much_later) == parse_instant("2025-06-27T18:00:00Z")


def test_a_kickoff_that_moved_after_it_was_predicted_is_told(database):
    """The status names the matches whose prediction was made for another kickoff."""
    feed(database, raw_match())
    with database.reading() as connection:
        (match_id,) = connection.execute(sa.select(match.c.match_id)).scalars()
        kickoff = connection.execute(sa.select(match.c.kickoff)).scalar_one()
    entry = Entry(
        match_id=match_id,
        kickoff=kickoff,
        kickoff_precision=KickoffPrecision.MINUTE,
        model_sha256="m",
        p_home=0.5,
        p_draw=0.3,
        p_away=0.2,
        recorded_at=NOW,
    )
    record_and_score(database, [("ENG-1", entry)], NOW)
    before = status_of(database).moved_match_ids
    feed(database, raw_match(kickoff=kickoff + dt.timedelta(hours=3)))

    assert before == ()
    assert status_of(database).moved_match_ids == (match_id,)


def test_a_look_at_the_past_does_not_make_the_present_fresh(database):
    """The status tells when the last days were looked at, not when a backfill ran."""
    feed(database, raw_match(), now=NOW - dt.timedelta(hours=2))
    feed(database, asset="livescores/history", now=NOW)

    status = status_of(database)
    assert status.checked_at == "2025-04-25T07:00:00Z"
    assert (status.data_as_of, status.next_expected_at) == (None, "2025-04-26T18:00:00Z")


def test_a_home_that_never_looked_says_now(sqlite_database):
    """Before the first look there is nothing to be stale about."""
    status = status_of(sqlite_database)

    assert (status.checked_at, status.feed) == ("2025-04-25T09:00:00Z", "fake")
    assert (status.data_as_of, status.next_expected_at) == (None, None)


def test_watched_assets_tell_when_they_were_made(sqlite_database):
    """An asset that was materialised has its time, one that never was has none, both their promise."""
    seen, unseen = dg.AssetKey(["exports", "match"]), dg.AssetKey(["releases", "current"])
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(seen))
        status = current_status(
            sqlite_database,
            FEED,
            CLOCK,
            instance,
            {seen: "fails after 26 hours", unseen: "fails after 3 hours"},
        )

    made, never = status.assets
    assert (made.key, made.state, made.promise) == ("exports/match", "unknown", "fails after 26 hours")
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(made.last_materialized_at)
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=1)
    assert never == AssetState(key="releases/current", state="unknown", promise="fails after 3 hours")
