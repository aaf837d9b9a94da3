"""Prometheus metrics of the pipeline: Dagster's runs, the age of its assets, missing results, settled scores.

The sidecar reads them from the store, where the graph writes them every minute, so that one scrape shows all.
They are gauges of instants and counts; `soccer_pipeline_written_timestamp_seconds` says how old they are.
"""

import datetime as dt
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from soccer_assets.contract.pipeline import PipelineState
from soccer_assets.contract.reports import QualityScore
from soccer_assets.contract.status import AssetState

_FRESHNESS = {"pass": 0, "warn": 1, "fail": 2}


class PipelineMetrics:
    """The gauges, and how they are set from what the sidecar has read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            # Every worker reads the same objects, one at most a poll later.
            return Gauge(name, text, labels, registry=registry, multiprocess_mode="livemax")

        self.written_at = gauge(
            "soccer_pipeline_written_timestamp_seconds",
            "When Dagster's daemon last wrote the state of the pipeline; 0 before the first time.",
        )
        self.runs = gauge("soccer_runs", "Runs of Dagster, by state: queued or running.", "state")
        self.oldest_run = gauge(
            "soccer_oldest_run_timestamp_seconds",
            "Since when the oldest run is in its state; 0 where there is none.",
            "state",
        )
        # Not `job`: Prometheus gives every series of a scrape a label of that name.
        self.job_ended_at = gauge(
            "soccer_job_ended_timestamp_seconds", "When the newest ended run of a job ended.", "dagster_job"
        )
        self.job_failed = gauge(
            "soccer_job_failed",
            "1 where the newest ended run of a job failed; cancelled is 0.",
            "dagster_job",
        )
        self.job_seconds = gauge(
            "soccer_job_duration_seconds", "Duration of the newest ended run of a job.", "dagster_job"
        )
        self.materialized_at = gauge(
            "soccer_asset_materialized_timestamp_seconds",
            "When a watched asset was last materialised; 0 where it never was.",
            "asset",
        )
        self.freshness = gauge(
            "soccer_asset_freshness",
            "Freshness of a watched asset: 0 fresh, 1 warns, 2 fails.",
            "asset",
        )
        self.results_due = gauge(
            "soccer_results_due", "Matches of the last 30 days whose result is due and missing."
        )
        self.settled = gauge("soccer_settled_matches", "Official predictions that are scored.")
        self.settled_log_loss = gauge(
            "soccer_settled_log_loss",
            "Mean log loss of the settled predictions, in nats: of the model, as it expects, of textbook Elo "
            "and of the closing prices on the matches that these cover.",
            "forecaster",
        )
        self.settled_difference = gauge(
            "soccer_settled_log_loss_difference",
            "Log loss of the model minus that of textbook Elo or the closing prices, on the same matches.",
            "forecaster",
        )
        self.settled_calibration = gauge(
            "soccer_settled_calibration_error", "Expected calibration error of the settled predictions."
        )
        self.coverage = gauge(
            "soccer_settled_coverage",
            "Share of finished and due matches with a scored official prediction, 0 to 1.",
        )

    def update_runs(self, state: PipelineState) -> None:
        """Runs, queue, jobs and missing results."""
        self.written_at.set(_epoch(state.written_at))
        for name, count, oldest in (
            ("queued", state.queued, state.oldest_queued_at),
            ("running", state.running, state.oldest_running_at),
        ):
            self.runs.labels(name).set(count)
            self.oldest_run.labels(name).set(_epoch(oldest))
        for job in state.jobs:
            self.job_ended_at.labels(job.job).set(_epoch(job.ended_at))
            self.job_failed.labels(job.job).set(job.failed)
            self.job_seconds.labels(job.job).set(job.seconds)
        self.results_due.set(state.results_due)

    def update_assets(self, assets: tuple[AssetState, ...]) -> None:
        """Age and freshness of the watched assets."""
        for asset in assets:
            self.materialized_at.labels(asset.key).set(_epoch(asset.last_materialized_at))
            self.freshness.labels(asset.key).set(_FRESHNESS.get(asset.state, 0))

    def update_scores(self, score: QualityScore) -> None:
        """Scores of the settled predictions; those that are not known keep their value."""
        self.settled.set(score.scored)
        _set(self.coverage, score.coverage)
        _set(self.settled_calibration, score.ece_15)
        losses = {"model": score.log_loss, "expected": score.expected_log_loss}
        for name, other in score.against.items():
            self.settled_difference.labels(name).set(other.difference)
        losses |= {name: other.other_log_loss for name, other in score.against.items()}
        for name, loss in losses.items():
            if loss is not None:
                self.settled_log_loss.labels(name).set(loss)


def _set(gauge: Gauge, value: Any) -> None:
    if value is not None:
        gauge.set(value)


def _epoch(instant: str | None) -> float:
    return dt.datetime.fromisoformat(instant).timestamp() if instant else 0.0
