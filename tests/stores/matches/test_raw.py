"""Raw rows: stored once per state, with their history."""

import datetime as dt
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soccer_assets.feeds.protocol import FeedUnavailableError
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection, UndrawnFixture, UnreadableFile
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark
from soccer_assets.stores.matches import raw as raw_store
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import IngestCounts, store_raw
from soccer_assets.tables import (
    ingest,
    match,
    match_raw,
    match_raw_history,
    metadata,
    rejected_row,
    team,
    vanished_match,
)
from tests.builders import COMPETITIONS, NOW, finished, raw_match, rejection, two_leagues

LATER = NOW + dt.timedelta(hours=1)
SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))


def store(
    database: Database,
    items: Iterable[RawMatch | Rejection],
    now: dt.datetime = NOW,
    window: Window = SEASON,
) -> IngestCounts:
    """Store one pass over a window."""
    return store_raw(database, items, asset="livescores/recent", source="fake", window=window, now=now)


def rows_of(database: Database, table: sa.Table, *, order_by: str = "source_match_id") -> list[Any]:
    """All rows of a table."""
    with database.reading() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c[order_by])))


def without_id(match: RawMatch, **changes: Any) -> RawMatch:
    """The match from a source without ids."""
    return msgspec.structs.replace(match, source_match_id=None, payload={}, **changes)


def test_a_first_pass_adds_every_row(database):
    """New matches are stored unchanged, as version 1, under one change number."""
    counts = store(database, [raw_match(), finished("2-1", source_match_id="m2")])

    assert counts == IngestCounts(seen=2, added=2, newest_result=dt.datetime(2025, 4, 20, 14, tzinfo=dt.UTC))
    first, second = rows_of(database, match_raw)
    assert (first.source_match_id, first.version, first.change_no) == ("m1", 1, 1)
    assert (second.source_match_id, second.status, second.change_no) == ("m2", "finished", 1)
    assert first.meeting == "TST-1|2024/2025|leeds|derby"
    assert (first.payload, first.first_seen_at, first.changed_at) == ('{"id":"m1"}', NOW, NOW)


def test_a_second_pass_of_the_same_rows_writes_one_row_of_ingest(database):
    """Unchanged data changes no table, except for one row of `ingest`."""
    store(database, [raw_match(), finished("2-1", source_match_id="m2")])
    before = {table.name: contents(database, table) for table in metadata.sorted_tables}

    counts = store(database, [raw_match(), finished("2-1", source_match_id="m2")], LATER)

    after = {table.name: contents(database, table) for table in metadata.sorted_tables}
    assert {name for name in before if before[name] != after[name]} == {"ingest"}
    assert (counts.added, counts.changed, counts.unchanged) == (0, 0, 2)
    first, second = rows_of(database, ingest, order_by="ingest_id")
    assert (first.checked_at, first.added) == (NOW, 2)
    assert (second.checked_at, second.seen, second.added, second.window_start) == (LATER, 2, 0, SEASON.start)


def contents(database: Database, table: sa.Table) -> list[tuple[Any, ...]]:
    """All rows of a table, in a fixed order."""
    with database.reading() as connection:
        return sorted(map(tuple, connection.execute(sa.select(table))), key=str)


def test_a_corrected_score_keeps_its_predecessor(database):
    """Version 2 replaces the row; version 1 moves to history with the change number that replaced it."""
    store(database, [finished("2-1")])

    counts = store(database, [finished("2-2")], LATER)

    assert (counts.added, counts.changed) == (0, 1)
    (row,) = rows_of(database, match_raw)
    assert (row.version, row.change_no, row.first_seen_at, row.changed_at) == (2, 2, NOW, LATER)
    (old,) = rows_of(database, match_raw_history)
    assert (old.version, old.replaced_by_change_no, old.changed_at) == (1, 2, NOW)
    assert ('"home_goals":2,"away_goals":1' in old.record, '"away_goals":2' in row.record) == (True, True)


def test_a_payload_that_changed_alone_is_a_new_version(database):
    """A changed field without a column is kept too."""
    store(database, [raw_match()])

    counts = store(database, [raw_match(payload={"id": "m1", "referee": "Oliver"})], LATER)

    assert counts.changed == 1
    assert rows_of(database, match_raw)[0].payload == '{"id":"m1","referee":"Oliver"}'


