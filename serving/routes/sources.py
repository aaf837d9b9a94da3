"""Launches ingest and export runs in Dagster. For admins; `X-Token` is accepted as well as `X-API-Key`."""

import datetime as dt
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal, get_args

import msgspec
from litestar import Request, Response, Router, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from serving.backends.dagster import Dagster, DagsterUnavailableError, LaunchRefusedError
from serving.http import openapi as documents
from serving.http.auth import ADMIN
from serving.http.body import BodyBudget, read_body
from serving.http.respond import JSON, documented
from serving.http.schemas import IngestWindow, Launched
from serving.problems import ParameterError, ProblemError, bad_request, unavailable
from serving.release.current import SnapshotHolder
from serving.scoring.schemas import problem_of
from soccer_assets.contract.api_keys import ApiKey
from soccer_assets.football.validity import OLDEST_YEAR

OPTIONS = {"scope": ADMIN, "takes_x_token": True}
RESPONSES = documented(
    Launched, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, status=HTTPStatus.ACCEPTED
)

# No provider lists fixtures further ahead.
_FURTHEST_AHEAD = dt.timedelta(days=400)
_MAX_WINDOW_BYTES = 64 * 1024

Table = Literal["match_raw", "match"]
# Both tables are exported under one snapshot id, so that readers find both or neither.
ASSETS_OF = dict.fromkeys(get_args(Table), (("exports", "match_raw"), ("exports", "match")))


@patch(
    "/livescores/",
    status_code=HTTPStatus.ACCEPTED,
    opt=OPTIONS,
    operation_class=documents.WindowOperation,
    responses=RESPONSES
    | documented(Launched, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, status=HTTPStatus.ACCEPTED),
)
async def launch_ingest(
    request: Request[Any, ApiKey, Any],
    bodies: NamedDependency[BodyBudget],
    snapshots: NamedDependency[SnapshotHolder],
    dagster: NamedDependency[Dagster],
    dagster_pages: NamedDependency[str],
) -> Response[bytes]:
    """Launch an ingest of a window of days; downstream assets up to the release follow automatically."""
    with bodies.hold(request.auth.id) as held:
        data = _window(await read_body(request, _MAX_WINDOW_BYTES, held))
    if data.start is not None and data.end is not None and data.start >= data.end:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "empty-window",
            f"The window from {data.start} to {data.end} is empty; `end` is the day after the last one.",
        )
    earliest, latest = dt.date(OLDEST_YEAR, 1, 1), snapshots.clock.now().date() + _FURTHEST_AHEAD
    if not all(earliest <= day <= latest for day in (data.start, data.end) if day is not None):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "impossible-window",
            f"The window must lie between {earliest} and {latest}, and not before the home's first day.",
        )
    window = {name: str(day) for name in ("start", "end") if (day := getattr(data, name)) is not None}
    config = {"ops": {"livescores__window": {"config": {**window, "days": data.days}}}}
    return await launch(dagster, dagster_pages, [("livescores", "window")], config)


def _window(body: bytes) -> IngestWindow:
    try:
        return msgspec.json.decode(body, type=IngestWindow)
    except msgspec.ValidationError as error:
        refused = problem_of(error)
        raise bad_request(
            f"Correct and send again: {refused.field}: {refused.message}".replace(": : ", ": "),
            ParameterError(refused.field, refused.message),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "invalid-body", f"The body cannot be read: {error}; send a JSON object."
        ) from error


@post("/export/{table:str}", status_code=HTTPStatus.ACCEPTED, opt=OPTIONS, responses=RESPONSES)
async def launch_export(
    table: FromPath[Table], dagster: NamedDependency[Dagster], dagster_pages: NamedDependency[str]
) -> Response[bytes]:
    """Launch the export of a table; both tables are exported, under one snapshot id."""
    return await launch(dagster, dagster_pages, ASSETS_OF[table], {})


async def launch(
    dagster: Dagster, pages: str, assets: Sequence[Sequence[str]], config: dict[str, Any]
) -> Response[bytes]:
    """Launch a run that materialises assets: 202 with its address.

    Raises:
        ProblemError: 503 where Dagster does not answer, 422 where it refuses the run.
    """
    try:
        run = await dagster.launch(assets, config)
    except DagsterUnavailableError as error:
        raise unavailable(
            "no-dagster", "Dagster is unavailable; try again shortly. Predictions are still served.", 10
        ) from error
    except LaunchRefusedError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "not-launched", f"Dagster refused to launch the run: {error}"
        ) from error
    url = f"{pages}/runs/{run.run_id}"
    body = Launched(run_id=run.run_id, status=run.status.lower(), url=url)
    return Response(
        msgspec.json.encode(body),
        status_code=HTTPStatus.ACCEPTED,
        media_type=JSON,
        headers={"Location": url, "Cache-Control": "no-store"},
    )


router = Router("/sources", route_handlers=[launch_ingest, launch_export], tags=["sources"])
