"""Client of Dagster's GraphQL API: launches runs, and nothing else."""

from collections.abc import Sequence
from typing import Any

import msgspec

from serving.errors import ServingError
from serving.pause import Pause
from soccer_assets.loopback import http_options

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId status } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
  }
}
"""
_REPOSITORY = {"repositoryLocationName": "soccer_assets", "repositoryName": "__repository__"}
_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 15.0


class DagsterUnavailableError(ServingError):
    """Dagster does not answer, or has not loaded its code location yet."""


class LaunchRefusedError(ServingError):
    """Dagster refused to launch the run; the message says why."""


class LaunchedRun(msgspec.Struct, frozen=True):
    """A run that Dagster accepted."""

    run_id: str
    status: str


class Dagster:
    """Dagster's webserver.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._pause = Pause()

    async def launch(self, assets: Sequence[Sequence[str]], config: dict[str, Any]) -> LaunchedRun:
        """Launch a run that materialises assets.

        Args:
            assets: asset keys, each a sequence of its path components.
            config: run config, as in the launchpad.

        Raises:
            DagsterUnavailableError: no answer, or the code location is not loaded.
            LaunchRefusedError: Dagster refused the run.
        """
        import httpx  # noqa: PLC0415 - 0.1 s to import, not needed for look-ups

        if self._pause.is_on:
            raise DagsterUnavailableError
        selector = _REPOSITORY | {
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": list(key)} for key in assets],
        }
        tags = [{"key": "soccer/launched_by", "value": "sidecar"}]
        params = {"selector": selector, "runConfigData": config, "executionMetadata": {"tags": tags}}
        try:
            async with httpx.AsyncClient(
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                **http_options(self._url),
            ) as client:
                answer = await client.post(
                    f"{self._url}/graphql", json={"query": _LAUNCH, "variables": {"params": params}}
                )
            answer.raise_for_status()
            launched = answer.json()["data"]["launchRun"]
        except httpx.TransportError as error:
            self._pause.begin()
            raise DagsterUnavailableError from error
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise DagsterUnavailableError from error  # of this request alone: the next one is sent
        if launched["__typename"] == "LaunchRunSuccess":
            return LaunchedRun(launched["run"]["runId"], launched["run"]["status"])
        if launched["__typename"] == "PipelineNotFoundError":  # the code server is not up yet
            raise DagsterUnavailableError
        messages = [error["message"] for error in launched.get("errors", ())] or [launched.get("message", "")]
        raise LaunchRefusedError("; ".join(filter(None, messages)) or str(launched["__typename"]))
