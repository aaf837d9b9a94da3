"""Why a run failed: its step, the error at the root, what to do, and the incident that it belongs to."""

import hashlib
from collections.abc import Mapping
from typing import Any

import dagster as dg
import msgspec

# Metadata of a failed check or step that says what to do; alerts put it in place of their general advice.
REMEDY = "remedy"
_ENDED = "the run ended before any step failed"
_STORE = "store:the object store"
# By the class of the error that ended a run, the fault of the service itself.
_SERVICES = {
    "RegistryUnavailableError": "mlflow:MLflow",
    "StoreUnavailableError": _STORE,
}
# What the system says of a file that cannot be read or written.
_FILE_ERRORS = frozenset(
    {
        "FileExistsError",
        "FileNotFoundError",
        "IsADirectoryError",
        "NotADirectoryError",
        "OSError",
        "PermissionError",
    }
)


class FailedStep(msgspec.Struct, frozen=True, kw_only=True):
    """The first step of a run that failed.

    Attributes:
        step: named as its asset; empty where the run ended before any failed.
        cause: the error at the root, or why the run itself ended.
        remedy: what to do, where the error says so.
        incident: the same for runs that fail of one cause; empty where none is known.
    """

    step: str = ""
    cause: str = _ENDED
    remedy: str = ""
    incident: str = ""


def failed_step(instance: dg.DagsterInstance, run_id: str, store_folder: str = "") -> FailedStep:
    """The first step of a run that failed; ``store_folder`` is that of a store that is a folder."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    # Oldest first: a step fails before its run.
    for record in instance.get_records_for_run(run_id, of_type=kinds, limit=1).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        error = _innermost(getattr(event.event_specific_data, "error", None))
        message = error.message.strip() if error is not None else ""
        said = getattr(event.event_specific_data, "user_failure_data", None)
        return FailedStep(
            step=(event.step_key or "").replace("__", "/"),
            cause=message if event.step_key else message or event.message or _ENDED,
            remedy=remedy_of(said.metadata) if said is not None else "",
            incident=_incident_of(error, store_folder),
        )
    return FailedStep()


def remedy_of(metadata: Mapping[str, Any]) -> str:
    """What a check or step says that should be done; empty where it says nothing."""
    return str(metadata[REMEDY].value) if REMEDY in metadata else ""


def _innermost(error: Any) -> Any:
    """The innermost cause of an error; None without one."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _incident_of(error: Any, store_folder: str) -> str:
    """Runs that fail of one cause are one incident: of a service that is away, or with the same message."""
    if error is None or not error.message.strip():
        return ""
    if store_folder and error.cls_name in _FILE_ERRORS and f"{store_folder}/" in error.message:
        return _STORE
    digest = hashlib.sha256(error.message.strip().encode()).hexdigest()[:16]
    return _SERVICES.get(error.cls_name or "", f"cause:{digest}")
