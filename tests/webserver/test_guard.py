"""The guard on Dagster's real application: every mutation, route and websocket, by role and by page."""

from typing import Any

import pytest
from dagster_graphql.schema import create_schema
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from soccer_assets.webserver.guard import LARGEST_BODY, Access, Guard
from soccer_assets.webserver.origins import Names
from soccer_assets.webserver.roles import LAUNCHER_MUTATIONS, VIEWER_SUBSCRIPTIONS, Role
from soccer_assets.webserver.route_table import RULES, STATIC, route_names
from soccer_assets.webserver.server import RoleProcessContext, make_app

SCHEMA = create_schema().graphql_schema
MUTATIONS = sorted(SCHEMA.mutation_type.fields)
HERE = "http://localhost:3000"
WEBSOCKET = "ws://localhost:3000/graphql"
PUBLIC = "https://dagster.example.org"
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "http://localhost:3000.evil.example"},
    {"Origin": "http://localhost:3000/"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
]
OWN = [
    {},
    {"Origin": HERE},
    {"Sec-Fetch-Site": "same-origin"},
    {"Origin": HERE, "Sec-Fetch-Site": "same-origin"},
]
LAUNCH = """mutation Go($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename } }"""
PARAMS = {
    "p": {
        "selector": {
            "repositoryLocationName": "small",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
        },
        "runConfigData": {},
    }
}


class Reached(Starlette):
    """The webserver's routes over an application that only notes that it was reached."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(routes=app.routes)
        self.count = 0

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer 200."""
        self.count += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


def client_of(app: Any, role: Role = Role.ADMIN, base: str = HERE, **access: Any) -> TestClient:
    return TestClient(Guard(app, Access(port_role=role, **access)), base_url=base)


def disguises(field: str) -> list[dict[str, Any]]:
    """Requests that run a mutation, each hiding its field in another way."""
    call = f"{field} {{ __typename }}"
    return [
        {"query": f"mutation {{ {call} }}"},
        {"query": f"mutation {{ launchRun: {call} }}"},
        {"query": f"mutation {{ ...A }} fragment A on M {{ ...B }} fragment B on M {{ {call} }}"},
        {"query": f"mutation {{ ... on Mutation {{ ... {{ {call} }} }} }}"},
        {"query": f"mutation {{ ... @include(if: true) {{ {call} }} }}"},
        {"query": f"query Q {{ version }} mutation M {{ {call} }}", "operationName": "M"},
        {"query": f"mutation {{ launchRun {{ __typename }} {call} }}"},
        {"query": f"mutation {{ ...A ...A }} fragment A on Mutation {{ ...A {call} }}"},
    ]


def needed(field: str) -> Role:
    return Role.LAUNCHER if field in LAUNCHER_MUTATIONS else Role.ADMIN


def test_every_route_of_the_webserver_is_in_the_table(app, process_context):
    """A new route of Dagster is refused, and fails this test until somebody decides about it."""
    prefixed = make_app(process_context, "/dagster")

    assert set(route_names(app.routes)) == set(RULES)
    assert set(route_names(prefixed.routes)) == set(RULES)
    static = [route for route in app.routes if getattr(route, "name", "").endswith("_static")]
    assert len(static) == sum(name == STATIC for name in route_names(app.routes)) > 5


def test_every_launchers_mutation_and_subscription_exists():
    """The allow-lists name fields of the installed schema."""
    assert set(MUTATIONS) >= LAUNCHER_MUTATIONS
    assert set(SCHEMA.subscription_type.fields) == VIEWER_SUBSCRIPTIONS


def test_every_mutation_needs_its_role_however_it_is_written(app):
    """Each mutation of the schema, by alias, fragment and second operation, with each role."""
    reached = Reached(app)
    for role in Role:
        client = client_of(reached, role)
        for field in [*MUTATIONS, "mutationOfALaterVersion"]:
            for body in disguises(field):
                before = reached.count
                status = client.post("/graphql", json=body).status_code
                is_allowed = role >= needed(field)
                assert (status, reached.count - before) == ((200, 1) if is_allowed else (403, 0)), (
                    role,
                    body,
                )


