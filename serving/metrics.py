"""Prometheus metrics of the sidecar.

Instants are exported as timestamps: the age of the data is
``time() - soccer_data_checked_timestamp_seconds``. With several workers, set ``PROMETHEUS_MULTIPROC_DIR``
to an empty folder before they start; otherwise a scrape shows only the worker that answers it.
"""

import bisect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from serving.pipeline_metrics import PipelineMetrics

CONTENT_TYPE = "text/plain; version=0.0.4"

# By counter, the values of its label. All are exported as zeros from the start: Prometheus' `increase` and
# `rate` do not see a series begin, so that the first failure would be missed.
_READ = (
    *("pointer", "status", "keys", "installation", "pages_secret"),
    *("drift", "quality", "pipeline", "verdict", "reigns"),  # the reloader's reports
)
FROM_THE_START = {
    "auth_failures": ("missing", "unknown", "scope", "keys_unread"),
    "reloads": (
        *("loaded", "half", "corrupt", "schema", "malformed"),
        *("golden_rows", "scorer", "unreachable"),
    ),
    "poll_failures": (*_READ, "events", "rate_limit"),
    "store_failures": (*_READ, "release"),
    "history_failures": ("load", "read"),
    "scored": ("single", "list"),
}

_LATENCY = "soccer_http_request_duration_seconds"
# From a look-up in memory (under a millisecond) to a page of 5,000 rows.
_LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


# The library has no call for many observations at once, so those of a batch are counted by counters of these
# names, which `_WithBatches` adds to the histogram before anyone reads them.
_BATCHED_SECONDS = "soccer_batched_request_seconds"
_BATCHED_BUCKETS = "soccer_batched_request_buckets"


