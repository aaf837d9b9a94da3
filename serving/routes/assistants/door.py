"""`POST /mcp`: one request of an assistant, under the keys, limits and bodies of the HTTP API.

Without a session: whatever a request needs is in it, and cookies are not looked at. Clients of earlier
versions are answered too, without the session that these allow.
"""

import asyncio
import importlib
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler

from serving.http.auth import ANY, authorize
from serving.http.body import BodyBudget, read_body
from serving.http.inner_request import Answered, Headers, answer_of, scope_within
from serving.http.query import check_query
from serving.http.respond import JSON
from serving.problems import ProblemError
from soccer_assets.contract.api_keys import ApiKey

PATH = "/mcp"
# Of a browser's request, beside those of the API; `Mcp-Param-*` are of tools that ask for them, ours do not.
HEADERS = ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name")

# Keys in the state of a request within: that of the assistant, and why it is refused in spite of a good key.
CALLER = "caller"
REFUSAL = "refusal"

_MAX_BYTES = 128 * 1024
_CALL = "tools/call"
_OVER_LIMIT = "rate-limit"
# Streams that stay open, for lists that change: ours never do.
_NOT_ANSWERED = frozenset({"subscriptions/listen"})
_PROGRESS = "progressToken"
_VERSION = "io.modelcontextprotocol/protocolVersion"
_METHOD_NOT_FOUND = -32601
# The library looks at these; a key or a cookie is none of its business.
_PASSED_ON = frozenset({b"host", b"origin", b"content-type", b"accept"})


class Assistants:
    """The application of the protocol, which is loaded with the first request.

    Args:
        origins: whose pages may ask, beside those of the sidecar itself.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = origins
        self._lock = asyncio.Lock()
        self._app: Litestar | None = None

    async def app(self) -> Litestar:
        """The application."""
        async with self._lock:
            if self._app is None:
                # In a thread: importing takes some tenths of a second.
                module = "serving.routes.assistants.protocol"
                protocol = await asyncio.to_thread(importlib.import_module, module)
                built: Litestar = await asyncio.to_thread(protocol.build, self._origins)
                self._app = built
            return self._app


async def admit_assistant(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: admit and count a request; that a key is over its limit is for its tool to tell.

    Raises:
        ProblemError: as `authorize`, but for the rate limit.
    """
    try:
        await authorize(connection, handler)
    except ProblemError as error:
        if error.slug != _OVER_LIMIT:
            raise
        connection.scope["state"][REFUSAL] = error


@post(PATH, status_code=HTTPStatus.OK, opt={"scope": ANY}, include_in_schema=False)
async def answer_assistant(
    request: Request[Any, ApiKey, Any],
    assistants: NamedDependency[Assistants],
    bodies: NamedDependency[BodyBudget],
) -> Response[bytes]:
    """Answer one message of the Model Context Protocol: of version 2026-07-28, or of an earlier one."""
    refusal: ProblemError | None = request.scope["state"].get(REFUSAL)
    with bodies.hold(REFUSAL if refusal is not None else request.auth.id) as held:
        body = await read_body(request, min(_MAX_BYTES, bodies.most_bytes), held)
    message = _decode(body)
    method = message.get("method") if isinstance(message, dict) else None
    if refusal is not None and method != _CALL:
        raise refusal
    if isinstance(method, str) and method in _NOT_ANSWERED:
        return _not_found(message)
    body = _without_progress(message, body)
    app = await assistants.app()
    state = {CALLER: request, REFUSAL: refusal}

    async def answered(own: Headers, sent: bytes) -> Answered:
        passed_on = [line for line in request.scope["headers"] if line[0] in _PASSED_ON]
        scope = scope_within(request, "POST", PATH, [*passed_on, *own], state)
        return await answer_of(app, scope, sent)

    if _is_earlier(message, request):
        # Not before the application: it needs the same library.
        from serving.routes.assistants import earlier_versions  # noqa: PLC0415

        return await earlier_versions.answer(message, answered)
    own = [line for line in request.scope["headers"] if line[0].startswith(b"mcp-")]
    answer = await answered(own, body)
    sent = {"Cache-Control": "no-store"}
    if version := answer.headers.get(b"mcp-protocol-version"):
        sent["MCP-Protocol-Version"] = version.decode()
    media_type = answer.headers.get(b"content-type", JSON.encode()).decode()
    return Response(answer.body, status_code=answer.status, headers=sent, media_type=media_type)


def _is_earlier(message: Any, request: Request[Any, Any, Any]) -> bool:
    """Whether a message is of an earlier version: neither it nor its headers say what today's must."""
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return False
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    is_told = isinstance(meta, dict) and _VERSION in meta
    return not is_told and "mcp-method" not in request.headers


def _decode(body: bytes) -> Any:
    """A message.

    Raises:
        ProblemError: 400, the body is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = f"The body cannot be read: {error}; send one message of JSON-RPC 2.0."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-body", detail) from error


def _without_progress(message: Any, body: bytes) -> bytes:
    """A message that asks for no news of its progress, which no tool has: its answer is no stream then."""
    params = message.get("params") if isinstance(message, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(meta, dict) or meta.pop(_PROGRESS, None) is None:
        return body
    return msgspec.json.encode(message)


def _not_found(message: Any) -> Response[bytes]:
    """What the library answers to a method that it does not know."""
    error = {"code": _METHOD_NOT_FOUND, "message": f"Method not found: {message['method']}"}
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": message.get("id"), "error": error})
    return Response(body, status_code=HTTPStatus.NOT_FOUND, media_type=JSON)


router = Router("/", route_handlers=[answer_assistant], guards=[admit_assistant, check_query])
