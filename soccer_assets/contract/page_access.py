"""What lets people into the pages: the secret of their sessions, and one-time codes, both in the store.

Neither is served: routes read releases, keys and reports only.
"""

import hashlib

import msgspec

PAGES_SECRET_KEY = "auth/pages.secret"  # noqa: S105 - its name
CODES_PREFIX = "auth/codes/"

SECRET_BYTES = 32

# Read aloud and typed: no letters or digits that look alike.
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 10
CODE_SECONDS = 60


class OneTimeCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that signs in once, as the key with this id, until an instant in seconds since 1970."""

    key_id: str
    expires: int


def code_key(code: str) -> str:
    """The object key of a code as it was typed: capitals, spaces and dashes do not matter."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    return f"{CODES_PREFIX}{hashlib.sha256(plain.encode()).hexdigest()}.json"
