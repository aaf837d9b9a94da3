"""Response bodies as typed structs, for the OpenAPI document and the client.

Predictions are not encoded from these: their bytes come from the release. A test decodes them into these
structs.
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec

from serving.backends.match_table import Live
from serving.scoring.schemas import RefusedRow, ScoredFeatures, ScoredPairing
from soccer_assets.contract.markets import Markets
from soccer_assets.contract.release import ModelCard, Prediction, Team
from soccer_assets.contract.status import AssetState


class PredictionBody(Prediction, frozen=True, kw_only=True):
    """A prediction with the fields that depend on the time of the request."""

    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class MarketsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Every market of a match; its fields as in `Prediction`, and those that depend on the time."""

    match_id: str
    competition: str
    season: str
    home_team: Team
    away_team: Team
    kickoff: str
    neutral: bool
    p_home: float
    p_draw: float
    p_away: float
    markets: Markets
    model: str
    model_version: str
    release_id: str
    feed: str
    predicted_at: str
    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class ProjectionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A league of `GET /projections/`.

    Attributes:
        as_of: instant of the results and ratings that its projection was computed from.
        teams: how many are projected.
        not_projected: why there is no projection, and what to write; empty where there is one.
    """

    competition: str
    season: str
    as_of: str
    teams: int
    matches_left: int
    not_projected: str


class ProjectionList(msgspec.Struct, frozen=True, kw_only=True):
    """All leagues of a release, by code."""

    items: tuple[ProjectionLine, ...]


class PairingBody(ScoredPairing, frozen=True, kw_only=True):
    """A pairing scored now, with the fields that depend on the time of the request."""

    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class ScoredFeaturesBody(ScoredFeatures, frozen=True, kw_only=True):
    """Features scored now, with the fields that depend on the time of the request."""

    data_as_of: str | None
    checked_at: str
    next_expected_at: str | None
    stale: bool
    stale_reasons: tuple[str, ...]


class ScoredRows(msgspec.Struct, frozen=True):
    """The scores of a list of rows, in its order, without reasons."""

    items: tuple[PairingBody | ScoredFeaturesBody, ...]


class PredictionPage(msgspec.Struct, frozen=True):
    """A page of predictions; send `next_cursor` as `cursor` for the next page, null on the last."""

    items: tuple[PredictionBody, ...]
    next_cursor: str | None


class PredictionList(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions of some matches, in the order of their ids; `unknown` are the ids without one."""

    items: tuple[PredictionBody, ...]
    unknown: tuple[str, ...]


class Lookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The matches that `POST /predict/lookup` is asked for, up to 10,000."""

    ids: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=100)], ...], msgspec.Meta(min_length=1)
    ]


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
    """A task was accepted; poll `status_url`."""

    task_id: str
    status: str
    status_url: str


class TaskResult(msgspec.Struct, frozen=True):
    """The scores of a task's rows, in their order."""

    items: tuple[ScoredPairing | ScoredFeatures | RefusedRow, ...]


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a task.

    Attributes:
        status: `pending`, `running`, `success` or `failed`.
        progress: share of its rows that are scored, 0 to 1.
        reason: why it failed.
        result: after it succeeded.
    """

    task_id: str
    status: str
    rows: int
    progress: float
    reason: str | None = None
    result: TaskResult | None = None


class QueueDepth(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of tasks: how many wait, and how many run."""

    name: str
    queued: int
    active: int
    scheduled: int


class Queues(msgspec.Struct, frozen=True):
    """The queues of tasks."""

    queues: tuple[QueueDepth, ...]


class TaskWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that sent a heartbeat within the last seconds."""

    id: str
    queue: str
    pid: int | None
    complete: int
    failed: int
    retried: int
    uptime_seconds: float


class Workers(msgspec.Struct, frozen=True):
    """The live workers."""

    workers: tuple[TaskWorker, ...]


class LivePage(msgspec.Struct, frozen=True):
    """A page of matches; send `next_cursor` as `cursor` for the next page, null on the last."""

    items: tuple[Live, ...]
    next_cursor: str | None


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


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """A Dagster run that was launched, and its page."""

    run_id: str
    status: str
    url: str


class ModelInfo(ModelCard, frozen=True, kw_only=True):
    """A model of the current release, and the release itself."""

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
    """The process is alive and watches for releases."""

    status: str


class Ready(msgspec.Struct, frozen=True):
    """The release that is served.

    Attributes:
        history: of the pages: ``loaded``, ``loading``, ``failed``, or ``none`` where the release has none. No
            prediction needs it.
    """

    status: str
    release_id: str
    feed: str
    is_simulated: bool
    stale: bool
    history: Literal["loaded", "loading", "failed", "none"] = "none"


class Index(msgspec.Struct, frozen=True):
    """Links to the API."""

    name: str
    release_id: str | None
    links: dict[str, str]
