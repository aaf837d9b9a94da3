"""The sidecar's promises in numbers, at full size and on a quiet machine, by the benchmarks themselves."""

import shutil

import pytest

from benchmarks import scoring
from benchmarks.serving import Store, compare, compare_workers, swap_of

pytestmark = [
    pytest.mark.trial,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt-get install wrk"),
]

SECONDS, ROUNDS = 3.0, 3


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of 100,000 predictions."""
    return Store(tmp_path_factory.mktemp("numbers") / "store", 100_000)


def test_look_ups_are_as_fast_as_promised(store):
    """2.5 times the predecessor's fastest path, 20 times its on-demand path, half of a bare callable."""
    pytest.importorskip("celery", reason="requirements-bench.lock is not installed")
    found = compare(store, SECONDS, ROUNDS)

    assert found["sidecar / predecessor precomputed"] >= 2.5
    assert found["sidecar / predecessor on demand"] >= 20
    assert found["sidecar / bare"] >= 0.5
    p99_ms = {name: one["p99 ms"] for name, one in found["at half rate"].items()}
    assert p99_ms["sidecar"] <= max(5.0, 3 * p99_ms["bare"])


def test_two_workers_serve_1_7_times_one(store):
    """By requests a second, each worker with a share of a core; by CPU time without the quota."""
    assert compare_workers(store, SECONDS, ROUNDS)["two workers / one"] >= 1.7


@pytest.mark.parametrize(("predictions", "load_seconds"), [(100_000, 0.5), (1_000_000, 5.0)])
def test_release_is_loaded_and_swapped_within_its_time_and_memory(tmp_path, predictions, load_seconds):
    """Both snapshots of a swap included, a worker has at most 1 GiB of its own; 100,000 are ready in 2 s."""
    found = swap_of(Store(tmp_path / "store", predictions))

    assert found["load, s"] <= load_seconds
    assert found["private memory of a worker, MB"]["peak"] <= 1024
    if predictions == 100_000:
        assert found["start to ready, s"] <= 2.0


def test_scoring_is_as_fast_as_promised():
    """One pairing with reasons in 20 ms, 1,000 without in 100 ms of work; look-ups keep their pace."""
    now, beside = scoring.measure(100_000, SECONDS, 100_000)

    assert now["one pairing, with reasons"]["p99 ms"] <= 20
    assert now["1,000 pairings"]["CPU ms a call"] <= 100
    assert beside["look-ups beside tasks"]["p99 ms"] <= 2 * beside["look-ups alone"]["p99 ms"] + 1.0
