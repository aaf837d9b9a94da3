"""Results that a feed without statuses takes back: it lists the row without its score.

Such a feed's match without a score counts as postponed once its lag has passed (``feeds/visibility.py``). One
that had a result was played: it waits for its result, and is due.
"""

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.tables import match_raw, match_raw_history


def with_taken_back(
    connection: sa.Connection, source: str, rows: Mapping[str, RawMatch]
) -> dict[str, RawMatch]:
    """The rows by id, those as scheduled that count as postponed and had a result in an earlier look."""
    postponed = [id_ for id_, row in rows.items() if row.status is MatchStatus.POSTPONED]
    had_result = _that_had_a_result(connection, source, postponed)
    return {
        id_: msgspec.structs.replace(row, status=MatchStatus.SCHEDULED) if id_ in had_result else row
        for id_, row in rows.items()
    }


def _that_had_a_result(connection: sa.Connection, source: str, ids: Sequence[str]) -> set[str]:
    decoder = msgspec.json.Decoder(RawMatch)
    found: set[str] = set()
    for table in (match_raw, match_raw_history):
        for part in batches(ids, IDS_PER_QUERY):
            query = sa.select(table.c.source_match_id, table.c.record).where(
                table.c.source == source, in_list(connection, table.c.source_match_id, part)
            )
            found.update(
                id_
                for id_, text in connection.execute(query)
                if STATUS_RULES[decoder.decode(text).status].settles
            )
    return found
