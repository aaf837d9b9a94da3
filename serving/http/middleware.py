"""The outermost middleware: request ids, timing and counting, security headers, and the fast path.

It runs outside Litestar's routing, so that unknown paths and wrong methods are counted too. HEAD is answered
as GET without its body, and `Allow` names it.
"""

import itertools
import re
import secrets
import sqlite3
import time
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import (
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Message,
    Receive,
    Scope,
    Send,
)
from litestar.utils import normalize_path

from serving.http.auth import ALLOWANCE, HEAD
from serving.http.fast_path import PREFIX, FastLookup
from serving.http.header_lines import RepeatedHeaderError, joined
from serving.http.patience import PatientSend
from serving.http.query import parameters_of
from serving.metrics import Metrics
from serving.problems import MEDIA_TYPE, problem_body

REQUEST_ID_HEADER = "X-Request-ID"

_log = structlog.get_logger()

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Litestar keeps the last 1,024 paths. The longest query that is meant has 500 ids of 16 characters,
# each with an encoded comma.
_LONGEST_PATH = 1_000
_LONGEST_QUERY = 12_000
_TOO_LONG = problem_body(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "uri-too-long",
    f"The path has over {_LONGEST_PATH} characters, or the query over {_LONGEST_QUERY}.",
)

# A client's request id is logged: plain characters only.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_NO_STORE = (b"cache-control", b"no-store")


class Application(Litestar):
    """A Litestar application inside the outermost middleware.

    ``state`` holds what the fast path and the routes share: `metrics`, `snapshots`, `key_ring` and
    `rate_limiter`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        state = self.state
        state.parameters = parameters_of(self.routes)
        state.page_paths = {route.path for route in self.routes if _is_page(route)}
        self._root_path: str = state.root_path
        below = [route.path.removeprefix(PREFIX) for route in self.routes if route.path.startswith(PREFIX)]
        self._lookups = FastLookup(
            state.snapshots, state.key_ring, state.rate_limiter, state.metrics, siblings=below
        )
        # Litestar's own lists miss HEAD, and methods that another router has for the same path.
        self._allow = {
            route.path_format: _allow(route) for route in self.routes if isinstance(route, HTTPRoute)
        }
        # Ids of one worker differ by the counter, those of two workers by the random prefix.
        self._id_prefix = secrets.token_hex(8).encode()
        self._ids = itertools.count(1)

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """Handle one HTTP request or lifespan event."""
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        started = time.perf_counter()
        if self._root_path:
            scope = _without_prefix(scope, self._root_path)
        lines = list(scope["headers"])
        headers = dict(lines)
        refused = b""
        if len(headers) < len(lines):
            try:
                scope = {**scope, "headers": joined(lines)}
            except RepeatedHeaderError as error:
                refused = _refused_header(str(error))
            headers = dict(scope["headers"])
        asked_id = headers.get(b"x-request-id")
        if asked_id is not None and _REQUEST_ID.fullmatch(asked_id):
            request_id: bytes = asked_id
        else:
            request_id = b"%b%016x" % (self._id_prefix, next(self._ids))
        try:
            answer = None if refused else self._lookups.answer(scope, headers)
        except sqlite3.Error:
            answer = None  # the route hits the same error and reports it
        if answer is None:
            await self._observe(scope, receive, send, request_id, refused)
            return
        head, body, allowance, answered = answer
        head += (*_SAFE_HEADERS, (b"x-request-id", request_id), *allowance.headers())
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        answered.add(time.perf_counter() - started)

    def _methods_of(self, scope: HTTPScope) -> bytes:
        """What a path allows, also where it has no handler of the method; every path has one of OPTIONS."""
        template = scope.get("path_template")
        if template is None:
            path = normalize_path(scope["path"])
            *_, template = self.asgi_router.handle_routing(path=path, method="OPTIONS")
        return self._allow[template]

    async def _observe(
        self, scope: HTTPScope, receive: Receive, send: Send, request_id: bytes, refused: bytes
    ) -> None:
        metrics: Metrics = self.state.metrics
        started = time.perf_counter()
        status = 500
        asked = scope["method"]
        is_head = asked == "HEAD"
        if is_head:
            scope, receive = {**scope, "method": "GET", "state": {HEAD: True}}, _nothing
        is_over, patient = False, PatientSend(send)

        async def send_with_headers(message: Message) -> None:
            nonlocal status, is_over
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [
                    (name, self._methods_of(scope) if name == b"allow" else value)
                    for name, value in message["headers"]
                ]
                headers += (*_SAFE_HEADERS, (b"x-request-id", request_id))
                allowance = scope.get("state", {}).get(ALLOWANCE)
                if allowance is not None:
                    headers += allowance.headers()
                message["headers"] = [*headers, _NO_STORE] if status >= 400 else headers  # noqa: PLR2004
            elif is_head:
                if is_over:
                    return
                is_over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await patient(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        try:
            await self._handle(scope, receive, send_with_headers, refused)
        except Exception:
            if not patient.is_stalled:
                raise
            _log.info("a client took no more of its answer", path=scope.get("path_template"))
        finally:
            # The path template, not the path: match ids would create a series each.
            route = scope.get("path_template") or "unmatched"
            method = asked if asked in _METHODS else "OTHER"
            metrics.requests.labels(route, method, str(status)).inc()
            metrics.latency.labels(route, method).observe(time.perf_counter() - started)

    async def _handle(self, scope: HTTPScope, receive: Receive, send: Send, refused: bytes) -> None:
        if refused:
            await _refuse(send, HTTPStatus.BAD_REQUEST, refused)
        elif len(scope["path"]) > _LONGEST_PATH or len(scope["query_string"]) > _LONGEST_QUERY:
            await _refuse(send, HTTPStatus.REQUEST_URI_TOO_LONG, _TOO_LONG)
        else:
            await super().__call__(scope, receive, send)


async def _refuse(send: Send, status: HTTPStatus, body: bytes) -> None:
    """Answer a problem before a route is looked for."""
    head = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _refused_header(name: str) -> bytes:
    return problem_body(
        HTTPStatus.BAD_REQUEST, "repeated-header", f"The header {name} came with different values; send one."
    )


async def _nothing() -> Any:
    """The end of a request without a body: what follows its head is not sent."""
    return {"type": "http.disconnect"}


def _allow(route: HTTPRoute) -> bytes:
    """The value of the header ``Allow``: the methods of a path, HEAD beside a GET that starts no run."""
    methods: set[str] = set(route.route_handler_map)
    reads = [handler for handler, _ in route.route_handler_map.values() if "GET" in handler.http_methods]
    has_head = any(not handler.opt.get("starts_run") for handler in reads)
    return ", ".join(sorted(methods | ({"HEAD"} if has_head else set()))).encode()


def _is_page(route: Any) -> bool:
    """Whether a path answers a page to people."""
    handlers = route.route_handler_map.values() if isinstance(route, HTTPRoute) else ()
    return any(handler.opt.get("is_page") for handler, _ in handlers)


def _without_prefix(scope: Any, prefix: str) -> Any:
    """The scope of a request whose path a proxy has left under its prefix; otherwise the same."""
    path = scope["path"]
    if path != prefix and not path.startswith(f"{prefix}/"):
        return scope
    return {**scope, "path": path[len(prefix) :] or "/", "raw_path": scope["raw_path"][len(prefix) :] or b"/"}
