"""Monitoring: freshness, drift and quality of what is served, and the tasks of bulk scoring."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from serving.http.auth import ADMIN, PREDICT, READ
from serving.http.compression import coding_for, packed_parts
from serving.http.respond import DEPRECATED, JSON, documented, send
from serving.http.schemas import Freshness, QueueDepth, Queues, TaskStatus, TaskWorker, Workers
from serving.problems import ProblemError, not_loaded, unavailable
from serving.release.current import SnapshotHolder
from serving.tasks.queue import TaskDesk
from serving.tasks.store import QueueGoneError
from soccer_assets.contract.api_keys import ApiKey
from soccer_assets.contract.reports import DriftReport, QualityReport
from soccer_assets.contract.status import stale_reasons

_NO_STORE = {"Cache-Control": "no-store"}


@get("/freshness", sync_to_thread=False, opt={"scope": READ}, responses=documented(Freshness))
def read_freshness(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """When the data was last checked, how new it is, and the state of every watched asset."""
    current, now = snapshots.current, snapshots.clock.now()
    if current is None:
        raise not_loaded()
    manifest, status = current.snapshot.manifest, current.view.status
    reasons = stale_reasons(status, now)
    freshness = Freshness(
        release_id=manifest.release_id,
        feed=status.feed,
        is_simulated=manifest.is_simulated,
        checked_at=status.checked_at,
        data_as_of=status.data_as_of,
        next_expected_at=status.next_expected_at,
        stale=bool(reasons),
        stale_reasons=reasons,
        assets=status.assets,
    )
    return send(request, msgspec.json.encode(freshness), current.view, now)


@get(
    "/drift",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(DriftReport, HTTPStatus.NOT_FOUND),
)
def read_drift(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """How far the newest matches are from those that the champion learnt from."""
    return _report(request, snapshots, snapshots.drift, "monitoring/drift")


@get(
    "/quality",
    sync_to_thread=False,
    opt={"scope": READ},
    responses=documented(QualityReport, HTTPStatus.NOT_FOUND),
)
def read_quality(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """How good the official predictions were, by week and slice, with coverage beside every score."""
    return _report(request, snapshots, snapshots.quality, "monitoring/quality")


def _report(
    request: Request[Any, Any, Any], snapshots: SnapshotHolder, report: msgspec.Struct | None, asset: str
) -> Response[bytes]:
    if report is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no-report",
            f"There is no report yet; the asset {asset} makes one every day.",
        )
    return send(request, msgspec.json.encode(report), None, snapshots.clock.now())


@get(
    "/task_status/{task_id:str}",
    opt={"scope": PREDICT},
    responses=documented(TaskStatus, HTTPStatus.NOT_FOUND),
)
async def read_task(
    request: Request[Any, ApiKey, Any], tasks: NamedDependency[TaskDesk], task_id: FromPath[str]
) -> Response[Any]:
    """Where a task of `POST /predict/async/` stands: pending, running, success with its result, or failed."""
    key = request.auth
    try:
        state = await tasks.state(task_id, key.id, is_admin=ADMIN in key.scopes)
    except QueueGoneError as error:
        raise _no_queue() from error
    if state is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "unknown-task",
            "There is no such task of this API key, or its result was kept long enough; send it again.",
        )
    body = TaskStatus(
        task_id=task_id, status=state.status, rows=state.rows, progress=state.progress, reason=state.reason
    )
    content = msgspec.json.encode(body)
    if state.status != "success":
        return Response(content, media_type=JSON, headers=_NO_STORE)
    head = content.removesuffix(b"null}") + b'{"items":['
    result = _with_result(head, tasks.parts(task_id, state.parts))
    headers = _NO_STORE | {"Vary": "Accept-Encoding"}
    coding = coding_for(request.headers.get("accept-encoding", ""))
    if coding is None:
        return Stream(result, media_type=JSON, headers=headers)
    return Stream(
        packed_parts(result, coding), media_type=JSON, headers=headers | {"Content-Encoding": coding}
    )


async def _with_result(head: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A finished task's body, a part at a time: 100,000 rows are 90 MB."""
    yield head
    is_first = True
    async for part in parts:
        yield part if is_first else b"," + part
        is_first = False
    yield b"]}}"


@get("/queues", opt={"scope": ADMIN}, responses=documented(Queues))
async def read_queues(tasks: NamedDependency[TaskDesk]) -> Response[Queues]:
    """How many tasks wait, and how many are being scored."""
    return await _queues(tasks, {})


@get("/workers", opt={"scope": ADMIN}, responses=documented(Workers))
async def read_workers(tasks: NamedDependency[TaskDesk]) -> Response[Workers]:
    """The task workers that said within the last seconds that they live."""
    return await _workers(tasks, {})


@get("/celery/queues", opt={"scope": ADMIN}, responses=documented(Queues))
async def read_celery_queues(tasks: NamedDependency[TaskDesk]) -> Response[Queues]:
    """The predecessor's name of `/monitoring/queues`."""
    return await _queues(tasks, DEPRECATED)


@get("/celery/workers", opt={"scope": ADMIN}, responses=documented(Workers))
async def read_celery_workers(tasks: NamedDependency[TaskDesk]) -> Response[Workers]:
    """The predecessor's name of `/monitoring/workers`."""
    return await _workers(tasks, DEPRECATED)


async def _queues(tasks: TaskDesk, headers: dict[str, str]) -> Response[Queues]:
    info = await _info(tasks)
    depth = QueueDepth(**{name: info[name] for name in QueueDepth.__struct_fields__})
    return Response(Queues((depth,)), headers=_NO_STORE | headers)


async def _workers(tasks: TaskDesk, headers: dict[str, str]) -> Response[Workers]:
    workers = []
    for name, one in (await _info(tasks))["workers"].items():
        stats, metadata = one.get("stats") or {}, one.get("metadata") or {}
        workers.append(
            TaskWorker(
                id=name,
                queue=one.get("queue_key") or "",
                pid=metadata.get("pid"),
                complete=stats.get("complete", 0),
                failed=stats.get("failed", 0),
                retried=stats.get("retried", 0),
                uptime_seconds=stats.get("uptime", 0) / 1000,
            )
        )
    return Response(Workers(tuple(workers)), headers=_NO_STORE | headers)


async def _info(tasks: TaskDesk) -> Any:
    try:
        return await tasks.info()
    except QueueGoneError as error:
        raise _no_queue() from error


def _no_queue() -> ProblemError:
    return unavailable("no-queue", "The task queue does not answer now; try again shortly.")


router = Router(
    "/monitoring",
    route_handlers=[
        read_freshness,
        read_drift,
        read_quality,
        read_task,
        read_queues,
        read_workers,
        read_celery_queues,
        read_celery_workers,
    ],
    tags=["monitoring"],
)
