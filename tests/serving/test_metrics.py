"""Metrics: what is counted in batches is exported like single observations."""

from serving.metrics import Metrics


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