def test_a_payload_in_another_order_is_the_same(database):
    """Another order of a provider's fields is not a change."""
    store(database, [raw_match(payload={"a": 1, "b": {"c": 2, "d": 3}})])

    assert store(database, [raw_match(payload={"b": {"d": 3, "c": 2}, "a": 1})], LATER).changed == 0


def test_a_rejection_is_kept_once_with_its_reason(database):
    """A repeated faulty row is stored once, with its first and last time; another reason is another row."""
    store(database, [rejection(), rejection(), raw_match()])
    counts = store(database, [rejection()], LATER)
    store(database, [rejection(reason="no competition")], LATER)

    assert (counts.seen, counts.rejected, counts.unchanged) == (1, 1, 0)
    first, second = rows_of(database, rejected_row, order_by="reason")
    assert (first.reason, first.first_seen_at) == ("no competition", LATER)
    assert (second.reason, second.first_seen_at, second.last_seen_at) == (
        "the date is missing",
        NOW,
        LATER,
    )
    assert second.payload == '{"id":"x1"}'


def test_a_row_listed_twice_is_counted_as_a_double(database):
    """Two rows of one match in one pass are stored once, with ids of the source or without."""
    with_ids = store(database, [raw_match(), raw_match()])
    items = [without_id(finished("1-0", home_team="Hull")) for _ in range(2)]
    first = store(database, items)
    second = store(database, items, LATER)

    assert (with_ids.added, with_ids.doubles) == (1, 1)
    assert (first.added, first.doubles) == (1, 1)
    assert (second.added, second.changed, second.doubles) == (0, 0, 1)
    assert len(rows_of(database, match_raw)) == 2


def test_a_team_with_two_results_on_a_day_is_counted(database, monkeypatch):
    """The second result of the day counts, in the next batch too; a fixture of the day does not."""
    hull = finished("1-0", source_match_id="m2", home_team="Hull")
    again = finished("2-2", source_match_id="m3", away_team="York")
    early = raw_match(source_match_id="m4", kickoff=again.kickoff, away_team="Bury")
    other = finished("2-2", source_match_id="m5", competition="TST-2")

    monkeypatch.setattr(raw_store, "ROWS_PER_TRANSACTION", 2)

    counts = store(database, [finished("1-1", source_match_id="m1"), hull, again, early, other])

    assert (counts.added, counts.doubles, counts.twice_a_day) == (5, 0, 2)
    assert counts.unchanged == 0


@pytest.mark.parametrize("batch", [1, 10])
def test_two_rows_that_disagree_about_one_match_quarantine_it_until_they_agree(database, monkeypatch, batch):
    """Both scores are told, in any order; a pass with one score lifts the mark, and it teaches again."""
    monkeypatch.setattr(raw_store, "ROWS_PER_TRANSACTION", batch)
    items = [without_id(finished(score)) for score in ("2-0", "1-0", "2-0")]
    for order in (items, items[::-1], items[:2]):
        store(database, order)
        update_matches(database, COMPETITIONS, NOW)
        (marked,) = rows_of(database, match)
        assert marked.quarantine == "told with several scores on one day: 1-0 and 2-0"
    if batch > 1:
        assert store(database, items[1:], LATER).changed == 0

    store(database, items[:1], LATER)
    update_matches(database, COMPETITIONS, LATER)

    (lifted,) = rows_of(database, match)
    assert (lifted.quarantine, lifted.home_goals, lifted.away_goals) == (None, 2, 0)


@pytest.mark.parametrize("is_turned", [False, True])
def test_row_without_a_result_does_not_hide_one(database, is_turned):
    """A file tells a match as postponed and, in another row of the day, as played."""
    called_off = raw_match(status=MatchStatus.POSTPONED, kickoff=finished("1-0").kickoff)
    items = [without_id(finished("1-0")), without_id(called_off)]

    store(database, items[::-1] if is_turned else items)

    (stored,) = rows_of(database, match_raw)
    assert stored.status == "finished"


