"""What comes to the door for assistants that no good client sends, and what the door counts."""

import json
import re
import subprocess
import sys

import pytest
from litestar.testing import TestClient

from serving.app import create_app
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
from tests.serving.conftest import reload

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A sidecar on a release of one match."""
    home = tmp_path_factory.mktemp("door")
    make_release(home / "store", [make_prediction("m1")])
    write_status(home / "store")
    write_keys(home / "store")
    settings = make_settings(home, rate_limit_per_minute=0)
    with TestClient(create_app(settings, scorer=StubScorer()), raise_server_exceptions=False) as one:
        reload(one)
        yield one


def send(client, method, headers=None, key="admin", **params):
    """One message, with the headers that the protocol asks for."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}
    sent = {"X-API-Key": TOKENS.get(key, key), "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if "name" in params:
        sent["Mcp-Name"] = str(params["name"])
    return client.post("/mcp", json=message, headers=sent | (headers or {}))


def call(client, tool, arguments, **options):
    """The result of a tool, whose request was answered."""
    answer = send(client, "tools/call", name=tool, arguments=arguments, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def test_any_worker_answers_without_what_came_before(client):
    """The first message that a process sees may be the call of a tool; the answer starts no session."""
    answer = send(client, "tools/call", name="get_prediction", arguments={"match_ids": ["m1"]})

    assert answer.json()["result"]["structuredContent"]["items"][0]["match_id"] == "m1"
    assert {"set-cookie", "mcp-session-id"}.isdisjoint(answer.headers)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_body_is_that_of_the_http_api_byte_by_byte(client):
    """Not read and written again: the text of numbers stays."""
    answer = send(client, "tools/call", name="get_prediction", arguments={"match_ids": ["m1"]})

    assert client.get("/predict/?ids=m1", headers=READER).content in answer.content


def test_the_door_may_be_closed(store, serve):
    assert send(serve(mcp=False), "tools/list").status_code == 404


@pytest.mark.parametrize("key", [None, "nobody's"])
def test_without_a_key_there_is_no_answer(client, key):
    """Neither is one of a cookie, which pages take."""
    headers = {} if key is None else {"X-API-Key": key}
    answer = client.post("/mcp", json={}, headers=headers | {"Cookie": "soccer-session=x"})

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:soccer-assets:problem:api-key")


def test_foreign_pages_are_refused_unless_named(store, serve):
    """A present Origin is that of the sidecar, of its public address, or one that CORS allows."""
    client = serve(cors_origins=("https://app.example.com",), pages_url="https://soccer.example.com/below")

    def status(origin):
        return send(client, "tools/list", {"Origin": origin}).status_code

    assert status("https://evil.example.com") == 403
    assert status("null") == 403
    assert [
        status(one)
        for one in ("https://app.example.com", "https://soccer.example.com", "http://testserver.local")
    ] == [200, 200, 200]
    asked = client.options(
        "/mcp",
        headers={
            "Origin": "https://app.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "X-API-Key, MCP-Protocol-Version, Mcp-Method, Mcp-Name",
        },
    )
    assert asked.status_code == 204


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26"])
def test_clients_of_earlier_versions_begin_and_go_on_without_a_session(client, version):
    """`initialize` agrees on their version, a notification has no answer; each message stands for itself."""
    first = earlier(client, "initialize", protocolVersion=version, capabilities={}, clientInfo={"name": "x"})
    headers = {"MCP-Protocol-Version": version}
    notified = client.post(
        "/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=READER | headers
    )
    begun = first.json()["result"]
    tools = earlier(client, "tools/list", headers).json()["result"]["tools"]
    today = send(client, "tools/list").json()["result"]["tools"]

    assert (first.status_code, begun["protocolVersion"], begun["capabilities"]) == (
        200,
        version,
        {"tools": {}},
    )
    assert begun["serverInfo"]["name"]
    assert "not advice to bet" in begun["instructions"]
    assert "mcp-session-id" not in first.headers
    assert (notified.status_code, notified.content) == (202, b"")
    assert tools == today
    assert earlier(client, "ping", headers).json()["result"] == {}


def earlier(client, method, headers=None, **params):
    """A message of a version that has no headers of its own before they are agreed on."""
    message = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
    return client.post("/mcp", json=message, headers=READER | (headers or {}))


def test_earlier_clients_are_told_their_mistakes_with_200(client):
    """404 would say that a session is over. A version that nobody knows is answered with a known one."""
    unknown = earlier(client, "initialize", protocolVersion="1999-01-01").json()["result"]
    found = [
        earlier(client, "tools/nothing"),
        earlier(client, "tools/call", name="n\N{LATIN SMALL LETTER O WITH DIAERESIS}ne", arguments={}),
        earlier(client, "tools/call", name=["find_matches"]),
        earlier(client, "tools/call"),
        client.post(
            "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": []}, headers=READER
        ),
        client.post("/mcp", json={"jsonrpc": "2.0", "id": None, "method": "tools/list"}, headers=READER),
        client.post("/mcp", json={"id": 1, "method": "tools/list"}, headers=READER),
    ]
    called = earlier(client, "tools/call", name="get_prediction", arguments={"match_ids": ["m1"]})

    assert unknown["protocolVersion"] == "2025-11-25"
    assert [one.status_code for one in found] == [200] * 7
    assert all(one.json()["error"]["message"] for one in found), [one.text for one in found]
    assert called.json()["result"]["structuredContent"]["items"][0]["match_id"] == "m1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"null", 400),
        (b"[]", 400),
        (
            b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"tools/list"}]',
            400,
        ),
        (b'{"jsonrpc":"2.0","id":1,"method":["tools/list"]}', 400),
        (b'{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{}}}', 404),
        (b"[" * 60_000, 400),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 400),
        (b" " * (128 * 1024 + 1), 413),
    ],
)
def test_bodies_of_no_good_client_are_refused(client, body, status):
    """Broken, deep, long, of another version, several at once: nothing is a fault of the sidecar."""
    answer = client.post("/mcp", content=body, headers=READER | {"Content-Type": "application/json"})

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith(("application/problem+json", "application/json"))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("find_matches", {"limit": "many"}),
        ("find_matches", {"limit": 101}),
        ("find_matches", {"sql": "DROP TABLE"}),
        ("find_matches", {"from_day": "tomorrow"}),
        ("find_matches", {"data": {"limit": -1}}),
        ("get_prediction", {}),
        ("get_prediction", {"match_ids": "m1"}),
        ("get_prediction", {"match_ids": []}),
        ("get_prediction", {"match_ids": ["m1"] * 101}),
        ("get_prediction", {"match_ids": ["m1,m2"]}),
        ("get_prediction", {"match_ids": [["m1"]]}),
        ("get_markets", {"match_id": "../metrics?"}),
        ("get_markets", {"match_id": "m1/../../sources"}),
        ("get_projection", {"competition": "ENG-2/../.."}),
        ("what_if", {"match_id": 1, "features": {}}),
        ("what_if", []),
        ("what_if", "Leeds"),
    ],
)
def test_arguments_that_fit_no_tool_are_told(client, tool, arguments):
    """As an error that a model reads, which names the argument; never as a fault."""
    result = call(client, tool, arguments)

    assert result["isError"], result
    assert "Internal" not in result["content"][0]["text"]


