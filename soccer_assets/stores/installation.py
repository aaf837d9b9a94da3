"""The installation's identity: a random id in the match database and in the object store.

The migration that makes the table makes the id. The store gets it at the first start or publish
(``releases/origin.py``). The database also keeps whether its clubs are fictitious.
"""

import contextlib
import secrets
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.contract.installation import INSTALLATION_KEY, Installation
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ConflictError, ObjectStore
from soccer_assets.stores.store_error import StoreError
from soccer_assets.stores.stored_json import read_stored
from soccer_assets.tables import installation, match_raw

OTHER_CLUBS = "give one of them a database of its own with SOCCER_DATABASE_URL"
"""What to do where a database holds clubs of the other kind."""

_KINDS = {True: "simulated clubs", False: "real clubs"}
# What the built-in simulated feed calls itself in the rows of databases from before the kind was stored.
_SIMULATED_SOURCE = "simulated"


class FeedClassError(StoreError):
    """The database holds clubs of the other kind: real or simulated."""


class DatabaseIdentity(NamedTuple):
    """What a match database says of itself."""

    id: str
    is_simulated: bool | None


def new_id() -> str:
    """A random id, 16 hexadecimal digits."""
    return secrets.token_hex(8)


def read_identity(connection: sa.Connection) -> DatabaseIdentity:
    """The database's id and kind of clubs; rows of a database without a kind tell it where they can."""
    row = connection.execute(sa.select(installation)).one()
    if row.is_simulated is None:
        is_simulated = sa.exists().where(match_raw.c.source == _SIMULATED_SOURCE)
        return DatabaseIdentity(
            row.id, True if connection.execute(sa.select(is_simulated)).scalar() else None
        )
    return DatabaseIdentity(row.id, row.is_simulated)


def claim_feed_class(database: Database, *, is_simulated: bool) -> None:
    """Store the kind of clubs with the first rows; afterwards only compare it.

    Raises:
        FeedClassError: the database holds the other kind; nothing may be stored beside it.
    """
    with database.reading() as connection:
        stored = connection.execute(sa.select(installation.c.is_simulated)).scalar_one()
        known = read_identity(connection).is_simulated
    if fault := class_fault(known, is_simulated=is_simulated):
        raise FeedClassError(f"{fault}; {OTHER_CLUBS}")
    if stored is None:
        with database.writing() as connection:
            connection.execute(sa.update(installation).values(is_simulated=is_simulated))


def class_fault(known: bool | None, *, is_simulated: bool) -> str:
    """Why rows of this kind of clubs may not be stored in a database of the other; empty where they may."""
    if known in {None, is_simulated}:
        return ""
    return f"the match database holds {_KINDS[not is_simulated]} and the feed has {_KINDS[is_simulated]}"


def write_id(database: Database, installation_id: str) -> None:
    """Give the database another id."""
    with database.writing() as connection:
        connection.execute(sa.update(installation).values(id=installation_id))


def read_installation(store: ObjectStore) -> Installation | None:
    """Whose store it is; None where it was never said."""
    return read_stored(
        store.read,
        INSTALLATION_KEY,
        Installation,
        "move it aside: the next `soccer up` writes it from the database",
    )


def write_installation(store: ObjectStore, value: Installation) -> None:
    """Say whose store it is."""
    store.write(INSTALLATION_KEY, msgspec.json.encode(value))


def name_store(store: ObjectStore, installation_id: str) -> Installation:
    """Give a store without an id this one; returns the id that it has, perhaps from another process."""
    known = read_installation(store)
    if known is not None:
        return known
    with contextlib.suppress(ConflictError):
        store.swap(INSTALLATION_KEY, msgspec.json.encode(Installation(id=installation_id)), None)
    return read_installation(store) or Installation(id=installation_id)


def rename(database: Database, store: ObjectStore) -> str:
    """Give a copied installation a new id, in its database and its store; returns it.

    The copy's releases keep the id of the original: the store remembers it.
    """
    former = read_installation(store)
    with database.reading() as connection:
        own = read_identity(connection)
    known = (*former.formerly, former.id) if former else ()
    fresh = new_id()
    write_installation(
        store,
        Installation(
            id=fresh,
            formerly=tuple(dict.fromkeys((*known, own.id))),
            accepted=former.accepted if former else (),
        ),
    )
    write_id(database, fresh)
    return fresh
