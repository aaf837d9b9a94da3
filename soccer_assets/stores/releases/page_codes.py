"""The pages' secret, and one-time codes: 50 random bits, stored as SHA-256, good for a minute and one use."""

import secrets
import time

import msgspec

from soccer_assets.contract.page_access import (
    CODE_ALPHABET,
    CODE_LENGTH,
    CODE_SECONDS,
    CODES_PREFIX,
    PAGES_SECRET_KEY,
    OneTimeCode,
    code_key,
)
from soccer_assets.resources.object_store import ObjectStore


def create_code(store: ObjectStore, key_id: str) -> str:
    """Store a code that signs in as a key, and return it; codes of before are deleted."""
    for old in store.list(CODES_PREFIX):
        store.delete(old)
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    entry = OneTimeCode(key_id=key_id, expires=int(time.time()) + CODE_SECONDS)
    store.write(code_key(code), msgspec.json.encode(entry))
    return f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}"


def read_pages_secret(store: ObjectStore) -> bytes | None:
    """The secret of the pages; None before a sidecar made it, which it does at its first start."""
    return store.read(PAGES_SECRET_KEY)
