"""The task worker: ``python -m serving.tasks.worker`` scores the tasks of `POST /predict/async/`.

A separate process that scores in a thread of low priority, so that look-ups stay fast. It reads the release
itself when a task starts. If it is killed, the next worker resumes the task after the last stored part.
"""

import asyncio
import contextlib
import importlib
import itertools
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import structlog
from saq.job import Status
from saq.queue.redis import RedisQueue
from saq.types import PartialTimersDict
from saq.utils import now
from saq.worker import Worker

from serving.backends.redis import OwnNames, RedisUnavailableError, connect, translate_redis_errors
from serving.background_tasks import cancel_and_wait
from serving.release.reader import ReleaseError, ReleaseReader, StoreUnavailableError
from serving.release.scoring_files import ScoringFiles
from serving.scoring.schemas import RefusedRow, Row, RowProblem, decode_row
from serving.settings import cache_folder
from serving.tasks.queue import ALIVE_SECONDS, HEARTBEAT_SECONDS, JOB
from serving.tasks.store import PART_ROWS, TaskStore, part_count
from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.installation import INSTALLATION_KEY, Installation
from soccer_assets.settings import Settings
from soccer_assets.signs_of_life import TASK_WORKER, SignOfLife

_PAUSE_SECONDS = 1.0
# On shutdown the running task is requeued after this time; its stored parts remain.
_STOP_SECONDS = 2
_NICENESS = 10
# How often a worker looks for jobs in no list; the look reads every kept job.
_LOST_JOBS_SECONDS = 15.0
_PRUNE_SECONDS = 3600.0

_log = structlog.get_logger()


class WorkerQueue(RedisQueue):
    """A queue that loses no job, pauses while Redis is down, and lists a worker for `ALIVE_SECONDS`.

    Args:
        client: of Redis.
        name: the queue's.
        sign: given after each heartbeat that Redis took.
    """

    def __init__(self, client: Any, *, name: str, sign: SignOfLife) -> None:
        super().__init__(client, name=name)
        self._sign = sign
        self._next_look = 0.0

    async def sweep(self, *args: Any, **kwargs: Any) -> list[str]:
        """Queue jobs again whose worker sends no heartbeat.

        saq takes such a job from its list, waits five seconds for its worker, and only then queues it again.
        A worker that sweeps its own late job and dies in these seconds leaves it in no list.
        """
        swept = await super().sweep(*args, **kwargs)
        if time.monotonic() < self._next_look:
            return swept
        self._next_look = time.monotonic() + _LOST_JOBS_SECONDS
        lists = [await self.redis.lrange(name, 0, -1) for name in (self._active, self._queued)]
        listed = set(itertools.chain(*lists))
        async for job in self.iter_jobs([Status.ACTIVE, Status.ABORTING]):
            # Twice the timeout: another worker may be within saq's five seconds.
            if job.id.encode() in listed or now() - job.touched < 2000 * job.heartbeat:
                continue
            swept.append(job.id)
            if job.retryable:
                await self.retry(job, error=self.swept_error_message)
            else:
                await self.finish(job, Status.ABORTED, error=self.swept_error_message)
        return swept

    async def worker_info(self, *args: Any, **kwargs: Any) -> Any:
        """Send the worker's heartbeat; saq would drop the worker a second after one that is late."""
        info = await super().worker_info(*args, **kwargs | {"ttl": ALIVE_SECONDS})
        self._sign.give()
        return info

    async def dequeue(self, *args: Any, **kwargs: Any) -> Any:
        """The next job; None after a pause if Redis does not answer."""
        try:
            with translate_redis_errors():
                return await super().dequeue(*args, **kwargs)
        except RedisUnavailableError:
            await asyncio.sleep(_PAUSE_SECONDS)
            return None


