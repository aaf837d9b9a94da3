"""A request that another request makes within the sidecar: routed, guarded, counted and answered as any."""

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog
from litestar import Request
from litestar.types import ASGIApp

from serving.http.auth import ADMITTED, ALLOWANCE
from serving.http.respond import JSON
from soccer_assets.contract.api_keys import ApiKey

Headers = Iterable[tuple[bytes, bytes]]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request: a path that is not encoded, the parameters of its query, and its body in JSON."""

    path: str
    method: str = "GET"
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Answered(msgspec.Struct, frozen=True):
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def ask(outer: Request[Any, ApiKey, Any], asked: Asked) -> Answered:
    """The answer to a request under the key of another one, which was counted with that.

    The scope of its route is asked of the key. What it counts more than one leaves its mark in the allowance
    that the outer answer tells. No cookie, and no other header of the outer request, is passed on.
    """
    state = {ADMITTED: outer.auth, ALLOWANCE: outer.scope["state"][ALLOWANCE]}
    headers = [
        (b"x-request-id", structlog.contextvars.get_contextvars()["request_id"].encode()),
        *([(b"content-type", JSON.encode())] if asked.body else ()),
    ]
    scope = scope_within(
        outer, asked.method, asked.path, headers, state, query=urlencode(asked.query).encode()
    )
    answer = await answer_of(outer.app, scope, asked.body)
    outer.scope["state"][ALLOWANCE] = state.get(ALLOWANCE)
    return answer


def scope_within(
    outer: Request[Any, Any, Any],
    method: str,
    path: str,
    headers: Headers,
    state: dict[str, Any],
    *,
    query: bytes = b"",
) -> dict[str, Any]:
    """The scope of a request from where an outer one comes from."""
    scope: Any = outer.scope
    names = ("type", "asgi", "http_version", "scheme", "client", "server")
    taken = {name: scope[name] for name in names if name in scope}
    return {
        **taken,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "state": state,
        "extensions": {},
    }


async def answer_of(app: ASGIApp, scope: Any, body: bytes) -> Answered:
    """What an application answers to a request with a body, as a whole."""
    status, headers, parts = 0, dict[bytes, bytes](), list[bytes]()
    rest = [body]

    async def receive() -> Any:
        if rest:
            return {"type": "http.request", "body": rest.pop(), "more_body": False}
        return await asyncio.Future()  # the asker stays until it has the answer

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.update({name.lower(): value for name, value in message["headers"]})
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return Answered(status, headers, b"".join(parts))
