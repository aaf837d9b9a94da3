"""Scoring on demand: pairings that are in no feed, and rows of features made by the client."""

import asyncio
import datetime as dt
import time
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter

from serving.child_process import ChildBusyError, ChildProcess
from serving.http import openapi as documents
from serving.http.auth import PREDICT
from serving.http.body import BodyBudget, open_body
from serving.http.prefix import prefix_of
from serving.http.respond import JSON, documented
from serving.http.schemas import PairingBody, ScoredFeaturesBody, ScoredRows, TaskAccepted
from serving.memory_file import MemoryFile, SharedFile
from serving.metrics import Metrics
from serving.problems import ParameterError, ProblemError, bad_request, listed_errors, unavailable
from serving.release.current import Current, SnapshotHolder, require_release
from serving.scoring.process import Scored, Scorer
from serving.scoring.schemas import BodyFault, DecodedRows, TooManyRows, UnusableRows, decode_body
from serving.tasks.queue import QueueFullError, TaskQueue
from serving.tasks.quota import QuotaExceededError
from serving.tasks.store import (
    IdempotencyKeyReusedError,
    PackedRows,
    QueueUnavailableError,
    pack_file,
    pack_rows,
)
from soccer_assets.clock import isoformat
from soccer_assets.contract.api_keys import ApiKey

MAX_ROWS = 1_000
MAX_TASK_ROWS = 100_000
# A row with markets takes 25 KB and a few milliseconds.
MAX_MARKET_ROWS = 100
_MAX_BYTES = 8 * 1024 * 1024
# Of a list, counted in the metrics at a time: 1,000 would hold the event loop for 4 ms.
_COUNTED_AT_ONCE = 100
# A response lists at most this many errors of a list of rows.

_TASK_ERRORS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_ERRORS = (*_TASK_ERRORS, HTTPStatus.CONFLICT)


@post(
    "/",
    status_code=HTTPStatus.OK,
    opt={"scope": PREDICT},
    operation_class=documents.RowsOperation,
    responses=documented(
        PairingBody | ScoredFeaturesBody | ScoredRows, *_ERRORS, example=documents.SCORED_PAIRING
    ),
)
async def score(
    request: Request[Any, ApiKey, Any],
    snapshots: NamedDependency[SnapshotHolder],
    scorer: NamedDependency[Scorer],
    metrics: NamedDependency[Metrics],
    bodies: NamedDependency[BodyBudget],
    *,
    markets: Annotated[
        bool,
        QueryParameter(
            description="Answer pairings with every market of the score; for a list of at most 100 rows."
        ),
    ] = False,
) -> Response[bytes]:
    """Score a pairing or a row of features, or a list of up to 1,000 of them.

    Features of a pairing are computed from the state of both teams, by the code that computes them for every
    fixture. A single row is scored with its reasons, a list without. If a row cannot be scored, the request
    is refused and the row named. For more rows use `POST /predict/async/`.
    """
    most_bytes = min(_MAX_BYTES, bodies.most_bytes)
    with bodies.hold(request.auth.id) as held:
        most_rows = MAX_MARKET_ROWS if markets else MAX_ROWS
        async with open_body(request, most_bytes, held) as body:
            decoded = decode_body(body, most_rows) if isinstance(body, bytes) else body.shared
            if not isinstance(decoded, SharedFile | DecodedRows):
                raise _refusal(decoded, most_rows)
            current, now = require_release(snapshots), snapshots.clock.now()
            started = time.perf_counter()
            scored = await _answers(current, scorer, decoded, most_rows, now, with_markets=markets)
    if not isinstance(scored, Scored):
        raise _refusal(scored, most_rows)
    answers, is_list = scored.answers, scored.is_list
    problems = {number: body for number, body in enumerate(answers) if isinstance(body, tuple)}
    if problems:
        raise _unusable(UnusableRows(problems, is_list))
    await _count(metrics, scored, time.perf_counter() - started)
    complete = [current.view.body("", body, now) for body in answers if isinstance(body, bytes)]
    content = b'{"items":[' + b",".join(complete) + b"]}" if is_list else complete[0]
    return Response(content, media_type=JSON, headers={"Cache-Control": "no-store"})


async def _answers(
    current: Current,
    scorer: Scorer,
    body: SharedFile | DecodedRows,
    most_rows: int,
    now: dt.datetime,
    *,
    with_markets: bool,
) -> Scored | BodyFault:
    files = current.snapshot.scoring_files
    if files is None:
        raise unavailable(
            "no-directory",
            "This release was published by an older version and cannot score; publish it again.",
            60,
        )
    try:
        return await scorer.answer(files, body, most_rows, isoformat(now), with_markets=with_markets)
    except ChildBusyError as error:
        raise unavailable("not-now", f"Scoring is unavailable: {error}; try again shortly.", 2) from error


