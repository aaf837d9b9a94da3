"""The bodies of the HTTP answers, as typed structs for the OpenAPI document, and how stored bytes are sent.

Predictions are not encoded here: their bytes come from the release. A test decodes them into these structs.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from serving import problems
from serving.compression import coding_for, packed
from serving.rows import RefusedRow, ScoredFeatures, ScoredPairing
from serving.snapshot import StatusView
from soccer_assets.contract import AssetState, ModelCard, Prediction, Team

JSON = "application/json"
NDJSON = "application/x-ndjson"

# Says that there is a better name for what was asked (RFC 9745 dates it; the predecessor is gone already).
DEPRECATED = {"Deprecation": "@1767225600"}

CACHE_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding, X-API-Key"}

# Below this a packet is a packet.
_WORTH_COMPRESSING = 2_000


class PredictionBody(Prediction, frozen=True, kw_only=True):
    """A prediction with the fields that move with the clock."""

    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class PairingBody(ScoredPairing, frozen=True, kw_only=True):
    """A pairing scored now, with the fields that move with the clock."""

    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class ScoredFeaturesBody(ScoredFeatures, frozen=True, kw_only=True):
    """Features scored now, with the fields that move with the clock."""

    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class ScoredRows(msgspec.Struct, frozen=True):
    """The answers to a list, in its order; reasons are left out."""

    items: tuple[PairingBody | ScoredFeaturesBody, ...]


class PredictionPage(msgspec.Struct, frozen=True):
    """Some predictions; send `next_cursor` as `cursor` for the next ones, null on the last page."""

    items: tuple[PredictionBody, ...]
    next_cursor: str | None


class Precomputed(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction in the predecessor's shape; class 0 is home, 1 draw, 2 away."""

    match_id: int | str
    proba_home: float
    proba_draw: float
    proba_away: float
    predicted_class: int
    predicted_label: str
    is_future: bool
    start_time_utc: str
    home_team_name: str
    away_team_name: str
    model_run_id: str
    model_stage: str
    predictions_computed_at: str


class TaskAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """A task was taken in; ask `status_url` where it stands."""

    task_id: str
    status: str
    status_url: str


class TaskResult(msgspec.Struct, frozen=True):
    """The answers to a task's rows, in their order."""

    items: tuple[ScoredPairing | ScoredFeatures | RefusedRow, ...]


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stands.

    Attributes:
        status: `pending`, `running`, `success` or `failed`.
        progress: share of its rows that are scored, 0 to 1.
        reason: why it failed.
        result: once it succeeded.
    """

    task_id: str
    status: str
    rows: int
    progress: float
    reason: str | None = None
    result: TaskResult | None = None


class QueueDepth(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of tasks: how many wait, and how many are being scored."""

    name: str
    queued: int
    active: int
    scheduled: int


class Queues(msgspec.Struct, frozen=True):
    """The queues of tasks."""

    queues: tuple[QueueDepth, ...]


class TaskWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that said within the last seconds that it lives."""

    id: str
    queue: str
    pid: int | None
    complete: int
    failed: int
    retried: int
    uptime_seconds: float


class Workers(msgspec.Struct, frozen=True):
    """The workers that live."""

    workers: tuple[TaskWorker, ...]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A match as it stands in the table; goals after 90 minutes and stoppage."""

    match_id: str
    source: str
    source_match_id: str
    competition: str
    season: str
    round: str | None
    home_team: Team
    away_team: Team
    kickoff: str
    kickoff_precision: str
    status: str
    neutral: bool
    home_goals: int | None
    away_goals: int | None
    home_goals_half_time: int | None
    away_goals_half_time: int | None
    home_goals_et: int | None
    away_goals_et: int | None
    home_pens: int | None
    away_pens: int | None
    decided_by: str | None
    updated_at: str


class LivePage(msgspec.Struct, frozen=True):
    """Some matches; send `next_cursor` as `cursor` for the next ones, null on the last page."""

    items: tuple[Live, ...]
    next_cursor: str | None


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """A run of Dagster that was launched, and its page."""

    run_id: str
    status: str
    url: str


class ModelInfo(ModelCard, frozen=True, kw_only=True):
    """A model of the current release, and the release."""

    release_id: str
    release_created_at: str
    release_published_at: str
    feed: str
    is_simulated: bool
    snapshot_id: str
    feature_names: tuple[str, ...]
    aliases: tuple[str, ...]


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How fresh the data is, as a whole and asset by asset."""

    release_id: str
    feed: str
    is_simulated: bool
    checked_at: str
    data_as_of: str | None
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]
    assets: tuple[AssetState, ...]


class Health(msgspec.Struct, frozen=True):
    """The process is alive and still watches for releases."""

    status: str


class Ready(msgspec.Struct, frozen=True):
    """The release that answers."""

    status: str
    release_id: str
    feed: str
    is_simulated: bool
    stale: bool


class Index(msgspec.Struct, frozen=True):
    """Where everything is."""

    name: str
    release_id: str | None
    links: dict[str, str]


# What every route behind a key may answer.
_BEHIND_A_KEY = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def documented(
    body: Any,
    *statuses: HTTPStatus,
    status: HTTPStatus = HTTPStatus.OK,
    media_type: str = JSON,
    example: Mapping[str, Any] | None = None,
) -> dict[int, ResponseSpec]:
    """The OpenAPI answers of a route behind a key that sends bytes: its body, and its problems."""
    problem = {
        error.value: ResponseSpec(
            problems.Problem,
            generate_examples=False,
            description=error.phrase,
            media_type=problems.MEDIA_TYPE,
        )
        for error in (*_BEHIND_A_KEY, *statuses)
    }
    sent = ResponseSpec(
        body,
        generate_examples=False,
        description=status.phrase,
        media_type=media_type,
        examples=None if example is None else [Example(value=dict(example))],
    )
    return {status.value: sent} | problem


def send(
    request: Request[Any, Any, Any],
    body: bytes,
    view: StatusView | None,
    now: dt.datetime,
    *,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
    tag: str | None = None,
    is_bulk: bool = False,
) -> Response[bytes]:
    """Bytes with their ``ETag`` and ``Age``, or 304 where the client has them already.

    Without another the tag is a hash of the bytes, so it changes with the release, the status and the stale
    flag, and with nothing else.
    Without a view the answer comes from no release, and has no age. What is bulk is sent compressed to those
    who take it, under a tag of its own; its routes run in threads.
    """
    if tag is None:
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if is_bulk and len(body) >= _WORTH_COMPRESSING:
        coding = coding_for(request.headers.get("accept-encoding", ""))
        if coding is not None:
            tag = f'{tag[:-1]}-{coding}"'
            body = packed(body, coding)
            headers = {"Content-Encoding": coding, **(headers or {})}
    sent = {
        "ETag": tag,
        **({} if view is None else {"Age": str(view.age_seconds(now))}),
        **CACHE_HEADERS,
        **(headers or {}),
    }
    if _knows(request.headers.get("if-none-match"), tag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=sent, media_type=media_type)
    return Response(body, headers=sent, media_type=media_type)


def _knows(if_none_match: str | None, tag: str) -> bool:
    if if_none_match is None:
        return False
    known = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return tag in known or "*" in known
