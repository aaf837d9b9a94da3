"""All phases of schemathesis against a sidecar with its backing services, for every holder of a key (trial).

The short form, which `make test` runs, is ``test_openapi.py``.
"""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from soccer_assets.resources.database import Database
from tests.serving.backed import backed_sidecar
from tests.serving.builders import TOKENS

pytestmark = pytest.mark.trial

# Not asked: whether valid rows are accepted and invalid ones refused. A schema cannot say which teams there
# are, and a task takes rows that cannot be scored, to answer them with their errors.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ignored_auth",
)
# Only Dagster is away: 503 is what the document says of the routes that launch runs, and of no other here.
CONFIG = """
[[operations]]
include-path-regex = "^/sources"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
# Of one holder; the repeating phases end with it.
SECONDS = 150


@pytest.fixture(scope="module")
def backed(tmp_path_factory, migrated_databases):
    """A sidecar on PostgreSQL and Valkey, with a task worker."""
    with migrated_databases.lent() as url:
        database = Database(url)
        with backed_sidecar(tmp_path_factory.mktemp("backed"), database) as one:
            yield one
        database.engine.dispose()


@pytest.mark.parametrize("holder", [None, *TOKENS])
def test_every_phase_keeps_the_document(backed, tmp_path, holder):
    """No 5xx; documented status codes, types, headers and bodies; and nobody was made to wait by it."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    key = [] if holder is None else ["--header", f"X-API-Key: {TOKENS[holder]}"]
    asked = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", config),
            *("run", f"{backed.address}/schema/openapi.json", *key, "--exclude-path", "/events"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--checks", ",".join(CHECKS)),
            *("--max-examples", "50", "--max-time", str(SECONDS), "--request-timeout", "60"),
            *("--generation-database", "none", "--continue-on-failure", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 6,
    )

    assert asked.returncode == 0, asked.stdout[-20_000:] + asked.stderr[-2_000:]
    reader = {"X-API-Key": TOKENS["reader"]}
    for path in ("/predict/m1", "/livescores/", "/predict/matches/", "/monitoring/freshness"):
        assert httpx.get(backed.address + path, headers=reader, timeout=30).status_code == 200
    assert "Traceback" not in next(backed.home.glob("log-*")).read_text()
