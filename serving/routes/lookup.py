"""Many look-ups in one request: a list of ids in the query, or in a body with an answer line by line."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from serving.http import openapi as documents
from serving.http.auth import READ, count_ids
from serving.http.body import BodyBudget, read_body
from serving.http.compression import compress_stream, negotiate_encoding
from serving.http.fast_path import MAX_IDS
from serving.http.respond import CACHE_HEADERS, DEPRECATED, NDJSON, PLAIN, documented, respond
from serving.http.schemas import Lookup, PredictionBody, PredictionList
from serving.problems import ParameterError, Problem, ProblemError, bad_request, problem_body
from serving.release import many
from serving.release.current import Current, SnapshotHolder, require_release
from serving.routes.predict import Alias, unknown_match
from soccer_assets.contract.api_keys import ApiKey

MAX_LINES = 10_000
# Ids of 100 characters, quoted.
_MAX_BYTES = 2 * 1024 * 1024
# Of one part of the answer, 200 kB: others' requests come in between.
_LINES_AT_ONCE = 100

Ids = Annotated[
    str,
    QueryParameter(
        min_length=1,
        description=f"Match ids, separated by commas; at most {MAX_IDS}.",
        schema_extra={"example": "52ebe02471d9ac99,0b1d5c3f8e2a7d46"},
    ),
]


@get(
    "/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(
        PredictionList, HTTPStatus.BAD_REQUEST, example=documents.PREDICTIONS, is_conditional=True
    ),
)
def read_predictions(
    request: Request[Any, ApiKey, Any],
    snapshots: NamedDependency[SnapshotHolder],
    ids: Ids,
    model: Alias = "champion",
) -> Response[bytes]:
    """Up to 500 matches in one answer, in the order of their ids.

    Each item is the body of `GET /predict/{match_id}`. Ids without a prediction are listed in `unknown`. The
    request counts as its ids against the rate limit.
    """
    asked = ids.split(",")
    if len(asked) > MAX_IDS:
        reason = f"{len(asked):,} ids, at most {MAX_IDS}; POST /predict/lookup takes {MAX_LINES:,}"
        raise bad_request(f"`ids`: {reason}.", ParameterError("ids", reason))
    if "" in asked:
        raise bad_request("`ids`: an id is empty.", ParameterError("ids", "an id is empty"))
    count_ids(request, len(asked))
    current, now = require_release(snapshots), snapshots.clock.now()
    found = many.find(current.snapshot, asked, model)
    body, tag = many.document(current, asked, found, model, now)
    headers = DEPRECATED if found.has_source_ids else {}
    return respond(request, body, current.view, now, tag=tag.decode(), headers=headers, is_bulk=True)


@post(
    "/lookup",
    status_code=HTTPStatus.OK,
    opt={"scope": READ},
    operation_class=documents.LookupOperation,
    responses=documented(
        PredictionBody | Problem,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        media_type=NDJSON,
        example=documents.PREDICTION,
    ),
)
async def look_up(
    request: Request[Any, ApiKey, Any],
    snapshots: NamedDependency[SnapshotHolder],
    bodies: NamedDependency[BodyBudget],
    model: Alias = "champion",
) -> Stream:
    """Up to 10,000 matches, one line of JSON for each id, in their order.

    A line is the body that `GET /predict/{match_id}` answers: the prediction, or the problem of an unknown
    match, which has a `type`. All lines come from one release. The request counts as its ids against the
    rate limit. Clients that accept no `application/x-ndjson` get the lines as `text/plain`.
    """
    with bodies.hold(request.auth.id) as held:
        body = await read_body(request, min(_MAX_BYTES, bodies.most_bytes), held)
        asked = _decode(body)
    count_ids(request, len(asked))
    current, now = require_release(snapshots), snapshots.clock.now()
    headers = CACHE_HEADERS | {"Cache-Control": "no-store", "Age": str(current.view.age_seconds(now))}
    parts = _parts(current, asked, model, now)
    media_type = request.accept.best_match([NDJSON, PLAIN], default=NDJSON)
    coding = negotiate_encoding(request.headers.get("accept-encoding", ""))
    if coding is None:
        return Stream(parts, media_type=media_type, headers=headers)
    return Stream(
        compress_stream(parts, coding), media_type=media_type, headers=headers | {"Content-Encoding": coding}
    )


def _decode(body: bytes) -> Sequence[str]:
    try:
        asked = msgspec.json.decode(body, type=Lookup).ids
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = f"The body is not an object with a list of `ids`: {error}."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-body", detail) from error
    if len(asked) > MAX_LINES:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too-many-rows",
            f"The body has {len(asked):,} ids; at most {MAX_LINES:,} are allowed.",
        )
    return asked


async def _parts(
    current: Current, asked: Sequence[str], model: str, now: dt.datetime
) -> AsyncIterator[bytes]:
    """The lines of all matches, some at a time: the next part is made when the last one is sent."""
    for start in range(0, len(asked), _LINES_AT_ONCE):
        part = asked[start : start + _LINES_AT_ONCE]
        found = many.find_in_memory(current.snapshot, part, model)
        if found is None:
            found = await asyncio.to_thread(many.find, current.snapshot, part, model)
        yield many.lines(current, found, _problems(part, found, model), now)


def _problems(asked: Sequence[str], found: many.Found, model: str) -> list[bytes]:
    """What the single look-up answers for each match that is not found."""
    return [
        problem_body(HTTPStatus.NOT_FOUND, *unknown_match(match_id, model), instance=f"/predict/{match_id}")
        for match_id, body in zip(asked, found.opened, strict=True)
        if body is None
    ]


router = Router("/predict", route_handlers=[read_predictions, look_up], tags=["predict"])