def test_unknown_tools_and_methods_are_told(client):
    """As errors of the protocol."""
    unknown = send(client, "tools/call", name="drop_tables", arguments={})
    assert unknown.json()["error"]["message"] == "Tool not found: drop_tables"
    assert send(client, "admin/everything").status_code == 404
    assert send(client, "tools/list", {"Mcp-Method": "tools/call"}).status_code == 400
    assert client.get("/mcp", headers=READER).status_code == 405
    assert client.post("/mcp?debug=1", json={}, headers=READER).status_code == 400


def test_a_call_counts_as_its_request(store, serve):
    """One for a message, one more for each further id; over the limit the tool says when to try again."""
    make_release(store, [make_prediction(f"m{number}") for number in range(9)], release_id="r2")
    client = serve(rate_limit_per_minute=10)

    def left(answer):
        return answer.headers.get("RateLimit-Remaining")

    assert left(send(client, "tools/list")) == "9"
    three = send(client, "tools/call", name="get_prediction", arguments={"match_ids": ["m1", "m2", "m3"]})
    assert left(three) == "6"
    assert left(client.get("/predict/m1", headers={"X-API-Key": TOKENS["admin"]})) == "5"
    many = call(client, "get_prediction", {"match_ids": [f"m{number}" for number in range(9)]})
    assert "counts as 9 of the 10 requests" in many["content"][0]["text"]
    for _ in range(4):
        send(client, "tools/call", name="get_prediction", arguments={"match_ids": "wrong"})
    refused = call(client, "find_matches", {})
    assert refused["isError"]
    assert re.fullmatch(
        r"More than 10 requests in this minute; retry in \d+ s\.", refused["content"][0]["text"]
    )
    assert send(client, "tools/list").status_code == 429
    assert not call(client, "find_matches", {}, key="reader")["isError"]


def test_requests_are_counted_by_their_routes(client):
    """The metrics tell both: that an assistant asked, and what."""
    call(client, "find_matches", {})

    text = client.get("/metrics").text
    for route, method in (("/mcp", "POST"), ("/predict/matches", "GET")):
        assert re.search(rf'method="{method}",route="{route}",status="200"}} [1-9]', text), route


def test_a_fault_within_tells_nothing_of_itself(client, monkeypatch):
    """The log has it; the tool says to try again."""
    call(client, "find_matches", {})

    def fail(_):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("serving.routes.assistants.tools.FindMatches.asked", fail)
    result = call(client, "find_matches", {})

    assert result["isError"]
    assert "secret" not in json.dumps(result)
    assert "Internal error" in result["content"][0]["text"]


def test_before_the_first_release_tools_say_so(tmp_path, serve):
    """As the HTTP API: 503 in its words."""
    write_keys(tmp_path / "store")
    write_status(tmp_path / "store")
    result = call(serve(), "find_matches", {})

    assert result["isError"]
    assert result["structuredContent"]["type"] == "urn:soccer-assets:problem:no-release"


def test_the_library_is_loaded_with_the_first_request_only():
    """It costs every worker 0.4 s of its start and 11 MB."""
    code = (
        "import sys; from pathlib import Path; from serving.app import create_app;"
        "from tests.serving.builders import make_settings; create_app(make_settings(Path('/nowhere')));"
        "print('serving.routes.assistants.door' in sys.modules, 'litestar_mcp' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "True False\n"
