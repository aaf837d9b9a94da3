"""Marks raw rows as unread, so that the next pass over `match_raw` normalises them again."""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import NamedTuple

import sqlalchemy as sa

from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.tables import match_raw, match_source_id

# Days whose rows the next pass reads again in one transaction. Another writer waits for it: 0.4 s of CPU at
# 107,052 matches.
DAYS_PER_TRANSACTION = 300


class _Row(NamedTuple):
    """A raw row's key, and the UTC day of its kickoff."""

    source: str
    source_match_id: str
    day: dt.date


_day = attrgetter("day")


def mark_rows_unread(connection: sa.Connection, rows: Mapping[str, Iterable[str]]) -> int:
    """Mark raw rows as unread; returns how many.

    By primary key: a condition on other tables walked every raw row, 4 minutes at 35,000 matches.

    Args:
        connection: a transaction that writes.
        rows: the providers' ids of the matches, by source.
    """
    marked = 0
    for source, ids in rows.items():
        found: list[_Row] = []
        for part in batches(sorted(ids), IDS_PER_QUERY):
            theirs = (match_raw.c.source == source) & in_list(connection, match_raw.c.source_match_id, part)
            found.extend(_rows(connection, theirs))
        marked += _mark(connection, found)
    return marked


def mark_unread_where(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    """Mark the raw rows for which a condition holds as unread; returns how many."""
    return _mark(connection, _rows(connection, condition))


def _rows(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[_Row]:
    query = sa.select(match_raw.c.source, match_raw.c.source_match_id, match_raw.c.kickoff)
    return [
        _Row(source, id_, kickoff.date())
        for source, id_, kickoff in connection.execute(query.where(condition))
    ]


def _mark(connection: sa.Connection, rows: Iterable[_Row]) -> int:
    """Mark rows in the order of their days; returns how many.

    A change number for so many days as the next pass reads in one transaction, each day whole: the rows of a
    merged club are one a day, and each day costs 1 ms under the write lock.
    """
    of_days = itertools.groupby(sorted(rows, key=_day), key=_day)
    marked = 0
    for slice_ in batches([list(of_day) for _, of_day in of_days], DAYS_PER_TRANSACTION):
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for row in itertools.chain.from_iterable(slice_):
            ids[row.source].append(row.source_match_id)
        change_no = next_change_no(connection)
        for source, of_source in ids.items():
            for part in batches(sorted(of_source), IDS_PER_QUERY):
                theirs = (match_raw.c.source == source) & in_list(
                    connection, match_raw.c.source_match_id, part
                )
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
