"""Metrics: what is counted in batches is exported like single observations."""

from serving.metrics import Metrics


def test_tally_counts_as_the_metrics_do():
    """Answers counted in plain numbers make the same series as answers counted one by one."""
    seconds = [0.0, 0.0004, 0.0005, 0.0006, 0.03, 2.5, 9.0]
    single, folded = Metrics(), Metrics()
    tally = folded.tally("/x", "GET", "200")
    for value in seconds:
        single.requests.labels("/x", "GET", "200").inc()
        single.latency.labels("/x", "GET").observe(value)
        tally.add(value)

    def samples(metrics):
        lines = metrics.exposition().decode().splitlines()
        return [line for line in lines if line.startswith("soccer_http") and "_created" not in line]

    assert samples(folded) == samples(single)
    assert samples(folded) == samples(single)  # a second fold adds nothing
