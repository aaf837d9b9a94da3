"""The pages' secret and one-time codes in the object store; every call blocks.

The first sidecar that needs the secret makes it, by a conditional write: replicas that start together use
one. A code is taken by a conditional write too, so that one of two sidecars accepts it.
"""

import contextlib
import os
import secrets
import time
from pathlib import Path

import msgspec
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from serving.release.reader import StoreUnavailableError
from soccer_assets.contract.following import UNSUBSCRIBED_PREFIX
from soccer_assets.contract.page_access import PAGES_SECRET_KEY, SECRET_BYTES, OneTimeCode, code_key

_USED = ".used"


def read_secret(store: LocalStore | S3Store) -> bytes:
    """The secret, made where there is none.

    Raises:
        StoreUnavailableError: the store did not answer.
    """
    try:
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                secret = bytes(obstore.get(store, PAGES_SECRET_KEY).bytes())
                if len(secret) == SECRET_BYTES:
                    return secret
                obstore.delete(store, PAGES_SECRET_KEY)  # a damaged one
            _create(store, secrets.token_bytes(SECRET_BYTES))
        return bytes(obstore.get(store, PAGES_SECRET_KEY).bytes())
    except (BaseError, OSError) as error:
        raise StoreUnavailableError(f"{PAGES_SECRET_KEY}: {error}") from error


def take_code(store: LocalStore | S3Store, code: str) -> str | None:
    """The id of the key that a code signs in as; None for an unknown, used or old one.

    Raises:
        StoreUnavailableError: the store did not answer.
    """
    key = code_key(code)
    try:
        found = msgspec.json.decode(bytes(obstore.get(store, key).bytes()), type=OneTimeCode)
        if time.time() >= found.expires:
            return None
        obstore.put(store, key + _USED, b"", mode="create")
    except (FileNotFoundError, AlreadyExistsError, msgspec.DecodeError):
        return None
    except (BaseError, OSError) as error:
        raise StoreUnavailableError(f"one-time codes: {error}") from error
    return found.key_id


def leave_unsubscribed(store: LocalStore | S3Store, follower: str) -> None:
    """Leave word that a follower wants no more messages; the graph removes it.

    Raises:
        StoreUnavailableError: the store did not answer.
    """
    try:
        obstore.put(store, f"{UNSUBSCRIBED_PREFIX}{follower}", b"")
    except (BaseError, OSError) as error:
        raise StoreUnavailableError(f"unsubscribing: {error}") from error


def _create(store: LocalStore | S3Store, secret: bytes) -> None:
    """Write the secret unless there is one; in a folder only its owner may read it."""
    if isinstance(store, LocalStore):
        path = Path(str(store.prefix)) / PAGES_SECRET_KEY
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secret)
            try:
                os.link(partial, path)  # fails where another sidecar was faster
            finally:
                partial.unlink()
        return
    with contextlib.suppress(AlreadyExistsError):
        obstore.put(store, PAGES_SECRET_KEY, secret, mode="create")
