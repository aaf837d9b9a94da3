"""Parts of a file by the header `Range` (RFC 9110, section 14): a download that broke off goes on.

One range of bytes at a time: a request for several, like one that cannot be understood, gets the whole file,
which the standard allows. `If-Range` counts with the very tag of the file; a date never does.
"""

import re
from http import HTTPStatus
from typing import Any, NamedTuple

from litestar import Request

from serving.http.auth import HEAD
from serving.problems import ProblemError

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)

ACCEPTED = {"Accept-Ranges": "bytes"}


class Span(NamedTuple):
    """The bytes from ``first`` to before ``end``."""

    first: int
    end: int


def span_of(request: Request[Any, Any, Any], tag: str, length: int) -> Span | None:
    """The part of a file that a request asks for; None: the whole.

    Args:
        request: a GET; of a HEAD, ranges are ignored.
        tag: the strong tag of the file.
        length: of the file, in bytes.

    Raises:
        ProblemError: 416, the part begins behind the end of the file.
    """
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.scope["state"].get(HEAD) or request.headers.get("if-range", tag) != tag:
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if not first:  # the last bytes
        span = Span(max(length - int(last), 0), length)
    else:
        span = Span(int(first), min(int(last) + 1, length) if last else length)
        if last and int(last) < int(first):
            return None
    if span.first >= length:
        raise ProblemError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "range",
            f"The file has {length:,} bytes; the range begins behind its end.",
            {"Content-Range": f"bytes */{length}"},
        )
    return span


def range_headers(span: Span, length: int) -> dict[str, str]:
    """The headers of an answer 206."""
    return {
        "Content-Range": f"bytes {span.first}-{span.end - 1}/{length}",
        "Content-Length": str(span.end - span.first),
    }
