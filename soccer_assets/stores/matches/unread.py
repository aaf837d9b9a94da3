"""Marks raw rows as unread, so that the next pass over `match_raw` normalises them again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.tables import match_raw, match_source_id


def mark_rows_unread(connection: sa.Connection, rows: Mapping[str, Iterable[str]]) -> int:
    """Mark raw rows as unread; returns how many.

    By primary key: a condition on other tables walked every raw row, 4 minutes at 35,000 matches. A change
    number for each batch, since the next pass reads the rows of one number in one transaction.

    Args:
        connection: a transaction that writes.
        rows: the providers' ids of the matches, by source.
    """
    marked = 0
    for source, ids in rows.items():
        for part in batches(sorted(ids), IDS_PER_QUERY):
            theirs = (match_raw.c.source == source) & in_list(connection, match_raw.c.source_match_id, part)
            change_no = next_change_no(connection)
            done = connection.execute(sa.update(match_raw).where(theirs).values(change_no=change_no))
            marked += int(done.rowcount)
    return marked


def mark_left_unread(connection: sa.Connection, source: str, left: Mapping[str, str], change_no: int) -> None:
    """Mark raw rows that stay where another row has left: what stands for their match may change, and its id.

    Those of the meeting, and those of the match: they may name its clubs otherwise.

    Args:
        connection: a transaction that writes.
        source: the feed.
        left: the meeting that a row has left, by the row's id.
        change_no: what the rows of the meetings are marked with.
    """
    for keys in batches(sorted(set(left.values())), IDS_PER_QUERY):
        theirs = (match_raw.c.source == source) & in_list(connection, match_raw.c.meeting, keys)
        connection.execute(sa.update(match_raw).where(theirs).values(change_no=change_no))
    of_match = match_source_id.alias()
    stayed: defaultdict[str, set[str]] = defaultdict(set)
    for part in batches(sorted(left), IDS_PER_QUERY):
        query = (
            sa.select(match_source_id.c.source, match_source_id.c.source_match_id)
            .join(of_match, of_match.c.match_id == match_source_id.c.match_id)
            .where(of_match.c.source == source, in_list(connection, of_match.c.source_match_id, part))
        )
        for of_source, id_ in connection.execute(query):
            if of_source != source or id_ not in left:
                stayed[of_source].add(id_)
    mark_rows_unread(connection, stayed)
