"""API keys of clients: ids, SHA-256 hashes and scopes; tokens are never stored."""

import msgspec

API_KEYS_KEY = "auth/keys.json"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A client's key: the SHA-256 of a 256-bit token, never the token."""

    id: str
    sha256: str
    scopes: tuple[str, ...]
    created_at: str
    note: str = ""


class ApiKeys(msgspec.Struct, frozen=True, kw_only=True):
    """All keys that are accepted."""

    schema_version: int
    keys: tuple[ApiKey, ...]
