"""Verifies the end of the ledger before a publish: the entries after one that was verified before.

Not here: the whole chain, which is audited once a day (``audit.py``).
"""

import sqlalchemy as sa

from soccer_assets.stores.ledger.chain import EMPTY, Head, walk
from soccer_assets.tables import ledger_entry


def find_head(connection: sa.Connection, head_hash: str) -> Head | None:
    """The entry with this hash, for releases that did not record its number; reads the whole ledger."""
    query = sa.select(ledger_entry.c.sequence).where(ledger_entry.c.hash == head_hash)
    sequence = connection.execute(query).scalar()
    return None if sequence is None else Head(sequence, head_hash)


def has_entry(connection: sa.Connection, head: Head) -> bool:
    """Whether the ledger has an entry of this number and hash."""
    query = sa.select(ledger_entry.c.hash).where(ledger_entry.c.sequence == head.sequence)
    return head == EMPTY or connection.execute(query).scalar() == head.hash


def entries_gone(connection: sa.Connection, head: Head) -> int:
    """How many entries up to one are missing: they are numbered without gaps."""
    query = sa.select(sa.func.count()).select_from(ledger_entry)
    found = connection.execute(query.where(ledger_entry.c.sequence <= head.sequence)).scalar_one()
    return head.sequence - int(found)


def verify_tail(connection: sa.Connection, after: Head) -> tuple[Head, int | None]:
    """Recompute the hashes of all entries after one.

    Returns:
        The last entry, and the number of the first one whose hash is not that of its content; None where all
        are.
    """
    head, broken = after, None
    for link in walk(connection, after):
        head = link.head
        if broken is None and not link.is_sound:
            broken = link.stored
    return head, broken
