"""Many look-ups in one request: the same bytes as one by one, of one release, counted one by one."""

import json
import re

import msgspec
import pytest
from backports import zstd
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.schemas import PredictionBody, PredictionList
from soccer_assets.contract.release import PREVIOUS
from tests.serving.builders import (
    READER,
    TOKENS,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)
from tests.serving.conftest import first_release_tried, reload
from tests.serving.http.test_fast_path import ask

ODD = ["m1", "s-m1", "nobody", "a b", "\xe9", "m2", "m1", "s-m2", "m3"]
LIMIT = 1_000


@pytest.fixture(scope="module", params=["in memory", "in the file"])
def both(request, tmp_path_factory):
    """A sidecar with its bodies in memory, and one that reads the file; the kickoff of m2 moved."""
    home = tmp_path_factory.mktemp("lookup")
    rows = [make_prediction(match_id) for match_id in ("m1", "m2", "a b", "\xe9")]
    rows += [make_prediction("m1", model=PREVIOUS, p_home=0.4, p_draw=0.4)]
    rows += [make_prediction(f"n{number:03}") for number in range(250)]
    make_release(home / "store", rows)
    write_status(home / "store", moved_match_ids=("m2",))
    write_keys(home / "store")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "in the file":
            patch.setattr("serving.release.snapshot.IN_MEMORY_BYTES", 0)
        app = create_app(make_settings(home, rate_limit_per_minute=LIMIT), scorer=StubScorer())
        app.state["rate_limiter"]._now = lambda: 0.0
        with TestClient(app) as client:
            client.headers["Accept-Encoding"] = "identity"
            client.blocking_portal.call(first_release_tried, app)
            yield client


@pytest.fixture
def client(both):
    """The sidecar, with the whole budget of every key."""
    both.app.state["rate_limiter"]._buckets.clear()
    return both


def one(client, match_id, model):
    """The answer to a single look-up."""
    return client.get(f"/predict/{quoted(match_id)}", params={"model": model}, headers=READER)


def quoted(match_id):
    return match_id.replace(" ", "%20")


def left_of(answer):
    """Requests left after an answer."""
    return int(answer.headers["RateLimit-Remaining"])


@pytest.mark.parametrize("model", ["champion", "previous"])
@pytest.mark.parametrize("ids", [["m1"], ["m1", "n001", "m1"], ["m2", "n249"], ["nobody"], ODD])
def test_every_item_is_the_body_of_its_own_look_up(client, ids, model):
    """In their order, byte by byte; ids without a prediction are listed."""
    singles = [one(client, match_id, model) for match_id in ids]

    answer = client.get("/predict/", params={"ids": ",".join(ids), "model": model}, headers=READER)

    known = [single.content for single in singles if single.status_code == 200]
    unknown = [match_id for match_id, single in zip(ids, singles, strict=True) if single.status_code != 200]
    content = b'{"items":[%b],"unknown":%b}' % (b",".join(known), msgspec.json.encode(unknown))
    assert answer.content == content
    assert msgspec.json.decode(answer.content, type=PredictionList, strict=True).unknown == tuple(unknown)
    is_old_name = any("Deprecation" in single.headers for single in singles)
    assert ("Deprecation" in answer.headers) == is_old_name


@pytest.mark.parametrize("model", ["champion", "previous"])
def test_every_line_is_the_answer_to_its_own_look_up(client, model):
    """The n-th line answers the n-th id: its prediction, or the problem of an unknown match."""
    ids = [*ODD, *(f"n{number:03}" for number in range(250))]

    answer = client.post("/predict/lookup", params={"model": model}, json={"ids": ids}, headers=READER)

    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert left_of(answer) == LIMIT - len(ids)
    plain = client.post("/predict/lookup", json={"ids": ["m1"]}, headers=READER | {"Accept": "text/plain"})
    assert plain.headers["Content-Type"].startswith("text/plain")
    lines = answer.content.split(b"\n")
    assert lines.pop() == b""
    singles = [one(client, match_id, model).content for match_id in ids]
    assert lines == singles


@pytest.mark.parametrize(("accepted", "unpack"), [("zstd", zstd.decompress), ("gzip", bytes)])
def test_lines_and_lists_are_compressed(client, accepted, unpack):
    """A client that accepts compression gets it, and the same bytes."""
    ids = [f"n{number:03}" for number in range(250)]
    headers = READER | {"Accept-Encoding": accepted}

    listed = client.get("/predict/", params={"ids": ",".join(ids)}, headers=headers)
    lines = client.post("/predict/lookup", json={"ids": ids}, headers=headers)

    assert listed.headers["Content-Encoding"] == lines.headers["Content-Encoding"] == accepted
    items = json.loads(unpack(listed.content))["items"]  # gzip is undone by the client
    assert [item["match_id"] for item in items] == ids
    assert [json.loads(line)["match_id"] for line in unpack(lines.content).splitlines()] == ids


