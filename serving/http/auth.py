"""Authentication, authorisation by scope, and rate limits of API keys.

A key is sent in the header ``X-API-Key`` only, never in the URL, which is logged. The store holds SHA-256
hashes of 256-bit random tokens; a fast hash is enough for tokens that cannot be guessed.
"""

from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import BaseRouteHandler

from serving.http.rate_limit import Allowance, RateLimiter
from serving.metrics import Metrics
from serving.problems import ProblemError
from serving.release.key_ring import KeyRing
from soccer_assets.contract.api_keys import ApiKey

HEADER = "X-API-Key"
# Header of the predecessor's clients; /sources/* accepts it too.
SOURCES_HEADER = "X-Token"

READ = "read"
PREDICT = "predict"
ADMIN = "admin"
# Of a route that any known key may ask.
ANY = "any"

# Keys in the request's state: the allowance, whether the client asked for the head of the answer only, and
# the key of a request that another one makes within the sidecar, which was admitted and counted with that.
ALLOWANCE = "allowance"
HEAD = "is_head"
ADMITTED = "admitted"


class UnknownKeyError(ProblemError):
    """401: no key has this token."""


def has_scope(key: ApiKey, scope: str) -> bool:
    """Whether a key has a scope: ``admin`` includes all, ``predict`` does not include ``read``."""
    return scope == ANY or scope in key.scopes or ADMIN in key.scopes


def asks_for_methods(connection: ASGIConnection) -> bool:
    """Whether a request only asks for a path's methods; it needs no key, which browsers do not send."""
    return connection.scope.get("method") == "OPTIONS"


async def authorize(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Guard of every protected router; the scope a route needs is ``opt["scope"]``.

    A coroutine, so that it runs on the event loop and not in a thread. Stores the key in ``scope["auth"]``
    and its allowance in ``scope["state"]``, from which the middleware writes the rate-limit headers.

    Raises:
        ProblemError: see `admit`; 429 where an address sends too many unknown keys.
        MethodNotAllowedException: HEAD where GET would start a run.
    """
    if asks_for_methods(connection):
        return
    if handler.opt.get("starts_run") and connection.scope["state"].get(HEAD):
        raise MethodNotAllowedException(headers={"Allow": ""})  # filled in by the middleware
    state = connection.app.state
    admitted = connection.scope["state"].get(ADMITTED)
    if admitted is not None:
        _require_scope(admitted, handler.opt["scope"], state["metrics"])
        connection.scope["auth"] = admitted
        return
    token = connection.headers.get(HEADER)
    if token is None and handler.opt.get("takes_x_token"):
        token = connection.headers.get(SOURCES_HEADER)
    session_key = None
    if token is None and handler.opt.get("takes_session"):
        session_key = state["page_gate"].key_of(connection)
    try:
        if session_key is not None:
            key, allowance = session_key, take_allowance(session_key, state["rate_limiter"], state["metrics"])
        else:
            key, allowance = admit(
                token, handler.opt["scope"], state["key_ring"], state["rate_limiter"], state["metrics"]
            )
    except UnknownKeyError as error:
        wait = state["failed_keys"].count_sender(connection)
        if not wait:
            raise
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "failed-keys",
            f"Too many unknown API keys came from this address; retry in {wait} s.",
            {"Retry-After": str(wait)},
        ) from error
    connection.scope["auth"] = key
    connection.scope["state"][ALLOWANCE] = allowance


def admit(
    token: str | None, scope: str, keys: KeyRing, limiter: RateLimiter, metrics: Metrics
) -> tuple[ApiKey, Allowance]:
    """Check key, scope and rate limit of a request, and count it.

    Returns:
        The key, and its remaining requests in this minute.

    Raises:
        ProblemError: 401 without a known key, 403 without the scope, 429 over the rate limit, 503 before the
            keys were read for the first time.
    """
    if token is None:
        metrics.auth_failures.labels("missing").inc()
        raise _unauthorized(
            f"Send your API key in the header {HEADER}; operators create keys with `soccer keys`."
        )
    if not keys.is_loaded:
        metrics.auth_failures.labels("keys_unread").inc()
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "keys-unread",
            "The API keys have not been read yet; try again shortly. If there are none, an operator creates "
            "one with `soccer keys`.",
            {"Retry-After": "2"},
        )
    key = keys.identify(token.encode("latin-1"))
    if key is None:
        metrics.auth_failures.labels("unknown").inc()
        raise _unauthorized(f"Unknown API key in {HEADER}; ask an operator for a new one.", UnknownKeyError)
    _require_scope(key, scope, metrics)
    return key, take_allowance(key, limiter, metrics)


def _require_scope(key: ApiKey, scope: str, metrics: Metrics) -> None:
    """Refuse a key that lacks a scope: 403."""
    if not has_scope(key, scope):
        metrics.auth_failures.labels("scope").inc()
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "scope",
            f"This API key lacks the scope {scope!r}; ask an operator for a key that has it.",
        )


def take_allowance(key: ApiKey, limiter: RateLimiter, metrics: Metrics) -> Allowance:
    """Count a request of a key.

    Raises:
        ProblemError: 429 over the rate limit.
    """
    allowance = limiter.take(key.id)
    if not allowance.allowed:
        metrics.rate_limited.inc()
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate-limit",
            f"More than {allowance.limit} requests in this minute; retry in {allowance.reset_seconds} s.",
            {name.decode(): value.decode() for name, value in allowance.headers()},
        )
    return allowance


def count_ids(request: Request[Any, ApiKey, Any], ids: int) -> None:
    """Count a request for some matches as their look-ups; it was counted as one when it was admitted.

    Args:
        request: an admitted one.
        ids: matches that it asks for.

    Raises:
        ProblemError: 429, the key has fewer requests left; none but the first is counted.
    """
    state = request.app.state
    allowance = state["rate_limiter"].take(request.auth.id, ids - 1)
    if allowance.allowed:
        request.scope["state"][ALLOWANCE] = allowance
        return
    state["metrics"].rate_limited.inc()
    del request.scope["state"][ALLOWANCE]  # its headers are those of the refusal
    raise ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rate-limit",
        f"The request counts as {ids} of the {allowance.limit} requests of this minute, and"
        f" {allowance.remaining} are left; ask for fewer matches, or retry in {allowance.reset_seconds} s.",
        {name.decode(): value.decode() for name, value in allowance.headers()},
    )


def _unauthorized(detail: str, kind: type[ProblemError] = ProblemError) -> ProblemError:
    return kind(HTTPStatus.UNAUTHORIZED, "api-key", detail, {"WWW-Authenticate": "ApiKey"})
