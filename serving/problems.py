"""Errors as ``application/problem+json`` (RFC 9457), each saying what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from serving.errors import ServingError

MEDIA_TYPE = "application/problem+json"

_log = structlog.get_logger()

_WHAT_TO_DO = {
    HTTPStatus.NOT_FOUND: "There is no such path; GET / links to what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take that method; /schema lists those it takes.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large; send fewer rows at once.",
}


class ParameterError(msgspec.Struct, frozen=True):
    """What is wrong with one parameter."""

    parameter: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[ParameterError, ...] = ()


class ProblemError(HTTPException, ServingError):
    """An error whose sentence is meant for the client.

    Args:
        status_code: of the answer.
        slug: the kind of problem, stable, for programs.
        detail: what to do, for people.
        headers: of the answer.
        errors: what is wrong with single parameters or fields.
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


def bad_request(detail: str) -> ProblemError:
    """A parameter that cannot be understood."""
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-parameter", detail)


def unavailable(slug: str, detail: str, retry_seconds: int = 5) -> ProblemError:
    """Something that is needed is gone, and look-ups go on without it."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, slug, detail, {"Retry-After": str(retry_seconds)})


def not_loaded() -> ProblemError:
    """No release is loaded."""
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "no-release",
        "No release is loaded yet; try again shortly. If this lasts, publish one from Dagster.",
        {"Retry-After": "2"},
    )


def handle_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Render an error that was raised on purpose, by us or by the framework."""
    status = HTTPStatus(error.status_code)
    if isinstance(error, ProblemError):
        return _render(request, status, error.slug, error.detail, headers=error.headers, errors=error.errors)
    if error.extra:
        errors = tuple(
            ParameterError(parameter=str(item.get("key", "")), message=str(item.get("message", "")))
            for item in error.extra
            if isinstance(item, dict)
        )
        listed = "; ".join(f"{item.parameter}: {item.message}" for item in errors)
        return _render(
            request, status, "invalid-parameter", f"Correct and send again: {listed}", errors=errors
        )
    slug = status.phrase.lower().replace(" ", "-")
    return _render(request, status, slug, _WHAT_TO_DO.get(status, error.detail), headers=error.headers)


def handle_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Render a fault of ours: the log has the traceback, the client has the request id to quote."""
    _log.error("request failed", path=request.url.path, exc_info=error)
    return _render(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "fault",
        "Something broke here. Try again; if it stays, tell the operator the X-Request-ID of this answer.",
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
    problem = Problem(
        type=f"urn:soccer-assets:problem:{slug}",
        title=status.phrase,
        status=status.value,
        detail=detail,
        instance=request.url.path,  # without the query: nobody's secret is echoed
        errors=errors,
    )
    return Response(
        msgspec.json.encode(problem),
        status_code=status.value,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )
