"""API keys in the object store: SHA-256 of 256-bit tokens with scopes, updated by compare-and-swap."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Sequence

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.contract.api_keys import API_KEYS_KEY, ApiKey, ApiKeys
from soccer_assets.contract.release import SCHEMA_VERSION
from soccer_assets.resources.object_store import ConflictError, ObjectStore
from soccer_assets.stores.stored_json import decoded, read_stored

SCOPES = ("read", "predict", "admin")

# Concurrent changes: the loser of the compare-and-swap retries on the new set.
_ATTEMPTS = 5
_TOKEN_BYTES = 32
_WITHOUT_BACKUP = "move it aside and make new keys with `soccer keys create`"


def create_key(store: ObjectStore, scopes: Sequence[str], now: dt.datetime, note: str = "") -> str:
    """Add a key and return its token, which is shown once and stored nowhere.

    Raises:
        ValueError: a scope is unknown.
        ConflictError: the keys kept changing meanwhile.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"unknown scope {min(unknown)!r}; there are {', '.join(SCOPES)}")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    digest = _digest(token)
    key = ApiKey(id=digest[:8], sha256=digest, scopes=tuple(scopes), created_at=isoformat(now), note=note)
    _change(store, lambda keys: (*keys, key))
    return token


def revoke_key(store: ObjectStore, key_id: str) -> None:
    """Remove a key; sidecars refuse it from their next poll.

    Raises:
        ValueError: there is no such key.
        ConflictError: the keys kept changing meanwhile.
    """
    if key_id not in {key.id for key in list_keys(store)}:
        raise ValueError(f"there is no key {key_id!r}; `soccer keys list` names those there are")
    _change(store, lambda keys: tuple(key for key in keys if key.id != key_id))


def list_keys(store: ObjectStore) -> tuple[ApiKey, ...]:
    """All accepted keys; their tokens are stored nowhere."""
    found = read_stored(store.read, API_KEYS_KEY, ApiKeys, _WITHOUT_BACKUP)
    return found.keys if found else ()


def is_accepted(store: ObjectStore, token: str) -> bool:
    """Whether a token belongs to a key."""
    return any(secrets.compare_digest(key.sha256, _digest(token)) for key in list_keys(store))


def _change(store: ObjectStore, change: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
    for _ in range(_ATTEMPTS):
        versioned = store.read_versioned(API_KEYS_KEY)
        keys = decoded(API_KEYS_KEY, versioned.data, ApiKeys, _WITHOUT_BACKUP).keys if versioned else ()
        changed = ApiKeys(schema_version=SCHEMA_VERSION, keys=change(keys))
        try:
            store.swap(API_KEYS_KEY, msgspec.json.encode(changed), versioned.etag if versioned else None)
        except ConflictError:
            continue
        return
    raise ConflictError(f"{API_KEYS_KEY} kept changing; try again")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
