"""Tasks of bulk scoring: status, result, queue depth and workers. Submitting one is in ``scoring.py``."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from serving.http.auth import ADMIN, PREDICT
from serving.http.compression import compress_stream, negotiate_encoding
from serving.http.respond import JSON, documented
from serving.http.schemas import QueueDepth, Queues, TaskStatus, TaskWorker, Workers
from serving.problems import ProblemError, unavailable
from serving.tasks.queue import TaskQueue
from serving.tasks.store import QueueUnavailableError
from soccer_assets.contract.api_keys import ApiKey

_NO_STORE = {"Cache-Control": "no-store"}


@get(
    "/task_status/{task_id:str}",
    opt={"scope": PREDICT},
    responses=documented(TaskStatus, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
async def read_task(
    request: Request[Any, ApiKey, Any], tasks: NamedDependency[TaskQueue], task_id: FromPath[str]
) -> Response[Any]:
    """Status of a task of `POST /predict/async/`: pending, running, success with its result, or failed."""
    key = request.auth
    try:
        state = await tasks.state(task_id, key.id, is_admin=ADMIN in key.scopes)
    except QueueUnavailableError as error:
        raise _no_queue() from error
    if state is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "unknown-task",
            "This API key has no such task, or the task has expired; submit it again.",
        )
    body = TaskStatus(
        task_id=task_id, status=state.status, rows=state.rows, progress=state.progress, reason=state.reason
    )
    if state.status != "success":
        return Response(msgspec.json.encode(body), media_type=JSON, headers=_NO_STORE)
    result = stream_body(body, tasks.parts(task_id, state.parts))
    headers = _NO_STORE | {"Vary": "Accept-Encoding"}
    coding = negotiate_encoding(request.headers.get("accept-encoding", ""))
    if coding is None:
        return Stream(result, media_type=JSON, headers=headers)
    return Stream(
        compress_stream(result, coding), media_type=JSON, headers=headers | {"Content-Encoding": coding}
    )


async def stream_body(status: TaskStatus, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The JSON of a finished task, its result last and a part at a time: 100,000 rows are 90 MB.

    Args:
        status: the task; its result is not read.
        parts: of the result, each the JSON of some items without the brackets of their list.
    """
    fields = msgspec.structs.asdict(status)
    del fields["result"]
    encode = msgspec.json.encode
    yield b"{" + b",".join(b"%b:%b" % (encode(name), encode(value)) for name, value in fields.items())
    yield b',"result":{"items":['
    is_first = True
    async for part in parts:
        yield part if is_first else b"," + part
        is_first = False
    yield b"]}}"


@get("/queues", opt={"scope": ADMIN}, responses=documented(Queues))
async def read_queues(tasks: NamedDependency[TaskQueue]) -> Response[Queues]:
    """Depth of the task queue."""
    return await respond_queues(tasks, {})


@get("/workers", opt={"scope": ADMIN}, responses=documented(Workers))
async def read_workers(tasks: NamedDependency[TaskQueue]) -> Response[Workers]:
    """Task workers that sent a heartbeat within the last seconds."""
    return await respond_workers(tasks, {})


async def respond_queues(tasks: TaskQueue, headers: dict[str, str]) -> Response[Queues]:
    """The depth of the queue; 503 where it does not answer."""
    info = await _info(tasks)
    depth = QueueDepth(**{name: info[name] for name in QueueDepth.__struct_fields__})
    return Response(Queues((depth,)), headers=_NO_STORE | headers)


async def respond_workers(tasks: TaskQueue, headers: dict[str, str]) -> Response[Workers]:
    """The workers that sent a heartbeat in time; 503 where the queue does not answer."""
    workers = []
    for worker_id, worker in (await _info(tasks))["workers"].items():
        stats, metadata = worker.get("stats") or {}, worker.get("metadata") or {}
        workers.append(
            TaskWorker(
                id=worker_id,
                queue=worker.get("queue_key") or "",
                pid=metadata.get("pid"),
                complete=stats.get("complete", 0),
                failed=stats.get("failed", 0),
                retried=stats.get("retried", 0),
                uptime_seconds=stats.get("uptime", 0) / 1000,
            )
        )
    return Response(Workers(tuple(workers)), headers=_NO_STORE | headers)


async def _info(tasks: TaskQueue) -> Any:
    try:
        return await tasks.info()
    except QueueUnavailableError as error:
        raise _no_queue() from error


def _no_queue() -> ProblemError:
    return unavailable("no-queue", "The task queue is unavailable; try again shortly.")


router = Router("/monitoring", route_handlers=[read_task, read_queues, read_workers], tags=["monitoring"])
