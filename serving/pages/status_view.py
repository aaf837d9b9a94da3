"""What ``/status`` shows: each stage's promise, age and next run, missing results, latencies, alerts."""

import datetime as dt

import msgspec

from serving.release.current import Current, SnapshotHolder
from soccer_assets.clock import parse_instant
from soccer_assets.contract.pipeline import DueResults, FeedLatency, OpenAlert, PipelineState
from soccer_assets.contract.status import AssetState, Status

# Dagster's daemon writes every minute; a state older than this is of a daemon that stands still.
_SILENT_AFTER = dt.timedelta(minutes=5)

_STAGES = {
    "livescores/recent": "Results of the last days",
    "livescores/upcoming": "Matches ahead",
    "exports/match_raw": "Copy of the feed's rows",
    "exports/match": "Copy of the matches",
    "model/candidate": "Training of a model",
    "monitoring/drift": "Report of drift",
    "monitoring/quality": "Report of quality",
    "predictions/upcoming": "Forecasts of matches ahead",
    "releases/current": "Release to the sidecar",
}
_STATES = {"pass": "fresh", "warn": "late", "fail": "overdue"}
_LEVELS = {"pass": "good", "warn": "warn", "fail": "bad"}


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A watched asset.

    Attributes:
        name: for people.
        key: of the asset.
        state: ``fresh``, ``late``, ``overdue`` or ``not yet known``.
        level: the state's class in the style sheet.
        made_at: when it was made last; None before the first time.
        age: seconds since then.
        promise: the ages at which it warns and fails, in words.
        next_run: when a schedule makes it anew; None where none does.
    """

    name: str
    key: str
    state: str
    level: str
    made_at: str | None
    age: float | None
    promise: str
    next_run: str | None


class StatusBoard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page.

    Attributes:
        status: of the data.
        checked_age: seconds since the feed was checked.
        published_at: when the release was made.
        stages: in the order of the pipeline.
        due: missing results by competition.
        results_due: their number; None while the pipeline has not written.
        latencies: by feed.
        alerts: open ones; None where they are not shown.
        runs: runs that wait and run; None while the pipeline has not written.
        history: whether the past behind the pages is loaded, as `SnapshotHolder.history_state`.
        history_fault: why not, where it failed; empty to the public: it may name addresses.
        silent_for: seconds since the daemon wrote, where that is too long; None otherwise.
    """

    status: Status
    checked_age: float
    published_at: str
    stages: tuple[Stage, ...]
    due: tuple[DueResults, ...]
    results_due: int | None
    latencies: tuple[FeedLatency, ...]
    alerts: tuple[OpenAlert, ...] | None
    runs: tuple[int, int] | None
    history: str
    history_fault: str
    silent_for: float | None


def status_board(
    holder: SnapshotHolder, current: Current, wall: dt.datetime, *, is_public: bool
) -> StatusBoard:
    """The board now.

    Args:
        holder: has the pipeline's state.
        current: the release and status.
        wall: the wall clock, by which assets are made.
        is_public: alerts name hosts, addresses and runs: the public sees none.
    """
    pipeline, status = holder.pipeline, current.view.status
    return StatusBoard(
        status=status,
        checked_age=current.view.age_seconds(holder.clock.now()),
        published_at=current.snapshot.manifest.created_at,
        stages=_stages(status, pipeline, wall),
        due=() if pipeline is None else pipeline.due,
        results_due=None if pipeline is None else pipeline.results_due,
        latencies=() if pipeline is None else pipeline.latencies,
        alerts=None if is_public or pipeline is None else pipeline.alerts,
        runs=None if pipeline is None else (pipeline.running, pipeline.queued),
        history=holder.history_state,
        history_fault="" if is_public else holder.history_fault,
        silent_for=_silence(pipeline, wall),
    )


def _stages(status: Status, pipeline: PipelineState | None, wall: dt.datetime) -> tuple[Stage, ...]:
    next_runs: dict[str, str] = {}
    for run in () if pipeline is None else pipeline.planned:
        for key in run.makes:
            next_runs[key] = min(run.starts_at, next_runs.get(key, run.starts_at))
    return tuple(_stage(asset, next_runs.get(asset.key), wall) for asset in status.assets)


def _stage(asset: AssetState, next_run: str | None, wall: dt.datetime) -> Stage:
    made_at = asset.last_materialized_at
    return Stage(
        name=_STAGES.get(asset.key, asset.key),
        key=asset.key,
        state=_STATES.get(asset.state, "not yet known"),
        level=_LEVELS.get(asset.state, "unknown"),
        made_at=made_at,
        age=None if made_at is None else (wall - parse_instant(made_at)).total_seconds(),
        promise=asset.promise,
        next_run=next_run,
    )


def _silence(pipeline: PipelineState | None, wall: dt.datetime) -> float | None:
    if pipeline is None:
        return None
    silence = wall - parse_instant(pipeline.written_at)
    return silence.total_seconds() if silence > _SILENT_AFTER else None