class TaskScorer:
    """Scores tasks part by part.

    Args:
        store: rows and results.
        reader: of releases.
        clock: for `predicted_at`.
    """

    def __init__(self, store: TaskStore, reader: ReleaseReader, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock
        self._next_prune = 0.0
        self._thread = ThreadPoolExecutor(1, initializer=_take_low_priority)

    async def score(self, context: dict[str, Any]) -> None:
        """Score a task, or the parts of it that another worker did not finish."""
        job = context["job"]
        async with _heartbeat(job):
            files = await asyncio.to_thread(self._files)
            rows = await self._store.rows(job.key)
            count = part_count(len(rows))
            for number in range(await self._store.resume(job.key, files.provenance.release_id), count):
                part = rows[number * PART_ROWS : (number + 1) * PART_ROWS]
                at = isoformat(self._clock.now())
                items = await asyncio.get_running_loop().run_in_executor(
                    self._thread, _score_part, files, part, number * PART_ROWS, at
                )
                await self._store.write_part(job.key, number, items)
                job.progress = (number + 1) / count
            await self._store.finish(job.key)
        await asyncio.to_thread(self._prune)
        _log.info("task done", task_id=job.key, rows=len(rows), release_id=files.provenance.release_id)

    def _prune(self) -> None:
        """Delete the data of expired tasks, at most once an hour."""
        if time.monotonic() < self._next_prune:
            return
        self._next_prune = time.monotonic() + _PRUNE_SECONDS
        with contextlib.suppress(StoreUnavailableError):
            # Twice the time: rows are kept from the start of a task, results again from its end.
            self._reader.prune_task_data(2 * self._store.keep_seconds)

    def _files(self) -> ScoringFiles:
        """The current release's files, fetched and checked."""
        release = self._reader.fetch(self._reader.read_pointer())
        files = ScoringFiles.of(release.manifest, release.files)
        if files is None:
            raise RuntimeError(
                "the release was published by an older version and cannot score; publish again"
            )
        return files


def _take_low_priority() -> None:
    """Give way to look-ups: niceness 10 for this thread and the threads of XGBoost that it starts.

    p99 of look-ups is 5.3 ms beside a task and 2.8 ms without. SCHED_IDLE gives 3.9 ms, but on cores that
    other programs keep busy a task then gets .2 % of a core and never ends. Heartbeats keep their priority.
    """
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def _score_part(files: ScoringFiles, part: list[msgspec.Raw], first: int, at: str) -> list[bytes]:
    """The JSON object of each row of a part: scores, or the problems of the row."""
    from serving.scoring.engine import engine  # noqa: PLC0415 - in the thread that needs it

    rows = [decode_row(raw) for raw in part]
    good: list[Row] = [row for row in rows if not isinstance(row, RowProblem)]
    scored = iter(engine(files).answer(good, at, with_reasons=False))
    items = []
    for number, row in enumerate(rows, start=first):
        answer = (row,) if isinstance(row, RowProblem) else next(scored)
        items.append(
            answer
            if isinstance(answer, bytes)
            else msgspec.json.encode(RefusedRow(row=number, errors=answer))
        )
    return items


@contextlib.asynccontextmanager
async def _heartbeat(job: Any) -> AsyncIterator[None]:
    """Send heartbeats with the progress of a task while the block runs."""

    async def beat() -> None:
        while True:
            with contextlib.suppress(RedisUnavailableError), translate_redis_errors():
                await job.update()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        await cancel_and_wait(beats)


async def work(settings: Settings) -> None:
    """Score tasks until the process gets a stop signal."""
    sign = SignOfLife(settings.home, TASK_WORKER)
    sign.take_back()
    client = connect(settings.redis_url)
    reader = ReleaseReader(settings.store_url, cache_folder(settings), settings.s3_endpoint_url)
    names = await _names(reader)
    scorer = TaskScorer(
        TaskStore(client, names, settings.task_keep_seconds, objects=reader), reader, settings.clock
    )
    worker: Worker[Any] = Worker(
        WorkerQueue(client, name=names.get().queue, sign=sign),
        functions=[(JOB, scorer.score)],
        concurrency=1,
        timers=cast("PartialTimersDict", {"sweep": HEARTBEAT_SECONDS, "worker_info": HEARTBEAT_SECONDS}),
        dequeue_timeout=2.0,  # below the socket timeout, so that an idle queue is not taken for a dead server
        shutdown_grace_period_s=0,
        cancellation_hard_deadline_s=_STOP_SECONDS,
        metadata={"pid": os.getpid(), "host": socket.gethostname()},
    )
    await worker.start()
    await client.aclose()


async def _names(reader: ReleaseReader) -> OwnNames:
    """The names on Redis; waits until the store says whose it is."""
    while True:
        installation = await asyncio.to_thread(_installation, reader)
        if installation is not None:
            return OwnNames(installation)
        await asyncio.sleep(_PAUSE_SECONDS)


def _installation(reader: ReleaseReader) -> str | None:
    """The id of the installation whose store this is; None before it is known, and without an answer."""
    try:
        found = reader.read_report(INSTALLATION_KEY, Installation)
    except ReleaseError:
        return None
    return found.id if found else None


async def is_worker_alive(settings: Settings) -> bool:
    """Whether a worker of this host sent a heartbeat within the last seconds."""
    reader = ReleaseReader(settings.store_url, cache_folder(settings), settings.s3_endpoint_url)
    installation = _installation(reader)
    if installation is None:
        return False
    client = connect(settings.redis_url)
    info = await RedisQueue(client, name=OwnNames(installation).get().queue).info()
    await client.aclose()
    beats = [worker["metadata"] or {} for worker in info["workers"].values()]
    return any(beat.get("host") == socket.gethostname() for beat in beats)


def main() -> None:
    """Run the worker; with ``--check`` exit with 0 if a worker of this host is alive, otherwise 1."""
    settings = Settings.from_env()
    if not settings.redis_url:
        raise SystemExit("soccer: the task worker needs SOCCER_REDIS_URL, the address of Redis")
    if "--check" in sys.argv:
        sys.exit(0 if asyncio.run(is_worker_alive(settings)) else 1)
    logging.basicConfig(level=logging.WARNING)
    importlib.import_module("serving.scoring.engine")  # at normal priority, before the first task
    asyncio.run(work(settings))


if __name__ == "__main__":
    main()
