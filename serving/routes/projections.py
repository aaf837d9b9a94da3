"""Season projections of the current release: the list, one competition, and one with assumed results."""

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from serving.child_process import ChildBusyError
from serving.http import openapi as documents
from serving.http.auth import PREDICT, READ
from serving.http.body import BodyBudget, read_body
from serving.http.respond import JSON, documented, respond
from serving.http.schemas import ProjectionLine, ProjectionList
from serving.problems import ParameterError, ProblemError, listed_errors, unavailable
from serving.release.current import Current, SnapshotHolder, require_release
from serving.scoring.assumptions import Assumptions, Simulations, decode_assumptions
from serving.scoring.schemas import RowProblem
from soccer_assets.contract.api_keys import ApiKey
from soccer_assets.contract.season_projection import SeasonProjection
from soccer_assets.football.name_lookup import UnclearNameError

_MAX_BYTES = 128 * 1024


@get(
    "/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(ProjectionList, HTTPStatus.BAD_REQUEST, is_conditional=True),
)
def list_projections(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """Every league of the release: as of when its season is projected, or why it is not and what to write."""
    current, now = require_release(snapshots), snapshots.clock.now()
    items = tuple(
        ProjectionLine(
            competition=one.competition,
            season=one.season,
            as_of=one.as_of,
            teams=len(one.teams),
            matches_left=one.matches_left,
            not_projected=one.not_projected,
        )
        for one in current.projections.competitions.values()
    )
    content = msgspec.json.encode(ProjectionList(items=items))
    return respond(request, content, current.view, now, is_bulk=True)


@get(
    "/{competition:str}",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(
        SeasonProjection,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        example=documents.PROJECTION,
        is_conditional=True,
    ),
)
def read_projection(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    competition: FromPath[str],
) -> Response[bytes]:
    """How a season may end, for each team: expected points, every final place, and each band of places.

    Simulated 10,000 times from the results and strengths of `as_of`. `matches` are the next ones with what
    each decides. `competition` is a code or a name.
    """
    current, now = require_release(snapshots), snapshots.clock.now()
    body = msgspec.json.encode(_find(current, competition))
    return respond(request, body, current.view, now, is_bulk=True)


@post(
    "/{competition:str}",
    status_code=HTTPStatus.OK,
    opt={"scope": PREDICT},
    operation_class=documents.AssumptionsOperation,
    responses=documented(
        SeasonProjection,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
)
async def assume_results(
    request: Request[Any, ApiKey, Any],
    snapshots: NamedDependency[SnapshotHolder],
    simulations: NamedDependency[Simulations],
    bodies: NamedDependency[BodyBudget],
    competition: FromPath[str],
) -> Response[bytes]:
    """What must happen: the projection if matches that are left end as assumed.

    The same random seasons as the stored projection: without results the answer is that one, and a
    difference is that of the results, not of the draw. The first simulation after the start may be answered
    503 with `Retry-After` while its code is loaded, or compiled for half a minute.
    """
    with bodies.hold(request.auth.id) as held:
        body = await read_body(request, min(_MAX_BYTES, bodies.most_bytes), held)
    asked = decode_assumptions(body)
    if isinstance(asked, str):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-body", f"{asked}.")
    if not isinstance(asked, Assumptions):
        raise _unusable((asked,))
    current = require_release(snapshots)
    found = _find(current, competition)
    try:
        answer = await simulations.answer(current.projections.inputs[found.competition], asked.results)
    except ChildBusyError as error:
        raise unavailable("not-now", f"Simulating is unavailable: {error}; try again shortly.", 2) from error
    if not isinstance(answer, bytes):
        raise _unusable(answer)
    return Response(answer, media_type=JSON, headers={"Cache-Control": "no-store"})


def _find(current: Current, text: str) -> SeasonProjection:
    """The projection of a competition's code or name.

    Raises:
        ProblemError: 404, there is no such competition, or it is not projected.
    """
    names = current.snapshot.names
    try:
        code = text if names is None else names.competition(text).code
        reason = f"not projected: {code} has no league season under way in this release"
    except UnclearNameError as error:
        code, reason = text, str(error)
    found = current.projections.competitions.get(code)
    if found is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, "not-projected", f"{reason}; GET /projections/ lists all leagues."
        )
    if found.not_projected:
        raise ProblemError(HTTPStatus.NOT_FOUND, "not-projected", f"{found.not_projected}.")
    return found


def _unusable(problems: tuple[RowProblem, ...]) -> ProblemError:
    """422: which fields are wrong, and how."""
    detail, first = listed_errors([ParameterError(one.field, one.message) for one in problems])
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-row", detail, errors=first)


router = Router(
    "/projections", route_handlers=[list_projections, read_projection, assume_results], tags=["projections"]
)
