"""Events as clients follow them: a real granian process, a real Valkey."""

import signal

import httpx
import msgspec
import pytest

from soccer_assets.contract.events import Event
from tests.builders import EVENT_STREAM
from tests.serving.builders import READER, write_keys, write_status
from tests.serving.processes import free_port, ready_release, sidecar, valkey, wait_until
from tests.serving.processes import publish as publish_release


@pytest.fixture
def home(tmp_path):
    """A home with a release."""
    publish_release(tmp_path, "r1")
    write_status(tmp_path / "store")
    write_keys(tmp_path / "store")
    return tmp_path


def publish(server, kind, **detail):
    """An event on the stream, as the graph writes it; returns its id."""
    event = Event(type=kind, at="2025-04-25T09:00:00Z", release_id="r1", detail=detail)
    return server.xadd(EVENT_STREAM, {"event": msgspec.json.encode(event)}).decode()


class Following:
    """A client's stream, frame by frame."""

    def __init__(self, response):
        self._lines = response.iter_lines()

    def __next__(self):
        """The next event as its fields; comments and the first hint are passed over."""
        fields = {}
        for line in self._lines:
            if line == "" and "id" in fields:
                return fields
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
        raise EOFError


def follow(address, last=None):
    """A stream that is open."""
    headers = READER | ({"Last-Event-ID": last} if last else {})
    return httpx.stream("GET", f"{address}/events/", headers=headers, timeout=300)


def test_events_arrive_are_replayed_and_end_with_the_sidecar(home):
    """Live events come at once; a client that was away gets what it missed, or a reset; SIGTERM ends all."""
    port = free_port()
    with (
        valkey(home, port) as server,
        sidecar(home, redis_url=f"redis://127.0.0.1:{port}", poll_seconds="3600") as (address, process),
    ):
        wait_until(lambda: ready_release(address) == "r1")
        with follow(address) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            following = Following(response)
            wait_until(lambda: server.info("clients")["blocked_clients"] == 2)
            first = publish(server, "promotion", model_version="8")
            event = next(following)
        assert (event["id"], event["event"]) == (first, "promotion")
        assert msgspec.json.decode(event["data"], type=Event).detail == {"model_version": "8"}

        missed = [publish(server, "alert", number=str(number)) for number in range(3)]
        with follow(address, first) as response:
            following = Following(response)
            assert [next(following)["id"] for _ in range(3)] == missed
            later = publish(server, "freshness")
            assert next(following)["id"] == later

        server.xtrim(EVENT_STREAM, maxlen=1, approximate=False)
        for last in (first, "99999999999999-0"):
            with follow(address, last) as response:
                assert next(Following(response))["event"] == "reset"
        with follow(address, later) as response:
            following = Following(response)
            last = publish(server, "release")
            assert next(following)["id"] == last

            process.send_signal(signal.SIGTERM)
            with pytest.raises((EOFError, httpx.TransportError)):
                next(following)
        assert process.wait(300) == 0
    assert all("Traceback" not in log.read_text() for log in home.glob("log-*"))


def test_listener_outlasts_the_event_server(home):
    """The server of events goes and comes back: the stream stays open, and what is new arrives."""
    port = free_port()
    with sidecar(home, redis_url=f"redis://127.0.0.1:{port}", poll_seconds="3600") as (address, _):
        wait_until(lambda: ready_release(address) == "r1")
        refused = httpx.get(f"{address}/events/", headers=READER, timeout=120)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        with valkey(home, port) as server:
            stream = follow(address)
            following = Following(stream.__enter__())
            publish(server, "alert")
            next(following)
        with valkey(home, port) as server:
            wait_until(lambda: server.info("clients")["blocked_clients"] >= 2)
            publish(server, "release")
            assert next(following)["event"] == "release"
        stream.__exit__(None, None, None)
