"""The version behind an alias, asked of a server without MLflow's client; what is unusual is left to it."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from soccer_assets.resources.registry_lookup import FoundVersion, NotToldError, version_of_alias

ANSWERS = {
    "champion": (
        200,
        {"model_version": {"version": "7", "run_id": "r", "tags": [{"key": "card", "value": "c"}]}},
    ),
    "untagged": (200, {"model_version": {"version": "7", "run_id": "r"}}),
    "nobody": (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "alias not found"}),
    "elsewhere": (404, {"detail": "no such path"}),
    "broken": (500, {"error_code": "INTERNAL_ERROR"}),
}


class Answering(BaseHTTPRequestHandler):
    """Answers as MLflow 3.17's server does."""

    def do_GET(self) -> None:
        """Answer the one call."""
        split = urlsplit(self.path)
        asked = parse_qs(split.query)
        assert (split.path, asked["name"]) == ("/api/2.0/mlflow/registered-models/alias", ["match_outcome"])
        status, body = ANSWERS[asked["alias"][0]]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(msgspec.json.encode(body))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_server_tells_the_version_of_an_alias(url: str) -> None:
    """The version with its tag, None for an alias that nobody has."""
    assert version_of_alias(url, "match_outcome", "champion", "card", {}) == FoundVersion("7", "r", "c")
    assert version_of_alias(url, "match_outcome", "nobody", "card", {}) is None


@pytest.mark.parametrize("alias", ["untagged", "elsewhere", "broken"])
def test_what_a_server_does_not_tell_is_left_to_the_client(url: str, alias: str) -> None:
    """A version without the tag, a path that is not MLflow's, an error."""
    with pytest.raises(NotToldError):
        version_of_alias(url, "match_outcome", alias, "card", {})


def test_a_database_that_was_never_made_has_no_version(tmp_path: Path) -> None:
    """A home without a training: nothing is imported to ask, and nothing is made."""
    file = tmp_path / "mlflow" / "mlflow.db"

    assert version_of_alias(f"sqlite:///{file}", "match_outcome", "champion", "card", {}) is None
    assert not file.parent.exists()


def test_servers_with_credentials_and_databases_that_are_not_seen_are_left_to_the_client(
    url: str, tmp_path
) -> None:
    """No request goes out without them, and no file is made."""
    with pytest.raises(NotToldError, match="credentials"):
        version_of_alias(url, "match_outcome", "champion", "card", {"MLFLOW_TRACKING_USERNAME": "me"})
    file = tmp_path / "mlflow.db"
    for unseen in (tmp_path / "away" / "mlflow" / "mlflow.db", f"file:{file}?mode=ro&uri=true"):
        with pytest.raises(NotToldError):
            version_of_alias(f"sqlite:///{unseen}", "match_outcome", "champion", "card", {})
    assert not file.exists()
    file.write_bytes(b"")  # not MLflow's yet
    with pytest.raises(NotToldError):
        version_of_alias(f"sqlite:///{file}", "match_outcome", "champion", "card", {})
