"""Runs that an orderly stop of the home interrupts: they end cancelled, and the next start runs them again.

Without it Dagster takes the signal for a crash: the run fails, and an alert tells of a stop that somebody
asked for.
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec

from soccer_assets.alerting.list_file import read_list, write_list
from soccer_assets.loopback import certificates
from soccer_assets.operations.local_instance import open_instance
from soccer_assets.resources.run_workers import PROCESS_TAG

STOPPED = "the home was stopped"
_AGAIN = """
mutation Again($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PipelineNotFoundError { message }
  }
}
"""
_LOCATIONS = """
query Locations {
  workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } }
}
"""
_ANSWER_SECONDS = 60.0


class StoppedRun(msgspec.Struct, frozen=True):
    """A run that a stop interrupted."""

    run_id: str
    job: str


def cancel_open_runs(home: Path) -> None:
    """Ask for the end of the runs that are executed now, before their processes get the signal.

    Those of a terminal of their own (`soccer run`) go on. Those that the code server executes are noted for
    the next start, which repeats its own (the first build, the refresh) by itself.
    """
    import dagster as dg  # noqa: PLC0415 - a second that only `up` pays

    if not (home / "dagster" / "dagster.yaml").is_file():  # stopped before it had one
        return
    statuses = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    with open_instance(home / "dagster") as instance:
        runs = list(instance.get_runs(dg.RunsFilter(statuses=statuses)))
        ours = [run for run in runs if PROCESS_TAG not in run.tags or _is_child(run.tags[PROCESS_TAG])]
        again = [StoppedRun(run.run_id, run.job_name) for run in ours if PROCESS_TAG not in run.tags]
        write_list(_file(home), [*read_list(_file(home), StoppedRun), *again])
        for run in ours:
            instance.report_run_canceling(run, STOPPED)


def run_again(
    home: Path, pages: str, wait_until: Callable[[Callable[[], bool]], object], say: Callable[[str], object]
) -> None:
    """Launch the runs again that the last stop cancelled, with their configuration and tags.

    Args:
        home: its folder.
        pages: address of Dagster's pages, which answer.
        wait_until: returns when what it gets returns true.
        say: gets one line a run.
    """
    import dagster as dg  # noqa: PLC0415 - as above

    stopped = read_list(_file(home), StoppedRun)
    if not stopped:
        return
    wait_until(lambda: _has_code(pages))
    _file(home).unlink(missing_ok=True)
    with open_instance(home / "dagster") as instance:
        ids = [run.run_id for run in stopped]
        found = instance.get_runs(dg.RunsFilter(run_ids=ids, statuses=[dg.DagsterRunStatus.CANCELED]))
        cancelled = {run.run_id for run in found}
    for run in stopped:
        if run.run_id in cancelled:
            refusal = _launch(pages, run.run_id)
            say(
                f"{run.job} was stopped with the home; it does not run again: {refusal}"
                if refusal
                else f"{run.job} was stopped with the home; it runs again"
            )


def _has_code(pages: str) -> bool:
    """Whether Dagster's pages have loaded the code server's jobs."""
    found = _ask(pages, _LOCATIONS)
    entries = found.get("locationEntries", [])
    return [entry["locationOrLoadError"]["__typename"] for entry in entries] == ["RepositoryLocation"]


def _launch(pages: str, run_id: str) -> str:
    """Why a run is not launched again; empty if it is."""
    launched = _ask(pages, _AGAIN, params={"parentRunId": run_id, "strategy": "ALL_STEPS"})
    kind = str(launched.get("__typename", "Dagster's pages refused it"))
    return "" if kind == "LaunchRunSuccess" else str(launched.get("message", kind)).splitlines()[0]


def _ask(pages: str, query: str, **variables: object) -> dict[str, Any]:
    """The first field of an answer; empty without one."""
    body = {"query": query, "variables": variables}
    try:
        answer = httpx.post(
            f"{pages}/graphql",
            json=body,
            timeout=_ANSWER_SECONDS,
            trust_env=False,
            verify=certificates(pages),
        )
        found: dict[str, Any] = next(iter(answer.json()["data"].values()))
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError, StopIteration):
        return {}
    return found


def _is_child(process: str) -> bool:
    """Whether a run is executed by a child of ours."""
    import psutil  # noqa: PLC0415 - not in the serving image

    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(int(json.loads(process)["pid"])).ppid() == os.getpid())
    return False


def _file(home: Path) -> Path:
    return home / "run" / "stopped_runs.json"
