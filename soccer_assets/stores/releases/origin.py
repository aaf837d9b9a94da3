"""Compares the database with the current release before anything is exported or published from it.

A lost, older or foreign database would otherwise replace good predictions. It is refused, the current release
stays, and `soccer release accept` is the way out where the loss is meant.
"""

import contextlib
import datetime as dt
from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from soccer_assets.contract.installation import Installation
from soccer_assets.contract.release import Manifest, Origin
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.stores.exports import CURRENT_KEY as CURRENT_EXPORT_KEY
from soccer_assets.stores.installation import (
    OTHER_CLUBS,
    DatabaseIdentity,
    FeedClassError,
    claim_feed_class,
    class_fault,
    name_store,
    new_id,
    read_identity,
    read_installation,
    write_id,
    write_installation,
)
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.ledger.chain import EMPTY, Head
from soccer_assets.stores.ledger.parquet_copy import set_copy_aside
from soccer_assets.stores.ledger.tail import entries_gone, find_head, has_entry, verify_tail
from soccer_assets.stores.matches.removals import Balance, accept_loss, read_balance
from soccer_assets.stores.release_manifests import current_manifest
from soccer_assets.stores.store_error import StoreError

WAY_OUT = (
    "restore the database and the store that belong together (`soccer restore BACKUP --replace`), or run "
    "`soccer release accept` to publish from this database from now on"
)
_RESTORE = "restore the database from a backup: `soccer restore BACKUP --replace`"


