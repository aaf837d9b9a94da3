"""The guard around Dagster's webserver: an ASGI application that refuses what nobody allowed.

Dagster's own server takes mutations by GET and by forms, under any Host and from any Origin, so that any web
page could launch runs. A request passes if its Host is known, its route and method are listed, its page is
our own, and the role of its caller is enough for what it asks.
"""

import json
import logging
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from soccer_assets.webserver.operations import UnreadableOperationError, read_question
from soccer_assets.webserver.origins import Names
from soccer_assets.webserver.roles import CURRENT_ROLE, Role, required_role, role_named
from soccer_assets.webserver.route_table import RULES, find_route
from soccer_assets.webserver.webserver_error import WebserverError
from soccer_assets.webserver.websocket_guard import guarded_channel

ROLE_HEADER = "x-soccer-role"
USER_HEADER = "x-soccer-user"

# Dagster's pages send at most 100 kB: the run config and every month of a backfill.
LARGEST_BODY = 2 * 2**20

_BODY_HEADERS = {b"content-type", b"content-length", b"transfer-encoding"}

_logger = logging.getLogger("dagster-webserver.guard")


class Access(msgspec.Struct, frozen=True):
    """Who may reach the pages.

    Attributes:
        names: the names under which they answer.
        port_role: what everybody may do who reaches the port.
        socket: path of the unix socket over which a proxy names the role of each request; empty if none.
    """

    names: Names = Names()
    port_role: Role = Role.ADMIN
    socket: str = ""


class RefusedError(WebserverError):
    """A request is refused with a status; the message says why."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Guard:
    """Passes to the webserver's application what is allowed."""

    def __init__(self, app: Starlette, access: Access) -> None:
        """Guard ``app``."""
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one websocket from its handshake to its end."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            route = find_route(self._app.routes, scope)
            role = self._check(scope, route)
            if scope["type"] == "http":
                receive = await self._checked_body(scope, receive, role, is_graphql=route == "/graphql")
        except RefusedError as error:
            _logger.warning("refused %s %r: %s", scope.get("method", "websocket"), scope["path"], error)
            await _refuse(scope, receive, send, error)
            return
        if scope["type"] == "http":
            send = _with_headers(send)
        else:
            receive, send = guarded_channel(receive, send, role, LARGEST_BODY)
        token = CURRENT_ROLE.set(role)
        try:
            await self._app(scope, receive, send)
        finally:
            CURRENT_ROLE.reset(token)

    def _check(self, scope: Scope, route: str | None) -> Role:
        """Check host, role, route, method and page of a request; returns its caller's role."""
        headers = Headers(scope=scope)
        host = _single(headers, "host") or ""
        if not self._access.names.is_known(host):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                f"the host {host!r} is not known; name it in SOCCER_PUBLIC_URL or SOCCER_DAGSTER_HOSTS",
            )
        role = self._role(scope, headers)
        rule = RULES.get(route or "")
        if rule is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        is_read = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if not is_read:
            self._check_page(headers, host)
        if scope["type"] == "http" and scope["method"] not in rule.methods:
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "this method is not allowed here")
        if role < rule.role:
            raise RefusedError(HTTPStatus.FORBIDDEN, f"a {role.name.lower()} may not do this")
        return role

    def _role(self, scope: Scope, headers: Headers) -> Role:
        named = _single(headers, ROLE_HEADER)
        # The server's own socket, which no client can choose.
        if self._access.socket and tuple(scope.get("server") or ()) == (self._access.socket, None):
            role = role_named(named or "")
            if role is None:
                raise RefusedError(
                    HTTPStatus.FORBIDDEN, f"the proxy must send {ROLE_HEADER}: viewer, launcher or admin"
                )
            return role
        if named is not None:
            # A proxy that was pointed at the port by mistake must not make everybody an admin.
            raise RefusedError(
                HTTPStatus.FORBIDDEN, f"{ROLE_HEADER} is accepted over SOCCER_DAGSTER_SOCKET only"
            )
        return self._access.port_role

    def _check_page(self, headers: Headers, host: str) -> None:
        origin, site = _single(headers, "origin"), _single(headers, "sec-fetch-site")
        if (origin is not None and not self._access.names.is_own_page(origin, host)) or (
            site is not None and site != "same-origin"
        ):
            raise RefusedError(HTTPStatus.FORBIDDEN, f"the page {origin or site!r} may not send this")

    async def _checked_body(self, scope: Scope, receive: Receive, role: Role, *, is_graphql: bool) -> Receive:
        """Check what a request asks for; returns what the application is to read."""
        headers = Headers(scope=scope)
        if scope["method"] != "POST":
            if is_graphql and "text/html" not in headers.get("accept", ""):
                raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "GraphQL is asked by POST")
            return receive
        content_type = _single(headers, "content-type") or ""
        if content_type.split(";")[0].strip().lower() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        body = _json_object(await _whole_body(receive))
        if is_graphql:
            body = _checked_question(body, role, _single(headers, USER_HEADER))
        # Written anew, so that what was checked is what is run.
        data = json.dumps(body).encode()
        scope["headers"] = [
            *((name, value) for name, value in scope["headers"] if name not in _BODY_HEADERS),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
        ]
        return _replay(data, receive)


def _checked_question(body: dict[str, Any], role: Role, user: str | None) -> dict[str, Any]:
    variables = body.get("variables")
    if isinstance(variables, str):
        variables = _json_object(variables.encode())
    try:
        question = read_question(body.get("query"), variables, body.get("operationName"))
        operation = question.operation
    except UnreadableOperationError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None
    what = f"{operation.kind} {', '.join(sorted(operation.fields))}"
    if operation.kind == "subscription":
        raise RefusedError(HTTPStatus.BAD_REQUEST, "subscriptions are asked over the websocket")
    if role < required_role(operation):
        raise RefusedError(HTTPStatus.FORBIDDEN, f"a {role.name.lower()} may not run: {what}")
    if operation.kind == "mutation":
        _logger.info("%s by %r as %s", what, user or "", role.name.lower())
    return {
        "query": question.query,
        "variables": question.variables,
        "operationName": question.operation_name,
    }


def _single(headers: Headers, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"the header {name} is sent twice")
    return values[0] if values else None


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    if isinstance(found, list):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "send one operation at a time, not a batch")
    if not isinstance(found, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return found


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the client left")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(data: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _with_headers(send: Send) -> Send:
    """Keep foreign pages from showing ours in a frame, where clicks can be stolen, or as a resource."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        await send(message)

    return send_with_headers


async def _refuse(scope: Scope, receive: Receive, send: Send, error: RefusedError) -> None:
    if scope["type"] != "http":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": str(error)[:120]})
        return
    answer = JSONResponse({"errors": [{"message": str(error)}]}, status_code=error.status)
    answer.headers["Cache-Control"] = "no-store"
    await answer(scope, receive, send)
