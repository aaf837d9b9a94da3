"""``monitoring/pipeline.json``: Dagster's runs and missing results, for the sidecar's metrics.

Written every minute beside the status. Prometheus then needs one address for all: the sidecar's ``/metrics``.
"""

import msgspec

PIPELINE_KEY = "monitoring/pipeline.json"


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """The newest finished run of a job.

    Attributes:
        job: its name.
        ended_at: when the run ended, ISO 8601 in UTC.
        failed: whether it failed; a cancelled run is no failure.
        seconds: from its start to its end.
    """

    job: str
    ended_at: str
    failed: bool
    seconds: float


class PipelineState(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, what waits and what is missing. All instants are of the wall clock.

    Attributes:
        written_at: when this was written; it stands still where Dagster's daemon does.
        queued: runs that wait.
        running: runs at work.
        oldest_queued_at: since when the oldest one waits; None where none waits.
        oldest_running_at: since when the oldest one is at work; None where none is.
        jobs: the newest ended run of each, by name.
        results_due: matches of the last 30 days whose result is due and missing.
    """

    schema_version: int
    written_at: str
    queued: int
    running: int
    oldest_queued_at: str | None
    oldest_running_at: str | None
    jobs: tuple[JobState, ...]
    results_due: int
