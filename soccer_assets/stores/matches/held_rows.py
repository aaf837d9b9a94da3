"""The rows that wait until the clubs that they name are decided: the table `held_match`.

``names.py`` holds them back and places them. Here they are listed, and dropped once nobody waits for them.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.resources.database import Database
from soccer_assets.tables import held_match

DECIDE_NAMES = "decide each with the command that `soccer teams unresolved` prints"
_SHOWN = 5


class UnresolvedName(msgspec.Struct, frozen=True, kw_only=True):
    """A spelling that is held back.

    Attributes:
        matches: how many rows wait for it.
        first_kickoff: of the earliest of them.
        guess: the likeliest club; None where nobody is like it.
    """

    source: str
    pool: str
    name: str
    competition: str
    season: str
    matches: int
    first_kickoff: dt.datetime
    guess: str | None
    reason: str


def digest_of(row: RawMatch) -> str:
    """The key of a row that is held back."""
    return hashlib.sha256(msgspec.json.encode(row)).hexdigest()


def forget_unlisted(connection: sa.Connection, source: str, window: Window, listed: Collection[str]) -> None:
    """Drop rows of the window that wait, where a whole look no longer had them.

    Args:
        connection: a transaction that writes.
        source: name of the feed.
        window: what the look read, without a file or page that could not be read.
        listed: digests of the rows that it had and that are held back.
    """
    query = sa.select(held_match.c.sha256, held_match.c.kickoff).where(held_match.c.source == source)
    gone = [
        digest
        for digest, kickoff in connection.execute(query)
        if kickoff.date() in window and digest not in listed
    ]
    drop_rows(connection, source, gone)


def drop_rows(connection: sa.Connection, source: str, done: Sequence[str]) -> None:
    """Drop rows by their digests: they wait no more."""
    for digests in batches(done, IDS_PER_QUERY):
        connection.execute(
            sa.delete(held_match).where(
                held_match.c.source == source, in_list(connection, held_match.c.sha256, digests)
            )
        )


def held_back_text(held: Sequence[UnresolvedName]) -> str:
    """How many matches wait for which names, since when, with the best guess of each."""
    if not held:
        return "every name of the feed is decided"
    shown = ", ".join(
        f"{found.name} ({found.competition}, best guess {found.guess or 'none'})" for found in held[:_SHOWN]
    )
    more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
    matches, since = sum(found.matches for found in held), min(found.first_kickoff for found in held)
    return (
        f"{matches} {'match waits' if matches == 1 else 'matches wait'} for {len(held)} "
        f"{'name' if len(held) == 1 else 'names'}: {shown}{more}; the earliest is of {since:%Y-%m-%d}"
    )


def unresolved_names(database: Database) -> list[UnresolvedName]:
    """Spellings that are held back, those with the most matches first."""
    counted: defaultdict[tuple[str, str, str], list[sa.Row[Any]]] = defaultdict(list)
    with database.reading() as connection:
        for row in connection.execute(sa.select(held_match).order_by(held_match.c.kickoff)):
            for name in msgspec.json.decode(row.open_names, type=dict[str, dict[str, str | None]]):
                pool, _, spelling = name.rpartition("|")
                counted[row.source, pool, spelling].append(row)
    found = []
    for (source, pool, spelling), rows in counted.items():
        reasons = msgspec.json.decode(rows[-1].open_names, type=dict[str, dict[str, str | None]])
        open_name = reasons[f"{pool}|{spelling}"]
        found.append(
            UnresolvedName(
                source=source,
                pool=pool,
                name=open_name["name"] or spelling,
                competition=rows[-1].competition,
                season=rows[-1].season,
                matches=len(rows),
                first_kickoff=rows[0].kickoff,
                guess=open_name["guess"],
                reason=open_name["reason"] or "",
            )
        )
    return sorted(found, key=lambda held: (-held.matches, held.source, held.pool, held.name))
