"""The protocol's own client, of another author, against a sidecar as it runs."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import httpx2
import jsonschema
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from soccer_assets.contract.markets import GoalModel
from soccer_assets.contract.release import Team
from soccer_assets.contract.reports import QUALITY_KEY
from tests.serving.builders import (
    TOKENS,
    make_prediction,
    put,
    write_keys,
    write_projections,
    write_status,
)
from tests.serving.league import make_scoring_release
from tests.serving.processes import ready_release, sidecar, wait_until
from tests.serving.routes.pages.test_record import REPORT
from tests.serving.routes.test_projections import projections_file

HOSTILE = "<script>alert(1)</script>"
PAIRING = {"home_team": "Leeds", "away_team": "Derby", "kickoff": "2025-05-01", "competition": "ENG-2"}
STATE = {"minute": 67, "home_goals": 0, "away_goals": 1}
ASSUMED = [{"home_team": "Leeds", "away_team": "Derby", "home_goals": 3, "away_goals": 0}]

# A tool, what it is asked, and the request whose body it answers.
CALLS = [
    ("find_matches", {}, ("GET", "/predict/matches/?limit=20", None)),
    (
        "find_matches",
        {"competition": "Championship", "team": "leeds", "from_day": "2025-04-26", "to_day": "2025-04-26"},
        (
            "GET",
            "/predict/matches/?competition=ENG-2&team=leeds&from=2025-04-26&to=2025-04-26&limit=20",
            None,
        ),
    ),
    ("get_prediction", {"match_ids": ["m2", "none", "m1"]}, ("GET", "/predict/?ids=m2,none,m1", None)),
    ("get_markets", {"match_id": "m1"}, ("GET", "/predict/m1/markets", None)),
    ("what_if", PAIRING | {"neutral": True}, ("POST", "/predict/", PAIRING | {"neutral": True})),
    ("what_if", PAIRING | {"state": STATE}, ("POST", "/predict/", PAIRING | {"state": STATE})),
    ("what_if", PAIRING | {"markets": True}, ("POST", "/predict/?markets=true", PAIRING)),
    ("get_projection", {"competition": "eng-2"}, ("GET", "/projections/ENG-2", None)),
    (
        "get_projection",
        {"competition": "ENG-2", "results": ASSUMED},
        ("POST", "/projections/ENG-2", {"results": ASSUMED}),
    ),
    ("get_track_record", {}, ("GET", "/monitoring/quality", None)),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A sidecar that scores and simulates."""
    home = tmp_path_factory.mktemp("assistants")
    goals = GoalModel(1.6, 1.1, -0.073, 0.44)
    hostile = make_prediction("m2", home_team=Team("t-x", HOSTILE), kickoff="2025-04-27T14:00:00Z")
    make_scoring_release(home / "store", [make_prediction("m1", goal_model=goals), hostile])
    write_projections(home / "store", projections_file())
    put(home / "store", QUALITY_KEY, REPORT)
    write_status(home / "store")
    write_keys(home / "store")
    with sidecar(home, rate_limit_per_minute="0", poll_seconds="0.1") as (one, _):
        wait_until(lambda: ready_release(one) == "r1")
        wait_until(lambda: ask(one, "POST", "/predict/", PAIRING).status_code == 200)
        wait_until(lambda: ask(one, "POST", "/projections/ENG-2", {}).status_code == 200)
        wait_until(lambda: ask(one, "GET", "/monitoring/quality").status_code == 200)
        yield one


def ask(address, method, path, body=None, key="admin"):
    """A request of the HTTP API."""
    headers = {"X-API-Key": TOKENS[key]}
    return httpx.request(method, f"{address}{path}", headers=headers, json=body, timeout=60)


