"""Request bodies: limits, content codings, byte order marks, and clients that stall or go away."""

import asyncio
import gzip
import json

import pytest

from serving.http import body as bodies
from tests.serving.builders import TOKENS
from tests.serving.scoring.test_engine import PAIRING, PREDICTOR, scoring

__all__ = ["scoring"]

ADMIN = {"X-API-Key": TOKENS["admin"]}
ROW = json.dumps(PAIRING).encode()
PATHS = [("POST", "/predict/"), ("POST", "/predict/async/"), ("PATCH", "/sources/livescores/")]


def post(client, content, **headers):
    """A body as it is."""
    return client.post("/predict/", content=content, headers=PREDICTOR | headers)


@pytest.mark.parametrize(
    ("content", "coding"),
    [
        (b"\xef\xbb\xbf" + ROW, "identity"),
        (gzip.compress(ROW), "gzip"),
        (gzip.compress(ROW[:40]) + gzip.compress(ROW[40:]), "x-gzip"),
        (gzip.compress(b"\xef\xbb\xbf" + ROW), "GZIP"),
        (gzip.compress(b"\xef\xbb\xbf" + b" " * 1_000_000 + ROW), "gzip"),
        (gzip.compress(ROW.rjust(2 * bodies._PIECE_BYTES)) + gzip.compress(b" " * 100_000), "gzip"),
        (b"\xef\xbb\xbf" + ROW.rjust(100_000), "identity"),
    ],
)
def test_bodies_of_the_worlds_clients_are_read(scoring, content, coding):
    """With a byte order mark, compressed, and both."""
    assert post(scoring, content, **{"Content-Encoding": coding}).status_code == 200


@pytest.mark.parametrize(
    ("content", "coding", "status"),
    [
        (ROW, "gzip", 400),
        (gzip.compress(ROW)[:-4], "gzip", 400),
        (gzip.compress(ROW) + b"more", "gzip", 400),
        (gzip.compress(b"") * 1100, "gzip", 400),
        (gzip.compress(b" " * 9_000_000), "gzip", 413),
        (b" " * 9_000_000, "identity", 413),
        (ROW, "br", 415),
        (ROW, "gzip, gzip", 415),
        (b"", "identity", 400),
        (b"[" * 100_000, "identity", 400),
        (b'{"features":' * 50_000, "identity", 400),
        (b'{"home_team":' + b"[" * 50_000, "identity", 400),
        (b"\xff\xfe{}", "identity", 400),
    ],
)
def test_bodies_that_cannot_be_read_are_the_clients_fault(scoring, content, coding, status):
    """Cut off, with a tail, too large once decompressed, of another coding, nested without end."""
    refused = post(scoring, content, **{"Content-Encoding": coding})

    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("content", [b"", b"[[", b"[" * 60_000, b'{"a":' * 9_000, b"\xff"])
def test_no_body_is_a_fault(shared, method, path, content):
    """Nested without end, empty, no UTF-8: 400 on every path that takes a body."""
    assert shared.request(method, path, content=content, headers=ADMIN).status_code in {400, 503}


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(("end", "status"), [({"type": "http.disconnect"}, 400), (None, 408)])
def test_a_body_that_does_not_end_is_refused(shared, monkeypatch, method, path, end, status):
    """Broken off, or stalled: the shared's fault, and the place is free again."""
    monkeypatch.setattr(bodies, "_PAUSE_SECONDS", 0.05)
    sent = [{"type": "http.request", "body": b"[", "more_body": True}]

    assert shared.blocking_portal.call(_answer, shared.app, method, path, sent, end) == status


@pytest.mark.parametrize("keys", [["a", "a"], ["a", "b"], ["", "a"], ["a", ""], [""], ["x" * 201]])
def test_an_idempotency_key_is_sent_once_and_not_empty(shared, keys):
    """Which of two counts would be a guess, and an empty one would make one task of all."""
    for given, status in ((keys, 400), (["a"], 503)):  # 503: without Redis there are no tasks
        headers = [(b"idempotency-key", key.encode()) for key in given]
        sent = [{"type": "http.request", "body": ROW}]
        answer = shared.blocking_portal.call(
            _answer, shared.app, "POST", "/predict/async/", sent, None, headers
        )
        assert answer == status


async def _answer(app, method, path, sent, end, headers=()):
    """The status of a request whose body comes in these messages, and then ends so, or never."""
    left, statuses = list(sent), []

    async def receive():
        if left:
            return left.pop(0)
        if end is None:
            await asyncio.Event().wait()
        return end

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"x-api-key", TOKENS["admin"].encode()), (b"host", b"localhost"), *headers],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    await app(scope, receive, send)
    return statuses[0]


def test_a_key_holds_a_limited_number_of_bytes():
    """A key may hold two bodies of the largest size, all keys four; what was held is free again."""
    budget = bodies.BodyBudget(10)
    with budget.hold("a") as held:
        held.add(20)
        with pytest.raises(bodies.ProblemError) as refused, budget.hold("a") as more:
            more.add(1)
        assert refused.value.status_code == 429
        with budget.hold("b") as other, budget.hold("c") as third:
            other.add(20)
            with pytest.raises(bodies.ProblemError) as full:
                third.add(1)
            assert full.value.status_code == 503
    with budget.hold("a") as held:
        held.add(20)
