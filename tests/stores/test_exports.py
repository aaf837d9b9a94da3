"""Snapshots of both match tables: consistent, under one id, written by month."""

import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import DamagedPartError, Part, read_table, write_table
from soccer_assets.stores import exports as exports_module
from soccer_assets.stores.exports import (
    MATCH_RAW_SCHEMA,
    MATCH_SCHEMA,
    ExportManifest,
    Exports,
    MissingSnapshotError,
)
from soccer_assets.stores.features.store import match_table_of
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import metadata
from tests.builders import COMPETITIONS, NOW, finished, raw_match

SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))
LATER = NOW + dt.timedelta(hours=1)

FEBRUARY = finished("2-1", "2025-02-08T15:00:00Z", source_match_id="feb")
MARCH = finished("0-0", "2025-03-08T15:00:00Z", source_match_id="mar", away_team="Hull")
APRIL = raw_match(source_match_id="apr", away_team="York")


def feed(database: Database, *items: RawMatch, now: dt.datetime = NOW) -> None:
    """Store a pass of the feed and normalise it."""
    store_raw(database, items, asset="a", source="fake", window=SEASON, now=now)
    update_matches(database, COMPETITIONS, now)


def parts(manifest: ExportManifest, table: str) -> dict[str, Part]:
    """The parts of a table by month."""
    return {part.month: part for part in manifest.tables[table].parts}


def ids(exports: Exports, manifest: ExportManifest) -> list[str]:
    """The source's ids of a snapshot's matches, in their order."""
    return exports.read_matches(manifest)["source_match_id"].to_pylist()


@pytest.fixture
def exports(database: Database, folder_store: ObjectStore) -> Exports:
    """Exports of both databases into a folder, with a match in each of three months."""
    feed(database, FEBRUARY, MARCH, APRIL)
    return Exports(folder_store, database)


def test_a_first_export_writes_every_month_of_both_tables(exports, database):
    """Three months of two tables are under one snapshot id and equal the database."""
    manifest, written = exports.update(NOW)

    assert written == {"match_raw": 3, "match": 3}
    assert list(parts(manifest, "match")) == ["2025-02", "2025-03", "2025-04"]
    assert list(parts(manifest, "match_raw")) == ["2025-02", "2025-03", "2025-04"]
    assert manifest == exports.manifest() == exports.manifest(manifest.snapshot_id)
    table = exports.read_matches(manifest)
    assert table.column_names == MATCH_SCHEMA.names
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["source_match_id"], first["home_team"], first["away_team"]) == ("feb", "Leeds", "Derby")
    assert (first["home_goals"], first["away_goals"], first["status"]) == (2, 1, "finished")
    assert first["kickoff"] == dt.datetime(2025, 2, 8, 15, tzinfo=dt.UTC)
    assert table["home_goals"].to_pylist() == [2, 0, None]


def test_columns_that_an_earlier_versions_snapshot_lacks_are_empty(exports, folder_store):
    """A training may begin before the first export of this version."""
    manifest, _ = exports.update(NOW)
    table = exports.read_matches(manifest)
    earlier = table.drop_columns(["over_price", "goal_price_kind"])
    stored = write_table(folder_store, "earlier", earlier.schema, [("2025-02", earlier)], None)
    old = msgspec.structs.replace(manifest, tables={**manifest.tables, "match": stored})

    found = exports.read_matches(old)

    assert set(found.column_names) == set(MATCH_SCHEMA.names)
    assert found["over_price"].null_count == len(table)
    assert match_table_of(found).match_id.tolist() == table["match_id"].to_pylist()


def test_what_means_something_in_csv_is_exported_as_it_is_stored(exports, database, folder_store):
    """Quotation marks, commas, line ends, empty and missing texts: the same on both databases."""
    hostile = 'FC "Ünited", \\N\nor\t\\. % %s é'
    odd = finished(
        "1-1",
        "2025-02-09T15:00:00Z",
        source_match_id="odd",
        home_team=hostile,
        round="",
        payload={"a": hostile},
    )
    none = finished("1-1", "2025-02-10T15:00:00Z", source_match_id="none", round=None)
    feed(database, odd, none, now=LATER)

    manifest, _ = exports.update(LATER)

    rows = {row["source_match_id"]: row for row in exports.read_matches(manifest).to_pylist()}
    assert (rows["odd"]["home_team"], rows["odd"]["round"], rows["odd"]["neutral"]) == (hostile, "", False)
    assert (rows["none"]["round"], rows["none"]["home_pens"]) == (None, None)
    raw = read_table(folder_store, manifest.tables["match_raw"], MATCH_RAW_SCHEMA).to_pylist()
    assert {row["source_match_id"]: json.loads(row["payload"]) for row in raw}["odd"] == {"a": hostile}
    assert {row["changed_at"] for row in raw if row["source_match_id"] in {"odd", "none"}} == {LATER}


