"""Detection of faults: in Dagster's records, in the sidecars' rejections of releases, and on the disk."""

import datetime as dt
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec

from soccer_assets.alerting.faults import FAILURE, NOTICE, WARNING, Condition
from soccer_assets.clock import isoformat
from soccer_assets.contract.events import OUTBOX_PREFIX, Refusal
from soccer_assets.contract.release import POINTER_KEY, Pointer
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.champion_change import change_of
from soccer_assets.stores.releases.current_models import WITHOUT_REGISTRY

# Older runs do not raise alerts.
_NEWEST_RUNS = 200
_RUN_AGE = dt.timedelta(days=7)
_LEAST_FREE_BYTES = 1_000_000_000
_CHAMPION = dg.AssetKey(["model", "champion"])
_UPCOMING = dg.AssetKey(["predictions", "upcoming"])
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]

# Changes of the champion that subscribers hear of: kind of the notice, and its headline.
_CHANGES = {
    "promoted": ("promotion", "is the new champion"),
    "rolled_back": ("rollback", "is the champion again"),
}
# Checks whose failure is a fault of a kind of its own, and its headline.
_KINDS = {"results_due": "feed", "drift_within_bounds": "drift"}
_ENDED = "the run ended before any step failed"
# Metadata of a failed check that says what to do; alerts put it in place of their general advice.
REMEDY = "remedy"
_HEADLINES = {"feed": "has overdue results", "drift": "drifted beyond its bound", "check": "failed"}


def graph_conditions(
    instance: dg.DagsterInstance,
    watched: Mapping[dg.AssetKey, str],
    checks: Iterable[dg.AssetCheckKey],
    now: dt.datetime,
) -> list[Condition]:
    """Failed runs, failed checks, stale assets, the newest promotion or rollback, and MLflow if it is away.

    Args:
        instance: whose runs, checks and materialisations are read.
        watched: by asset with a freshness policy, the policy as text.
        checks: every check of the graph.
        now: wall clock.
    """
    failures = list(_failed_runs(instance, now))
    cause = failures[0].cause if failures else ""
    return [
        *failures,
        *_failed_checks(instance, checks),
        *_stale_assets(instance, watched, cause),
        *_champion_change(instance),
        *_without_registry(instance),
    ]


def store_conditions(store: ObjectStore, now: dt.datetime) -> list[Condition]:
    """Rejections of the current release by sidecars, or one condition where the store cannot be read."""
    try:
        return _rejections(store)
    except Exception as error:  # noqa: BLE001 - an unreachable store must not suppress the other alerts
        return [
            Condition(
                kind="store",
                subject="the object store",
                severity=FAILURE,
                since=isoformat(now),
                what="cannot be read",
                cause=f"{type(error).__name__}: {error}",
                path="/assets/releases/current",
            )
        ]


def _rejections(store: ObjectStore) -> list[Condition]:
    data = store.read(POINTER_KEY)
    current = msgspec.json.decode(data, type=Pointer).release_id if data else None
    found = []
    for key in store.list(OUTBOX_PREFIX):
        content = store.read(key)
        if content is None:  # withdrawn meanwhile
            continue
        refusal = msgspec.json.decode(content, type=Refusal)
        if refusal.release_id == current:
            found.append(
                Condition(
                    kind="release",
                    subject=f"{refusal.release_id} at {refusal.sidecar}",
                    severity=FAILURE,
                    since=refusal.at,
                    what="was rejected by the sidecar",
                    promise="a published release is served within seconds",
                    cause=refusal.reason,
                    path="/assets/releases/current",
                )
            )
    return found


def disk_conditions(folder: Path, now: dt.datetime) -> list[Condition]:
    """One condition where the home's disk has less than 1 GB free."""
    free = shutil.disk_usage(folder).free
    if free >= _LEAST_FREE_BYTES:
        return []
    return [
        Condition(
            kind="disk",
            subject=str(folder),
            severity=FAILURE,
            since=isoformat(now),
            what=f"has {free / 1e6:.0f} MB left",
            promise=f"at least {_LEAST_FREE_BYTES / 1e9:.0f} GB free",
            path="/runs",
        )
    ]


def _failed_runs(instance: dg.DagsterInstance, now: dt.datetime) -> Iterator[Condition]:
    """Jobs whose newest finished run failed; an ad hoc run is identified by the assets it selects."""
    seen: set[str] = set()
    records = instance.get_run_records(
        dg.RunsFilter(statuses=_FINISHED, updated_after=now - _RUN_AGE), limit=_NEWEST_RUNS
    )
    for record in records:
        run = record.dagster_run
        subject = _subject(run)
        if subject in seen:
            continue
        seen.add(subject)
        if run.status != dg.DagsterRunStatus.FAILURE:
            continue
        yield Condition(
            kind="run",
            subject=subject,
            severity=FAILURE,
            since=_instant(record.end_time or record.create_timestamp.timestamp()),
            what="failed",
            cause=_cause(instance, run.run_id),
            path=f"/runs/{run.run_id}",
        )


