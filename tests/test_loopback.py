"""Which addresses are this machine's own, and are never asked through a proxy."""

import ssl
from urllib.request import proxy_bypass_environment

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.loopback import certificates, is_loopback, no_proxy


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


def test_only_tls_reads_certificates() -> None:
    """A plain address has no certificate to check, and one that redirects to TLS is refused there."""
    plain = certificates("HTTP://127.0.0.1:8000/ready")

    assert isinstance(plain, ssl.SSLContext)
    assert plain.verify_mode is ssl.CERT_REQUIRED
    assert plain.cert_store_stats()["x509_ca"] == 0
    assert certificates("https://localhost:8000") is True


def test_no_proxy_keeps_what_is_listed() -> None:
    """Each name once."""
    assert no_proxy(" .internal, localhost") == ".internal,localhost,127.0.0.1,::1"
    assert no_proxy("") == "localhost,127.0.0.1,::1"


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_a_commands_libraries_ask_loopback_directly(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """MLflow's, S3's and the feeds' clients read the environment as the standard library does."""
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")  # set here, so that it is restored afterwards
        monkeypatch.delenv(variable)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv(name, "feeds.internal")
    assert not proxy_bypass_environment("127.0.0.1:5000")

    done = CliRunner().invoke(main, ["feeds", "list"])

    assert done.exit_code == 0
    assert all(proxy_bypass_environment(host) for host in ("127.0.0.1:5000", "localhost", "feeds.internal"))
    assert not proxy_bypass_environment("www.football-data.co.uk")
