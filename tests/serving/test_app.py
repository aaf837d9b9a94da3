"""The application as a whole: what it loads, documents, and says when something is wrong."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from serving.problems import Problem
from tests.serving.builders import READER

HEAVY = [
    "dagster",
    "mlflow",
    "pandas",
    "xgboost",
    "numba",
    "numpy",
    "scipy",
    "pyarrow",
    "sqlalchemy",
    "redis",
]


def test_serving_imports_none_of_the_heavy_packages():
    """The sidecar's process, application built, holds neither the graph's packages nor the model's."""
    program = (
        "import sys; from serving.app import create_app; from soccer_assets.settings import Settings;"
        "create_app(Settings.from_env({'SOCCER_HOME': sys.argv[1]})).openapi_schema;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", program, "nowhere"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr
    assert not (Path(__file__).parents[2] / "nowhere").exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/predict/m1/and/more", 404),
        ("GET", "/predict/unknown", 404),
        ("DELETE", "/predict/m1", 405),
        ("POST", "/ready", 405),
        ("GET", "/predict/m1?model=best", 400),
        ("GET", "/predict/predictions/?limit=-1", 400),
        ("GET", "/predict/predictions/?future_only=perhaps", 400),
        ("GET", "/predict/matches/?limit=99999999999999999999999", 400),
    ],
)
def test_every_error_is_a_problem(client, method, path, status):
    """Errors are problem+json with all five members, are not stored, and never echo the query."""
    response = client.request(method, path, headers=READER)

    problem = msgspec.json.decode(response.content, type=Problem, strict=True)
    assert (response.status_code, problem.status) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert problem.type.startswith("urn:soccer-assets:problem:")
    assert problem.title
    assert problem.detail
    assert "?" not in problem.instance


def test_fault_of_ours_is_a_problem_without_inner_words(client, capfd):
    """A fault answers 500 with a request id; the exception stays in the log, under the same id."""
    client.app.state["snapshots"].current.snapshot.close()
    response = client.get("/predict/m1", headers=READER | {"X-Request-ID": "abc-1"})

    log = capfd.readouterr().out
    assert response.status_code == 500
    assert response.headers["x-request-id"] == "abc-1"
    assert "database" not in response.text
    assert '"request_id": "abc-1"' in log
    assert "closed database" in log


def test_links_of_the_index_work(client):
    """Every link without a placeholder is there, if only for POST, or for want of what it needs."""
    links = client.get("/").json()["links"].values()

    for link in links:
        if "{" not in link:
            response = client.get(link, headers=READER)
            if link == "/predict/":  # for POST; GET wants ids
                assert "ids" in response.json()["detail"]
                continue
            assert response.status_code in {200, 404, 405, 503}
            assert "problem:not-found" not in response.text


def test_srv_03_openapi_documents_every_body(client):
    """Each route names a struct for its answer, problems for its errors, and the key it needs."""
    document = client.get("/schema/openapi.json").json()

    for path in ("/predict/{match_id}", "/predict/matches", "/predict/predictions", "/monitoring/freshness"):
        operation = document["paths"][path]["get"]
        assert "$ref" in operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert "application/problem+json" in operation["responses"]["401"]["content"]
        assert operation["security"] == [{"apiKey": []}]
    assert document["components"]["securitySchemes"]["apiKey"]["name"] == "X-API-Key"


SERVE_ONCE = """
import sys
from pathlib import Path
from litestar.testing import TestClient
from serving.app import create_app
from soccer_assets.settings import Settings
settings = Settings.from_env({"SOCCER_HOME": sys.argv[1]})
with TestClient(create_app(settings)) as client:
    assert client.get("/healthcheck/").status_code == 200
    assert client.get("/ready").status_code == 503
"""


def test_srv_07_the_sidecar_starts_answers_and_stops_without_deprecated_calls(tmp_path):
    """Every DeprecationWarning is an error, above all those of event loops that are not running."""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", SERVE_ONCE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
