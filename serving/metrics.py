"""What Prometheus is told about the sidecar.

Times are exported as timestamps; the age is ``time() - soccer_data_checked_timestamp_seconds``. With several
workers, set ``PROMETHEUS_MULTIPROC_DIR`` to an empty folder before they start; otherwise each scrape shows
the worker that answered it.
"""

import bisect
import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4"

# From a look-up in memory (under a millisecond) to a page of 5,000 rows.
_LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Tally:
    """Answers of one route with one status and their times, counted in plain numbers until `fold`."""

    def __init__(self, requests: Counter, latency: Histogram) -> None:
        self._requests = requests
        self._latency = latency
        self._start()

    def _start(self) -> None:
        self._counts = [0] * (len(_LATENCY_BUCKETS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self._counts[bisect.bisect_left(_LATENCY_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def fold(self) -> None:
        """Hand over what was counted since the last time."""
        counts, seconds = self._counts, self._seconds
        self._start()
        if not any(counts):
            return
        self._requests.inc(sum(counts))
        # The library has no call for many observations at once; a test compares this with single ones.
        self._latency._sum.inc(seconds)  # noqa: SLF001
        for bucket, count in zip(self._latency._buckets, counts, strict=True):  # noqa: SLF001
            if count:
                bucket.inc(count)


class Metrics:
    """Every metric of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._tallies: list[Tally] = []
        self.requests = Counter(
            "soccer_http_requests",
            "Requests answered, by route template.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "soccer_http_request_duration_seconds",
            "Time from the request to the last byte of its answer.",
            ["route", "method"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.auth_failures = Counter(
            "soccer_auth_failures",
            "Requests refused for their API key: missing, unknown or lacking the scope.",
            ["reason"],
            registry=self.registry,
        )
        self.rate_limited = Counter(
            "soccer_rate_limited_requests",
            "Requests refused because their key had asked too often in this minute.",
            registry=self.registry,
        )
        self.reloads = Counter(
            "soccer_reloads",
            "Releases tried, by result: loaded, or why one was refused.",
            ["result"],
            registry=self.registry,
        )
        self.poll_failures = Counter(
            "soccer_poll_failures",
            "Times pointer, status, keys or the event stream could not be read.",
            ["what"],
            registry=self.registry,
        )
        self.release = Gauge(
            "soccer_release_info",
            "1 for the release that answers.",
            ["release_id", "model_version", "feed"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.published_at = Gauge(
            "soccer_release_published_timestamp_seconds",
            "When the release that answers was published.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.checked_at = Gauge(
            "soccer_data_checked_timestamp_seconds",
            "When the feed was last looked at.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.rows = Gauge(
            "soccer_snapshot_rows",
            "Predictions in the release that answers; 0 where none is loaded.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.snapshot_bytes = Gauge(
            "soccer_snapshot_bytes",
            "Bytes of the files of the release that answers.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.release_age = Gauge(
            "soccer_release_age_seconds",
            "Time since the release that answers was published.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.model = Gauge(
            "soccer_model_info",
            "1 for each model of the release that answers.",
            ["model", "version", "recipe"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.model_loaded_at = Gauge(
            "soccer_model_loaded_timestamp_seconds",
            "When this process loaded the release that answers.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.drift = Gauge(
            "soccer_drift_share",
            "Share of features and predictions that drifted, of the newest report.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.scored = Counter(
            "soccer_scored_rows",
            "Rows scored on demand, by kind of request: one row, or a list of them.",
            ["kind"],
            registry=self.registry,
        )
        self.scoring_seconds = Histogram(
            "soccer_scoring_duration_seconds",
            "Time from the rows to their answers, the wait for the scoring process included.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.inference_seconds = Histogram(
            "soccer_inference_duration_seconds",
            "Time that features and model took in the scoring process.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.confidence = Histogram(
            "soccer_prediction_confidence",
            "Probability of the likeliest outcome of rows scored on demand, by that outcome.",
            ["outcome"],
            buckets=(0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9),
            registry=self.registry,
        )
        self.tasks = Gauge(
            "soccer_task_queue_depth",
            "Tasks of bulk scoring, by state: queued or active.",
            ["state"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.listeners = Gauge(
            "soccer_event_listeners",
            "Clients that follow the events.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.stale = Gauge(
            "soccer_data_stale",
            "1 while every answer says that it is stale.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )

    def tally(self, route: str, method: str, status: str) -> "Tally":
        """A counter for answers so frequent that the metrics' own locks and files would cost too much."""
        tally = Tally(self.requests.labels(route, method, status), self.latency.labels(route, method))
        self._tallies.append(tally)
        return tally

    def fold(self) -> None:
        """Add what tallies counted; called at each scrape and each poll."""
        for tally in self._tallies:
            tally.fold()

    def exposition(self) -> bytes:
        """The text that Prometheus reads, of all workers where they share a folder.

        Of other workers the tallies are as old as their last poll.
        """
        self.fold()
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
