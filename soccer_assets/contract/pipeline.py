"""``monitoring/pipeline.json``: Dagster's runs, missing results and open alerts, for the sidecar.

Written every minute beside the status. Prometheus then needs one address for all: the sidecar's ``/metrics``.
The page ``/status`` shows the rest.
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


class PlannedRun(msgspec.Struct, frozen=True, kw_only=True):
    """The next run of a scheduled job.

    Attributes:
        job: its name.
        starts_at: when it starts, ISO 8601 in UTC, by the wall clock.
        makes: keys of the watched assets that it makes anew.
    """

    job: str
    starts_at: str
    makes: tuple[str, ...] = ()


class DueResults(msgspec.Struct, frozen=True, kw_only=True):
    """Matches of one competition whose result is due and missing; ``since`` is the earliest kickoff."""

    competition: str
    matches: int
    since: str


class FeedLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Hours from the end of a match to its score in the ledger, over a feed's matches of 30 days."""

    feed: str
    matches: int
    median_hours: float
    slowest_hours: float


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that holds, or a notice; without credentials, but it may name a host or a run.

    Attributes:
        severity: ``notice``, ``warning`` or ``failure``.
        headline: what is the case, in one line.
        since: when it began, ISO 8601 in UTC.
        impact: its effect on predictions.
        action: what to do.
    """

    severity: str
    headline: str
    since: str
    impact: str
    action: str


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
        due: the same by competition, most matches first.
        latencies: from the whistle to the ledger, by feed.
        planned: the next run of every schedule that is on, the earliest first.
        alerts: open faults and notices, the newest first.
    """

    schema_version: int
    written_at: str
    queued: int
    running: int
    oldest_queued_at: str | None
    oldest_running_at: str | None
    jobs: tuple[JobState, ...]
    results_due: int
    due: tuple[DueResults, ...] = ()
    latencies: tuple[FeedLatency, ...] = ()
    planned: tuple[PlannedRun, ...] = ()
    alerts: tuple[OpenAlert, ...] = ()
