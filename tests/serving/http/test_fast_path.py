"""The short way of a look-up against the documented route: status, headers and bytes."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.contract.release import PREVIOUS, Result
from tests.serving.builders import (
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)
from tests.serving.conftest import first_release_tried

PLAIN = {"path": "/predict/m1", "headers": [(b"x-api-key", TOKENS["reader"].encode())]}


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient[Litestar]]:
    """A sidecar whose keys may ask 100 times a minute of a clock that stands still."""
    home = tmp_path_factory.mktemp("both")
    played = Result(home_goals=2, away_goals=1, outcome="home")
    rows = [make_prediction("m1"), make_prediction("m2", status="finished", result=played)]
    rows += [make_prediction("m1", model=PREVIOUS, p_home=0.4, p_draw=0.4), make_prediction("matches")]
    make_release(home / "store", [*rows, make_prediction("a b"), make_prediction("\xe9")])
    write_status(home / "store", moved_match_ids=("m2",))
    write_keys(home / "store")
    with started(home) as one:
        yield one


def started(home):
    """A sidecar on the store of a home."""
    app = create_app(make_settings(home, rate_limit_per_minute=100), scorer=StubScorer())
    app.state["rate_limiter"]._now = lambda: 0.0
    return TestClient(app)


def ask_both_ways(client, used=0, **request):
    """What each way answers to a key that asked ``used`` times before: the short one, the documented one."""
    answers = []
    for answer in (client.app._lookups.answer, lambda *_: None):
        limiter = client.app.state["rate_limiter"]
        limiter._buckets.clear()
        for _ in range(used):
            limiter.take("reader")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client.app._lookups, "answer", answer)
            answers.append(ask(client, **request))
    return answers


def ask(client, *, path, headers, method="GET", query=b"", body=b"", on_send=None):
    """Status, sorted headers and body of one request, sent to the application as a server does.

    ``on_send`` is awaited with each message that is sent.
    """
    sent: list[Any] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(b"host", b"testserver"), (b"x-request-id", b"one"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "extensions": {},
        "state": {},
    }

    is_answered = asyncio.Event()
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive():
        for message in asked:
            return message
        await is_answered.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if on_send is not None:
            await on_send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            is_answered.set()

    async def call():
        await client.app(scope, receive, send)
        await asyncio.sleep(0)

    client.blocking_portal.call(call)
    answer = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], sorted(sent[0]["headers"]), answer


tokens = st.sampled_from([*TOKENS.values(), "wrong", "", "\xff"]).map(lambda text: text.encode("latin-1"))
header = st.one_of(
    st.tuples(st.just(b"x-api-key"), tokens),
    st.tuples(
        st.sampled_from([b"accept", b"origin", b"if-none-match"]), st.sampled_from([b"*", b"*/*", b'"x"'])
    ),
    st.tuples(st.just(b"accept-encoding"), st.just(b"gzip, zstd")),
)
segment = st.sampled_from(["m1", "m2", "m3", "matches", "predictions", "model", "a b", "é", "", "m1/", "/m1"])


@settings(max_examples=400, deadline=None)
@example(PLAIN["path"], PLAIN["headers"], "GET", b"")
@example("/predict/m1", [], "GET", b"")
@example("/predict/m1", [(b"x-api-key", b"wrong")], "GET", b"")
@example("/predict/m1", [(b"x-api-key", TOKENS["predictor"].encode())], "GET", b"")
@example("/predict/m1", [(b"x-api-key", TOKENS["admin"].encode())], "GET", b"")
@example("/predict/unknown", PLAIN["headers"], "GET", b"")
@given(
    path=st.one_of(segment, st.text(max_size=8)).map("/predict/{}".format),
    headers=st.lists(header, max_size=4),
    method=st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "DELETE"]),
    query=st.sampled_from([b"", b"", b"", b"model=previous", b"model=champion", b"x=1", b"model=x"]),
)
def test_both_ways_answer_the_same(client, path, headers, method, query):
    """Hits, misses, refusals and odd requests: the client cannot tell which way answered."""
    short, documented = ask_both_ways(client, path=path, headers=headers, method=method, query=query)

    assert short == documented


ids = st.lists(st.sampled_from(["m1", "m2", "m3", "matches", "a b", "é", "s-m1", ""]), max_size=4)


@settings(max_examples=200, deadline=None)
@example(b"ids=m1,matches", PLAIN["headers"], "/predict/", "GET")
@example(b"ids=m1%2Cm2%2Cmatches", PLAIN["headers"], "/predict", "GET")
@example(b"ids=m1,nobody", PLAIN["headers"], "/predict/", "GET")
@example(b"ids=" + b",".join([b"m1"] * 500), PLAIN["headers"], "/predict/", "GET")
@example(b"ids=" + b",".join([b"m1"] * 501), PLAIN["headers"], "/predict/", "GET")
@example(b"ids=m1,m2", [(b"x-api-key", TOKENS["predictor"].encode())], "/predict/", "GET")
@given(
    query=st.one_of(
        st.tuples(ids, st.sampled_from([",", "%2C", "%2c"])).map(lambda pair: pair[1].join(pair[0])),
        st.text(max_size=8),
    ).flatmap(
        lambda text: st.sampled_from(
            [
                f"ids={quote(text, safe=',%')}".encode(),
                f"ids={quote(text, safe=',%')}&model=champion".encode(),
                f"model=previous&ids={quote(text)}".encode(),
            ]
        )
    ),
    headers=st.lists(header, max_size=4),
    path=st.sampled_from(["/predict", "/predict/"]),
    method=st.sampled_from(["GET", "GET", "GET", "HEAD"]),
)
def test_both_ways_answer_many_the_same(client, query, headers, path, method):
    """Lists of ids, plain or not: the client cannot tell which way answered."""
    client.app.state["rate_limiter"]._limit = client.app.state["rate_limiter"]._share = 1_000
    try:
        short, documented = ask_both_ways(client, path=path, headers=headers, method=method, query=query)
    finally:
        client.app.state["rate_limiter"]._limit = client.app.state["rate_limiter"]._share = 100

    assert short == documented


@pytest.mark.parametrize(("used", "status"), [(0, 200), (97, 200), (98, 429), (99, 429), (100, 429)])
def test_both_ways_spend_the_same_budget_on_many(client, used, status):
    """The ids count one by one, and a request for more than are left is refused in the same words."""
    short, documented = ask_both_ways(client, used, **PLAIN | {"path": "/predict/", "query": b"ids=m1,m2,m1"})

    assert short == documented
    assert short[0] == status


@pytest.mark.parametrize(("used", "status"), [(0, 200), (99, 200), (100, 429)])
def test_both_ways_spend_the_same_budget(client, used, status):
    """The last request of a minute is answered, the next one is refused, with the same headers."""
    short, documented = ask_both_ways(client, used, **PLAIN)

    assert short == documented
    assert short[0] == status


def test_a_refusal_is_counted_once(client):
    """The short way leaves a key without budget to the route, which alone counts it."""
    before = client.get("/metrics").text.split("\nsoccer_rate_limited_requests_total ")[1].split()[0]
    ask_both_ways(client, 100, **PLAIN)
    after = client.get("/metrics").text.split("\nsoccer_rate_limited_requests_total ")[1].split()[0]

    assert float(after) == float(before) + 2


def test_both_ways_agree_while_nothing_is_loaded_and_when_the_file_is_closed(tmp_path):
    """Before keys and release are there, and when reading fails, both say the same."""
    statuses = []
    with started(tmp_path) as client:
        for prepare in (lambda: None, lambda: publish(tmp_path, client), lambda: close(client)):
            prepare()
            short, documented = ask_both_ways(client, **PLAIN)
            assert short == documented
            statuses.append(short[0])

    assert statuses == [503, 200, 500]


def publish_store(home):
    """Keys and a release."""
    make_release(home / "store", [make_prediction("m1")])
    write_keys(home / "store")


def publish(home, client):
    """Let the sidecar find keys and a release."""
    publish_store(home)
    client.blocking_portal.call(client.app.state["reloader"].reload)


def close(client):
    """Let every read of the release fail."""
    client.app.state["snapshots"].current.snapshot.close()


def test_plain_look_up_does_not_reach_the_framework(client, monkeypatch):
    """What makes it fast: a hit is answered, counted and timed before Litestar's own entry."""
    client.app.state["rate_limiter"]._buckets.clear()
    for route, request in (
        ("/predict/{match_id}", PLAIN),
        ("/predict", PLAIN | {"path": "/predict/", "query": b"ids=m1,m2"}),
    ):
        series = f'soccer_http_requests_total{{method="GET",route="{route}",status="200"}}'

        def hits(series=series):
            text = client.get("/metrics").text
            return float(text.split(series)[1].split()[0]) if series in text else 0.0

        before = hits()
        with monkeypatch.context() as patch:
            patch.setattr(Litestar, "__call__", None)
            status, _, _ = ask(client, **request)

        assert status == 200
        assert hits() == before + 1


def test_release_too_large_for_memory_answers_from_its_file(tmp_path, monkeypatch):
    """Above the bound the bodies stay in the file, and the answers are the same."""
    publish_store(tmp_path)
    with started(tmp_path) as client:
        in_memory = ask(client, **PLAIN)
        client.blocking_portal.call(first_release_tried, client.app)
        assert client.app.state["snapshots"].current.snapshot._bodies
    monkeypatch.setattr("serving.release.snapshot.IN_MEMORY_BYTES", 0)
    with started(tmp_path) as client:
        client.blocking_portal.call(first_release_tried, client.app)
        assert client.app.state["snapshots"].current.snapshot._bodies is None
        assert ask(client, **PLAIN) == in_memory
