"""Throughput from a match archive to tables and snapshots, on SQLite and on PostgreSQL.

Usage: ``python -m benchmarks.ingest ARCHIVE [--from DAY --to DAY] [--engine sqlite|postgresql]``. One process
reads the archive in windows of four years, as a backfill's runs do, through the adapter, validation and
upsert into `match_raw`, and from there into `match`, `odds` and `team`; then again with unchanged data; then
exports both tables. For comparison, in the same run: 10,000 of the same rows of `match` by a row-wise
SQLAlchemy upsert. PostgreSQL is started here, without durability, from the programs that the tests use.
"""

import argparse
import contextlib
import datetime as dt
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.registry import open_feed
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match
from tests import services

YEARS_A_WINDOW = 4
ROW_WISE = 10_000


def main() -> None:
    """Measure, print a table, and the same as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--from", dest="start", type=dt.date.fromisoformat, default=dt.date(1998, 1, 1))
    parser.add_argument("--to", dest="end", type=dt.date.fromisoformat, default=dt.date(2025, 7, 1))
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    asked = parser.parse_args()
    found = {}
    for engine in asked.engine or ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as folder, _database(engine, Path(folder)) as database:
            found[engine] = measure(database, asked.archive, Path(folder), asked.start, asked.end)
    for engine, figures in found.items():
        print(engine)
        for name, value in figures.items():
            print(f"  {name:<42} {value:>12,.1f}")
    print(json.dumps(found))


def measure(
    database: Database, archive: Path, folder: Path, start: dt.date, end: dt.date
) -> dict[str, float]:
    """Figures of one engine."""
    url = archive.absolute().as_uri()
    settings = Settings.from_env(
        {"SOCCER_HOME": str(folder), "SOCCER_FEED": "archive", "SOCCER_FEED_URL": url}
    )
    database.migrate()
    rows, first = _pass(database, settings, start, end)
    _, second = _pass(database, settings, start, end)
    begin = time.perf_counter()
    exports = Exports(ObjectStore(f"file://{folder}/store"), database)
    exports.update(settings.clock.now())
    exported = time.perf_counter() - begin
    row_wise = _row_wise(database)
    return {
        "matches": rows,
        "first pass, s": first,
        "first pass, matches/s": rows / first,
        "second pass over unchanged data, s": second,
        "first pass / second pass": first / second,
        "row-wise upsert of `match` alone, rows/s": row_wise,
        "export of both tables, s": exported,
        "peak memory of this process, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _pass(database: Database, settings: Settings, start: dt.date, end: dt.date) -> tuple[int, float]:
    """Rows read, and seconds for all of them through both stores."""
    begin = time.perf_counter()
    rows = read_in_windows(database, open_feed("archive", settings), settings.clock, start, end)
    return rows, time.perf_counter() - begin


def read_in_windows(database: Database, feed: Feed, clock: Clock, start: dt.date, end: dt.date) -> int:
    """Read a feed from a day to another through both stores, as a backfill's runs do; the rows read."""
    rows, now = 0, clock.now()
    while start < end:
        until = min(start.replace(year=start.year + YEARS_A_WINDOW), end)
        window = Window(start, until)
        counts = store_raw(
            database,
            validate_rows(feed.fetch(window, clock), now),
            asset="livescores/history",
            source=feed.name,
            window=window,
            now=now,
        )
        rows, start = rows + counts.seen, until
    update_matches(database, feed.competitions(), now)
    return rows


def _row_wise(database: Database) -> float:
    """Rows a second of SQLAlchemy's own upsert, one statement a row."""
    with database.reading() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(match).limit(ROW_WISE))]  # noqa: SLF001 - SQLAlchemy's documented way
    dialect: Any = sqlite if database.engine.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(match)
    updates = {name: insert.excluded[name] for name in rows[0] if name != "match_id"}
    statement = insert.on_conflict_do_update(index_elements=["match_id"], set_=updates)
    begin = time.perf_counter()
    with database.writing() as connection:
        for row in rows:
            connection.execute(statement, row)
    return len(rows) / (time.perf_counter() - begin)


@contextlib.contextmanager
def _database(engine: str, folder: Path) -> Iterator[Database]:
    if engine == "sqlite":
        database = Database(f"sqlite:///{folder}/soccer.db")
        yield database
        database.engine.dispose()
        return
    with services.postgres() as url:
        database = Database(url)
        yield database
        database.engine.dispose()


if __name__ == "__main__":
    main()
