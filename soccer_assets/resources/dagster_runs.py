"""Tags and queries of Dagster's runs."""

import json
from collections.abc import Sequence

import dagster as dg

# On runs that publish a release; the run queue starts one of them at a time.
PUBLISH_TAG = "soccer/publish"

# dagster-celery's: the queue from which a worker of a fleet takes the run. One machine has no such queues.
QUEUE_TAG = "dagster-celery/queue"
# A worker of several queues takes from the first that has a run.
PUBLISH, TRAIN, BACKFILL = QUEUES = ("publish", "train", "backfill")
_PRIORITY_TAG = "dagster/priority"

_OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def on_queue(queue: str) -> dict[str, str]:
    """The tags of a run on one of `QUEUES`; a run without them is a backfill's.

    Somebody waits for what is published: such a run starts before all that wait in Dagster's own queue.
    """
    return {QUEUE_TAG: queue} | ({_PRIORITY_TAG: "1"} if queue == PUBLISH else {})


# Of runs that publish, also of long ones: they wait for each other anyway, so one worker that serves nothing
# else is free whenever the next of them may start.
PUBLISHES = {PUBLISH_TAG: "release"} | on_queue(PUBLISH)


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
