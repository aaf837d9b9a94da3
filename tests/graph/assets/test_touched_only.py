"""The hourly run reads what changed: how many matches there ever were is no part of its work."""

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa

from tests.builders import NOW
from tests.graph.assets.conftest import Graph
from tests.graph.assets.test_refresh import HOURLY, filled, play  # noqa: F401 - `filled` is a fixture

# The tables that grow with the history; the few matches in quarantine, without score or result have indexes.
_WALKS = re.compile(
    r"SCAN (match|match_raw|match_history|match_raw_history|odds|ledger_entry|ledger_score|shadow_entry)\b"
    r"(?! USING (COVERING )?INDEX ix_match_(quarantine|without_score|not_settled))"
)
# A look from an end of an index stops at its first hit; a row count, which the asset's page shows, walks the
# smallest index: 10 ms of 837,000 matches.
_ALLOWED = re.compile(r"ORDER BY \S+ DESC LIMIT \? OFFSET \?$|^SELECT count\(\*\) AS count_1 FROM \S+$")


class Plans:
    """How SQLite goes about every query of a database, as it is asked."""

    def __init__(self, engine: sa.Engine) -> None:
        self.walks: list[tuple[str, str]] = []
        self.asked = 0
        sa.event.listen(engine, "before_cursor_execute", self._explain)

    def _explain(
        self, connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, *_more: Any
    ) -> None:
        if not statement.lstrip().startswith(("SELECT", "WITH", "DELETE", "UPDATE")):
            return
        self.asked += 1
        raw = connection.connection.cursor()
        raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = [row[3] for row in raw.fetchall()]
        text = " ".join(statement.split())
        if not _ALLOWED.search(text):
            self.walks += [(step, text) for step in steps if _WALKS.match(step)]


@pytest.mark.usefixtures("filled")
def test_no_query_of_the_hourly_run_walks_a_table_that_grows(graph: Graph) -> None:
    """With results, corrections and fixtures to tell, every look at a growing table goes through an index."""
    assert graph.run(*HOURLY).success
    play(graph, graph.feed.items[55], "2-0")
    graph.at(NOW + dt.timedelta(days=1, hours=14))
    assert graph.run(*HOURLY).success
    play(graph, graph.feed.items[55], "2-1")
    play(graph, graph.feed.items[56], "1-1")
    graph.at(NOW + dt.timedelta(days=1, hours=15))
    plans = Plans(graph.database.engine)

    assert graph.run(*HOURLY).success

    assert plans.asked > 50
    assert plans.walks == []
