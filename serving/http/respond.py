"""How answers are sent and documented: bytes with their tag and age, and the OpenAPI answers of a route."""

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

# Says that there is a better name for what was asked (RFC 9745 dates it; the predecessor is gone already).
DEPRECATED = {"Deprecation": "@1767225600"}

CACHE_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding, X-API-Key"}

# Below this a packet is a packet.
_MIN_COMPRESSED_BYTES = 2_000

# What every route behind a key may answer.
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
) -> dict[int, ResponseSpec]:
    """The OpenAPI answers of a route behind a key that sends bytes: its body, and its problems."""
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
    return {status.value: sent} | problem


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
    """Bytes with their ``ETag`` and ``Age``, or 304 where the client has them already.

    Without another the tag is a hash of the bytes, so it changes with the release, the status and the stale
    flag, and with nothing else.
    Without a view the answer comes from no release, and has no age. What is bulk is sent compressed to those
    who take it, under a tag of its own; its routes run in threads.
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
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=sent, media_type=media_type)
    return Response(body, headers=sent, media_type=media_type)


def _matches(if_none_match: str | None, tag: str) -> bool:
    if if_none_match is None:
        return False
    known = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return tag in known or "*" in known
