"""The publish lease of a backup: for a moment the pointer does not move.

An object beside the releases. A publisher waits for it before it moves the pointer; a backup that was killed
holds it for `HELD_SECONDS` at most. A publisher that looked just before takes no notice: the backup compares
the pointer before and after, and begins again.
"""

import contextlib
import datetime as dt
import secrets
import time
from collections.abc import Iterator

import msgspec

from soccer_assets.clock import SystemClock
from soccer_assets.resources.object_store import ConflictError, ObjectStore
from soccer_assets.stores.store_error import StoreError

LEASE_KEY = "releases/lease.json"
HELD_SECONDS = 60.0

_POLL_SECONDS = 0.25
_IN_USE = "another backup of this store is running or was killed a moment ago; run this one again in a minute"


class LeaseError(StoreError):
    """Another backup holds the lease."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds publication back, and until when at most."""

    holder: str
    until: dt.datetime


@contextlib.contextmanager
def held_lease(store: ObjectStore, seconds: float = HELD_SECONDS) -> Iterator[Lease]:
    """Hold publication back while the context lasts, for ``seconds`` at most.

    Raises:
        LeaseError: another backup holds the lease.
    """
    now = SystemClock().now()
    versioned = store.read_versioned(LEASE_KEY)
    if versioned is not None and _is_held(versioned.data, now):
        raise LeaseError(_IN_USE)
    lease = Lease(holder=secrets.token_hex(8), until=now + dt.timedelta(seconds=seconds))
    try:
        store.swap(LEASE_KEY, msgspec.json.encode(lease), versioned.etag if versioned else None)
    except ConflictError:
        raise LeaseError(_IN_USE) from None
    try:
        yield lease
    finally:
        if (data := store.read(LEASE_KEY)) is not None and data == msgspec.json.encode(lease):
            store.delete(LEASE_KEY)


def wait_for_lease(store: ObjectStore) -> None:
    """Wait while a backup holds publication back: `HELD_SECONDS` at most."""
    deadline = time.monotonic() + HELD_SECONDS
    while time.monotonic() < deadline:
        data = store.read(LEASE_KEY)
        if data is None or not _is_held(data, SystemClock().now()):
            return
        time.sleep(_POLL_SECONDS)


def _is_held(data: bytes, now: dt.datetime) -> bool:
    try:
        return msgspec.json.decode(data, type=Lease).until > now
    except msgspec.DecodeError:  # damaged: it must not hold anything up
        return False