def test_no_foreign_page_runs_anything(app):
    """Each mutation from each foreign page is refused, even for an admin; our own page and scripts pass."""
    reached = Reached(app)
    client = client_of(reached)
    for field in MUTATIONS:
        body = {"query": f"mutation {{ {field} {{ __typename }} }}"}
        for headers in FOREIGN:
            assert client.post("/graphql", json=body, headers=headers).status_code == 403, headers
    assert reached.count == 0

    for headers in OWN:
        assert client.post("/graphql", json={"query": "{ version }"}, headers=headers).status_code == 200


def test_no_mutation_by_get_form_or_batch(app):
    """What browsers send without asking, and what hides an operation, never reaches Dagster."""
    reached = Reached(app)
    client = client_of(reached)
    for field in MUTATIONS:
        query = f"mutation {{ {field} {{ __typename }} }}"
        assert client.get("/graphql", params={"query": query}).status_code == 405
        assert client.post("/graphql", params={"query": query}).status_code == 415
        assert client.post("/graphql", data={"query": query}).status_code == 415
        assert client.post("/graphql", json=[{"query": query}]).status_code == 400
        for media_type in ("application/graphql", "text/plain", "text/plain; application/json", ""):
            answer = client.post("/graphql", content=query, headers={"Content-Type": media_type})
            assert answer.status_code == 415
    assert reached.count == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"3",
        b"null",
        b"[" * 100_000,
        b"{}",
        b'{"query": 3}',
        b'{"query": "{"}',
        b'{"query": "{ version }", "variables": 3}',
        b'{"query": "{ version }", "operationName": 3}',
        b'{"query": "{ version }", "operationName": "Other"}',
        b'{"query": "query A { version } query B { version }"}',
        b'{"query": "query A { version } mutation A { setNuxSeen }", "operationName": "A"}',
        b'{"query": "{ ...Missing }"}',
        b'{"query": "{ ...A } fragment A on Q { a } fragment A on Q { b }"}',
        b'{"query": "subscription { locationStateChangeEvents { __typename } }"}',
        b'{"query": "' + b"{a" * 5_000 + b'"}',
        b'{"query": "{' + b"a " * 20_000 + b'}"}',
        b'{"n": ' + b"1" * 5_000 + b"}",
    ],
)
def test_an_unreadable_question_is_refused(app, body):
    """What cannot be understood is not passed on."""
    reached = Reached(app)
    answer = client_of(reached).post("/graphql", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, reached.count) == (400, 0)


def test_what_was_checked_is_what_runs(app):
    """Of two keys of one name both sides read the last one, and a UTF-16 body is written anew."""
    body = '{"query": "{ version }", "query": "mutation { setNuxSeen }"}'
    headers = {"Content-Type": "application/json"}
    viewer = client_of(app, Role.VIEWER)

    assert viewer.post("/graphql", content=body, headers=headers).status_code == 403
    answer = viewer.post("/graphql", content='{"query": "{ version }"}'.encode("utf-16"), headers=headers)
    assert answer.json()["data"]["version"] == "test"


