"""The outermost layer: every request gets an id, is timed and counted, and leaves with safe headers.

It lies outside the framework's routing, so that unknown paths and wrong methods are seen as well.
"""

import re
import time
import uuid
from typing import cast

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
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

from serving.auth import ALLOWANCE
from serving.metrics import Metrics

REQUEST_ID_HEADER = "X-Request-ID"

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# An id from outside goes to the log: plain characters only.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_NO_STORE = (b"cache-control", b"no-store")


class Sidecar(Litestar):
    """The application with its front; `state.metrics` must hold the metrics."""

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """Answer one connection."""
        if scope["type"] == ScopeType.HTTP:
            await self._observe(cast(HTTPScope, scope), cast(Receive, receive), cast(Send, send))
        else:
            await super().__call__(scope, receive, send)

    async def _observe(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        metrics: Metrics = self.state.metrics
        started = time.perf_counter()
        request_id = _request_id(scope)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], *_SAFE_HEADERS, (b"x-request-id", request_id)]
                allowance = scope.get("state", {}).get(ALLOWANCE)
                if allowance is not None:
                    headers += allowance.headers()
                message["headers"] = [*headers, _NO_STORE] if status >= 400 else headers  # noqa: PLR2004
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode())
        try:
            await super().__call__(scope, receive, send_with_headers)
        finally:
            # The template, not the path: ids would make a series for every match.
            route = scope.get("path_template") or "unmatched"
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            metrics.requests.labels(route, method, str(status)).inc()
            metrics.latency.labels(route, method).observe(time.perf_counter() - started)


def _request_id(scope: HTTPScope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return uuid.uuid4().hex.encode()
