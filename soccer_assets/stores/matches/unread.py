"""Marks raw rows as unread, so that the next pass over `match_raw` normalises them again."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.tables import match_raw


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