def test_a_second_export_writes_only_the_months_it_touched(exports, database, folder_store):
    """A corrected March score writes one new part per table; the other months keep theirs."""
    before, _ = exports.update(NOW)
    kept = folder_store.list("exports")
    feed(database, msgspec.structs.replace(MARCH, away_goals=1), now=LATER)
    after, written = exports.update(LATER)

    assert written == {"match_raw": 1, "match": 1}
    assert after.snapshot_id != before.snapshot_id
    for table in ("match_raw", "match"):
        old, new = parts(before, table), parts(after, table)
        assert {month for month in new if new[month] != old[month]} == {"2025-03"}
    assert set(kept) < set(folder_store.list("exports"))
    assert ids(exports, before) == ids(exports, after) == ["feb", "mar", "apr"]
    assert exports.read_matches(after)["away_goals"].to_pylist() == [1, 1, None]


def test_a_match_that_moves_leaves_its_old_month(exports, database):
    """A fixture postponed from April to June changes both months, and the empty month is removed."""
    exports.update(NOW)
    june = dt.datetime(2025, 6, 1, 14, tzinfo=dt.UTC)
    feed(database, msgspec.structs.replace(APRIL, kickoff=june), now=LATER)
    manifest, written = exports.update(LATER)

    assert written == {"match_raw": 2, "match": 2}
    assert list(parts(manifest, "match")) == ["2025-02", "2025-03", "2025-06"]
    assert list(parts(manifest, "match_raw")) == ["2025-02", "2025-03", "2025-06"]
    assert ids(exports, manifest) == ["feb", "mar", "apr"]


def test_a_match_on_the_last_second_belongs_to_its_month(exports, database):
    """Months are cut at 00:00 UTC, and no match falls between two."""
    edges = [
        finished("1-0", kickoff, source_match_id=kickoff, home_team=f"Town {kickoff}")
        for kickoff in ("2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z", "2025-01-31T23:59:59Z")
    ]
    feed(database, *edges)
    manifest, _ = exports.update(NOW)

    assert {month: part.rows for month, part in parts(manifest, "match").items()} == {
        "2024-12": 1,
        "2025-01": 2,
        "2025-02": 1,
        "2025-03": 1,
        "2025-04": 1,
    }


def test_nothing_changed_is_nothing_written(exports, folder_store):
    """An export of unchanged tables changes no object and returns the same snapshot."""
    first, _ = exports.update(NOW)
    before = {key: Path(folder_store.path(key)).stat().st_mtime_ns for key in folder_store.list("")}
    second, written = exports.update(LATER)

    assert (second, written) == (first, {"match_raw": 0, "match": 0})
    after = {key: Path(folder_store.path(key)).stat().st_mtime_ns for key in folder_store.list("")}
    assert after == before


def test_the_same_data_has_the_same_snapshot_id(database, folder_store, tmp_path):
    """A second home that saw the same rows at the same times exports the same parts."""
    feed(database, FEBRUARY, MARCH)
    first, _ = Exports(folder_store, database).update(NOW)
    other, _ = Exports(ObjectStore(f"file://{tmp_path}/other"), database).update(LATER)

    assert other.snapshot_id == first.snapshot_id
    assert other.tables == first.tables


def test_a_reader_between_two_updates_sees_a_whole_snapshot(exports, database, monkeypatch):
    """Until the pointer moves, the old snapshot is current; a kill before it changes nothing for readers."""
    before, _ = exports.update(NOW)
    feed(database, msgspec.structs.replace(MARCH, away_goals=1), now=LATER)
    seen = []

    def dies(self: ObjectStore, key: str, data: bytes) -> None:
        if key == exports_module.CURRENT_KEY:
            seen.append((exports.manifest(), ids(exports, exports.manifest())))
            raise KeyboardInterrupt
        real_write(self, key, data)

    real_write = ObjectStore.write
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            exports.update(LATER)

    assert seen == [(before, ["feb", "mar", "apr"])]
    assert exports.manifest() == before
    after, written = exports.update(LATER)
    assert written == {"match_raw": 1, "match": 1}
    assert exports.read_matches(after)["away_goals"].to_pylist() == [1, 1, None]


