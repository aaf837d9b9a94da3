"""Launches ingest and export runs in Dagster. For admins; `X-Token` is accepted as well as `X-API-Key`."""

import datetime as dt
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar import Response, Router, patch, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath

from serving.backends.dagster import Dagster, DagsterUnavailableError, LaunchRefusedError
from serving.http.auth import ADMIN
from serving.http.respond import JSON, documented
from serving.http.schemas import Launched
from serving.problems import ProblemError, unavailable

OPTIONS = {"scope": ADMIN, "takes_x_token": True}
RESPONSES = documented(
    Launched, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, status=HTTPStatus.ACCEPTED
)

Table = Literal["match_raw", "match"]
# Both tables are exported under one snapshot id, so that readers find both or neither.
ASSETS_OF = dict.fromkeys(get_args(Table), (("exports", "match_raw"), ("exports", "match")))


class IngestWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A half-open window of UTC days.

    Attributes:
        start: first day; by default `days` before `end`.
        end: day after the last one; by default tomorrow.
        days: length of the window if `start` is omitted.
    """

    start: dt.date | None = None
    end: dt.date | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 90


@patch("/livescores/", status_code=HTTPStatus.ACCEPTED, opt=OPTIONS, responses=RESPONSES)
async def ingest(
    data: Annotated[
        IngestWindow, Body(description="All fields are optional; the default is the last 90 days.")
    ],
    dagster: NamedDependency[Dagster],
    dagster_pages: NamedDependency[str],
) -> Response[bytes]:
    """Launch an ingest of a window of days; downstream assets up to the release follow automatically."""
    if data.start is not None and data.end is not None and data.start >= data.end:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "empty-window",
            f"The window from {data.start} to {data.end} is empty; `end` is the day after the last one.",
        )
    window = {name: str(day) for name in ("start", "end") if (day := getattr(data, name)) is not None}
    config = {"ops": {"livescores__window": {"config": {**window, "days": data.days}}}}
    return await launch(dagster, dagster_pages, [("livescores", "window")], config)


@post("/export/{table:str}", status_code=HTTPStatus.ACCEPTED, opt=OPTIONS, responses=RESPONSES)
async def export(
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


router = Router("/sources", route_handlers=[ingest, export], tags=["sources"])
