"""The hash chain of the ledger, entry by entry: each hash recomputed and held against the stored one."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.modelling.ledger_rules import GENESIS, Entry, chain_hash
from soccer_assets.tables import ledger_entry

_ROWS_PER_FETCH = 10_000


class Head(NamedTuple):
    """An entry of the ledger: its number and hash; 0 and `GENESIS` of an empty one."""

    sequence: int
    hash: str


EMPTY = Head(0, GENESIS)


class Link(NamedTuple):
    """An entry as the chain demands it.

    Attributes:
        head: the number that follows, and the recomputed hash.
        stored: the number that the entry has.
        is_sound: whether number, hash and previous hash are the stored ones.
    """

    head: Head
    stored: int
    is_sound: bool


def entry_of(row: sa.Row[tuple[object, ...]]) -> Entry:
    """A stored entry as the struct of the rules."""
    fields = {name: getattr(row, name) for name in Entry.__struct_fields__}
    return Entry(**(fields | {"kickoff_precision": KickoffPrecision(row.kickoff_precision)}))


def walk(connection: sa.Connection, after: Head = EMPTY) -> Iterator[Link]:
    """Every entry behind one, in order."""
    head = after
    rows = connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(
        sa.select(ledger_entry)
        .where(ledger_entry.c.sequence > after.sequence)
        .order_by(ledger_entry.c.sequence)
    )
    for row in rows:
        before, head = head, Head(head.sequence + 1, chain_hash(head.hash, entry_of(row)))
        is_sound = (row.sequence, row.previous_hash, row.hash) == (head.sequence, before.hash, head.hash)
        yield Link(head, int(row.sequence), is_sound)
