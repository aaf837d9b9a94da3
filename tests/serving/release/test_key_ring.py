"""The accepted keys."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from serving.release.key_ring import KeyRing
from soccer_assets.contract.api_keys import ApiKey, ApiKeys


@given(token=st.text(max_size=40))
def test_only_the_token_itself_is_identified(token):
    """Any text but the token is unknown, whatever characters it has."""
    ring = KeyRing()
    right = hashlib.sha256(b"right").hexdigest()
    ring.update(
        ApiKeys(schema_version=1, keys=(ApiKey(id="k", sha256=right, scopes=("read",), created_at=""),))
    )

    found = ring.identify(token.encode())

    assert (found is not None) == (token == "right")
