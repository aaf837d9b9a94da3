"""Everything behind the sidecar breaks in turn, and hostile clients come: look-ups go on."""

import contextlib
import datetime as dt
import http.client
import os
import resource
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest

from soccer_assets.clock import FixedClock, SystemClock, isoformat
from soccer_assets.resources.database import Database
from tests import services
from tests.builders import EVENT_STREAM
from tests.serving.builders import NOW, READER, hours, write_pointer, write_status
from tests.serving.load import Load
from tests.serving.processes import free_port, ready_release, sidecar, valkey, wait_until
from tests.serving.test_promotions import MATCHES, write_releases

pytestmark = pytest.mark.slow

# Of each of eight connections: 400 look-ups a second.
PAUSE_SECONDS = 0.02


class ShakyStore:
    """A proxy before an S3 server that passes requests on, refuses them, lets them wait, or hangs up."""

    def __init__(self, endpoint):
        self.mode = "works"
        self.asked = 0
        address = urlsplit(endpoint)
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                store.asked += 1
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if store.mode == "hangs up":
                    self.close_connection = True
                    return
                if store.mode == "waits":
                    time.sleep(5)
                if store.mode == "errors":
                    self.answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
                    return
                upstream = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
                upstream.request(self.command, self.path, content, dict(self.headers))
                answer = upstream.getresponse()
                self.answer(answer.status, dict(answer.getheaders()), answer.read())
                upstream.close()

            def answer(self, status, headers, body):
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            do_GET = do_PUT = do_HEAD = do_DELETE = pass_on  # noqa: N815 - the names http.server asks for

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def upload(client, bucket, folder, prefix=""):
    """Copy a store's folder to a bucket."""
    for file in sorted(folder.rglob(prefix + "*")):
        if file.is_file():
            client.put_object(Bucket=bucket, Key=file.relative_to(folder).as_posix(), Body=file.read_bytes())


