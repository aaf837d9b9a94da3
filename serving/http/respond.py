"""Responses with ``ETag``, ``Age`` and compression, and their documentation in OpenAPI."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from serving import problems
from serving.http.compression import compress, negotiate_encoding
from serving.release.current import StatusView

JSON = "application/json"
NDJSON = "application/x-ndjson"
# Lines for clients that know no NDJSON, such as generated ones.
PLAIN = "text/plain"

# Marks names of the predecessor (RFC 9745; the date is the predecessor's end).
DEPRECATED = {"Deprecation": "@1767225600"}

CACHE_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding, X-API-Key"}

# Smaller bodies fit one or two packets anyway.
_MIN_COMPRESSED_BYTES = 2_000

# Errors that every protected route may answer.
_KEY_STATUSES = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def documented(
    body: Any,
    *statuses: HTTPStatus,
    status: HTTPStatus = HTTPStatus.OK,
    media_type: str = JSON,
    example: Mapping[str, Any] | None = None,
    is_conditional: bool = False,
) -> dict[int, ResponseSpec]:
    """OpenAPI responses of a protected route that returns bytes: its body, and its problems.

    Those of `respond` are conditional: 304 while the answer is the one whose tag the client sends.
    """
    problem = {
        error.value: ResponseSpec(
            problems.Problem,
            generate_examples=False,
            description=error.phrase,
            media_type=problems.MEDIA_TYPE,
        )
        for error in (*_KEY_STATUSES, *statuses)
    }
    sent = ResponseSpec(
        body,
        generate_examples=False,
        description=status.phrase,
        media_type=media_type,
        examples=None if example is None else [Example(value=dict(example))],
    )
    unchanged = {
        HTTPStatus.NOT_MODIFIED.value: ResponseSpec(
            None, generate_examples=False, description="Not modified since the tag in If-None-Match"
        )
    }
    return {status.value: sent} | (unchanged if is_conditional else {}) | problem


def respond(
    request: Request[Any, Any, Any],
    body: bytes,
    view: StatusView | None,
    now: dt.datetime,
    *,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
    tag: str | None = None,
    is_bulk: bool = False,
) -> Response[bytes]:
    """A response with ``ETag`` and ``Age``, or 304 if ``If-None-Match`` names the tag.

    Args:
        request: for its conditional and encoding headers.
        body: the JSON.
        view: state of the data, for ``Age``; None for answers that come from no release.
        now: time of the request.
        media_type: of the body.
        headers: further ones.
        tag: by default a hash of the body, which changes with release, status and stale flag only.
        is_bulk: compress if the client accepts it, under a tag of its own. Call this from a thread.
    """
    if tag is None:
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if is_bulk and len(body) >= _MIN_COMPRESSED_BYTES:
        coding = negotiate_encoding(request.headers.get("accept-encoding", ""))
        if coding is not None:
            tag = f'{tag[:-1]}-{coding}"'
            body = compress(body, coding)
            headers = {"Content-Encoding": coding, **(headers or {})}
    sent = {
        "ETag": tag,
        **({} if view is None else {"Age": str(view.age_seconds(now))}),
        **CACHE_HEADERS,
        **(headers or {}),
    }
    if is_known(request, tag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=sent, media_type=media_type)
    return Response(body, headers=sent, media_type=media_type)


def is_known(request: Request[Any, Any, Any], tag: str) -> bool:
    """Whether the client has the answer of this tag: its ``If-None-Match`` names it."""
    if_none_match = request.headers.get("if-none-match")
    if if_none_match is None:
        return False
    known = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return tag in known or "*" in known
