"""Livescores: played, live and scheduled matches from the match table."""

import asyncio
import datetime as dt
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from serving.backends.match_table import DatabaseUnavailableError, LiveMatches, LiveQuery
from serving.http.auth import READ
from serving.http.names import Competition, known_code, refuse
from serving.http.paging import (
    Cursor,
    FirstDay,
    LastDay,
    Limit,
    TimeZone,
    day_bounds,
    decode_cursor,
    next_page,
)
from serving.http.respond import documented, respond
from serving.http.schemas import LivePage
from serving.problems import bad_request, unavailable
from serving.release.current import SnapshotHolder
from soccer_assets.football.validity import OLDEST_YEAR

Status = Literal[
    "scheduled",
    "tbd",
    "live",
    "finished",
    "postponed",
    "abandoned",
    "replayed",
    "awarded",
    "cancelled",
    "withdrawn",
]
_DECEMBER = 12


@get("/", opt={"scope": READ}, responses=documented(LivePage, HTTPStatus.BAD_REQUEST, is_conditional=True))
async def list_livescores(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    live_matches: NamedDependency[LiveMatches],
    *,
    from_day: FirstDay = None,
    to_day: LastDay = None,
    year: Annotated[
        int | None,
        QueryParameter(ge=OLDEST_YEAR, le=9998, description="With `month`, instead of `from` and `to`."),
    ] = None,
    month: Annotated[int | None, QueryParameter(ge=1, le=_DECEMBER)] = None,
    tz: TimeZone = "UTC",
    status: Annotated[Status | None, QueryParameter(description="Only matches with this status.")] = None,
    competition: Competition = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[bytes]:
    """Matches ordered by kickoff, page by page; goals are those of 90 minutes plus stoppage time."""
    if (year is None) != (month is None):
        raise bad_request("Send both `year` and `month`, or `from` and `to`.")
    if year is not None and month is not None:
        if from_day is not None or to_day is not None:
            raise bad_request("Send either `year` and `month`, or `from` and `to`.")
        from_day, to_day = dt.date(year, month, 1), _last_of(year, month)
    code, reason = (None, "") if competition is None else known_code(snapshots.current, competition)
    start, end = day_bounds(from_day, to_day, tz)
    query = LiveQuery(
        limit=limit,
        after=decode_cursor(cursor),
        kickoff_from=start,
        kickoff_before=end,
        status=status,
        competition=code or competition,
    )
    try:
        rows, last = await live_matches.page(query)
        # The table may have a competition that the release does not list yet.
        if competition is not None and not (rows or code or await live_matches.has_competition(competition)):
            refuse("competition", reason)
    except DatabaseUnavailableError as error:
        raise unavailable(
            "no-database", "The match table is unavailable; try again shortly. Predictions are still served."
        ) from error
    next_cursor, headers = next_page(request, last)
    content = msgspec.json.encode(LivePage(tuple(rows), next_cursor))
    return await asyncio.to_thread(
        respond, request, content, None, snapshots.clock.now(), headers=headers, is_bulk=True
    )


def _last_of(year: int, month: int) -> dt.date:
    following = dt.date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
    return following - dt.timedelta(days=1)


router = Router("/livescores", route_handlers=[list_livescores], tags=["livescores"])
