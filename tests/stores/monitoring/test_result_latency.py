"""Result latency by feed."""

import datetime as dt

from soccer_assets.feeds.visibility import MATCH_LENGTH
from soccer_assets.resources.database import Database
from soccer_assets.stores.monitoring.result_latency import ResultLatency, result_latency
from tests.builders import raw_match
from tests.stores.ledger.test_record import KICKOFF, entry, feed, played, record


def test_the_first_score_counts_from_the_final_whistle(database: Database) -> None:
    """The first score counts, not its correction a day later; after a month the match does not count."""
    whistle = KICKOFF + MATCH_LENGTH
    feed(database, raw_match())
    record(database, entry())
    assert result_latency(database, whistle) == {}
    feed(database, played("1-0"))
    record(database, now=whistle + dt.timedelta(hours=3))
    feed(database, played("1-1"))
    record(database, now=whistle + dt.timedelta(hours=27))

    latency = result_latency(database, whistle + dt.timedelta(hours=28))

    assert latency == {"fake": ResultLatency(matches=1, median_hours=3.0, slowest_hours=3.0)}
    assert result_latency(database, whistle + dt.timedelta(days=31)) == {}