def test_a_second_telling_with_the_sides_exchanged_is_no_second_match(database):
    """The first row of two that agree counts, pass after pass; a third that disagrees is another match."""
    one = without_id(finished("2-0"))
    turned = without_id(finished("0-2", home_team=one.away_team, away_team=one.home_team))
    wrong = without_id(finished("1-2", home_team=one.away_team, away_team=one.home_team))

    first, second = store(database, [one, turned]), store(database, [one, turned], LATER)
    stored = rows_of(database, match_raw)
    store(database, [one, wrong])

    assert (first.added, first.doubles) == (1, 1)
    assert (second.added, second.changed) == (0, 0)
    assert [row.meeting for row in stored] == ["TST-1|2024/2025|leeds|derby"]
    assert len(rows_of(database, match_raw)) == 2


def test_a_file_that_was_passed_over_is_stored_and_is_no_row(database):
    """It is kept with its reason and counted apart: a small batch with one bad file is sound."""
    bad = UnreadableFile(
        source="fake", reason="file passed over: E1.csv: it is empty", payload={"file": "E1.csv"}
    )

    counts = store(database, [raw_match(), bad])

    assert (counts.seen, counts.rejected, counts.unchanged, counts.files_passed_over) == (1, 0, 0, 1)
    (stored,) = rows_of(database, rejected_row, order_by="sha256")
    assert (stored.reason, stored.payload) == (bad.reason, '{"file":"E1.csv"}')


def evenings(count: int) -> list[RawMatch]:
    """Results on as many evenings, one a day."""
    return [
        finished("1-0", f"2025-03-{day:02}T18:00:00Z", source_match_id=f"m{day}", home_team=f"home {day}")
        for day in range(1, count + 1)
    ]


@pytest.mark.parametrize(("left", "is_told"), [(8, True), (4, True), (1, True), (0, True), (9, False)])
def test_a_list_that_ends_before_results_that_it_had_is_told(database, left, is_told):
    """Its file was cut at the end of a row; the stored results stay, and the report keeps its first day."""
    rows = evenings(10)
    store(database, rows)

    counts = [store(database, rows[:left], LATER + number * dt.timedelta(hours=1)) for number in range(2)]
    told = rows_of(database, rejected_row, order_by="sha256")
    whole = store(database, rows, LATER + dt.timedelta(days=1))

    assert [one.files_passed_over for one in counts] == [is_told, is_told]
    assert [row.first_seen_at for row in told] == [LATER] * is_told
    assert all(row.reason.startswith("file ends early: fake: TST-1 ends before results") for row in told)
    assert (whole.files_passed_over, whole.added, whole.changed) == (0, 0, 0)


@pytest.mark.parametrize(
    ("competition", "is_told"), [("TST-2", True), ("TST-1", False), ("TST-2, TST-1", False), ("", False)]
)
def test_a_cut_list_is_told_beside_an_unread_file_of_another_competition(database, competition, is_told):
    """An unread file of its own, or of nobody knows what, is told already."""
    rows = evenings(10)
    store(database, rows)
    bad = UnreadableFile(
        source="fake", reason="file passed over: E1.csv: it is empty", payload={"competition": competition}
    )

    counts = store(database, [*rows[:4], bad], LATER)

    assert counts.files_passed_over == 1 + is_told
    assert len(rows_of(database, vanished_match)) == 0


def test_results_that_are_gone_before_others_are_no_cut_file(database):
    """A club that was struck off takes its results with it; a later one is still listed."""
    rows = evenings(10)
    store(database, rows)

    assert store(database, [*rows[:3], rows[-1]], LATER).files_passed_over == 0


def test_a_fixture_without_teams_is_stored_and_is_no_fault(database):
    """It is kept with its reason, counted apart, and makes neither a match nor a team."""
    undrawn = UndrawnFixture(source="fake", reason="'W49' is a placeholder", payload={"home": "W49"})

    counts = store(database, [raw_match(), undrawn])

    assert (counts.seen, counts.added, counts.rejected, counts.undrawn, counts.unchanged) == (2, 1, 0, 1, 0)
    (stored,) = rows_of(database, rejected_row, order_by="sha256")
    assert stored.reason == undrawn.reason
    assert len(rows_of(database, match_raw)) == 1