@post(
    "/async/",
    status_code=HTTPStatus.ACCEPTED,
    opt={"scope": PREDICT},
    operation_class=documents.TaskOperation,
    responses=documented(TaskAccepted, *_TASK_ERRORS, status=HTTPStatus.ACCEPTED),
)
async def score_later(
    request: Request[Any, ApiKey, Any],
    child: NamedDependency[ChildProcess],
    tasks: NamedDependency[TaskQueue],
    bodies: NamedDependency[BodyBudget],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            min_length=1,
            max_length=200,
            description="A retry with the same key and body returns the same task.",
        ),
    ] = None,
) -> Response[bytes]:
    """Score up to 100,000 rows in the background; poll `status_url` for progress and result.

    A row that cannot be scored gets its errors as its result; the others are scored.
    """
    if len(request.headers.getall("idempotency-key", [])) > 1:
        reason = "sent more than once"
        raise bad_request(f"`Idempotency-Key`: {reason}.", ParameterError("Idempotency-Key", reason))
    try:
        with bodies.hold(request.auth.id) as held:
            async with open_body(request, bodies.most_bytes, held) as body:
                packed = await _pack(child, body)
        if isinstance(packed, TooManyRows):
            raise too_many(packed.rows, MAX_TASK_ROWS)
        if isinstance(packed, str):
            raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-body", f"{packed}.")
        task_id = await tasks.submit(request.auth.id, packed, idempotency_key)
    except (QueueUnavailableError, ChildBusyError) as error:
        raise unavailable("no-queue", "Tasks cannot be accepted now; retry shortly.") from error
    except QuotaExceededError as error:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS, "task-quota", str(error), {"Retry-After": "30"}
        ) from error
    except QueueFullError as error:
        raise unavailable("queue-full", "Too many tasks are queued; retry later.", 30) from error
    except IdempotencyKeyReusedError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "idempotency-key",
            "This Idempotency-Key was used with another body; use a new key for each task.",
        ) from error
    address = f"{prefix_of(request)}/monitoring/task_status/{task_id}"
    accepted = TaskAccepted(task_id=task_id, status="submitted", status_url=address)
    return Response(
        msgspec.json.encode(accepted),
        media_type=JSON,
        headers={"Location": address, "Cache-Control": "no-store"},
    )


async def _pack(child: ChildProcess, body: bytes | MemoryFile) -> PackedRows | TooManyRows | str:
    """The rows of a body, packed in the child process."""
    if isinstance(body, bytes):
        return await child.run_for_client(pack_rows, body, MAX_TASK_ROWS)
    packed = await child.run_for_client(pack_file, body.shared, MAX_TASK_ROWS)
    if not isinstance(packed, PackedRows):
        return packed
    return msgspec.structs.replace(packed, data=await asyncio.to_thread(body.read))


def _refusal(fault: BodyFault, most_rows: int) -> ProblemError:
    """400 for a malformed body, 413 for too many rows, 422 for rows with problems."""
    if isinstance(fault, TooManyRows):
        return too_many(fault.rows, most_rows)
    if isinstance(fault, UnusableRows):
        return _unusable(fault)
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-body", f"{fault}.")


def too_many(rows: int, max_rows: int) -> ProblemError:
    """413: the request has more rows than allowed."""
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-many-rows",
        f"The body has {rows:,} rows; at most {max_rows:,} are allowed. "
        "POST /predict/async/ accepts up to 100,000.",
    )


async def _count(metrics: Metrics, scored: Scored, seconds: float) -> None:
    metrics.scored.labels("list" if scored.is_list else "single").inc(len(scored.answers))
    metrics.scoring_seconds.observe(seconds)
    metrics.inference_seconds.observe(scored.seconds)
    for number, (outcome, probability) in enumerate(scored.top_outcomes):
        if number % _COUNTED_AT_ONCE == _COUNTED_AT_ONCE - 1:
            await asyncio.sleep(0)  # others' requests come in between
        metrics.confidence.labels(outcome).observe(probability)


def _unusable(rows: UnusableRows) -> ProblemError:
    """422: a row has a problem; 409 where the only one is that its match is in extra time."""
    errors = [
        ParameterError(
            f"[{number}].{problem.field}".rstrip(".") if rows.is_list else problem.field, problem.message
        )
        for number, row_problems in rows.problems.items()
        for problem in row_problems
    ]
    detail, first = listed_errors(errors)
    if all(problem.is_extra_time for found in rows.problems.values() for problem in found):
        return ProblemError(HTTPStatus.CONFLICT, "extra-time", detail, errors=first)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-row", detail, errors=first)


router = Router("/predict", route_handlers=[score, score_later], tags=["predict"])