class OriginRefusedError(StoreError):
    """The database is not the one that the current release was made from, or lost part of it.

    Attributes:
        remedy: what to do.
    """

    def __init__(self, text: str, remedy: str) -> None:
        """Set the whole text, and its part that says what to do."""
        super().__init__(text)
        self.remedy = remedy


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison of database and store found.

    Attributes:
        origin: of a release that is made now.
        differences: what a person may accept, each as a sentence.
        faults: what nobody may accept.
        remedy: what to do about them; empty where nothing was found.
        installation: whose store it is; None where it was never said.
        missing: played matches that are missing without a removal.
        is_most_there: whether the database has at least half of the played matches of the current release.
    """

    origin: Origin
    differences: tuple[str, ...]
    faults: tuple[str, ...]
    remedy: str
    installation: Installation | None
    missing: int
    is_most_there: bool

    @property
    def text(self) -> str:
        """Why nothing is published, and the way out; empty where it may be."""
        found = (*self.faults, *self.differences)
        return "; ".join((*found, "the current release stays", self.remedy)) if found else ""


def require_origin(database: Database, store: ObjectStore, *, is_simulated: bool) -> Origin:
    """The origin of a release that is made now; gives a new store the database's id.

    Raises:
        OriginRefusedError: nothing may be exported or published from this database.
    """
    found = inspect(database, store, is_simulated=is_simulated)
    if found.text:
        raise OriginRefusedError(found.text, found.remedy)
    if (
        found.installation is None
        and name_store(store, found.origin.installation).id != found.origin.installation
    ):
        return require_origin(database, store, is_simulated=is_simulated)  # another process was faster
    return found.origin


def establish(database: Database, store: ObjectStore, *, is_simulated: bool) -> None:
    """Give a store without an id the database's, if it may publish there: at the start of a home.

    A database of the other kind of clubs, or another's store, stays as it is: runs refuse them.
    """
    with contextlib.suppress(FeedClassError):
        claim_feed_class(database, is_simulated=is_simulated)
    found = inspect(database, store, is_simulated=is_simulated)
    if found.installation is None and not found.text:
        name_store(store, found.origin.installation)


def inspect(database: Database, store: ObjectStore, *, is_simulated: bool) -> Inspection:
    """Compare the database with the store and its current release.

    Args:
        database: what a release would be made from.
        store: where it would be published.
        is_simulated: whether the feed's clubs are fictitious.
    """
    held, current = read_installation(store), current_manifest(store)
    if current is not None and held is not None and current.release_id in held.accepted:
        current = None
    with database.reading() as connection:
        own, balance = read_identity(connection), read_balance(connection)
        verified = _verified_head(connection, current)
        gone = 0 if verified is None else entries_gone(connection, verified)
        head, broken = verify_tail(connection, verified or EMPTY)
        is_empty = not balance.played and head == EMPTY
    differences = _differences(held, current, own, balance, is_simulated=is_simulated)
    if verified is None:
        differences.append("the ledger lacks the entry that the current release ends with")
    if current is not None and current.origin is None and current.data_as_of is not None and is_empty:
        differences.append(
            "the match database is empty"
        )  # and the release of a version that recorded no origin
    if held is None and current is None and head != EMPTY:
        differences.append(
            f"the object store is new, and the match database has a ledger of {head.sequence} entries, which "
            "were published from another one"
        )
    damages = [f"{gone} entries of the ledger are missing"] if gone else []
    if broken is not None:
        damages.append(f"entry {broken} of the ledger was changed: its hash does not match")
    other_clubs = class_fault(own.is_simulated, is_simulated=is_simulated)
    remedy = WAY_OUT if differences else ""
    if damages:
        remedy = _RESTORE
    if other_clubs:
        remedy = OTHER_CLUBS
    return Inspection(
        origin=Origin(
            installation=own.id,
            ledger_sequence=head.sequence,
            ledger_hash=head.hash,
            settled=balance.settled,
            removed=balance.removed,
        ),
        differences=tuple(differences),
        faults=(*([other_clubs] if other_clubs else []), *damages),
        remedy=remedy,
        installation=held,
        missing=balance.missing,
        is_most_there=_is_most_there(current, balance),
    )


def accept(database: Database, store: ObjectStore, *, is_simulated: bool, now: dt.datetime) -> Inspection:
    """Make this database the one that the store's releases come from; returns what differed.

    The database gets the store's id. The next run exports everything again. The former ledger's copy is set
    aside, and releases that contradict the ledger are compared with it no more.

    Raises:
        OriginRefusedError: a fault that nobody may accept.
    """
    found = inspect(database, store, is_simulated=is_simulated)
    if found.faults:
        raise OriginRefusedError(found.text, found.remedy)
    if not found.differences:
        return found
    # A database that had another store gets another id: that store may still be in use.
    held = found.installation or Installation(id=new_id(), formerly=(found.origin.installation,))
    current = current_manifest(store)
    lost = audit(database, store)
    with database.writing() as connection:
        if found.missing:
            accept_loss(connection, found.missing, now, next_change_no(connection))
    store.delete(CURRENT_EXPORT_KEY)
    if lost.copy_fault is not None:
        set_copy_aside(store, now)
    accepted = (*held.accepted, *lost.contradicted_by, *([current.release_id] if current else []))
    write_installation(store, msgspec.structs.replace(held, accepted=tuple(dict.fromkeys(accepted))))
    write_id(database, held.id)
    return found


def _verified_head(connection: sa.Connection, current: Manifest | None) -> Head | None:
    """The entry that the current release ends with; None where the ledger lacks it."""
    if current is None:
        return EMPTY
    if current.origin is None:  # of a version that recorded the hash alone
        return EMPTY if current.ledger_head is None else find_head(connection, current.ledger_head)
    head = Head(current.origin.ledger_sequence, current.origin.ledger_hash)
    return head if has_entry(connection, head) else None


def _is_most_there(current: Manifest | None, balance: Balance) -> bool:
    origin = current.origin if current else None
    return origin is None or 2 * balance.played >= origin.settled - origin.removed


def _differences(
    held: Installation | None,
    current: Manifest | None,
    own: DatabaseIdentity,
    balance: Balance,
    *,
    is_simulated: bool,
) -> list[str]:
    return [
        *_of_ids(held, current, own),
        *(
            ["the current release is of another kind of clubs: real or simulated"]
            if current is not None and current.is_simulated != is_simulated
            else []
        ),
        *_of_matches(current, balance),
    ]


def _of_ids(held: Installation | None, current: Manifest | None, own: DatabaseIdentity) -> Iterator[str]:
    if held is not None and held.id != own.id:
        yield f"the store belongs to installation {held.id}, the match database to {own.id}"
        return
    mine = {own.id, *(held.formerly if held else ())}
    if current is not None and current.origin is not None and current.origin.installation not in mine:
        yield (
            f"the current release was made from the database of installation {current.origin.installation}, "
            f"and this one is of {own.id}"
        )


def _of_matches(current: Manifest | None, balance: Balance) -> Iterator[str]:
    if balance.missing > 0:
        yield f"{balance.missing} played matches are missing, and no removal of them is recorded"
    if balance.missing < 0:
        yield f"{-balance.missing} played matches were added past the program"
    origin = current.origin if current else None
    if origin is not None and (balance.settled < origin.settled or balance.removed < origin.removed):
        yield (
            f"the match database is older than the current release: {balance.settled} matches ever played "
            f"and {balance.removed} removed, and it was made with {origin.settled} and {origin.removed}"
        )
