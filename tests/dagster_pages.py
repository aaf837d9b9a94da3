"""Dagster's webserver, asked over GraphQL as its pages do."""

from typing import Any

import httpx

_LAUNCH = """
mutation LaunchPartitionBackfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_MATERIALIZE = """
mutation Materialize($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
_CANCEL = """
mutation CancelBackfill($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }
"""
_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } }
  }
}
"""
_RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { runId status } } }
}
"""
_PARTITIONS = """
query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { partitionKeys partitionStats { numMaterialized numFailed numPartitions } }
  }
}
"""
_STATUSES = """
query Statuses($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } }
    }
  }
}
"""


class DagsterPages:
    """A webserver of this project's graph."""

    def __init__(self, base: str) -> None:
        """Ask the server at ``base``."""
        self._graphql = httpx.Client(base_url=base, timeout=60, trust_env=False)

    def ask(self, query: str, **variables: Any) -> Any:
        """The first field of a GraphQL answer."""
        question = {"query": query, "variables": variables}
        data = self._graphql.post("/graphql", json=question).raise_for_status().json()
        assert "errors" not in data, data
        return next(iter(data["data"].values()))

    def months(self) -> list[str]:
        """Every partition of `livescores/history`."""
        found = self.ask(_PARTITIONS, key={"path": ["livescores", "history"]})
        return list(found["partitionKeys"])

    def materialized(self) -> int:
        """The number of materialised partitions of `livescores/history`."""
        found = self.ask(_PARTITIONS, key={"path": ["livescores", "history"]})
        return int(found["partitionStats"]["numMaterialized"])

    def months_in(self, status: str) -> list[str]:
        """Partitions of `livescores/history` that the page shows as `FAILED` or `MATERIALIZED`."""
        found = self.ask(_STATUSES, key={"path": ["livescores", "history"]})
        ranges = [each for each in found["assetPartitionStatuses"]["ranges"] if each["status"] == status]
        return [
            month
            for month in self.months()
            if any(each["startKey"] <= month <= each["endKey"] for each in ranges)
        ]

    def launch_backfill(self, months: list[str]) -> str:
        """Start a backfill by the mutation that the page sends; returns its id."""
        selection = [{"path": ["livescores", "history"]}]
        launched = self.ask(_LAUNCH, params={"assetSelection": selection, "partitionNames": months})
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def cancel_backfill(self, backfill_id: str) -> None:
        """Stop a backfill and the runs it started."""
        assert self.ask(_CANCEL, id=backfill_id)["__typename"] == "CancelBackfillSuccess"

    def backfill_status(self, backfill_id: str) -> str:
        """The backfill's status, such as `REQUESTED` or `COMPLETED_SUCCESS`."""
        return str(self.ask(_BACKFILL, id=backfill_id)["status"])

    def run_ids_of(self, backfill_id: str, *statuses: str) -> set[str]:
        """Ids of the runs of a backfill, those of some statuses where named."""
        chosen = {"statuses": list(statuses)} if statuses else {}
        return {run["runId"] for run in self._runs(**_tagged("dagster/backfill", backfill_id), **chosen)}

    def runs_of(self, backfill_id: str) -> list[str]:
        """Status of each run of a backfill."""
        return [run["status"] for run in self._runs(**_tagged("dagster/backfill", backfill_id))]

    def materialize(self, *key: str) -> str:
        """Launch one asset, as the button on its page does; returns the run's id."""
        return self.launch_from_page(
            "__ASSET_JOB", assetSelection=[{"path": list(key)}], assetCheckSelection=[]
        )

    def launch_from_page(self, job: str, **selection: Any) -> str:
        """Launch a job by the mutation that its page sends; returns the run's id."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "soccer_assets",
            "pipelineName": job,
            **selection,
        }
        launched = self.ask(
            _MATERIALIZE, params={"selector": selector, "runConfigData": "{}", "mode": "default"}
        )
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def status_of(self, run_id: str) -> str:
        """Of one run, such as `STARTED`; empty where there is none."""
        found = self._runs(runIds=[run_id])
        return str(found[0]["status"]) if found else ""

    def repeats_of(self, run_id: str) -> list[str]:
        """Ids of the runs that repeat one."""
        return [run["runId"] for run in self._runs(**_tagged("dagster/parent_run_id", run_id))]

    def _runs(self, **chosen: Any) -> list[Any]:
        return list(self.ask(_RUNS, filter=chosen)["results"])


def _tagged(key: str, value: str) -> dict[str, Any]:
    """The filter of the runs with a tag."""
    return {"tags": [{"key": key, "value": value}]}
