"""The launchpad: a window that the step would refuse is refused at the launch, by the same sentence."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_webserver.webserver import DagsterWebserver
from starlette.testclient import TestClient

from tests.webserver.conftest import OVERRIDES, load_target

VALID = """
query Valid($selector: PipelineSelector!, $config: RunConfigData!) {
  isPipelineConfigValid(pipeline: $selector, runConfigData: $config, mode: "default") {
    __typename ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""
SELECTOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "windows",
    "pipelineName": "__ASSET_JOB",
    "assetSelection": [{"path": ["livescores", "window"]}],
    "assetCheckSelection": [],
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceProcessContext]:
    """A workspace of the livescores stage."""
    folder = str(tmp_path_factory.mktemp("instance"))
    with (
        dg.instance_for_test(overrides=OVERRIDES, temp_dir=folder) as instance,
        WorkspaceProcessContext(instance, load_target("tests.graph.window_graph", "windows")) as made,
    ):
        yield made


def _asked(context: WorkspaceProcessContext, query: str, **variables: Any) -> dict[str, Any]:
    client = TestClient(DagsterWebserver(context).create_asgi_app())
    answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = next(iter(answer["data"].values()))
    return found


def _config(**fields: object) -> dict[str, Any]:
    return {"ops": {"livescores__window": {"config": fields}}}


@pytest.mark.parametrize("fields", [{"days": "ninety"}, {"from": "2025-04-01"}, {"start": 20250401}])
def test_a_wrong_type_or_name_is_marked_while_it_is_written(
    context: WorkspaceProcessContext, fields: dict[str, object]
) -> None:
    """The launchpad asks at every key."""
    found = _asked(context, VALID, selector=SELECTOR, config=_config(**fields))

    assert found["__typename"] == "RunConfigValidationInvalid"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"start": "0870-02-20"}, "begins before 2025-01-01, the first day of this home"),
        ({"start": "20 April"}, "write days as 2025-04-01"),
        ({"start": "2025-04-01", "end": "2025-03-01"}, "is empty"),
        ({"end": "2999-01-01"}, "400 days from now"),
        ({"days": 0}, "days: Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_refused_at_the_launch_and_makes_no_run(
    context: WorkspaceProcessContext, fields: dict[str, object], sentence: str
) -> None:
    """The sentence is that of the step; nothing waits in the queue for a failure."""
    params = {"selector": SELECTOR, "runConfigData": _config(**fields), "mode": "default"}
    found = _asked(context, LAUNCH, params=params)

    assert found["__typename"] in {"PythonError", "RunConfigValidationInvalid"}
    assert sentence in str(found)
    assert context.instance.get_runs() == []
