"""API keys: who may ask what.

A key travels in the header ``X-API-Key`` only, never in the address, which ends up in logs. The store holds
SHA-256 hashes of 256-bit random tokens; a fast hash is enough where nobody can guess the input.
"""

from http import HTTPStatus

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from serving.http.rate_limit import Allowance, RateLimiter
from serving.metrics import Metrics
from serving.problems import ProblemError
from serving.release.key_ring import KeyRing
from soccer_assets.contract.api_keys import ApiKey

HEADER = "X-API-Key"
# What the predecessor's callers of /sources/* send; accepted there beside the other.
SOURCES_HEADER = "X-Token"

READ = "read"
PREDICT = "predict"
ADMIN = "admin"

# Where the allowance of a request lies in its state.
ALLOWANCE = "allowance"


def has_scope(key: ApiKey, scope: str) -> bool:
    """Whether a key opens a scope: ``admin`` opens all, ``predict`` does not open ``read``."""
    return scope in key.scopes or ADMIN in key.scopes


async def authorize(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Guard of every router that is not public; the route's scope is ``opt["scope"]``.

    A coroutine, so that it runs on the event loop and not in a thread. The key is left in ``scope["auth"]``,
    its allowance in ``scope["state"]`` for the front, which tells it in the answer's headers.

    Raises:
        ProblemError: see `admit`.
    """
    state = connection.app.state
    token = connection.headers.get(HEADER)
    if token is None and handler.opt.get("takes_x_token"):
        token = connection.headers.get(SOURCES_HEADER)
    key, allowance = admit(
        token, handler.opt["scope"], state["key_ring"], state["rate_limiter"], state["metrics"]
    )
    connection.scope["auth"] = key
    connection.scope["state"][ALLOWANCE] = allowance


def admit(
    token: str | None, scope: str, keys: KeyRing, limiter: RateLimiter, metrics: Metrics
) -> tuple[ApiKey, Allowance]:
    """The key of a request that may go on, and what it may still do in this minute.

    Raises:
        ProblemError: 401 without a known key, 403 where it lacks the scope, 429 where it asked too often, 503
            before any key was read.
    """
    if token is None:
        metrics.auth_failures.labels("missing").inc()
        raise _unauthorized(
            f"Send your API key in the header {HEADER}; an operator makes one with `soccer keys`."
        )
    if not keys.is_loaded:
        metrics.auth_failures.labels("keys_unread").inc()
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "keys-unread",
            "The API keys could not be read yet; try again shortly. If there are none, an operator makes one "
            "with `soccer keys`.",
            {"Retry-After": "2"},
        )
    key = keys.identify(token.encode("latin-1"))
    if key is None:
        metrics.auth_failures.labels("unknown").inc()
        raise _unauthorized(f"The API key in {HEADER} is not known; ask an operator for a new one.")
    if not has_scope(key, scope):
        metrics.auth_failures.labels("scope").inc()
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "scope",
            f"This API key lacks the scope {scope!r}; ask an operator for a key that has it.",
        )
    allowance = limiter.take(key.id)
    if not allowance.allowed:
        metrics.rate_limited.inc()
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate-limit",
            f"This API key may ask {allowance.limit} times a minute; go on in {allowance.reset_seconds} s.",
            {name.decode(): value.decode() for name, value in allowance.headers()},
        )
    return key, allowance


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, "api-key", detail, {"WWW-Authenticate": "ApiKey"})
