"""Queries of Dagster's runs."""

from collections.abc import Sequence

import dagster as dg

_OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def open_runs(instance: dg.DagsterInstance, jobs: Sequence[str]) -> int:
    """The number of queued and running runs of these jobs."""
    return sum(instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=_OPEN)) for job in jobs)