class Batch:
    """Answers of one route with one status and their times, counted in plain numbers until `flush`."""

    def __init__(self, requests: Counter, seconds: Counter, buckets: Sequence[Counter]) -> None:
        self._requests = requests
        self._seconds_total = seconds
        self._buckets = buckets
        self._reset()

    def _reset(self) -> None:
        self._counts = [0] * len(self._buckets)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self._counts[bisect.bisect_left(_LATENCY_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def flush(self) -> None:
        """Add what was counted since the last flush to the metrics."""
        counts, seconds = self._counts, self._seconds
        self._reset()
        if not any(counts):
            return
        self._requests.inc(sum(counts))
        self._seconds_total.inc(seconds)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class _WithBatches(Collector):
    """What another collector exports, with the batched answers added to the latency histogram."""

    def __init__(self, source: Collector) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """The families of the source, without the two counters of the batches."""
        families = {family.name: family for family in self._source.collect()}
        seconds, buckets = families.pop(_BATCHED_SECONDS, None), families.pop(_BATCHED_BUCKETS, None)
        latency = families.get(_LATENCY)
        if latency is not None and seconds is not None and buckets is not None:
            latency.samples = [_with_batches(sample, seconds, buckets) for sample in latency.samples]
        yield from families.values()


def _with_batches(sample: Sample, seconds: Metric, buckets: Metric) -> Sample:
    """A sample of the histogram plus the batched answers of the same route and method."""
    if sample.name == f"{_LATENCY}_sum":
        batched = _counted(sample, seconds)
    elif sample.name == f"{_LATENCY}_bucket":
        # Buckets are cumulative in the histogram, and each for itself in a batch.
        bound = float(sample.labels["le"])
        batched = _counted(sample, buckets, lambda labels: float(labels["le"]) <= bound)
    elif sample.name == f"{_LATENCY}_count":
        batched = _counted(sample, buckets)
    else:
        return sample
    return sample._replace(value=sample.value + batched)


def _counted(
    sample: Sample, counter: Metric, holds: Callable[[Mapping[str, str]], bool] = lambda _: True
) -> float:
    """The sum of a counter's samples of the route and method of a sample."""
    return sum(
        counted.value
        for counted in counter.samples
        if counted.name == f"{counter.name}_total"
        and all(counted.labels[name] == sample.labels[name] for name in ("route", "method"))
        and holds(counted.labels)
    )


class Metrics:
    """Every metric of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._batches: list[Batch] = []
        self.requests = Counter(
            "soccer_http_requests",
            "Requests answered, by route template.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            _LATENCY,
            "Time from the request to the last byte of its answer.",
            ["route", "method"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        # Internal: exported as part of `latency` only.
        self._batched = {
            name: Counter(name, "Batched answers.", labels, registry=self.registry)
            for name, labels in (
                (_BATCHED_SECONDS, ["route", "method"]),
                (_BATCHED_BUCKETS, ["route", "method", "le"]),
            )
        }
        self.auth_failures = Counter(
            "soccer_auth_failures",
            "Requests refused for their API key: missing, unknown or lacking the scope.",
            ["reason"],
            registry=self.registry,
        )
        self.rate_limited = Counter(
            "soccer_rate_limited_requests",
            "Requests refused because their key exceeded its rate limit.",
            registry=self.registry,
        )
        self.reloads = Counter(
            "soccer_reloads",
            "Attempts to load a release, by result: loaded, or the reason of the refusal.",
            ["result"],
            registry=self.registry,
        )
        self.poll_failures = Counter(
            "soccer_poll_failures",
            "Failures to read pointer, status, keys or the event stream.",
            ["what"],
            registry=self.registry,
        )
        self.store_failures = Counter(
            "soccer_store_failures",
            "Reads of the object store that it did not answer.",
            ["what"],
            registry=self.registry,
        )
        self.history_failures = Counter(
            "soccer_history_failures",
            "Failures to load the history, or to read it for a page.",
            ["what"],
            registry=self.registry,
        )
        self.release = Gauge(
            "soccer_release_info",
            "1 for the current release.",
            ["release_id", "model_version", "feed"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.published_at = Gauge(
            "soccer_release_published_timestamp_seconds",
            "When the current release was published.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.checked_at = Gauge(
            "soccer_data_checked_timestamp_seconds",
            "When the feed was last checked.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.rows = Gauge(
            "soccer_snapshot_rows",
            "Predictions in the current release; 0 if none is loaded.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.snapshot_bytes = Gauge(
            "soccer_snapshot_bytes",
            "Size of the files of the current release.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.release_age = Gauge(
            "soccer_release_age_seconds",
            "Time since the current release was published.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.model = Gauge(
            "soccer_model_info",
            "1 for each model of the current release.",
            ["model", "version", "recipe"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.model_loaded_at = Gauge(
            "soccer_model_loaded_timestamp_seconds",
            "When this process loaded the current release.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.drift = Gauge(
            "soccer_drift_share",
            "Share of features and predictions that drifted, in the newest report.",
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
            "Time to score a request, including the wait for the scoring process.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.inference_seconds = Histogram(
            "soccer_inference_duration_seconds",
            "Time of features and model in the scoring process.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.confidence = Histogram(
            "soccer_prediction_confidence",
            "Probability of the likeliest outcome of rows scored on demand, by outcome.",
            ["outcome"],
            buckets=(0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9),
            registry=self.registry,
        )
        for name, values in FROM_THE_START.items():
            for value in values:
                getattr(self, name).labels(value)
        self.tasks = Gauge(
            "soccer_task_queue_depth",
            "Tasks of bulk scoring, by state: queued or active.",
            ["state"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.listeners = Gauge(
            "soccer_event_listeners",
            "Clients connected to the event stream.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.stale = Gauge(
            "soccer_data_stale",
            "1 while all answers are marked stale.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )

        self.unread = Gauge(
            "soccer_unreadable_objects",
            "Objects of the store that could not be read at the last poll: pointer, status, keys, reports.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.pipeline = PipelineMetrics(self.registry)

    def batch(self, route: str, method: str, status: str) -> Batch:
        """A counter for answers so frequent that the metrics' own locks and files would cost too much."""
        self.latency.labels(route, method)  # exported as zeros from the start
        bounds = [*map(str, _LATENCY_BUCKETS), "+Inf"]
        batch = Batch(
            self.requests.labels(route, method, status),
            self._batched[_BATCHED_SECONDS].labels(route, method),
            [self._batched[_BATCHED_BUCKETS].labels(route, method, bound) for bound in bounds],
        )
        self._batches.append(batch)
        return batch

    def flush(self) -> None:
        """Add what the batches counted; called at each scrape and each poll."""
        for batch in self._batches:
            batch.flush()

    def exposition(self) -> bytes:
        """The text that Prometheus reads, of all workers where they share a folder.

        Of other workers the batches are as old as their last poll.
        """
        self.flush()
        source: Collector = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            source = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        return generate_latest(_WithBatches(source))