def _subject(run: dg.DagsterRun) -> str:
    if not run.job_name.startswith("__"):
        return run.job_name
    return "the run of " + ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ()))


def _cause(instance: dg.DagsterInstance, run_id: str) -> str:
    """The root of the first failed step's error; without one, why the run itself ended."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    # Oldest first: a step fails before its run.
    for record in instance.get_records_for_run(run_id, of_type=kinds, limit=1).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        message = _root_message(getattr(event.event_specific_data, "error", None))
        return f"{event.step_key}: {message}" if event.step_key else message or event.message or _ENDED
    return _ENDED


def _root_message(error: Any) -> str:
    """The message of the innermost cause; empty without an error."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else ""


def _failed_checks(instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]) -> Iterator[Condition]:
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    for key, record in sorted(latest.items(), key=lambda item: str(item[0])):
        if record.event is None or record.event.dagster_event is None:
            continue
        dagster_event = record.event.dagster_event
        if dagster_event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        evaluation = dagster_event.asset_check_evaluation_data
        if evaluation.passed:
            continue
        asset = key.asset_key
        kind = _KINDS.get(key.name, "check")
        yield Condition(
            kind=kind,
            subject="/".join(asset.path) if kind != "check" else f"{'/'.join(asset.path)}:{key.name}",
            severity=FAILURE if evaluation.severity == dg.AssetCheckSeverity.ERROR else WARNING,
            since=_instant(record.event.timestamp),
            what=_HEADLINES[kind],
            promise="a result is known 3 hours after kickoff plus the feed's lag" if kind == "feed" else "",
            cause=evaluation.description or _text_of(evaluation.metadata),
            action=_remedy_of(evaluation.metadata),
            path=f"/assets/{'/'.join(asset.path)}?view=checks",
        )


def _stale_assets(
    instance: dg.DagsterInstance, watched: Mapping[dg.AssetKey, str], cause: str
) -> Iterator[Condition]:
    records = instance.get_freshness_state_records(list(watched))
    for key, promise in watched.items():
        record = records.get(key)
        state = record.freshness_state.value if record else "PASS"
        if record is None or state not in {"WARN", "FAIL"}:
            continue
        yield Condition(
            kind="freshness",
            subject=key.to_user_string(),
            severity=WARNING if state == "WARN" else FAILURE,
            since=isoformat(record.updated_at),
            what="is stale",
            promise=promise,
            cause=cause,
            path=f"/assets/{'/'.join(key.path)}",
        )


def _champion_change(instance: dg.DagsterInstance) -> Iterator[Condition]:
    """A notice where the newest materialisation of the champion promoted or rolled back."""
    event = instance.get_latest_materialization_event(_CHAMPION)
    if event is None or event.asset_materialization is None:
        return
    change = change_of(event.asset_materialization.metadata)
    if change is None or change.kind not in _CHANGES:
        return
    kind, what = _CHANGES[change.kind]
    yield Condition(
        kind=kind,
        subject=f"model version {change.version}",
        severity=NOTICE,
        since=_instant(event.timestamp),
        what=what,
        cause=change.reason,
        path="/assets/model/champion",
    )


def _without_registry(instance: dg.DagsterInstance) -> Iterator[Condition]:
    """A warning where the newest predictions were made without MLflow's models."""
    event = instance.get_latest_materialization_event(_UPCOMING)
    if event is None or event.asset_materialization is None:
        return
    note = event.asset_materialization.metadata.get(WITHOUT_REGISTRY)
    if note is None:
        return
    yield Condition(
        kind="mlflow",
        subject="MLflow",
        severity=WARNING,
        since=_instant(event.timestamp),
        what="gave no models to the last refresh",
        promise="the models of its aliases at every refresh",
        cause=str(note.value),
        path="/assets/predictions/upcoming",
    )


def _instant(epoch_seconds: float) -> str:
    return isoformat(dt.datetime.fromtimestamp(epoch_seconds, dt.UTC))


def _remedy_of(metadata: Mapping[str, Any]) -> str:
    """What a check says that should be done; empty where it says nothing."""
    return str(metadata[REMEDY].value) if REMEDY in metadata else ""


def _text_of(metadata: Mapping[str, Any]) -> str:
    """Every entry of a check's metadata, names and values as text."""
    return ", ".join(
        f"{name.replace('_', ' ')} "
        + (_instant(entry.value) if isinstance(entry, dg.TimestampMetadataValue) else str(entry.value))
        for name, entry in metadata.items()
    )