@contextmanager
def held_connections(address, count):
    """Connections that are open and ask nothing."""
    host, port = address.removeprefix("http://").split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 1_000)), hard))
    try:
        with ExitStack() as stack:
            yield [stack.enter_context(socket.create_connection((host, int(port)), 20)) for _ in range(count)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def send_huge_headers(address):
    """What a server says to a megabyte of headers: a status that is the client's fault, or nothing."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as client, contextlib.suppress(OSError):
        client.sendall(b"GET /predict/m1 HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 2**20 + b"\r\n\r\n")
        answer = client.recv(100)
        return int(answer.split(b" ")[1]) if answer else None
    return None


def trickle(connections, seconds):
    """Slow-loris: a head that never ends, a byte at a time."""
    head = b"GET /predict/m1 HTTP/1.1\r\nHost: x\r\nX-Slow: "
    for at in range(max(1, int(seconds / 0.2))):
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.send(head if at == 0 else b"a")
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("answers", "held"), [(300, 1_500), pytest.param(12_000, 10_000, marks=pytest.mark.trial)]
)
def test_look_ups_answer_from_memory_through_every_fault(tmp_path, monkeypatch, moto_endpoint, answers, held):
    """SRV-06: Redis, store and database down, 10,000 idle clients, huge heads, slow-loris: no failure."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < held + 1_000:
        pytest.skip(f"needs {held + 1_000} open files: raise the hard limit (ulimit -Hn)")
    p_home_of = write_releases(tmp_path, 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", services.S3_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", services.S3_SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3, bucket, port = services.s3_client(moto_endpoint), f"faults-{os.getpid()}-{held}", free_port()
    s3.create_bucket(Bucket=bucket)
    upload(s3, bucket, tmp_path / "store")
    with (
        ShakyStore(moto_endpoint) as store,
        sidecar(
            tmp_path,
            store=f"s3://{bucket}",
            s3_endpoint_url=store.url,
            redis_url=f"redis://127.0.0.1:{port}",
            database_url="postgresql+psycopg2://nobody@127.0.0.1:1/gone",
            poll_seconds="0.2",
            rate_limit_per_minute="1000000",
        ) as (address, _),
    ):
        wait_until(lambda: ready_release(address) == "r0")
        with Load([address], MATCHES, p_home_of, pause_seconds=PAUSE_SECONDS) as load:
            with valkey(tmp_path, port) as events:
                load.wait(lambda: events.info("clients")["blocked_clients"] == 1)
                for garbage in ({"event": b"\xff\xfe"}, {"x": ""}, {"event": '{"release_id": "r9"}'}):
                    events.xadd(EVENT_STREAM, garbage)  # wakes the poll; the pointer alone decides
                load.more(answers)
            load.more(answers)  # Redis was killed
            for mode in ("errors", "waits", "hangs up"):
                store.mode, asked = mode, store.asked
                load.wait(lambda before=asked: store.asked > before + 1)
                load.more(answers)
            store.mode = "works"
            write_pointer(tmp_path / "store", "r1")
            upload(s3, bucket, tmp_path / "store", "current.json")
            load.wait(lambda: "r1" in load.first_seen)  # the poll alone brings it, Redis is still down
            with valkey(tmp_path, port) as events:
                load.wait(lambda: events.info("clients")["blocked_clients"] == 1)
                load.more(answers)
            with held_connections(address, held):
                load.more(answers)
            for _ in range(10):
                assert send_huge_headers(address) in {None, 400, 431}
            with held_connections(address, 200) as connections:
                slow = threading.Thread(target=trickle, args=(connections, 2.0 if answers < 1_000 else 15.0))
                slow.start()
                load.more(answers)
                slow.join()
            load.more(answers)

    assert load.failures == []
    assert load.answers >= 9 * answers


@contextmanager
def connections_to(port):
    """A server that accepts connections and answers none; gives a function that counts them."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.setblocking(False)

        def count():
            connections = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.accept()[0].close()
                    connections += 1
            return connections

        yield count


def test_srv_06_database_killed_in_mid_run_takes_livescores_with_it_and_nothing_else(tmp_path):
    """A real PostgreSQL dies under load and comes back: 503 at once, then rows again; look-ups go on."""
    p_home_of = write_releases(tmp_path, 1)
    with services.postgres_files() as start, ExitStack() as stack:
        # SIGQUIT leaves everything as it lies, as a crash would.
        database = stack.enter_context(ExitStack())
        url = database.enter_context(start(signal.SIGQUIT))
        tables = Database(url)
        tables.migrate()
        tables.engine.dispose()
        address, _ = stack.enter_context(sidecar(tmp_path, database_url=url, rate_limit_per_minute="0"))
        wait_until(lambda: ready_release(address) == "r0")
        client = stack.enter_context(httpx.Client(base_url=address, headers=READER, timeout=120))

        def status():
            return client.get("/livescores/").status_code

        with Load([address], MATCHES, p_home_of, pause_seconds=PAUSE_SECONDS) as load:
            before = status()
            database.close()
            refused = client.get("/livescores/")
            with connections_to(urlsplit(url).port) as count:
                asked_in_vain = [status() for _ in range(20)]
                connections = count()
            load.more(300)
            database.enter_context(start(signal.SIGQUIT))
            wait_until(lambda: status() == 200)
            load.more(100)

    assert before == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert set(asked_in_vain) == {503}
    assert connections < len(asked_in_vain)  # none on a quiet machine: each would be a wait of two seconds
    assert load.failures == []


def test_graph_that_stopped_makes_the_same_release_stale(tmp_path):
    """Nobody writes and the clock goes on: answers of the running sidecar turn stale, in one release."""
    write_releases(tmp_path, 0)
    with (
        sidecar(tmp_path, now="", poll_seconds="0.2", rate_limit_per_minute="0") as (address, _),
        httpx.Client(base_url=address, headers=READER, timeout=120) as client,
    ):
        wait_until(lambda: ready_release(address) == "r0")
        # The promise ends soon, also on a machine that took long to start the server.
        due = SystemClock().now().replace(microsecond=0) + dt.timedelta(seconds=20)
        write_status(tmp_path / "store", checked_at=isoformat(due), next_expected_at=isoformat(due))
        wait_until(lambda: client.get("/predict/m1").json()["next_expected_at"] == isoformat(due))
        fresh = client.get("/predict/m1").json()
        wait_until(lambda: client.get("/predict/m1").json()["stale"])
        stale, at = client.get("/predict/m1").json(), SystemClock().now()
        ready = client.get("/ready").json()

    assert fresh["stale"] is False
    assert stale["stale_reasons"] == [f"a result was due at {isoformat(due)} and has not arrived"]
    assert at > due
    assert {**fresh, "stale": True, "stale_reasons": stale["stale_reasons"]} == stale
    assert (ready["release_id"], ready["stale"]) == ("r0", True)


def test_jumps_of_the_clock_change_staleness_and_nothing_else(client):
    """A day ahead, a year back, and home again: `stale` follows, and `Age` is never negative."""
    seen = []
    for jump in (0.0, 24.0, -24.0 * 365, 24.0 * 365 * 30, 0.0):
        client.app.state["snapshots"].clock = FixedClock(NOW + hours(jump))
        answer = client.get("/predict/m1", headers=READER)
        assert answer.status_code == 200
        assert int(answer.headers["age"]) >= 0
        seen.append((answer.json()["stale"], answer.json()["release_id"], answer.json()["p_home"]))

    assert seen == [(stale, "r1", 0.5) for stale in (False, True, False, True, False)]