def test_a_postponed_match_moves(database):
    """A new date from a source without ids moves the stored fixture, which keeps its id."""
    store(database, [without_id(raw_match())])
    store(database, [without_id(finished("0-0", "2025-05-21T18:00:00Z"))], LATER)

    (row,) = rows_of(database, match_raw)
    assert row.source_match_id == "TST-1|2024/2025|leeds|derby|20250426"
    assert (row.kickoff, row.status) == (dt.datetime(2025, 5, 21, 18, tzinfo=dt.UTC), "finished")
    (old,) = rows_of(database, match_raw_history)
    assert old.kickoff == dt.datetime(2025, 4, 26, 14, tzinfo=dt.UTC)


@pytest.mark.parametrize("status", [MatchStatus.AWARDED, MatchStatus.CANCELLED, MatchStatus.ABANDONED])
def test_a_match_that_was_called_off_for_good_does_not_move(database, status):
    """A later match of the same teams is another match: a replay has its own id."""
    store(database, [without_id(raw_match(), status=status)])
    store(database, [without_id(finished("0-0", "2025-05-21T18:00:00Z"))], LATER)

    assert [row.status for row in rows_of(database, match_raw)] == [status.value, "finished"]


@pytest.mark.parametrize("spring_first", [False, True])
def test_the_scottish_split_stays_two_matches(database, spring_first):
    """Two home matches of one season are two matches, in whichever order they are stored."""
    autumn = without_id(finished("3-1", "2024-12-28T15:00:00Z"))
    passes = [[autumn], [without_id(raw_match())]]
    for items in reversed(passes) if spring_first else passes:
        store(database, items)

    counts = store(database, [autumn, without_id(raw_match())], LATER)

    assert (counts.added, counts.changed, counts.unchanged) == (0, 0, 2)
    ids = [row.source_match_id for row in rows_of(database, match_raw)]
    assert ids == [f"TST-1|2024/2025|leeds|derby|{day}" for day in ("20241228", "20250426")]


def test_a_feed_that_breaks_off_keeps_the_batches_before(database, monkeypatch):
    """Rows stored before the fault stay, `ingest` gets no row, and the next pass continues."""
    monkeypatch.setattr(raw_store, "ROWS_PER_TRANSACTION", 2)
    items = [raw_match(source_match_id=f"m{number}") for number in range(5)]

    def breaks_off() -> Iterator[RawMatch]:
        yield from items[:3]
        raise FeedUnavailableError("the line is dead")

    with pytest.raises(FeedUnavailableError):
        store(database, breaks_off())

    assert [row.source_match_id for row in rows_of(database, match_raw)] == ["m0", "m1"]
    assert rows_of(database, ingest, order_by="ingest_id") == []
    assert store(database, items, LATER) == IngestCounts(seen=5, added=3)
    with database.reading() as connection:
        assert read_watermark(connection, "change_no") == 3


def test_counts_of_two_passes_add_up():
    """Counts are summed, and the newest result is the later one."""
    first = IngestCounts(seen=3, added=1, rejected=1, newest_result=NOW)
    other = IngestCounts(seen=4, changed=2, doubles=1, newest_result=None)

    assert first + other == IngestCounts(seen=7, added=1, changed=2, rejected=1, doubles=1, newest_result=NOW)
    assert (first + other).unchanged == 2


# Meetings of two teams at one ground in one season: days apart as real ones are, all but the last played.
meetings = st.lists(st.integers(15, 150), min_size=1, max_size=3).map(
    lambda gaps: [dt.date(2024, 7, 20) + dt.timedelta(days=sum(gaps[:number])) for number in range(len(gaps))]
)


@st.composite
def worlds(draw: st.DrawFn) -> list[RawMatch]:
    """Every match of a season at one moment, from a source without ids."""
    rows = []
    for home in draw(st.lists(st.sampled_from(["Leeds", "Hull", "York"]), unique=True, min_size=1)):
        days = draw(meetings)
        for number, day in enumerate(days):
            kickoff = f"{day}T15:00:00Z"
            if number < len(days) - 1 or draw(st.booleans()):
                row = finished(f"{number}-{draw(st.integers(0, 3))}", kickoff, home_team=home)
            else:
                row = raw_match(kickoff=dt.datetime.fromisoformat(kickoff), home_team=home)
            rows.append(without_id(row))
    return rows


