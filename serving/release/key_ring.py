"""The API keys that a sidecar accepts, as they were last read from the store."""

import hashlib

from soccer_assets.contract.api_keys import ApiKey, ApiKeys


class KeyRing:
    """The accepted keys: the last good set, whatever happens to the store afterwards."""

    def __init__(self) -> None:
        self._by_digest: dict[str, ApiKey] | None = None
        self._known: dict[bytes, ApiKey] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether any set of keys was ever read."""
        return self._by_digest is not None

    def update(self, keys: ApiKeys) -> None:
        """Accept this set from now on."""
        self._by_digest = {key.sha256: key for key in keys.keys}
        self._known = {}

    def identify(self, token: bytes) -> ApiKey | None:
        """The key of a token as it came in the header, None for an unknown one.

        Looked up by its hash: how long that takes tells of the hash, of which nobody can choose a part. A
        token that was right is remembered until the keys change, by a dict whose own hash is salted.
        """
        known = self._known.get(token)
        if known is not None or self._by_digest is None:
            return known
        found = self._by_digest.get(hashlib.sha256(token).hexdigest())
        if found is not None:
            self._known[token] = found
        return found
