"""Whether the process of a run still lives, and the closing of runs whose process is gone.

Dagster's launcher asks nobody: a run whose worker and code server were killed stays STARTED for ever, and
everything that publishes waits behind it. A code server knows the runs that it started itself, and the
machine knows its processes; both are asked.
"""

import enum
import json
import os
import socket
from collections.abc import Iterator, Mapping

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

# On runs in a terminal's own process: its host, pid and start, because no code server knows them.
PROCESS_TAG = "soccer/process"

_ANSWER_SECONDS = 5
# A worker reports its pid within this time of its start; a pid that is used again belongs to a later process.
_REPORTS_WITHIN_SECONDS = 600.0
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
_LOST = "its process is gone and nobody closed it; the next run repeats its work"


class Worker(enum.Enum):
    """The process of a run."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


def process_tag() -> dict[str, str]:
    """The tag of a run that is executed by this process."""
    import psutil  # noqa: PLC0415 - not in the serving image

    created = psutil.Process().create_time()
    return {PROCESS_TAG: json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "created": created})}


def worker_of(instance: dg.DagsterInstance, run: dg.DagsterRun, *, no_code_server: bool = False) -> Worker:
    """Whether the process of a started run lives.

    Args:
        instance: has the run's events.
        run: a run whose status is STARTED.
        no_code_server: the caller knows that the run's code server does not run, as a new one before it
            listens. A remote server that does not answer says nothing otherwise: its network may be down.
    """
    if PROCESS_TAG in run.tags:
        return _process_of_tag(json.loads(run.tags[PROCESS_TAG]))
    if GRPC_INFO_TAG not in run.tags:
        return Worker.UNKNOWN
    server = json.loads(run.tags[GRPC_INFO_TAG])
    knows = _code_server_knows(server, run.run_id)
    if knows or _process_here(instance, run.run_id) is not None:
        return Worker.ALIVE
    is_here = "socket" in server or server.get("host") in _LOCAL_HOSTS
    return Worker.GONE if knows is False or is_here or no_code_server else Worker.UNKNOWN


def lost_runs(instance: dg.DagsterInstance, *, no_code_server: bool = False) -> Iterator[dg.DagsterRun]:
    """Started runs whose process is gone."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if worker_of(instance, run, no_code_server=no_code_server) is Worker.GONE:
            yield run


def close_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the started runs whose process is gone, before a code server listens; returns their ids."""
    closed = []
    for run in lost_runs(instance, no_code_server=True):
        instance.report_run_failed(run, _LOST)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def _code_server_knows(server: Mapping[str, object], run_id: str) -> bool | None:
    """Whether the code server has a process for the run; None where it does not answer."""
    from dagster._core.errors import DagsterUserCodeUnreachableError  # noqa: PLC0415 - gRPC takes a second
    from dagster._grpc.client import DagsterGrpcClient  # noqa: PLC0415
    from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult  # noqa: PLC0415
    from dagster._serdes import deserialize_value  # noqa: PLC0415

    client = DagsterGrpcClient(
        host=str(server.get("host") or "localhost"),
        port=server.get("port"),  # type: ignore[arg-type]  # a number, or None beside a socket
        socket=server.get("socket"),  # type: ignore[arg-type]  # as above
        use_ssl=bool(server.get("use_ssl", False)),
    )
    try:
        answer = client.can_cancel_execution(
            CanCancelExecutionRequest(run_id=run_id), timeout=_ANSWER_SECONDS
        )
    except DagsterUserCodeUnreachableError:
        return None
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel


def signal_worker(instance: dg.DagsterInstance, run_id: str, number: int) -> bool:
    """Send a signal to the run's worker; False where it does not live on this machine."""
    pid = _process_here(instance, run_id)
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _process_here(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process that reported itself as the run's worker, where it lives on this machine."""
    events = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    for record in events:
        event = record.event_log_entry.dagster_event
        metadata = event.engine_event_data.metadata if event else {}
        pid = metadata.get("pid")
        if pid is None:
            continue
        reported = record.event_log_entry.timestamp
        created = _start_of(int(str(pid.value)), of_worker=True)
        if created is not None and 0 <= reported - created + 1 <= _REPORTS_WITHIN_SECONDS:
            return int(str(pid.value))
    return None


def _process_of_tag(process: Mapping[str, object]) -> Worker:
    if process["host"] != socket.gethostname():
        return Worker.UNKNOWN
    created = _start_of(int(str(process["pid"])))
    is_it = created is not None and abs(created - float(str(process["created"]))) < 1
    return Worker.ALIVE if is_it else Worker.GONE


def _start_of(pid: int, *, of_worker: bool = False) -> float | None:
    """When a process began, epoch seconds; None without it, or where it cannot be a run's worker."""
    import psutil  # noqa: PLC0415 - not in the serving image

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if of_worker and not any("multiprocessing" in part for part in process.cmdline()):
            return None
        return float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
