"""Routes of the predecessor, for clients that have not migrated; responses carry `Deprecation`.

Not here: the parameters `stage` and `offset`, which belong to routes of today (``predict.py``).
"""

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from serving.backends.dagster import Dagster
from serving.http.auth import ADMIN, READ
from serving.http.respond import DEPRECATED, documented, respond
from serving.http.schemas import Precomputed, Queues, Workers
from serving.problems import ProblemError
from serving.release.current import SnapshotHolder, require_release
from serving.routes import sources
from serving.routes.tasks import respond_queues, respond_workers
from serving.tasks.queue import TaskQueue
from soccer_assets.clock import parse_instant
from soccer_assets.contract.release import CHAMPION, OUTCOMES, Prediction


@get(
    "/{match_id:str}",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(Precomputed, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, is_conditional=True),
)
def read_precomputed(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder], match_id: FromPath[str]
) -> Response[bytes]:
    """One match in the predecessor's format; ids of the source, such as its integers, are accepted."""
    current, now = require_release(snapshots), snapshots.clock.now()
    snapshot = current.snapshot
    stored = snapshot.find(match_id, CHAMPION)
    if stored is None and (named := snapshot.find_match_id(match_id)) is not None:
        stored = snapshot.find(named, CHAMPION)
    if stored is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "unknown-match",
            f"This release has no prediction for match {match_id!r}; GET /predict/matches/ lists some.",
        )
    prediction = msgspec.json.decode(stored, type=Prediction)
    body = Precomputed(
        match_id=int(match_id) if match_id.isascii() and match_id.isdigit() else match_id,
        proba_home=prediction.p_home,
        proba_draw=prediction.p_draw,
        proba_away=prediction.p_away,
        predicted_class=OUTCOMES.index(prediction.predicted_label),
        predicted_label=prediction.predicted_label,
        is_future=parse_instant(prediction.kickoff) > now,
        start_time_utc=prediction.kickoff,
        home_team_name=prediction.home_team.name,
        away_team_name=prediction.away_team.name,
        model_run_id=prediction.model_run_id,
        model_stage=prediction.model,
        predictions_computed_at=prediction.predicted_at,
    )
    return respond(request, msgspec.json.encode(body), current.view, now, headers=DEPRECATED)


@get("/queues", opt={"scope": ADMIN}, responses=documented(Queues))
async def read_celery_queues(tasks: NamedDependency[TaskQueue]) -> Response[Queues]:
    """The predecessor's path of `/monitoring/queues`."""
    return await respond_queues(tasks, DEPRECATED)


@get("/workers", opt={"scope": ADMIN}, responses=documented(Workers))
async def read_celery_workers(tasks: NamedDependency[TaskQueue]) -> Response[Workers]:
    """The predecessor's path of `/monitoring/workers`."""
    return await respond_workers(tasks, DEPRECATED)


@get(
    "/export/{table:str}",
    status_code=HTTPStatus.ACCEPTED,
    opt=sources.OPTIONS | {"starts_run": True},
    responses=sources.RESPONSES,
)
async def export_by_get(
    table: FromPath[sources.Table], dagster: NamedDependency[Dagster], dagster_pages: NamedDependency[str]
) -> Response[bytes]:
    """The predecessor's GET; use POST, since it starts a run."""
    response = await sources.launch(dagster, dagster_pages, sources.ASSETS_OF[table], {})
    response.headers.update(DEPRECATED)
    return response


predict_router = Router("/predict/precomputed", route_handlers=[read_precomputed], tags=["predict"])
monitoring_router = Router(
    "/monitoring/celery", route_handlers=[read_celery_queues, read_celery_workers], tags=["monitoring"]
)
sources_router = Router("/sources", route_handlers=[export_by_get], tags=["sources"])
