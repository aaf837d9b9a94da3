"""`/teams`: a search; `/teams/{id}`: a team, its calendar (`.ics`) and its feed (`feed.atom`)."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery

from serving.http.page_access import KEYED, PageGate
from serving.pages.pinned import has_past, read_past, require_current, unknown
from serving.pages.rendering import render
from serving.pages.strength_chart import by_year, strength_chart
from serving.pages.team_feeds import atom, calendar
from serving.pages.team_view import league_name, matches_ahead, name_of, outlooks, team_past
from serving.release.current import Current
from soccer_assets.contract.release import Prediction

_FOUND = 30
_SHOWN_AHEAD = 8
_LONGEST = 120


@get("/teams", sync_to_thread=True)
def search_teams(request: Request[Any, Any, Any], q: FromQuery[str] = "") -> Response[bytes]:
    """A search for teams that forgives typing mistakes."""
    asked = q[:_LONGEST].strip()
    found = read_past(request, lambda view: view.search_teams(asked, _FOUND) if asked else [])
    return render(request, "teams.html", asked=asked, found=found)


@get("/teams/{team_id:str}", sync_to_thread=True)
def read_team(request: Request[Any, Any, Any], team_id: FromPath[str]) -> Response[bytes]:
    """A team: its strength over the years, form, matches ahead, projection, and how well it was forecast."""
    current = require_current(request)
    past = read_past(request, lambda view: team_past(view, team_id))
    known_id = team_id if past is None else past.facts.id
    ahead = matches_ahead(current, known_id, request.app.state["snapshots"].now_text())
    name = name_of(current, past, ahead, known_id)
    if name is None:
        raise unknown(request)
    points = () if past is None else past.points
    return render(
        request,
        "team.html",
        name=name,
        team_id=known_id,
        past=past,
        is_loading=not has_past(request),
        ahead=ahead[:_SHOWN_AHEAD],
        outlooks=outlooks(current, known_id),
        chart=strength_chart(points),
        years=by_year(points),
        token=_token(request, known_id),
        league=lambda code: league_name(current, code),
    )


@get("/teams/{team_id:str}/calendar.ics", sync_to_thread=True)
def read_calendar(
    request: Request[Any, Any, Any], team_id: FromPath[str], token: FromQuery[str] = ""
) -> Response[bytes]:
    """The team's matches ahead as a calendar; where pages are keyed, ``token`` is of the link on its page."""
    del token  # the guard has looked at it
    current, name, ahead = _own_matches(request, team_id)
    content = calendar(name, ahead, current.snapshot.manifest.created_at)
    return _file(request, content, "text/calendar")


@get("/teams/{team_id:str}/feed.atom", sync_to_thread=True)
def read_feed(
    request: Request[Any, Any, Any], team_id: FromPath[str], token: FromQuery[str] = ""
) -> Response[bytes]:
    """The forecasts of the team's matches ahead as an Atom feed; ``token`` as for the calendar."""
    del token
    current, name, ahead = _own_matches(request, team_id)
    content = atom(name, team_id, ahead, current.snapshot.manifest.created_at)
    return _file(request, content, "application/atom+xml; charset=utf-8")


def _own_matches(request: Request[Any, Any, Any], team_id: str) -> tuple[Current, str, list[Prediction]]:
    current = require_current(request)
    ahead = matches_ahead(current, team_id, request.app.state["snapshots"].now_text())
    past = read_past(request, lambda view: team_past(view, team_id))
    name = name_of(current, past, ahead, team_id)
    if name is None:
        raise unknown(request)
    return current, name, ahead


def _file(request: Request[Any, Any, Any], content: bytes, media_type: str) -> Response[bytes]:
    gate: PageGate = request.app.state["page_gate"]
    caching = "private, no-store" if gate.mode == KEYED else "public, max-age=300"
    headers = {"Cache-Control": caching, "Referrer-Policy": "no-referrer"}
    return Response(content, status_code=HTTPStatus.OK, headers=headers, media_type=media_type)


def _token(request: Request[Any, Any, Any], team_id: str) -> str:
    """What the links to a team's calendar and feed end in; empty where everybody may read them."""
    gate: PageGate = request.app.state["page_gate"]
    key = gate.key_of(request)
    if gate.mode != KEYED or key is None:
        return ""
    return f"?token={gate.require_sessions().link_token(key.id, team_id)}"