def test_known_bytes_are_not_sent_again_until_they_change(client):
    """304 for the tag of the same ids; other ids, another order or another model have another tag."""
    first = client.get("/predict/?ids=m1,n001", headers=READER)
    tag = {"If-None-Match": first.headers["ETag"]}

    assert client.get("/predict/?ids=m1,n001", headers=READER | tag).status_code == 304
    others = ("ids=n001,m1", "ids=m1", "ids=m1,n001&model=previous", "ids=m1,n001,nobody")
    answers = [client.get(f"/predict/?{query}", headers=READER | tag) for query in others]
    assert [answer.status_code for answer in answers] == [200] * 4


def test_a_status_that_moves_a_match_changes_the_tag(store, serve):
    """The tag follows every byte, also those that the status changes of one match."""
    client = serve()
    make_release(store, [make_prediction("m1"), make_prediction("m2")], release_id="r2")
    reload(client)
    before = client.get("/predict/?ids=m1,m2", headers=READER)
    write_status(store, moved_match_ids=("m2",))
    reload(client)
    after = client.get("/predict/?ids=m1,m2", headers=READER)

    assert before.headers["ETag"] != after.headers["ETag"]
    assert [item["stale"] for item in after.json()["items"]] == [False, True]


def test_a_request_counts_as_its_ids(client):
    """300 ids are 300 requests; more than are left are refused, and then one is counted."""
    ids = ",".join(f"n{number:03}" for number in range(250))

    lefts = [left_of(client.get("/predict/", params={"ids": ids}, headers=READER)) for _ in range(3)]
    last = client.post("/predict/lookup", json={"ids": [*ids.split(","), "m1"]}, headers=READER)
    rest = client.get("/predict/", params={"ids": ids}, headers=READER)
    single = client.get("/predict/m1", headers=READER)

    assert lefts == [750, 500, 250]
    assert (last.status_code, last.json()["type"]) == (429, "urn:soccer-assets:problem:rate-limit")
    assert last.headers.get_list("RateLimit-Remaining") == ["249"]
    assert "counts as 251" in last.json()["detail"]
    assert rest.status_code == 429
    assert left_of(single) == 247


@pytest.mark.parametrize(
    "query",
    [
        *("", "ids=", "ids=m1,,m2", "ids=m1,", "ids=m1&ids=m2", "ids=m1&model=best", "ids=m1&more=1"),
        "ids=" + ",".join(["m1"] * 501),
    ],
)
def test_lists_that_make_no_sense_are_refused(client, query):
    """No, empty, repeated or too many ids are 400, and the parameter is named."""
    answer = client.get(f"/predict/?{query}", headers=READER)

    assert answer.status_code == 400
    named = {"more", "model"} & set(re.findall(r"\w+", query)) or {"ids"}
    assert any(f"{name}" in answer.json()["detail"] for name in named)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"ids":[]}', 400),
        (b'{"ids":[""]}', 400),
        (b'{"ids":["m1"],"more":1}', 400),
        (b'{"ids":["\\ud800"]}', 400),
        (b'{"ids":[1]}', 400),
        (b'{"ids":["\xff"]}', 400),
        (json.dumps({"ids": ["m1"] * 10_001}).encode(), 413),
        (b" " * 2_200_000, 413),
    ],
)
def test_bodies_that_make_no_sense_are_refused(client, body, status):
    """A body that is no list of ids, or too large a one."""
    answer = client.post("/predict/lookup", content=body, headers=READER)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_only_readers_look_up(client):
    """Without a key 401, without the scope `read` 403."""
    for headers, status in (({}, 401), ({"X-API-Key": TOKENS["predictor"]}, 403)):
        assert client.get("/predict/?ids=m1", headers=headers).status_code == status
        assert client.post("/predict/lookup", json={"ids": ["m1"]}, headers=headers).status_code == status


def test_all_lines_come_from_one_release(store, serve):
    """A release that is swapped in while the lines are sent changes none of them; parts are small."""
    ids = [f"n{number:03}" for number in range(500)]
    make_release(store, [make_prediction(match_id) for match_id in ids], release_id="r2")
    client = serve()
    make_release(store, [make_prediction(match_id) for match_id in ids], release_id="r3")
    parts = []

    async def swap_after_the_first(message):
        parts.append(message.get("body", b""))
        if len(parts) == 2:  # its head, and some lines
            await client.app.state["reloader"].reload()

    body = json.dumps({"ids": ids}).encode()
    ask(
        client,
        path="/predict/lookup",
        headers=[(b"x-api-key", TOKENS["reader"].encode())],
        method="POST",
        body=body,
        on_send=swap_after_the_first,
    )

    lines = b"".join(parts).splitlines()
    found = [msgspec.json.decode(line, type=PredictionBody) for line in lines]
    assert [one.match_id for one in found] == ids
    assert {one.release_id for one in found} == {"r2"}
    assert client.get("/predict/n001", headers=READER).json()["release_id"] == "r3"
    assert max(map(len, parts)) < len(b"".join(parts)) / 4
