"""Runs a job in this process and reports its progress: `soccer run`, the first build, the refresh of `up`."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

import dagster as dg
import msgspec
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import MAX_RETRIES_TAG, REPOSITORY_LABEL_TAG
from dagster._core.utils import make_new_run_id

from soccer_assets.graph.build import build_definitions
from soccer_assets.graph.jobs import declared_config
from soccer_assets.graph.retries import INTERACTIVE_TAG
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.resources.run_workers import process_tag
from soccer_assets.settings import Settings

# Dagster's pages find a run of this process by these alone: the page of a job by the tag, the
# timeline by the origin.
_ORIGIN = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("soccer_assets"), "__repository__")
# A person waits for it: the daemon does not start it again when it was killed.
_TAGS = {INTERACTIVE_TAG: "true", REPOSITORY_LABEL_TAG: _ORIGIN.get_label(), MAX_RETRIES_TAG: "0"}

# A step of the first build takes up to a minute; a terminal without a new line for longer looks stuck.
_QUIET_SECONDS = 10.0


class RunOutcome(msgspec.Struct, frozen=True):
    """The result of a run; an empty ``failure`` means success."""

    run_id: str
    failure: str
    seconds: float


class Progress(logging.Handler):
    """Reports each finished step once, from Dagster's step events, and a long one while it runs.

    Use it in a ``with`` statement: a thread waits for ten seconds without a line.
    """

    def __init__(self, say: Callable[[str], None], quiet_seconds: float = _QUIET_SECONDS) -> None:
        super().__init__(logging.DEBUG)
        self.steps = 0
        self._say = say
        self._quiet_seconds = quiet_seconds
        self._done = 0
        self._started: dict[str, float] = {}
        self._said_at = time.monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._report_running, name="progress", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self._is_over.set()
        self._thread.join()

    def emit(self, record: logging.LogRecord) -> None:
        """Report a step that finished or failed."""
        event: dg.DagsterEvent | None = getattr(record, "dagster_event", None)
        if event is None or event.step_key is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            self._started[event.step_key] = time.monotonic()
        if event.event_type in {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}:
            self._done += 1
            seconds = time.monotonic() - self._started.pop(event.step_key, time.monotonic())
            mark = "✓" if event.event_type == dg.DagsterEventType.STEP_SUCCESS else "✗"
            self._line(f"  [{self._done:2d}/{self.steps}] {mark} {_name_of(event.step_key)}  {seconds:.1f} s")

    def _line(self, text: str) -> None:
        self._said_at = time.monotonic()
        self._say(text)

    def _report_running(self) -> None:
        while not self._is_over.wait(max(0.0, self._said_at + self._quiet_seconds - time.monotonic())):
            with self.lock or contextlib.nullcontext():  # the handler's own, which `emit` holds
                now = time.monotonic()
                running = [f"{_name_of(key)}, {now - began:.0f} s" for key, began in self._started.items()]
                if now >= self._said_at + self._quiet_seconds:
                    idle = "between two steps" if self._done else "the run is starting"
                    self._line(f"  [{self._done:2d}/{self.steps}] … {'; '.join(running) or idle}")


class Belongs(logging.Handler):
    """Gives a run the code location that it belongs to, at its first event."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        super().__init__(logging.DEBUG)
        self._instance = instance
        self._run_id = run_id
        self._is_done = False

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        """Set the origin once; in the thread that runs the job, so that no change of its state is lost."""
        if self._is_done:
            return
        self._is_done = True
        run = self._instance.get_run_by_id(self._run_id)
        if run is not None:
            origin = RemoteJobOrigin(_ORIGIN, run.job_name)
            self._instance.run_storage.replace_job_origin(run, origin)


def run_job(
    settings: Settings,
    instance: dg.DagsterInstance,
    job_name: str,
    say: Callable[[str], None],
    months: tuple[str, str] | None = None,
) -> RunOutcome:
    """Run a job of this home's graph in this process.

    Args:
        settings: the home.
        instance: stores the run.
        job_name: such as ``build_everything``, which loads the newest ``SOCCER_FIRST_BUILD_MONTHS`` months.
        say: prints one line per step.
        months: first and last month of a job over history, such as ``2025-01``; None for the newest.

    Raises:
        OperationError: the home has no such month, or the job reads none.
    """
    progress, run_id = Progress(say), make_new_run_id()
    logger = logging.Logger("progress")  # noqa: LOG001 - Dagster needs a logger of its own
    logger.addHandler(progress)
    logger.addHandler(Belongs(instance, run_id))
    loggers = {"progress": dg.LoggerDefinition(lambda _context: logger)}
    job = dg.Definitions.merge(build_definitions(settings), dg.Definitions(loggers=loggers)).resolve_job_def(
        job_name
    )
    progress.steps = len(job.nodes)
    tags = {**_TAGS, **process_tag()}
    if job.partitions_def is not None:
        read = _months_of(job.partitions_def.get_partition_keys(), months, settings.first_build_months)
        tags |= {
            "dagster/asset_partition_range_start": read[0],
            "dagster/asset_partition_range_end": read[-1],
        }
        say(f"  history: {len(read)} months, {read[0][:7]} to {read[-1][:7]}")
    elif months is not None:
        raise OperationError(f"{job_name} reads no months of history; run it without --months")
    start = time.monotonic()
    config = declared_config(job) | {"loggers": {"progress": {}}}
    with progress:
        result = job.execute_in_process(
            run_config=config, instance=instance, tags=tags, raise_on_error=False, run_id=run_id
        )
    failure = "" if result.success else _failure_of(result)
    return RunOutcome(result.run_id, failure, time.monotonic() - start)


def _name_of(step_key: str) -> str:
    return step_key.replace("__", "/")


def _months_of(keys: Sequence[str], months: tuple[str, str] | None, newest: int) -> Sequence[str]:
    """The partitions of a job: those from the first to the last month given, or the newest."""
    if months is None:
        return keys[-newest:]
    first, last = (f"{month}-01" for month in months)
    if first not in keys or last not in keys or first > last:
        raise OperationError(
            f"--months {' '.join(months)}: write the first and the last month from {keys[0][:7]} to "
            f"{keys[-1][:7]}, e.g. --months {keys[0][:7]} {keys[-1][:7]}"
        )
    return [key for key in keys if first <= key <= last]


def _failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The first failure and its root cause, in one sentence."""
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    for check in failed:
        # The error of its step names the check and not what it found.
        if check.severity is dg.AssetCheckSeverity.ERROR and check.description:
            return f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"
    for event in result.all_events:
        data = event.event_specific_data
        error = getattr(data, "error", None)
        if error is None:
            continue
        where = f"{event.step_key.replace('__', '/')}: " if event.step_key else ""
        failure = getattr(data, "user_failure_data", None)
        if failure is not None:
            return f"{where}{failure.description}"
        while error.cause is not None:
            error = error.cause
        return f"{where}{error.message.strip()}"
    return "; ".join(f"check {check.check_name} failed" for check in failed) or "the run failed"
