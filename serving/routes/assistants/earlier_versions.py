"""Clients of versions before 2026-07-28: their messages as those of today, and the answers as theirs.

They begin with `initialize`, and later messages say nothing of the client. A session is the server's choice
in every version, so none is kept: any worker of any replica may get the next message.
"""

import base64
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response
from litestar_mcp.mcp.routes import MCP_PROTOCOL_VERSION

from serving.http.inner_request import Answered, Headers
from serving.http.respond import JSON

# Those whose messages come to one address by POST, the newest first.
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
_BEGIN = "initialize"
_DISCOVER = "server/discover"
_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
_META = {
    "io.modelcontextprotocol/protocolVersion": MCP_PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def answer(
    message: dict[str, Any], ask: Callable[[Headers, bytes], Awaitable[Answered]]
) -> Response[bytes]:
    """Answer a message of an earlier version.

    Args:
        message: with a method.
        ask: answers a message of today, given headers beside those of the client, and its body.
    """
    method = message["method"]
    if "id" not in message:  # a notification
        return Response(b"", status_code=HTTPStatus.ACCEPTED, media_type=JSON)
    if method == "ping":
        return _result(message, {})
    found = await ask(*_of_today(message))
    if method == _BEGIN and found.status == HTTPStatus.OK:
        return _result(message, _beginning(message, msgspec.json.decode(found.body)["result"]))
    # Errors of a message are told with 200; 404 would mean that a session is over.
    return Response(found.body, status_code=HTTPStatus.OK, media_type=JSON)


def _of_today(message: dict[str, Any]) -> tuple[Headers, bytes]:
    """The message as today's version writes it: its headers, and its body."""
    begins = message["method"] == _BEGIN
    method = _DISCOVER if begins else message["method"]
    params = message.get("params")
    params = {} if begins or params is None else params
    headers = [(b"mcp-protocol-version", MCP_PROTOCOL_VERSION.encode()), (b"mcp-method", method.encode())]
    if isinstance(params, dict):
        params = {**params, "_meta": _META}
        if isinstance(params.get("name"), str):
            headers.append((b"mcp-name", b"=?base64?%b?=" % base64.b64encode(params["name"].encode())))
    return headers, msgspec.json.encode({**message, "method": method, "params": params})


def _beginning(message: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What `initialize` answers: the version that was asked for if it is known, or the newest of those."""
    params = message.get("params")
    asked = params.get("protocolVersion") if isinstance(params, dict) else None
    return {
        "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {}},
        "serverInfo": found["_meta"][_SERVER_INFO],
        "instructions": found["instructions"],
    }


def _result(message: dict[str, Any], result: dict[str, Any]) -> Response[bytes]:
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": message["id"], "result": result})
    return Response(body, status_code=HTTPStatus.OK, media_type=JSON)
