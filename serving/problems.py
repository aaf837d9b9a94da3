"""Error bodies as ``application/problem+json`` (RFC 9457); each ``detail`` says what the client can do."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from serving.errors import ServingError

MEDIA_TYPE = "application/problem+json"
_MAX_LISTED_ERRORS = 20

_log = structlog.get_logger()

_WHAT_TO_DO = {
    HTTPStatus.NOT_FOUND: "Unknown path; GET / links to all paths.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not allow the method; /schema lists those it allows.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large; send fewer rows at once.",
}


class ParameterError(msgspec.Struct, frozen=True):
    """Why one parameter was refused."""

    parameter: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error response."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[ParameterError, ...] = ()


class ProblemError(HTTPException, ServingError):
    """An error with a message for the client.

    Args:
        status_code: of the response.
        slug: stable name of the problem, for programs.
        detail: what to do, for people.
        headers: of the response.
        errors: problems of single parameters or fields.
    """

    def __init__(
        self,
        status_code: HTTPStatus,
        slug: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: tuple[ParameterError, ...] = (),
    ) -> None:
        super().__init__(detail=detail, status_code=status_code, headers=dict(headers or {}))
        self.slug = slug
        self.errors = errors


def problem_body(
    status: HTTPStatus,
    slug: str,
    detail: str,
    *,
    instance: str = "",
    errors: tuple[ParameterError, ...] = (),
) -> bytes:
    """The body of an error; arguments as those of `ProblemError`."""
    return msgspec.json.encode(
        Problem(
            type=f"urn:soccer-assets:problem:{slug}",
            title=status.phrase,
            status=status.value,
            detail=detail,
            instance=instance,
            errors=errors,
        )
    )


def bad_request(detail: str, *errors: ParameterError) -> ProblemError:
    """400: a parameter cannot be parsed or used."""
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-parameter", detail, errors=errors)


def listed_errors(errors: Sequence[ParameterError]) -> tuple[str, tuple[ParameterError, ...]]:
    """The detail of a problem whose body has wrong fields, and the first of them, which it lists."""
    first = tuple(errors[:_MAX_LISTED_ERRORS])
    listed = "; ".join(f"{error.parameter}: {error.message}".removeprefix(": ") for error in first)
    return f"Correct and send again: {listed}", first


def unavailable(slug: str, detail: str, retry_seconds: int = 5) -> ProblemError:
    """503 with ``Retry-After``: a system behind this route does not answer; look-ups still work."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, slug, detail, {"Retry-After": str(retry_seconds)})


def not_loaded(reason: str) -> ProblemError:
    """503: no release is loaded, and why."""
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "no-release",
        reason,
        {"Retry-After": "2"},
    )


def handle_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Render an error raised on purpose, by a handler or by Litestar."""
    status = HTTPStatus(error.status_code)
    if isinstance(error, ProblemError):
        return _render(request, status, error.slug, error.detail, headers=error.headers, errors=error.errors)
    if error.extra:
        errors = _parameter_errors(request, error.extra)
        listed = "; ".join(f"{item.parameter}: {item.message}" for item in errors)
        return _render(
            request, status, "invalid-parameter", f"Correct and send again: {listed}", errors=errors
        )
    slug = status.phrase.lower().replace(" ", "-")
    return _render(request, status, slug, _WHAT_TO_DO.get(status, error.detail), headers=error.headers)


def _parameter_errors(request: Request[Any, Any, Any], extra: Any) -> tuple[ParameterError, ...]:
    """Litestar's errors of parameters, by the names that clients send: `from`, not `from_day`."""
    asked = (request.scope.get("path_template", ""), request.scope["method"])
    known = request.app.state["parameters"].get(asked)
    sent_as: Mapping[str, str] = {} if known is None else known.sent_as
    found = [
        (str(item.get("key", "")), str(item.get("message", ""))) for item in extra if isinstance(item, dict)
    ]
    return tuple(ParameterError(sent_as.get(name, name), message) for name, message in found)


def handle_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Render an unexpected exception: the log gets the traceback, the client a request id to quote."""
    _log.error("request failed", path=request.url.path, exc_info=error)
    return _render(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "fault",
        "Internal error. Try again; if it persists, send the operator the X-Request-ID of this response.",
    )


def _render(
    request: Request[Any, Any, Any],
    status: HTTPStatus,
    slug: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: tuple[ParameterError, ...] = (),
) -> Response[bytes]:
    return Response(
        # The path without the query, which may hold a secret.
        problem_body(status, slug, detail, instance=request.url.path, errors=errors),
        status_code=status.value,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )
