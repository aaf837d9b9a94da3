"""Two writers at once, and an exporter between every two of their statements: no change is passed over."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match_raw
from tests.builders import NOW, finished
from tests.databases import MigratedDatabases
from tests.stores.matches.test_raw import SEASON

# What one pass of a writer tells: the home goals of some of three matches.
PASSES = st.lists(st.dictionaries(st.integers(0, 2), st.integers(0, 3), min_size=1), min_size=2, max_size=4)


class Exporter:
    """Reads what has changed since it read last, as exports and features do."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.found: dict[tuple[str, str], str] = {}
        self._since = 0
        self._turn = Lock()

    def read(self, *_: Any) -> None:
        """Take the rows behind the last number."""
        rows = sa.select(match_raw.c.source, match_raw.c.source_match_id, match_raw.c.sha256)
        with self._turn, self.database.reading() as connection:
            newest = read_watermark(connection, "change_no")
            for source, id_, digest in connection.execute(rows.where(match_raw.c.change_no > self._since)):
                self.found[source, id_] = digest
            self._since = newest


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=PASSES, second=PASSES)
def test_an_exporter_between_any_two_statements_misses_nothing(
    migrated_databases: MigratedDatabases, first: list[dict[int, int]], second: list[dict[int, int]]
) -> None:
    """A number that it has seen is never followed by the commit of a lower one."""
    with migrated_databases.lent() as url:
        exporter, together = Exporter(url), Barrier(2)

        def write(source: str, passes: Sequence[dict[int, int]]) -> None:
            database = Database(url)
            sa.event.listen(database.engine, "after_cursor_execute", exporter.read)
            together.wait(60)
            for goals in passes:
                rows = [
                    finished(
                        f"{scored}-0",
                        f"2025-04-{10 + number}T14:00:00Z",
                        source=source,
                        source_match_id=f"{number}",
                        payload={"id": f"{number}", "scored": scored},
                    )
                    for number, scored in goals.items()
                ]
                store_raw(database, rows, asset="a", source=source, window=SEASON, now=NOW)
            database.engine.dispose()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, ("first", "second"), (first, second)))
        exporter.read()
        with exporter.database.reading() as connection:
            columns = (match_raw.c.source, match_raw.c.source_match_id, match_raw.c.sha256)
            stored = {(row[0], row[1]): row[2] for row in connection.execute(sa.select(*columns))}
        exporter.database.engine.dispose()

    assert stored
    assert exporter.found == stored