def test_a_large_body_is_refused_before_it_is_read_whole(app):
    """A body without an end is refused at the bound."""

    def endless() -> Any:
        for _ in range(LARGEST_BODY // 65536 + 2):
            yield b" " * 65536

    answer = client_of(Reached(app)).post(
        "/graphql", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


def test_only_known_hosts_are_answered(app):
    """Names of the loopback address, the public one and those of the setting; no other, none twice."""
    guarded = client_of(Reached(app), names=Names(PUBLIC, ("webserver",)))
    for host in ("localhost", "127.0.0.1:3000", "[::1]:3000", "dagster.example.org", "webserver:3000"):
        assert guarded.get("/server_info", headers={"Host": host}).status_code == 200, host
    for host in (
        "evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example:3000",
        "127.0.0.2",
        "",
        "localhost.",
        "http://localhost",
    ):
        assert guarded.get("/server_info", headers={"Host": host}).status_code == 403, host
    twice = [("Host", "localhost"), ("Host", "evil.example")]
    assert guarded.get("/server_info", headers=twice).status_code == 400


def test_under_the_public_name_only_the_public_address_may_send(app):
    """Behind TLS the page is https; one that came over http, or from another port, is foreign."""
    client = client_of(Reached(app), base="http://dagster.example.org", names=Names(PUBLIC))
    body = {"query": "{ version }"}

    assert client.post("/graphql", json=body, headers={"Origin": PUBLIC}).status_code == 200
    for origin in ("http://dagster.example.org", f"{PUBLIC}:8443", "https://example.org", HERE):
        assert client.post("/graphql", json=body, headers={"Origin": origin}).status_code == 403, origin


def test_every_route_answers_its_methods_and_roles_only(app):
    """Each route with each method, role and foreign page."""
    reached = Reached(app)
    for role in Role:
        client = client_of(reached, role)
        for name, rule in RULES.items():
            path = {STATIC: "/favicon.png", "websocket /graphql": "/graphql"}.get(name, name.split("{")[0])
            if path == "/graphql":
                continue
            path = path if "{" not in name else f"{path}one"
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"):
                before = reached.count
                # `/report_asset_…` by GET is the page of every other path.
                allowed = {"GET", "HEAD"} if "report" in name and method in {"GET", "HEAD"} else rule.methods
                smallest = Role.VIEWER if allowed != rule.methods else rule.role
                answer = client.request(
                    method, path, headers={"Content-Type": "application/json"}, content="{}"
                )
                may = method in allowed and role >= smallest
                assert reached.count - before == may, (role, method, path, answer.status_code)
                assert answer.status_code in ({200} if may else {403, 405})
                if method == "POST" and role is Role.ADMIN:
                    for headers in FOREIGN:
                        foreign = {"Content-Type": "application/json", **headers}
                        refused = client.request(method, path, headers=foreign, content="{}")
                        assert refused.status_code == 403


def test_a_report_needs_json(app):
    """An asset is not reported by a post without a content type, nor by a form."""
    reached = Reached(app)
    client = client_of(reached)
    path = "/report_asset_materialization/number"

    assert client.post(path).status_code == 415
    assert client.post(path, data={"asset_key": "number"}).status_code == 415
    assert client.post(path, content=b"", headers={"Content-Type": "application/json"}).status_code == 400
    assert reached.count == 0
    assert client.post(path, json={}).status_code == 200


def test_a_proxys_role_is_read_over_its_socket_only(app):
    """The header decides over the socket; on the port it is refused, whatever it says."""
    access = Access(port_role=Role.VIEWER, socket="/run/soccer/dagster.sock")
    guard = Guard(Reached(app), access)

    async def from_proxy(scope: Scope, receive: Receive, send: Send) -> None:
        await guard(scope | {"server": ("/run/soccer/dagster.sock", None)}, receive, send)

    body = {"query": "mutation { launchRun { __typename } }"}
    proxied, port = TestClient(from_proxy, base_url=HERE), TestClient(guard, base_url=HERE)
    for role, status in {"viewer": 403, "launcher": 200, "admin": 200, "root": 403, "": 403}.items():
        headers = {"X-Soccer-Role": role}
        assert proxied.post("/graphql", json=body, headers=headers).status_code == status
        assert port.post("/graphql", json=body, headers=headers).status_code == 403
        assert port.get("/", headers=headers).status_code == 403
    assert proxied.get("/").status_code == 403
    twice = [("X-Soccer-Role", "viewer"), ("X-Soccer-Role", "admin")]
    assert proxied.get("/", headers=twice).status_code == 400


def test_dagsters_own_lock_holds_beneath_the_guard(app, process_context: RoleProcessContext):
    """Dagster itself refuses a viewer and what a launcher may not; the pages read the same permissions."""
    question = "{ permissions { permission value } }"
    may = {}
    for role in Role:
        answer = client_of(app, role).post("/graphql", json={"query": question}).json()
        assert "errors" not in answer, answer
        may[role] = {one["permission"] for one in answer["data"]["permissions"] if one["value"]}
    # Without the guard nobody has named a role: Dagster's application alone refuses.
    unguarded = TestClient(app, base_url=HERE)
    answer = unguarded.post("/graphql", json={"query": LAUNCH, "variables": PARAMS})

    assert not may[Role.VIEWER]
    assert may[Role.VIEWER] < may[Role.LAUNCHER] < may[Role.ADMIN]
    assert {"launch_pipeline_execution", "terminate_pipeline_execution"} <= may[Role.LAUNCHER]
    assert not {"wipe_assets", "edit_sensor", "delete_pipeline_run"} & may[Role.LAUNCHER]
    assert answer.json()["data"]["launchRun"]["__typename"] == "UnauthorizedError"


def test_a_launcher_launches(app, process_context: RoleProcessContext):
    """A run from our own page is launched, and is in the instance."""
    client = client_of(app, Role.LAUNCHER)
    before = process_context.instance.get_runs_count()
    body = {"query": LAUNCH, "variables": PARAMS, "operationName": "Go"}
    answer = client.post("/graphql", json=body, headers=OWN[-1]).json()

    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", answer
    assert process_context.instance.get_runs_count() == before + 1


def test_the_pages_are_served_and_cannot_be_framed(app):
    """Pages, GraphiQL and files arrive, under a foreign page's link too."""
    client = client_of(app, Role.VIEWER)
    for path in ("/", "/runs", "/graphql", "/favicon.png", "/robots.txt", "/server_info"):
        answer = client.get(path, headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200, path
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def start(query: str, **payload: Any) -> dict[str, Any]:
    return {"id": "1", "type": "start", "payload": {"query": query, **payload}}


def test_the_websocket_carries_subscriptions_only(app):
    """Subscriptions are started; queries, mutations and hidden fields are answered by an error."""
    events = "subscription S { locationStateChangeEvents { event { message } } }"
    refused = [
        "{ version }",
        *(body["query"] for field in MUTATIONS for body in disguises(field)),
        "subscription { other: subscriptionOfALaterVersion { __typename } }",
    ]
    with client_of(app, Role.VIEWER).websocket_connect(WEBSOCKET, headers=OWN[-1]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        for query in refused:
            socket.send_json(start(query))
            assert socket.receive_json()["type"] == "error", query
        socket.send_json(start(events))
        socket.send_json({"id": "1", "type": "stop"})
        socket.send_json({"type": "connection_init"})  # still open, and nothing was answered before
        assert socket.receive_json() == {"type": "connection_ack"}


@pytest.mark.parametrize("text", ["", "3", "[]", "{}", '{"type": "other"}', '{"type": "start", "id": []}'])
def test_a_message_outside_the_protocol_closes_the_websocket(app, text):
    """A message that Dagster does not know ends the connection."""
    with client_of(app).websocket_connect(WEBSOCKET) as socket:
        socket.send_text(text)
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_no_foreign_page_opens_the_websocket(app):
    """The handshake is refused to a foreign page, under a foreign host and on another path."""
    client = client_of(app)
    strange = [*FOREIGN, {"Host": "evil.example"}, {"X-Soccer-Role": "admin"}]
    for path, headers in [*((WEBSOCKET, one) for one in strange), ("ws://localhost:3000/runs", {})]:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=headers):
            pass
    for headers in OWN:
        with client.websocket_connect(WEBSOCKET, headers=headers):
            pass
