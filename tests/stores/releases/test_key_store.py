"""Clients' keys: hashes in the store, tokens nowhere, changes by compare-and-swap."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from soccer_assets.contract.api_keys import API_KEYS_KEY, ApiKeys
from soccer_assets.resources.object_store import ConflictError, ObjectStore
from soccer_assets.stores.releases.key_store import create_key, is_accepted, list_keys, revoke_key
from tests.builders import NOW


def test_a_key_is_accepted_and_kept_as_a_hash(folder_store):
    """The token of 256 bits is returned once; the store holds its SHA-256, scopes, time and note."""
    token = create_key(folder_store, ["read", "predict"], NOW, note="the dashboard")

    assert is_accepted(folder_store, token)
    assert not is_accepted(folder_store, token[:-1])
    data = folder_store.read(API_KEYS_KEY)
    assert token.encode() not in data
    (key,) = msgspec.json.decode(data, type=ApiKeys).keys
    assert key.sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert (key.id, key.scopes, key.note) == (key.sha256[:8], ("read", "predict"), "the dashboard")
    assert key.created_at == "2025-04-25T09:00:00Z"
    assert len(token) >= 43


def test_a_store_without_keys_accepts_nobody(folder_store):
    """Before the first key every token is refused, the empty one too."""
    assert not is_accepted(folder_store, "")
    assert list_keys(folder_store) == ()


def test_a_revoked_key_is_refused_and_the_others_stay(folder_store):
    """Revoking removes one key by its id; an unknown id is an error."""
    revoked, kept = (create_key(folder_store, ["read"], NOW) for _ in range(2))
    revoke_key(folder_store, list_keys(folder_store)[0].id)

    assert not is_accepted(folder_store, revoked)
    assert is_accepted(folder_store, kept)
    with pytest.raises(ValueError, match="there is no key 'nobody'"):
        revoke_key(folder_store, "nobody")


def test_an_unknown_scope_is_refused(folder_store):
    """The message names the scopes that there are, and nothing is written."""
    with pytest.raises(ValueError, match="unknown scope 'write'; there are read, predict, admin"):
        create_key(folder_store, ["read", "write"], NOW)
    assert folder_store.read(API_KEYS_KEY) is None


def test_keys_made_at_the_same_moment_are_all_there(folder_store):
    """Three people making keys at once lose none: who is overtaken tries again on what the other wrote."""
    with ThreadPoolExecutor(3) as pool:
        tokens = list(pool.map(lambda _: create_key(folder_store, ["read"], NOW), range(3)))

    assert all(is_accepted(folder_store, token) for token in tokens)
    assert len(list_keys(folder_store)) == 3


def test_keys_that_keep_changing_are_given_up(folder_store, monkeypatch):
    """After five lost races the caller gets a conflict."""
    attempts = []

    def loses(_store: ObjectStore, key: str, _data: bytes, _etag: str | None) -> None:
        attempts.append(key)
        raise ConflictError(key)

    monkeypatch.setattr(ObjectStore, "swap", loses)
    with pytest.raises(ConflictError, match="try again"):
        create_key(folder_store, ["read"], NOW)
    assert attempts == [API_KEYS_KEY] * 5


def test_keys_live_on_s3(s3_store):
    """A first key and a second one on both S3 servers: a create, then a swap."""
    tokens = [create_key(s3_store, ["read"], NOW) for _ in range(2)]

    assert all(is_accepted(s3_store, token) for token in tokens)
