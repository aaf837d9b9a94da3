"""Metrics: what is counted in batches is exported like single observations; the pipeline's as it is read."""

from serving.metrics import FROM_THE_START, Metrics
from serving.reloader import _REPORTS
from soccer_assets.contract.pipeline import JobState, PipelineState
from soccer_assets.contract.status import AssetState


def test_a_batch_counts_as_the_metrics_do():
    """Answers counted in plain numbers make the same series as answers counted one by one."""
    seconds = [0.0, 0.0004, 0.0005, 0.0006, 0.03, 2.5, 9.0]
    single, batched = Metrics(), Metrics()
    batch = batched.batch("/x", "GET", "200")
    for value in seconds:
        single.requests.labels("/x", "GET", "200").inc()
        single.latency.labels("/x", "GET").observe(value)
        batch.add(value)

    def samples(metrics):
        lines = metrics.exposition().decode().splitlines()
        return [line for line in lines if line.startswith("soccer_http") and "_created" not in line]

    assert samples(batched) == samples(single)
    assert samples(batched) == samples(single)  # a second flush adds nothing
    assert "batched" not in batched.exposition().decode()


def test_the_pipelines_metrics_are_what_was_read():
    """Runs, jobs, assets and results; an instant that is missing is 0."""
    metrics = Metrics()
    metrics.pipeline.update_runs(
        PipelineState(
            schema_version=1,
            written_at="2025-04-25T09:00:00Z",
            queued=3,
            running=1,
            oldest_queued_at="2025-04-25T08:00:00Z",
            oldest_running_at=None,
            jobs=(JobState(job="hourly", ended_at="2025-04-25T08:30:00Z", failed=True, seconds=12.5),),
            results_due=4,
        )
    )
    metrics.pipeline.update_assets(
        (
            AssetState(
                key="releases/current", state="warn", promise="", last_materialized_at="2025-04-25T08:30:00Z"
            ),
            AssetState(key="exports/match", state="unknown", promise=""),
        )
    )
    value = metrics.registry.get_sample_value

    assert value("soccer_pipeline_written_timestamp_seconds") == 1_745_571_600.0
    assert value("soccer_runs", {"state": "queued"}) == 3
    assert value("soccer_oldest_run_timestamp_seconds", {"state": "queued"}) == 1_745_568_000.0
    assert value("soccer_oldest_run_timestamp_seconds", {"state": "running"}) == 0
    assert value("soccer_job_failed", {"dagster_job": "hourly"}) == 1
    assert value("soccer_results_due") == 4
    assert value("soccer_asset_freshness", {"asset": "releases/current"}) == 1
    assert value("soccer_asset_materialized_timestamp_seconds", {"asset": "exports/match"}) == 0


def test_every_report_of_the_reloader_counts_from_zero():
    """Their names are made in a loop, where no search for literals finds them."""
    assert set(_REPORTS) <= set(FROM_THE_START["poll_failures"])
