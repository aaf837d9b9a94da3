"""`/`: the matches of a day for people, the links of the API for programs."""

import datetime as dt
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from serving.backends.live_scores import LiveScores
from serving.http.names import find_competition, find_teams
from serving.http.page_access import admit_page
from serving.http.paging import zone_named
from serving.http.respond import JSON
from serving.http.schemas import Index
from serving.pages.live_view import live_view, matches_of, with_scores
from serving.pages.match_list import PAGE_ROWS, DayList, Filter, Matches
from serving.pages.pinned import pin_of, shows_results
from serving.pages.rendering import render, wants_page
from serving.pages.zones import OFFERED, Zones
from serving.problems import ProblemError, bad_request
from serving.release.current import Current, SnapshotHolder
from serving.routes.operations import links_of

_LAST_PLAYED = 12
_MOST_PAGES = 100
_LONGEST = 120
_QUERY = ("day", "competition", "team", "tz", "page")


async def admit_reader(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: people need a session where pages are keyed; the links for programs are open to all."""
    if wants_page(connection):
        await admit_page(connection, handler)


@get(
    "/",
    sync_to_thread=True,
    tags=["operations"],
    guards=[admit_reader],
    opt={"is_page": True, "page_query": _QUERY},
    responses={
        HTTPStatus.OK.value: ResponseSpec(Index, generate_examples=False, description="OK", media_type=JSON)
    },
)
def list_links(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    live_scores: NamedDependency[LiveScores],
) -> Response[bytes]:
    """Links to all paths. A browser gets the matches of a day as a page."""
    asked = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in _QUERY}
    if not wants_page(request):
        if any(asked.values()):
            raise bad_request("Only the page for people takes parameters: ask GET /predict/matches/.")
        body = msgspec.json.encode(links_of(request, snapshots))
        return Response(body, headers={"Vary": "Accept"}, media_type=JSON)
    current = pin_of(request).current
    if current is None:
        return _page(request, HTTPStatus.SERVICE_UNAVAILABLE, asked=asked, fault=snapshots.reason)
    try:
        return _answer(request, current, live_scores, asked)
    except ProblemError as error:
        offered, status = _offered(current), HTTPStatus(error.status_code)
        return _page(request, status, asked=asked, fault=error.detail, competitions=offered)


def _answer(
    request: Request[Any, Any, Any], current: Current, scores: LiveScores, asked: dict[str, str]
) -> Response[bytes]:
    """The page that was asked for.

    Raises:
        ProblemError: 400, day, team, competition or time zone cannot be understood.
    """
    page, now = _page_number(asked["page"]), request.app.state["snapshots"].clock.now()
    zones = Zones(zone_named(asked["tz"]) if asked["tz"] else None, current.snapshot.names)
    reader = Matches(current, zones, _filter_of(current, asked), now, with_results=shows_results(request))
    today = now.astimezone(zones.chosen or zones.of(asked["competition"])).date()
    values: dict[str, Any] = {
        "asked": asked,
        "today": today,
        "competitions": _offered(current),
        "zones": zones,
        "number": page,
    }
    if asked["team"] and not asked["day"]:
        return _page(request, ahead=reader.ahead(), earlier=reader.played(_LAST_PLAYED), **values)
    try:
        chosen = _day_of(asked["day"]) or reader.next_day(today) or today
        shown = reader.on(chosen, page)
        yesterday = _before(reader, shown, page) if not asked["day"] else None
    except OverflowError as error:
        raise bad_request("the day is out of range; use a day such as 2025-04-25.") from error
    live = live_view(request, scores, matches_of(shown))
    shown = with_scores(shown, live)
    values["live_missing"] = live.missing
    return _page(request, shown=shown, yesterday=yesterday, pages_of_day=_pages(shown.total), **values)


def _before(reader: Matches, shown: DayList, page: int) -> DayList | None:
    """The last day before with matches: what was said, and what came."""
    if shown.before is None or page > 1:
        return None
    return reader.on(shown.before, rows=_LAST_PLAYED)


def _filter_of(current: Current, asked: dict[str, str]) -> Filter:
    chosen = find_competition(current.snapshot, asked["competition"]) if asked["competition"] else None
    code = chosen.code if chosen else asked["competition"] or None
    teams = find_teams(current.snapshot, asked["team"], chosen) if asked["team"] else None
    return Filter(code, teams)


def _day_of(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise bad_request(f"{text!r} is no day; write it as 2025-04-25.") from error


def _page_number(text: str) -> int:
    if not text:
        return 1
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PAGES:
        raise bad_request(f"`page` is a number from 1 to {_MOST_PAGES}.")
    return int(text)


def _pages(total: int) -> int:
    return -(-total // PAGE_ROWS)


def _offered(current: Current) -> list[tuple[str, str]]:
    """Code and name of each competition of the release, by country and tier."""
    names = current.snapshot.names
    entries = {} if names is None else names.competitions
    found = []
    for code in current.snapshot.competitions:
        entry = entries.get(code)
        if entry is None:
            found.append((("~", 0, code), code, code))
        else:
            found.append(((entry.country, entry.tier, code), code, f"{entry.country}: {entry.name}"))
    return [(code, name) for _, code, name in sorted(found)]


def _page(
    request: Request[Any, Any, Any], status: HTTPStatus = HTTPStatus.OK, **values: Any
) -> Response[bytes]:
    empty: dict[str, Any] = {
        "fault": "",
        "today": None,
        "shown": None,
        "yesterday": None,
        "ahead": None,
        "earlier": None,
        "competitions": [],
        "zones": None,
        "number": 1,
        "pages_of_day": 1,
        "offered_zones": OFFERED,
        "live_missing": "",
    }
    return render(request, "matches.html", status=status, vary="Accept", **(empty | values))