def test_a_write_during_an_export_is_in_both_tables_or_in_neither(exports, database, monkeypatch):
    """Both tables are read in one transaction: a match that moves meanwhile is in the snapshot once."""
    real, moved = (
        exports_module._match_query,
        msgspec.structs.replace(FEBRUARY, kickoff=dt.datetime(2025, 5, 3, 15, tzinfo=dt.UTC)),
    )

    def interrupted() -> object:
        feed(database, moved, now=LATER)
        return real()

    with monkeypatch.context() as patched:
        patched.setattr(exports_module, "_match_query", interrupted)
        during, _ = exports.update(NOW)
    after, _ = exports.update(LATER)

    assert ids(exports, during) == ["feb", "mar", "apr"]
    assert ids(exports, after) == ["mar", "apr", "feb"]


@pytest.mark.parametrize("table", ["match", "match_raw"])
def test_a_damaged_part_is_found_and_can_be_replaced(exports, folder_store, table):
    """A changed part is an error with a remedy; once deleted, the next export writes it again."""
    manifest, _ = exports.update(NOW)
    key = parts(manifest, table)["2025-03"].key
    folder_store.write(key, b"PAR1 something else PAR1")
    if table == "match":
        with pytest.raises(DamagedPartError, match=r"delete it and materialise"):
            exports.read_matches(manifest)
    folder_store.delete(key)
    if table == "match":
        with pytest.raises(DamagedPartError, match=r"2025-03-.*is missing"):
            exports.read_matches(manifest)

    again, written = exports.update(LATER)

    assert written == {"match_raw": 0, "match": 0} | {table: 1}
    assert again.snapshot_id == manifest.snapshot_id
    assert ids(exports, again) == ["feb", "mar", "apr"]
    assert folder_store.exists(key)


def test_a_lost_manifest_is_written_again(exports, folder_store):
    """With a dangling pointer, the next export starts from scratch."""
    manifest, _ = exports.update(NOW)
    folder_store.delete(f"exports/manifests/{manifest.snapshot_id}.json")
    with pytest.raises(MissingSnapshotError, match="materialise exports/match"):
        exports.manifest()

    again, _ = exports.update(LATER)

    assert again.tables == manifest.tables
    assert exports.manifest().snapshot_id == manifest.snapshot_id


def test_a_database_made_anew_is_exported_anew(exports, database):
    """Change numbers below the snapshot's mean another database: nothing of the old snapshot is kept."""
    feed(database, msgspec.structs.replace(MARCH, away_goals=1), now=LATER)
    exports.update(LATER)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    feed(database, APRIL)
    manifest, _ = exports.update(LATER)

    assert list(parts(manifest, "match")) == ["2025-04"]
    assert ids(exports, manifest) == ["apr"]


def test_an_empty_database_has_an_empty_snapshot(sqlite_database, folder_store):
    """Before the first match there is a snapshot with the columns and no rows."""
    exports = Exports(folder_store, sqlite_database)
    with pytest.raises(MissingSnapshotError):
        exports.manifest()
    manifest, _ = exports.update(NOW)

    assert exports.read_matches(manifest).schema == MATCH_SCHEMA
    assert manifest.tables["match"].rows == 0


def test_a_snapshot_of_another_version_is_written_anew(exports, database, folder_store):
    """If an older home's parts lack a column, every month is written again; parts are never mixed."""
    manifest, _ = exports.update(NOW)
    older = msgspec.structs.replace(
        manifest,
        snapshot_id="older",
        tables={
            name: msgspec.structs.replace(
                table, columns={key: kind for key, kind in table.columns.items() if key != "decided_by"}
            )
            for name, table in manifest.tables.items()
        },
    )
    folder_store.write("exports/manifests/older.json", msgspec.json.encode(older))
    current = msgspec.json.decode(folder_store.read(exports_module.CURRENT_KEY))
    folder_store.write(exports_module.CURRENT_KEY, msgspec.json.encode(current | {"snapshot_id": "older"}))

    after, written = exports.update(LATER)

    assert written == {"match_raw": len(parts(after, "match_raw")), "match": len(parts(after, "match"))}
    assert "decided_by" in exports.read_matches(after).column_names
