"""Query parameters of lists: cursors, links to the next page, and ranges of days in a time zone."""

import base64
import binascii
import datetime as dt
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request
from litestar.params import QueryParameter

from serving.http.prefix import prefix_of
from serving.problems import ParameterError, bad_request
from soccer_assets.clock import isoformat, parse_instant

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="Rows of a page.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the previous page.")]
_MATCH_ID = re.compile(r"[!-~]{1,100}")
# Files beside those of the time zones: the server's own zone, its rules for texts, no zone at all, and copies
# with and without leap seconds.
_NO_ZONE = re.compile(r"localtime|posixrules|Factory|(right|posix)/.*", re.DOTALL)

FirstDay = Annotated[dt.date | None, QueryParameter(name="from", description="First day.")]
LastDay = Annotated[dt.date | None, QueryParameter(name="to", description="Last day, included.")]
TimeZone = Annotated[
    str,
    QueryParameter(description="Time zone of the days, such as `Europe/Madrid`.", max_length=64),
]


def next_url(request: Request[Any, Any, Any], cursor: str) -> str:
    """The URL of the same request with another cursor, relative: a proxy may have another host name.

    An ``offset`` is dropped: the cursor stands behind the skipped rows.
    """
    asked = parse_qsl(request.scope["query_string"].decode("latin-1"))
    pairs = [pair for pair in asked if pair[0] not in {"cursor", "offset"}]
    return f"{prefix_of(request)}{request.url.path}?{urlencode([*pairs, ('cursor', cursor)])}"


def next_page(
    request: Request[Any, Any, Any], after: tuple[str, str] | None
) -> tuple[str | None, dict[str, str]]:
    """The cursor of the next page and its ``Link`` header; None and no header for the last page."""
    if after is None:
        return None, {}
    cursor = encode_cursor(after)
    return cursor, {"Link": f'<{next_url(request, cursor)}>; rel="next"'}


def encode_cursor(after: tuple[str, str]) -> str:
    """Encode a position in the list: kickoff and match id of the last row."""
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[str, str] | None:
    """Decode a cursor: kickoff and match id of the last row of the previous page; None for the first page.

    Raises:
        ProblemError: 400, the text is not a cursor.
    """
    if cursor is None:
        return None
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        kickoff, match_id = msgspec.json.decode(content, type=tuple[str, str])
        # What a backend would refuse is refused here: its error would be taken for a fault of its own.
        is_ours = isoformat(parse_instant(kickoff)) == kickoff and _MATCH_ID.fullmatch(match_id) is not None
    except (binascii.Error, ValueError, OverflowError, RecursionError):
        is_ours = False
    if not is_ours:
        raise bad_request("`cursor` is invalid; send the `next_cursor` of the previous page.")
    return kickoff, match_id


def day_bounds(from_day: dt.date | None, to_day: dt.date | None, tz: str) -> tuple[str | None, str | None]:
    """The half-open range of days as instants in UTC: start of the first day, end of the last.

    Raises:
        ProblemError: 400, the days are in the wrong order or out of range, or the time zone is unknown.
    """
    if from_day is not None and to_day is not None and from_day > to_day:
        raise bad_request(f"`from` ({from_day}) lies after `to` ({to_day}); swap them.")
    zone = zone_named(tz)
    try:
        first = None if from_day is None else midnight(from_day, zone)
        end = None if to_day is None else midnight(to_day + dt.timedelta(days=1), zone)
    except OverflowError as error:
        raise bad_request("`from` or `to` is out of range; use days such as 2025-04-25.") from error
    return first, end


def zone_named(tz: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        ProblemError: 400, there is none.
    """
    reason = f"{tz!r} is not a time zone; use a name such as Europe/Madrid"
    refusal = bad_request(f"`tz` {reason}.", ParameterError("tz", reason))
    if _NO_ZONE.fullmatch(tz):
        raise refusal
    try:
        return ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:
        raise refusal from error


def midnight(day: dt.date, zone: ZoneInfo) -> str:
    """The begin of a day, as stored kickoffs are written.

    Raises:
        OverflowError: the day is out of range.
    """
    return isoformat(dt.datetime.combine(day, dt.time(), tzinfo=zone))