@asynccontextmanager
async def connected(address, key="admin", mode="auto"):
    """The client, connected."""
    headers = {"X-API-Key": TOKENS.get(key, key)}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_every_tool_answers_the_body_of_the_http_api(address, mode):
    """The same data, as a structure that fits the tool's schema and as text, byte by byte.

    A legacy client speaks an earlier version, which begins with a handshake.
    """

    async def call_all():
        async with connected(address, mode=mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            return tools, [await client.call_tool(name, arguments) for name, arguments, _ in CALLS]

    tools, results = asyncio.run(call_all())

    assert {name for name, _, _ in CALLS} == set(tools)
    for (name, arguments, asked), result in zip(CALLS, results, strict=True):
        body = ask(address, *asked)
        assert body.status_code == 200, body.text
        assert not result.is_error, (name, result.content)
        assert result.content[0].text == body.text, name
        assert result.structured_content == body.json(), name
        jsonschema.validate(arguments, tools[name].input_schema)
        jsonschema.validate(body.json(), tools[name].output_schema)


def test_tools_say_what_they_do_and_that_they_only_read(address):
    """Each has a description, a title, examples where a name must be known, and nothing that it changes."""

    async def look():
        async with connected(address) as client:
            return client.session.discover_result, (await client.list_tools()).tools

    discovered, tools = asyncio.run(look())

    assert "2026-07-28" in discovered.supported_versions
    assert "not advice to bet" in discovered.instructions
    for tool in tools:
        assert len(tool.description) > 80
        assert tool.annotations.title
        assert tool.annotations.read_only_hint
        assert not tool.annotations.destructive_hint
        if tool.input_schema["properties"]:
            assert "examples" in json.dumps(tool.input_schema), tool.name


def test_problems_are_errors_of_a_tool_in_the_words_of_the_http_api(address):
    """What a model can put right it is told; the session goes on."""
    asked = [
        ("get_markets", {"match_id": "m2"}, ("GET", "/predict/m2/markets", None)),
        ("find_matches", {"team": HOSTILE + "?"}, ("GET", f"/predict/matches/?team={HOSTILE}?", None)),
        ("find_matches", {"time_zone": "Mars/Base"}, ("GET", "/predict/matches/?tz=Mars/Base", None)),
        ("get_projection", {"competition": "MEX-1"}, ("GET", "/projections/MEX-1", None)),
        (
            "what_if",
            PAIRING | {"home_team": "Nobody"},
            ("POST", "/predict/", PAIRING | {"home_team": "Nobody"}),
        ),
    ]

    async def call_all():
        async with connected(address) as client:
            wrong = [await client.call_tool(name, arguments) for name, arguments, _ in asked]
            return wrong, await client.call_tool("get_prediction", {"match_ids": ["m2"]})

    results, good = asyncio.run(call_all())

    for (_, _, request), result in zip(asked, results, strict=True):
        problem = ask(address, *request).json()
        assert result.is_error
        assert result.content[0].text == problem["detail"]
        assert result.structured_content == problem
    assert good.structured_content["items"][0]["home_team"]["name"] == HOSTILE


def test_a_tool_that_tells_its_progress_may_be_asked_to(address):
    """No tool does, and the answer comes all the same."""

    async def call():
        async with connected(address) as client:
            return await client.call_tool(
                "get_prediction", {"match_ids": ["m1"]}, progress_callback=lambda *_: asyncio.sleep(0)
            )

    assert asyncio.run(call()).structured_content["items"][0]["match_id"] == "m1"


def test_each_tool_asks_for_the_scope_of_its_request(address):
    """A key that may read finds matches and may not ask what if; the other way round for one that may not."""

    async def call(key):
        async with connected(address, key) as client:
            found = await client.call_tool("find_matches", {})
            scored = await client.call_tool("what_if", PAIRING)
            return found, scored

    found, scored = asyncio.run(call("reader"))
    assert not found.is_error
    assert scored.is_error
    assert "lacks the scope 'predict'" in scored.content[0].text
    found, scored = asyncio.run(call("predictor"))
    assert "lacks the scope 'read'" in found.content[0].text
    assert not scored.is_error


def test_an_unknown_key_gets_no_answer(address):
    """It is refused before the protocol begins."""

    async def connect():
        async with connected(address, "no key of anybody"):
            raise AssertionError("connected")

    with pytest.raises((MCPError, ExceptionGroup)) as refused:
        asyncio.run(connect())
    assert "connected" not in str(refused.value)


def test_a_revoked_key_ends_in_the_middle_of_a_session(address, tmp_path_factory):
    """Within the seconds in which it ends everywhere."""
    store = next(tmp_path_factory.getbasetemp().glob("assistants*")) / "store"

    async def go_on():
        async with connected(address, "reader") as client:
            assert not (await client.call_tool("find_matches", {})).is_error
            write_keys(store, {"admin": ("admin",)})
            await asyncio.to_thread(
                wait_until, lambda: ask(address, "GET", "/predict/m1", key="reader").is_error
            )
            await client.call_tool("find_matches", {})

    try:
        with pytest.raises((MCPError, ExceptionGroup)):
            asyncio.run(go_on())
    finally:
        write_keys(store)
