"""Migrations, transactions and times of both databases."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from soccer_assets.resources.database import Database, NewerSchemaError
from soccer_assets.resources.watermarks import next_change_no, read_watermark, set_watermark
from soccer_assets.tables import match, match_raw, metadata, team
from tests.builders import NOW


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables, on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/down/soccer.db"
    return request.getfixturevalue("postgres_url")


def schema_differences(database: Database) -> list[object]:
    """How the tables on disk differ from `tables.metadata`."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))


def test_migrations_give_exactly_the_tables_of_the_code(empty_url):
    """A database migrated from nothing has the tables, columns, types and indexes that the code defines."""
    database = Database(empty_url)
    before = schema_differences(database)

    database.migrate()

    assert {kind for kind, *_ in before} >= {"add_table"}
    assert schema_differences(database) == []


def test_migrating_again_keeps_what_is_stored(empty_url):
    """A second migration changes neither tables nor rows."""
    database = Database(empty_url)
    database.migrate()
    with database.writing() as connection:
        set_watermark(connection, "change_no", 7)

    database.migrate()

    assert schema_differences(database) == []
    with database.reading() as connection:
        assert read_watermark(connection, "change_no") == 7


def test_a_service_that_starts_during_a_migration_waits_for_it(empty_url):
    """Of two migrations that start on an empty database one runs, and the other waits and finds it done."""
    is_migrated = threading.Event()

    class Slow(Database):
        @contextmanager
        def writing_schema(self) -> Iterator[sa.Connection]:
            with super().writing_schema() as connection:
                yield connection
                is_migrated.set()
                time.sleep(0.3)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(Slow(empty_url).migrate)
        assert is_migrated.wait(300)
        Database(empty_url).migrate()
        slow.result()

    assert schema_differences(Database(empty_url)) == []


def test_a_reader_sees_one_state_of_the_database(database):
    """A commit between two queries of a reading transaction is invisible to the second."""
    with database.writing() as connection:
        set_watermark(connection, "change_no", 1)
    with database.reading() as reader:
        first = read_watermark(reader, "change_no")
        with database.writing() as writer:
            set_watermark(writer, "change_no", 2)
        second = read_watermark(reader, "change_no")

    with database.reading() as reader:
        assert (first, second, read_watermark(reader, "change_no")) == (1, 1, 2)


def test_a_writer_waits_for_the_one_before(database):
    """A second writer neither fails nor reads before the first has committed."""
    is_held, seen = threading.Event(), []

    def hold() -> None:
        with database.writing() as connection:
            is_held.set()
            time.sleep(0.2)
            set_watermark(connection, "change_no", 41)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(hold)
        assert is_held.wait(300)
        with database.writing() as connection:
            seen.append(next_change_no(connection))
        first.result()

    assert seen == [42]


def _at_schema(database: Database, revision: str) -> None:
    """Tables of an older version."""
    config = Config()
    config.set_main_option("script_location", str(files("soccer_assets") / "migrations"))
    with database.writing_schema() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _at_the_first_schema(database: Database) -> None:
    """Tables of the first version, with a team."""
    _at_schema(database, "0001")
    with database.writing() as connection:
        connection.execute(
            sa.text("INSERT INTO team VALUES ('t1', 'Leeds', 'leeds', 'Testland', 'men', 'senior', :now)"),
            {"now": NOW.replace(tzinfo=None)},
        )


def test_stored_prices_go_to_their_matches(empty_url: str) -> None:
    """A home of before the price channel: each match gets its own price, and one without keeps none."""
    database = Database(empty_url)
    _at_schema(database, "0100")
    older = sa.MetaData()
    older.reflect(database.engine, only=["match", "odds"])
    with database.writing() as connection:
        for match_id in ("priced", "plain"):
            connection.execute(
                sa.insert(older.tables["match"]).values(_filled(older.tables["match"], match_id))
            )
        price = {"kind": "avg_closing", "home": 1.8, "draw": 3.5, "away": 4.4, "updated_at": NOW}
        connection.execute(sa.insert(older.tables["odds"]).values(match_id="priced", **price))

    database.migrate()

    assert not schema_differences(database)
    columns = (
        match.c.match_id,
        match.c.price_kind,
        match.c.home_price,
        match.c.draw_price,
        match.c.away_price,
    )
    with database.reading() as connection:
        found = {row[0]: tuple(row[1:]) for row in connection.execute(sa.select(*columns))}
    assert found == {"priced": ("avg_closing", 1.8, 3.5, 4.4), "plain": (None, None, None, None)}


def _filled(table: sa.Table, match_id: str) -> dict[str, object]:
    """Values for every column of an older table that must have one."""
    kinds: dict[type, object] = {int: 1, str: "scheduled", bool: False}
    values: dict[str, object] = {}
    for column in table.columns:
        if not column.nullable:
            is_time = column.name in {"kickoff", "updated_at"}
            values[column.name] = NOW if is_time else kinds.get(column.type.python_type, "scheduled")
    return values | {"match_id": match_id}


