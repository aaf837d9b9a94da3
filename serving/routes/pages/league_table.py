"""`/competitions`, `/competitions/{code}`: tables, how seasons may end, what follows from assumed results."""

import asyncio
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from serving.child_process import ChildBusyError, ChildFailedError
from serving.pages.pinned import has_past, read_past, require_current, shows_results
from serving.pages.rendering import render
from serving.pages.table_view import by_importance, projected_rows, standing_rows
from serving.release.current import Current
from serving.release.history import HistoryView
from serving.release.history_rows import PastSeason
from serving.scoring.assumptions import Assumption, Simulations
from soccer_assets.contract.season_projection import SeasonProjection

_RESULT = "result-"
_SCORE = re.compile(r"\s*(\d{1,2})\s*[-:\N{EN DASH}]\s*(\d{1,2})\s*")
_MOST_GOALS = 30
_MOST_SHOWN = 20


@get("/competitions", sync_to_thread=True)
def list_competitions(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Every competition of the release, by country and tier."""
    current = require_current(request)
    names = current.snapshot.names
    entries = {} if names is None else names.competitions
    projections = current.projections.competitions
    countries: dict[str, list[dict[str, Any]]] = {}
    codes = {*current.snapshot.competitions, *projections}
    unknown = ("", 0)
    order = {code: (entry.country, entry.tier) for code, entry in entries.items()}
    for code in sorted(codes, key=lambda code: (*order.get(code, unknown), code)):
        entry, season = entries.get(code), projections.get(code)
        line = {
            "code": code,
            "name": entry.name if entry else code,
            "tier": entry.tier if entry else 0,
            "season": season,
        }
        countries.setdefault(entry.country if entry else "", []).append(line)
    return render(request, "competitions.html", countries=countries)


@get("/competitions/{code:str}", opt={"page_query_prefix": _RESULT})
async def read_competition(
    request: Request[Any, Any, Any],
    simulations: NamedDependency[Simulations],
    code: FromPath[str],
) -> Response[bytes]:
    """The table of a league, how its season may end, and what each of the next matches decides."""
    current = require_current(request)
    names = current.snapshot.names
    entry = None if names is None else names.competitions.get(code)
    stored = current.projections.competitions.get(code)
    if entry is None and stored is None and code not in current.snapshot.competitions:
        raise NotFoundException
    asked = {
        name.removeprefix(_RESULT): text.strip()
        for name, text in request.query_params.items()
        if name.startswith(_RESULT) and text.strip()
    }
    shown, fault, status = stored, "", HTTPStatus.OK
    if asked and stored is not None and stored.teams:
        shown, fault, status = await _assume(simulations, current, stored, asked)
    values = {"code": code, "entry": entry, "asked": asked, "fault": fault}
    return await asyncio.to_thread(_page, request, stored, shown, status, values)


async def _assume(
    simulations: Simulations, current: Current, stored: SeasonProjection, asked: dict[str, str]
) -> tuple[SeasonProjection, str, HTTPStatus]:
    """The projection with these results by match id; or the stored one, and why."""
    listed = {one.match_id: one for one in stored.matches}
    results = []
    for match_id, text in asked.items():
        match, score = listed.get(match_id), _SCORE.fullmatch(text)
        if match is None:
            return stored, "A match of the form is no longer among the next ones.", HTTPStatus.BAD_REQUEST
        if score is None or max(int(score[1]), int(score[2])) > _MOST_GOALS:
            fault = f"{text!r} is no score of {match.home_team.name}; write it as 2-1."
            return stored, fault, HTTPStatus.BAD_REQUEST
        results.append(
            Assumption(
                home_team=match.home_team.id,
                away_team=match.away_team.id,
                home_goals=int(score[1]),
                away_goals=int(score[2]),
            )
        )
    try:
        answer = await simulations.answer(current.projections.inputs[stored.competition], results)
    except (ChildBusyError, ChildFailedError):
        return (
            stored,
            "Simulating is unavailable right now; try again shortly.",
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
    if isinstance(answer, bytes):
        return msgspec.json.decode(answer, type=SeasonProjection), "", HTTPStatus.OK
    return stored, f"{answer[0].message}.", HTTPStatus.BAD_REQUEST


def _page(
    request: Request[Any, Any, Any],
    stored: SeasonProjection | None,
    shown: SeasonProjection | None,
    status: HTTPStatus,
    values: dict[str, Any],
) -> Response[bytes]:
    projected = None if stored is None else stored.season
    season = read_past(request, lambda view: _season(view, values["code"], projected))
    standings = () if season is None else season.standings
    if shown is not None and stored is not None and shown.teams:
        rows = projected_rows(shown, stored, standings, by_end=not shows_results(request))
    else:
        rows = standing_rows(standings)
    matches = by_importance(stored.matches if stored else ())[:_MOST_SHOWN]
    return render(
        request,
        "competition.html",
        status=status,
        **values,
        shown=shown,
        rows=rows,
        season=season,
        matches=matches,
        history_is_read=has_past(request),
        has_lines=any(row.line is not None for row in rows),
    )


def _season(view: HistoryView, code: str, season: str | None) -> PastSeason | None:
    """The history's season, the newest by default."""
    if season is None:
        seasons = view.seasons(code)
        season = seasons[0].season if seasons else ""
    return view.season(code, season)
