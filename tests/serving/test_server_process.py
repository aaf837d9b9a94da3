"""The sidecar as it runs: a granian process, a real Valkey server, signals."""

import signal
import socket
from pathlib import Path

import httpx
import pytest

from soccer_assets.operations.server_command import shared_metrics
from soccer_assets.settings import Settings
from tests.builders import EVENT_STREAM
from tests.serving.builders import READER, make_prediction, make_release, real_model, write_keys, write_status
from tests.serving.processes import free_port, publish, ready_release, sidecar, valkey, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path):
    """A home whose release r1 carries a real model with trees."""
    publish(tmp_path, "r1")
    write_status(tmp_path / "store")
    write_keys(tmp_path / "store")
    return tmp_path


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """Two workers that hear of events and poll once an hour; their home, address, and Valkey."""
    home, port = tmp_path_factory.mktemp("two-workers"), free_port()
    publish(home, "r1")
    write_status(home / "store")
    write_keys(home / "store")
    with (
        valkey(home, port) as events,
        sidecar(
            home, 2, poll_seconds="3600", redis_url=f"redis://127.0.0.1:{port}", keep_alive_seconds="1"
        ) as (address, process),
    ):
        wait_until(lambda: ready_release(address) == "r1")
        wait_until(lambda: events.info("clients")["blocked_clients"] == 2)
        yield home, address, events
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
    assert "Traceback" not in next(home.glob("log-*")).read_text()


def test_metrics_of_two_workers_are_one_page(two_workers):
    """A scrape of any worker counts the requests of both."""
    _, address, _ = two_workers
    for _ in range(30):
        httpx.get(f"{address}/predict/m1", headers=READER, timeout=120)

    # Each worker adds its look-ups at a scrape of its own, or at its next poll.
    counted = 'soccer_http_requests_total{method="GET",route="/predict/{match_id}",status="200"} 30.0'
    wait_until(lambda: counted in httpx.get(f"{address}/metrics", timeout=120).text)
    timed = 'soccer_http_request_duration_seconds_count{method="GET",route="/predict/{match_id}"} 30.0'
    assert timed in httpx.get(f"{address}/metrics", timeout=120).text
    assert "soccer_snapshot_rows 1.0" in httpx.get(f"{address}/metrics", timeout=120).text


def test_an_idle_connection_is_kept_as_long_as_the_setting_says(two_workers):
    """A second request follows on it; then it is closed, long before granian's own 30 s are over."""
    _, address, _ = two_workers
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthcheck/ HTTP/1.1\r\nHost: sidecar\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        while connection.recv(4096):
            pass


def test_metrics_begin_anew_with_every_start(tmp_path):
    """Counts of an earlier start are deleted; a single worker needs no folder."""
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path), "SOCCER_SERVING_WORKERS": "2"})
    folder = Path(shared_metrics(settings)["PROMETHEUS_MULTIPROC_DIR"])
    (folder / "counter_1.db").touch()

    try:
        assert shared_metrics(settings) == {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()  # it lies in memory; otherwise a server removes it
    assert shared_metrics(Settings.from_env({"SOCCER_HOME": str(tmp_path)})) == {}


def test_event_reloads_every_worker_at_once(two_workers):
    """SRV-02: with a poll of an hour, the event alone brings the new release to all workers long before."""
    home, address, events = two_workers
    publish(home, "r2")
    events.xadd(EVENT_STREAM, {"event": '{"type": "release"}'})

    # Connections are spread over the workers: twenty new ones in a row meet both.
    # The scoring children of a busy machine take their time; the poll would take an hour.
    wait_until(lambda: {ready_release(address) for _ in range(20)} == {"r2"})

    assert httpx.get(f"{address}/predict/m1", headers=READER, timeout=120).json()["release_id"] == "r2"


def test_poll_goes_on_while_the_event_server_is_gone(home):
    """SRV-06: no server of events, and later one that dies: releases still arrive, answers never stop."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    with sidecar(home, poll_seconds="0.1", redis_url=url) as (address, _):
        wait_until(lambda: ready_release(address) == "r1")
        publish(home, "r2")
        wait_until(lambda: ready_release(address) == "r2")
        with valkey(home, port) as events:
            wait_until(lambda: events.info("clients")["blocked_clients"] == 1)
        publish(home, "r3")
        wait_until(lambda: ready_release(address) == "r3")

        assert (
            'soccer_poll_failures_total{what="events"}' in httpx.get(f"{address}/metrics", timeout=120).text
        )


def test_release_whose_model_gives_other_numbers_is_refused(home):
    """A real model scored in a real child: golden rows that it does not meet refuse the release."""
    with sidecar(home, poll_seconds="0.1") as (address, _):
        wait_until(lambda: ready_release(address) == "r1")
        model, _ = real_model(trees=False)
        _, golden_rows = real_model(trees=True)
        make_release(
            home / "store", [make_prediction()], release_id="r2", model=model, golden_rows=golden_rows
        )
        refused = 'soccer_reloads_total{result="golden_rows"} 1.0'
        wait_until(lambda: refused in httpx.get(f"{address}/metrics", timeout=120).text)

        assert ready_release(address) == "r1"
        assert (
            'soccer_reloads_total{result="loaded"} 1.0' in httpx.get(f"{address}/metrics", timeout=120).text
        )
        assert len(list((home / "store/outbox").iterdir())) == 1
