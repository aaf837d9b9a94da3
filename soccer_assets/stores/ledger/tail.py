"""Verifies the end of the ledger before a publish: the entries after one that was verified before.

Not here: the whole chain, which is audited once a day (``audit.py``).
"""

from typing import NamedTuple

import sqlalchemy as sa

from soccer_assets.modelling.ledger_rules import GENESIS, chain_hash
from soccer_assets.stores.ledger.audit import ROWS_PER_FETCH, entry_of
from soccer_assets.tables import ledger_entry


class Head(NamedTuple):
    """An entry of the ledger: its number and hash; 0 and `GENESIS` of an empty one."""

    sequence: int
    hash: str


EMPTY = Head(0, GENESIS)


def find_head(connection: sa.Connection, head_hash: str) -> Head | None:
    """The entry with this hash, for releases that did not record its number; reads the whole ledger."""
    query = sa.select(ledger_entry.c.sequence).where(ledger_entry.c.hash == head_hash)
    sequence = connection.execute(query).scalar()
    return None if sequence is None else Head(sequence, head_hash)


def has_entry(connection: sa.Connection, head: Head) -> bool:
    """Whether the ledger has an entry of this number and hash."""
    query = sa.select(ledger_entry.c.hash).where(ledger_entry.c.sequence == head.sequence)
    return head == EMPTY or connection.execute(query).scalar() == head.hash


def verify_tail(connection: sa.Connection, after: Head) -> tuple[Head, int | None]:
    """Recompute the hashes of all entries after one.

    Returns:
        The last entry, and the number of the first one whose hash is not that of its content; None where all
        are.
    """
    sequence, head, broken = after.sequence, after.hash, None
    rows = connection.execution_options(yield_per=ROWS_PER_FETCH).execute(
        sa.select(ledger_entry)
        .where(ledger_entry.c.sequence > after.sequence)
        .order_by(ledger_entry.c.sequence)
    )
    for row in rows:
        sequence += 1
        expected = chain_hash(head, entry_of(row))
        if broken is None and (row.sequence, row.previous_hash, row.hash) != (sequence, head, expected):
            broken = int(row.sequence)
        head = expected
    return Head(sequence, head), broken