def test_an_older_home_is_copied_aside_and_migrated_with_its_rows(empty_url: str) -> None:
    """A SQLite file is backed up before its upgrade; both have the rows, and a restart makes no backup."""
    database = Database(empty_url)
    _at_the_first_schema(database)
    copy = database.migrate()

    assert not schema_differences(database)
    with database.reading() as connection:
        assert connection.execute(sa.select(team.c.name)).scalars().all() == ["Leeds"]
    assert (copy is not None) == empty_url.startswith("sqlite")
    if copy is not None:
        kept = sqlite3.connect(copy)
        assert kept.execute("SELECT name FROM team").fetchall() == [("Leeds",)]
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        kept.close()
    assert database.migrate() is None


def test_results_without_score_and_reason_get_one_and_none_can_come_back(empty_url: str) -> None:
    """Rows of an older home keep everything and get the reason that their provider tells, or unknown."""
    database = Database(empty_url)
    _at_schema(database, "0095")
    statuses = {"aet": "AET", "pen": "PEN", "lost": None, "told": "AET", "played": "FT", "open": None}
    rows = {
        name: {
            "match_id": name,
            "source": "archive",
            "source_match_id": name,
            "kickoff": NOW,
            "kickoff_precision": "day",
            "competition": "X",
            "season": "2024",
            "tier": 0,
            "sex": "men",
            "age_group": "senior",
            "home_team_id": "a",
            "away_team_id": "b",
            "neutral": False,
            "version": 3,
            "updated_at": NOW,
            "change_no": 5,
            "status": "finished",
            "home_goals": None,
            "away_goals": None,
            "decided_by": None,
        }
        for name in statuses
    }
    rows["told"]["decided_by"] = "extra_time"
    rows["played"] |= {"home_goals": 2, "away_goals": 1, "decided_by": "regular"}
    rows["open"]["status"] = "scheduled"
    raw = {
        "source": "archive",
        "meeting": "",
        "competition": "X",
        "season": "2024",
        "kickoff": NOW,
        "status": "finished",
        "record": "{}",
        "sha256": "",
        "first_seen_at": NOW,
        "changed_at": NOW,
        "version": 1,
        "change_no": 5,
    }
    payloads = {name: f'{{"round":"1","status":"{status}"}}' for name, status in statuses.items() if status}
    with database.writing() as connection:
        connection.execute(_insert_then(match, rows["aet"]), list(rows.values()))
        stored = [{**raw, "source_match_id": name, "payload": payload} for name, payload in payloads.items()]
        connection.execute(_insert_then(match_raw, stored[0]), stored)
        set_watermark(connection, "change_no", 7)

    database.migrate()

    assert not schema_differences(database)
    with database.reading() as connection:
        found = {row.match_id: row._asdict() for row in connection.execute(sa.select(match))}
        assert read_watermark(connection, "change_no") == 8
    healed = {"aet": "extra_time", "pen": "penalties", "lost": "unknown"}
    expected = {
        name: row | ({"decided_by": healed[name], "change_no": 8} if name in healed else {})
        for name, row in rows.items()
    }
    assert {name: {key: found[name][key] for key in row} for name, row in expected.items()} == expected
    for reason in (None, "regular", "awarded"):
        broken = {**rows["lost"], "match_id": "new", "decided_by": reason}
        with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
            connection.execute(sa.insert(match), [broken])


def _insert_then(table: sa.Table, row: dict[str, object]) -> sa.Insert:
    """An insert of these columns alone: an older schema has no others."""
    return sa.insert(sa.table(table.name, *(sa.column(name, table.c[name].type) for name in row)))


def test_a_newer_home_is_refused_in_one_sentence_and_left_alone(empty_url: str) -> None:
    """Tables of an unknown version are not changed."""
    database = Database(empty_url)
    database.migrate()
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchemaError, match="schema 9999 of a newer version"):
        database.migrate()
    with database.reading() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_new_file_has_large_pages_and_an_older_one_keeps_its_own(tmp_path):
    """Pages of 16 kB are written faster in bulk; a checkpoint comes after as many bytes with either."""
    old = tmp_path / "old.db"
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE TABLE one (two)")
    found = {}
    for file in (old, tmp_path / "new.db"):
        database = Database(f"sqlite:///{file}")
        with database.reading() as reading:
            page, checkpoint = (
                reading.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_size", "wal_autocheckpoint")
            )
        found[file.stem] = (page, page * checkpoint)
        database.engine.dispose()

    assert found == {"old": (4096, 2**25), "new": (16384, 2**25)}
