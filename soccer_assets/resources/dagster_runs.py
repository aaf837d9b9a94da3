"""Tags and queries of Dagster's runs."""

import json
from collections.abc import Sequence

import dagster as dg

# On runs that publish a release; the run queue starts one of them at a time.
PUBLISH_TAG = "soccer/publish"

_OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def at_most(*, hours: int) -> dict[str, str]:
    """The tag by which Dagster's run monitoring ends a run that takes longer.

    A run that hangs holds the queue of publishers. A bound is several times what the job takes.
    """
    return {"dagster/max_runtime": str(hours * 3600)}


def pod_of(*, cpus: int, memory_gb: int, at_most_gb: int) -> dict[str, str]:
    """The tag by which Dagster sizes the pod of a run on Kubernetes; elsewhere it says nothing.

    Args:
        cpus: cores that the run is given.
        memory_gb: GiB that it is given.
        at_most_gb: GiB at which the cluster ends it.
    """
    requests = {"cpu": str(cpus), "memory": f"{memory_gb}Gi"}
    resources = {"requests": requests, "limits": {"memory": f"{at_most_gb}Gi"}}
    return {"dagster-k8s/config": json.dumps({"container_config": {"resources": resources}})}


def open_runs(instance: dg.DagsterInstance, jobs: Sequence[str]) -> int:
    """The number of queued and running runs of these jobs."""
    return sum(instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=_OPEN)) for job in jobs)
