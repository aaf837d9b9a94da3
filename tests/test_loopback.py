"""Which addresses are this machine's own, and are never asked through a proxy."""

import pytest

from soccer_assets.loopback import is_loopback, no_proxy


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.8.9.1/ready", True),
        ("http://localhost:3000/graphql", True),
        ("http://[::1]:8000", True),
        ("http://sidecar:8000", False),
        ("https://localhost.example.org", False),
        ("http://10.0.0.1", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_recognised(url: str, expected: bool) -> None:
    """By host, whatever port and path."""
    assert is_loopback(url) is expected


def test_no_proxy_keeps_what_is_listed() -> None:
    """Each name once."""
    assert no_proxy(" .internal, localhost") == ".internal,localhost,127.0.0.1,::1"
    assert no_proxy("") == "localhost,127.0.0.1,::1"
