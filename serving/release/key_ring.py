"""The API keys that the sidecar accepts, as last read from the store."""

import hashlib

from soccer_assets.contract.api_keys import ApiKey, ApiKeys


class KeyRing:
    """The accepted keys: the last set that was read, also while the store is unavailable."""

    def __init__(self) -> None:
        self._by_digest: dict[str, ApiKey] | None = None
        self._by_id: dict[str, ApiKey] = {}
        self._known: dict[bytes, ApiKey] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether keys have been read at least once."""
        return self._by_digest is not None

    def update(self, keys: ApiKeys) -> None:
        """Replace the accepted keys."""
        self._by_digest = {key.sha256: key for key in keys.keys}
        self._by_id = {key.id: key for key in keys.keys}
        self._known = {}

    def by_id(self, key_id: str) -> ApiKey | None:
        """The accepted key with this id; None if there is none."""
        return self._by_id.get(key_id)

    def identify(self, token: bytes) -> ApiKey | None:
        """The key of a token as sent in the header; None if unknown.

        The look-up is by SHA-256, so its timing reveals nothing about the token. Known tokens are cached
        until the keys change; Python salts the hash of the cache's dict.
        """
        known = self._known.get(token)
        if known is not None or self._by_digest is None:
            return known
        found = self._by_digest.get(hashlib.sha256(token).hexdigest())
        if found is not None:
            self._known[token] = found
        return found
