"""The history's parts on both databases: a run at a time gives what a new build gives, also after a kill."""

import datetime as dt

import pytest
import sqlalchemy as sa

from soccer_assets import tables
from soccer_assets.contract.history_parts import HistoryMatch, SeasonPart
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import MatchStatus
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.history.parts import (
    STATE_KEY,
    HistorySource,
    HistoryUpdate,
    read_object,
    update_history,
)
from soccer_assets.stores.history.season_draft import LEAST_MOVE
from tests.builders import NOW, raw_match
from tests.stores.ledger.test_record import MONDAY, entry, feed, played, record

_HOUR = dt.timedelta(hours=1)


def _update(database: Database, store: ObjectStore) -> HistoryUpdate:
    return update_history(
        store,
        HistorySource(
            database=database, strengths_of=lambda _rows: {}, feed="fake", is_simulated=True, now=MONDAY
        ),
    )


def _match(update: HistoryUpdate, store: ObjectStore) -> HistoryMatch:
    (season,) = update.index.seasons
    (match,) = read_object(store, season.sha256, SeasonPart).matches
    return match


def _said(database: Database, store: ObjectStore, *homes: float) -> None:
    """A forecast an hour, each with an update of the history."""
    for number, home in enumerate(homes):
        record(database, entry(p_home=home, p_away=0.75 - home, recorded_at=NOW + number * _HOUR))
        _update(database, store)


def test_a_forecast_an_hour_gives_what_a_new_build_gives(
    database: Database, folder_store: ObjectStore
) -> None:
    """Moves below half a point are counted and not kept, but for the last one and the official one."""
    feed(database, raw_match())
    small = LEAST_MOVE / 4
    _said(database, folder_store, 0.5, 0.5 + small, 0.52, 0.52 + small, 0.52 + 2 * small)
    feed(database, played("2-1"))
    record(database, now=MONDAY)
    update = _update(database, folder_store)
    match = _match(update, folder_store)

    assert match.entries == 5
    assert [said.home for said in match.said] == [0.5, 0.52, 0.5225]
    assert (match.said[match.official].home, match.verdict, match.goals) == (0.5225, "scored", (2, 1))
    folder_store.delete(STATE_KEY)
    assert _update(database, folder_store).index == update.index


@pytest.mark.parametrize(
    ("status", "goals"),
    [
        (MatchStatus.LIVE, None),
        (MatchStatus.ABANDONED, None),
        (MatchStatus.AWARDED, (2, 1)),
        (MatchStatus.FINISHED, (2, 1)),
    ],
)
def test_goals_of_a_match_under_way_are_no_result(
    sqlite_database: Database, folder_store: ObjectStore, status: MatchStatus, goals: tuple[int, int] | None
) -> None:
    """A team's form would call a match that stands 2-1 won."""
    feed(sqlite_database, raw_match())
    with sqlite_database.writing() as connection:
        stands = {"status": status, "home_goals": 2, "away_goals": 1, "home_goals_half_time": 1}
        connection.execute(sa.update(tables.match).values(**stands, away_goals_half_time=0))
    match = _match(_update(sqlite_database, folder_store), folder_store)

    assert (match.status, match.goals) == (status, goals)
    assert match.half_time == (None if goals is None else (1, 0))


def test_the_official_forecast_stays_when_later_ones_follow(
    database: Database, folder_store: ObjectStore
) -> None:
    """The match is played later than first known: what was said after its first deadline does not count."""
    feed(database, raw_match())
    small = LEAST_MOVE / 4
    _said(database, folder_store, 0.5, 0.5 + small)
    late = dt.timedelta(days=1, hours=6)
    record(database, entry(p_home=0.5 + 2 * small, p_away=0.25 - 2 * small, recorded_at=NOW + late))
    _update(database, folder_store)
    feed(database, played("0-0"))
    record(database, now=MONDAY)
    match = _match(_update(database, folder_store), folder_store)

    assert match.said[match.official].home == 0.5 + small
    assert match.said[-1].home == 0.5 + 2 * small


def test_a_run_that_was_killed_before_its_state_is_made_up_for(
    database: Database, folder_store: ObjectStore
) -> None:
    """Parts and index are written, the state is not: the next run writes the same and goes on."""
    feed(database, raw_match())
    _said(database, folder_store, 0.5)
    before = folder_store.read(STATE_KEY)
    _said(database, folder_store, 0.6)
    done = _update(database, folder_store)
    folder_store.write(STATE_KEY, before)
    again = _update(database, folder_store)

    assert (again.index, again.entry) == (done.index, done.entry)
    assert again.written == 0


def test_another_database_makes_everything_anew(database: Database, folder_store: ObjectStore) -> None:
    """A database that was restored to an earlier state: its ledger ends before the one that was read."""
    feed(database, raw_match())
    _said(database, folder_store, 0.5)
    state = folder_store.read(STATE_KEY)
    folder_store.write(STATE_KEY, state.replace(b'"sequence":1', b'"sequence":9'))

    assert _update(database, folder_store).is_whole
    assert not _update(database, folder_store).is_whole


def test_a_match_that_is_no_match_any_more_leaves_its_season(
    database: Database, folder_store: ObjectStore
) -> None:
    """The feed gives it another season: the old season has no part, the new one has it with its forecasts."""
    feed(database, raw_match())
    _said(database, folder_store, 0.5)
    feed(database, raw_match(season="2025/2026"))
    update = _update(database, folder_store)

    assert [season.season for season in update.index.seasons] == ["2025/2026"]
    match = _match(update, folder_store)
    assert (match.id, match.entries) == (mint_match_id("fake", "m1"), 1)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x28\xb5\x2f\xfd"])
def test_a_damaged_index_makes_everything_anew(
    sqlite_database: Database, folder_store: ObjectStore, damage: bytes
) -> None:
    """The index has not the hash of its name."""
    feed(sqlite_database, raw_match())
    first = _update(sqlite_database, folder_store)
    folder_store.write(f"history/{first.entry.sha256}.json.zst", damage)

    assert _update(sqlite_database, folder_store).is_whole
    assert not _update(sqlite_database, folder_store).is_whole
