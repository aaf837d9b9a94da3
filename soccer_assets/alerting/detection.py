"""Detection of faults: in Dagster's records, and in the sidecars' rejections of releases."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import msgspec
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from soccer_assets.alerting.failed_step import failed_step, remedy_of
from soccer_assets.alerting.faults import FAILURE, NOTICE, WARNING, Condition
from soccer_assets.alerting.run_texts import assets_of, evaluates_again, subject_of, texts_of
from soccer_assets.clock import isoformat
from soccer_assets.contract.events import OUTBOX_PREFIX, Refusal
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.models.champion_change import change_of
from soccer_assets.stores.release_manifests import read_pointer
from soccer_assets.stores.releases.current_models import WITHOUT_REGISTRY

# Older runs do not raise alerts.
_NEWEST_RUNS = 200
_RUN_AGE = dt.timedelta(days=7)
# Evaluations of a failed check that are read for its beginning: two days of an hourly one.
_NEWEST_EVALUATIONS = 50
_CHAMPION = dg.AssetKey(["model", "champion"])
_UPCOMING = dg.AssetKey(["predictions", "upcoming"])
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]

# Changes of the champion that subscribers hear of: kind of the notice, and its headline.
_CHANGES = {
    "promoted": ("promotion", "is the new champion", "champion is now version {version}"),
    "rolled_back": ("rollback", "is the champion again", "champion rolled back to version {version}"),
}
# Checks whose failure is a fault of a kind of its own, and its headline.
_KINDS = {"results_due": "feed", "drift_within_bounds": "drift"}
# Metadata of a failed check that says since when its promise is broken: a timestamp.
BROKEN_SINCE = "broken_since"
_HEADLINES = {"feed": "has overdue results", "drift": "drifted beyond its bound", "check": "failed"}
_PROMPT = "most results of a matchday come within twice the feed's lag, or as fast as 95 % of its own"
_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
_STOPPED = "the run stopped before it published; the last release stays in service"
_STOPPED_NOTHING = "nothing was stopped: predictions are made and published all the same"


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """What a freshness policy promises.

    Attributes:
        text: such as "fails after 3 hours".
        after: age at which it is first broken.
        jobs: those that make the asset anew, the first by hand too.
        impact: effect of an old asset on predictions.
    """

    text: str
    after: dt.timedelta
    jobs: tuple[str, ...]
    impact: str


def graph_conditions(
    instance: dg.DagsterInstance,
    watched: Mapping[dg.AssetKey, Promise],
    checks: Iterable[dg.AssetCheckKey],
    now: dt.datetime,
    store_folder: str = "",
) -> list[Condition]:
    """Failed runs, failed checks, stale assets, the newest promotion or rollback, and MLflow if it is away.

    Args:
        instance: whose runs, checks and materialisations are read.
        watched: by asset with a freshness policy, what was promised.
        checks: every check of the graph.
        now: wall clock.
        store_folder: of a store that is a folder: runs that fail for it are one incident.
    """
    failures = list(_failed_runs(instance, now, store_folder))
    return [
        *failures,
        *_failed_checks(instance, checks, failures),
        *_stale_assets(instance, watched, failures),
        *_champion_change(instance),
        *_without_registry(instance),
    ]


def healing_run(instance: dg.DagsterInstance, ended: Condition) -> str:
    """Id of the run that ended a condition that was found here; empty where none did."""
    if ended.kind == "run":
        since = dt.datetime.fromisoformat(ended.since)
        records = instance.get_run_records(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=since), limit=_NEWEST_RUNS
        )
        runs = [record.dagster_run for record in records]
        again = next((run.run_id for run in runs if subject_of(run) == ended.subject), "")
        failed = instance.get_run_by_id(ended.run)
        return again or _made_since(instance, assets_of(failed) if failed else [], since.timestamp())
    if not ended.asset:
        return ""
    asset = dg.AssetKey.from_user_string(ended.asset)
    if ended.kind not in {*_KINDS.values(), "check"}:
        made = instance.get_latest_materialization_event(asset)
        return made.run_id if made else ""
    names = {kind: name for name, kind in _KINDS.items()}
    key = dg.AssetCheckKey(asset, names.get(ended.kind) or ended.subject.rpartition(":")[2])
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    record = _evaluated(instance, key, latest)
    return record.run_id if record else ""


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
    current = read_pointer(store)
    found = []
    for key in store.list(OUTBOX_PREFIX):
        content = store.read(key)
        if content is None:  # withdrawn meanwhile
            continue
        refusal = msgspec.json.decode(content, type=Refusal)
        if current is not None and refusal.release_id == current.release_id:
            found.append(
                Condition(
                    kind="release",
                    subject=f"{refusal.release_id} at {refusal.sidecar}",
                    severity=FAILURE,
                    since=refusal.at,
                    what=f"was rejected by sidecar {refusal.sidecar}",
                    headline=f"release {refusal.release_id} was rejected by sidecar {refusal.sidecar}",
                    promise="a published release is served within seconds",
                    cause=refusal.reason,
                    path="/assets/releases/current",
                    asset="releases/current",
                )
            )
    return found


def _failed_runs(instance: dg.DagsterInstance, now: dt.datetime, store_folder: str) -> Iterator[Condition]:
    """Jobs whose newest finished run failed; an ad hoc run is identified by the assets it selects.

    It is over when all of them were made since, by whatever run: nobody launches the same selection again.
    Such a job has failed since the first run after its last success.
    """
    succeeded: set[str] = set()
    newest: dict[str, dg.RunRecord] = {}
    since: dict[str, float] = {}
    for record in instance.get_run_records(
        dg.RunsFilter(statuses=_FINISHED, updated_after=now - _RUN_AGE), limit=_NEWEST_RUNS
    ):
        subject = subject_of(record.dagster_run)
        if record.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
            succeeded.add(subject)
        elif subject not in succeeded:
            newest.setdefault(subject, record)
            since[subject] = _end_of(record)
    for subject, record in newest.items():
        run = record.dagster_run
        if _made_since(instance, assets_of(run), _end_of(record)):
            continue
        failed, texts = failed_step(instance, run.run_id, store_folder), texts_of(run)
        yield Condition(
            kind="run",
            subject=subject,
            severity=FAILURE,
            since=_instant(since[subject]),
            what="failed",
            headline=f"{texts.name} failed",
            impact=texts.impact,
            action=failed.remedy or texts.action,
            cause=f"{failed.step}: {failed.cause}" if failed.step else failed.cause,
            path=f"/runs/{run.run_id}",
            asset=failed.step if "/" in failed.step else "",
            run=run.run_id,
            root=failed.incident,
        )


def _end_of(record: dg.RunRecord) -> float:
    return record.end_time or record.create_timestamp.timestamp()


def _made_since(instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], since: float) -> str:
    """Id of the run that made the last one of some assets, if all were made after an instant; else empty."""
    made = [instance.get_latest_materialization_event(asset) for asset in assets]
    events = [event for event in made if event is not None and event.timestamp > since]
    return (
        max(events, key=lambda event: event.timestamp).run_id if events and len(events) == len(made) else ""
    )


def _failed_checks(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey], failures: Sequence[Condition]
) -> Iterator[Condition]:
    stopped = {failure.run: failure.incident for failure in failures}
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    for key, newest in sorted(latest.items(), key=lambda item: str(item[0])):
        record = _evaluated(instance, key, newest)
        evaluation = _evaluation_of(record)
        if record is None or evaluation is None or evaluation.passed:
            continue
        asset = "/".join(key.asset_key.path)
        kind = _KINDS.get(key.name, "check")
        is_failure = evaluation.severity == dg.AssetCheckSeverity.ERROR
        yield Condition(
            kind=kind,
            subject=asset if kind != "check" else f"{asset}:{key.name}",
            severity=FAILURE if is_failure else WARNING,
            since=_since_of(evaluation.metadata) or _failing_since(instance, key),
            what=_HEADLINES[kind],
            headline=f"check {key.name} of {asset} failed" if kind == "check" else "",
            promise=_PROMPT if kind == "feed" else "",
            cause=evaluation.description or _text_of(evaluation.metadata),
            action=remedy_of(evaluation.metadata) or (_again(instance, record) if kind == "check" else ""),
            impact=(_STOPPED if is_failure else _STOPPED_NOTHING) if kind == "check" else "",
            path=f"/assets/{asset}?view=checks",
            asset=asset,
            run=record.run_id,
            root=stopped.get(record.run_id, "") if is_failure and kind == "check" else "",
        )


def _again(instance: dg.DagsterInstance, record: AssetCheckExecutionRecord) -> str:
    """What to do about a failed check that says nothing itself."""
    again = evaluates_again(instance.get_run_by_id(record.run_id))
    return f"open the check and read its counts; when its cause is gone, {again}" if again else ""


def _failing_since(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> str:
    """When the check first failed after it last passed, as far as its newest evaluations go."""
    since = ""
    for record in instance.event_log_storage.get_asset_check_execution_history(
        key, _NEWEST_EVALUATIONS, status=_EVALUATED
    ):
        evaluation = _evaluation_of(record)
        if evaluation is not None and evaluation.passed:
            break
        if evaluation is not None and record.event is not None:
            since = _instant(record.event.timestamp)
    return since


def _evaluated(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, newest: AssetCheckExecutionRecord | None
) -> AssetCheckExecutionRecord | None:
    """The newest evaluation: a run that has begun has only planned its own, and may fail before it."""
    if newest is None or newest.status in _EVALUATED:
        return newest
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=_EVALUATED)
    return history[0] if history else None


def _evaluation_of(record: AssetCheckExecutionRecord | None) -> dg.AssetCheckEvaluation | None:
    event = record.event.dagster_event if record is not None and record.event else None
    if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    evaluation: dg.AssetCheckEvaluation = event.asset_check_evaluation_data
    return evaluation


def _stale_assets(
    instance: dg.DagsterInstance, watched: Mapping[dg.AssetKey, Promise], failures: Sequence[Condition]
) -> Iterator[Condition]:
    failed = {failure.subject: failure for failure in reversed(failures)}
    records = instance.get_freshness_state_records(list(watched))
    for key, promise in watched.items():
        record = records.get(key)
        state = record.freshness_state.value if record else "PASS"
        if record is None or state not in {"WARN", "FAIL"}:
            continue
        made = instance.get_latest_materialization_event(key)
        if made and made.timestamp > record.updated_at.timestamp():
            continue  # made anew since its state was written
        broken = made.timestamp + promise.after.total_seconds() if made else record.updated_at.timestamp()
        failure = next((failed[job] for job in promise.jobs if job in failed), None)
        yield Condition(
            kind="freshness",
            subject=key.to_user_string(),
            severity=WARNING if state == "WARN" else FAILURE,
            since=_instant(min(broken, record.updated_at.timestamp())),
            what="is stale",
            promise=promise.text,
            cause=failure.cause if failure else "",
            impact=promise.impact,
            action=f"`soccer doctor` looks for what stopped it; `soccer run {promise.jobs[0]}` makes it anew",
            path=f"/assets/{'/'.join(key.path)}",
            asset=key.to_user_string(),
            root=failure.incident if failure else "",
        )


def _champion_change(instance: dg.DagsterInstance) -> Iterator[Condition]:
    """A notice where the newest materialisation of the champion promoted or rolled back."""
    event = instance.get_latest_materialization_event(_CHAMPION)
    if event is None or event.asset_materialization is None:
        return
    change = change_of(event.asset_materialization.metadata)
    if change is None or change.kind not in _CHANGES:
        return
    kind, what, headline = _CHANGES[change.kind]
    yield Condition(
        kind=kind,
        subject=f"model version {change.version}",
        severity=NOTICE,
        since=_instant(event.timestamp),
        what=what,
        headline=headline.format(version=change.version),
        cause=change.reason,
        path="/assets/model/champion",
        asset=_CHAMPION.to_user_string(),
        run=event.run_id,
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
        asset="predictions/upcoming",
        run=event.run_id,
    )


def _instant(epoch_seconds: float) -> str:
    return isoformat(dt.datetime.fromtimestamp(epoch_seconds, dt.UTC))


def _since_of(metadata: Mapping[str, Any]) -> str:
    """Since when the promise is broken, where a check says so; else empty."""
    return _instant(metadata[BROKEN_SINCE].value) if BROKEN_SINCE in metadata else ""


def _text_of(metadata: Mapping[str, Any]) -> str:
    """Every entry of a check's metadata, names and values as text."""
    return ", ".join(
        f"{name.replace('_', ' ')} "
        + (_instant(entry.value) if isinstance(entry, dg.TimestampMetadataValue) else str(entry.value))
        for name, entry in metadata.items()
    )