@st.composite
def windows_over_a_season(draw: st.DrawFn) -> list[Window]:
    """Windows that together cover a season, some of them twice, in any order."""
    cuts = sorted(draw(st.sets(st.integers(1, 500), max_size=6)))
    days = [SEASON.start + dt.timedelta(days=number) for number in [0, *cuts, 550]]
    cover = [Window(start, end) for start, end in itertools.pairwise(days)]
    again = draw(st.lists(st.sampled_from(cover), max_size=4))
    return draw(st.permutations(cover + again))


ANY_ORDER = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=25, **ANY_ORDER)
@given(world=worlds(), windows=windows_over_a_season(), data=st.data())
def test_windows_in_any_order_end_in_the_same_tables(migrated_file, tmp_path_factory, world, windows, data):
    """A season that is split, repeated and shuffled gives the same matches, once each."""
    folder = tmp_path_factory.mktemp("worlds")

    def copy(name: str) -> str:
        (folder / name).write_bytes(migrated_file.read_bytes())
        return f"sqlite:///{folder / name}"

    assert_same_tables(copy("once.db"), copy("pieces.db"), world, windows, data)


@settings(max_examples=4, **ANY_ORDER)
@given(world=worlds(), windows=windows_over_a_season(), data=st.data())
def test_windows_in_any_order_end_in_the_same_tables_on_postgresql(migrated_databases, world, windows, data):
    """The same on PostgreSQL, whose upserts use a staging table."""
    with (
        migrated_databases.lent() as once,
        migrated_databases.lent() as pieces,
    ):
        assert_same_tables(once, pieces, world, windows, data)


def assert_same_tables(
    once: str, pieces: str, world: list[RawMatch], windows: list[Window], data: st.DataObject
) -> None:
    """A season stored at once and in shuffled windows gives the same rows of `match`, one per match."""
    at_once = matches_after(once, [(SEASON, world)])
    piecemeal = matches_after(
        pieces,
        [
            (window, data.draw(st.permutations([row for row in world if row.kickoff.date() in window])))
            for window in windows
        ],
    )

    assert len(at_once) == len(world)
    assert piecemeal == at_once


def matches_after(url: str, passes: Sequence[tuple[Window, Sequence[RawMatch]]]) -> list[tuple[Any, ...]]:
    """The rows of `match` after these passes, without change numbers."""
    database = Database(url)
    for window, items in passes:
        store(database, items, window=window)
        update_matches(database, COMPETITIONS, NOW)
    found = facts(database, match)
    database.engine.dispose()
    return found


def facts(database: Database, table: sa.Table) -> list[tuple[Any, ...]]:
    """The rows of a table in order, without change numbers."""
    columns = [column for column in table.columns if column.name != "change_no"]
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*table.primary_key))]


@pytest.mark.parametrize("has_ids", [True, False])
def test_a_live_window_and_a_backfill_of_the_same_month_at_once(database, monkeypatch, has_ids):
    """Two writers of the same rows, in small transactions, give the tables of one writer."""
    monkeypatch.setattr(raw_store, "ROWS_PER_TRANSACTION", 5)
    months = two_leagues() if has_ids else [without_id(row) for row in two_leagues()]
    start = threading.Barrier(2)

    def write(asset: str, items: list[RawMatch]) -> None:
        own = Database(database.engine.url.render_as_string(hide_password=False))
        start.wait()
        for _ in range(3):
            store_raw(own, items, asset=asset, source="fake", window=SEASON, now=NOW)
            update_matches(own, COMPETITIONS, NOW)
        own.engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        writers = [
            pool.submit(write, "livescores/history", months),
            pool.submit(write, "livescores/recent", months[::-1]),
        ]
        for writer in writers:
            writer.result()

    tables = (match_raw, match_raw_history, match, team)
    together = {table.name: facts(database, table) for table in tables}
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    store(database, months)
    update_matches(database, COMPETITIONS, NOW)
    alone = {table.name: facts(database, table) for table in tables}
    assert len(together["match"]) == len(months)
    assert together == alone
