"""Reloads: polls the store for a new release, status or keys, and swaps them in.

Polling every ``poll_seconds`` is sufficient; an entry on the Redis stream triggers a poll at once. Both call
`Reloader.reload`, one at a time. A release that cannot be served is refused: counted, logged, and reported in
the outbox for the graph's alerts, while the previous release is still served.
"""

import asyncio
import contextlib
import datetime as dt
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import structlog

from serving.backends.redis import OwnNames, RedisUnavailableError, connect, translate_redis_errors
from serving.background_tasks import cancel_and_wait
from serving.child_process import ChildFailedError
from serving.http.page_access import KEYED, OFF, PageGate
from serving.http.session import Sessions
from serving.metrics import Metrics
from serving.release.current import FIRST_READ, SnapshotHolder
from serving.release.history_follower import HistoryFollower
from serving.release.key_ring import KeyRing
from serving.release.page_secrets import read_secret
from serving.release.reader import (
    ReleaseReader,
    ReleaseRefusedError,
    StoreUnavailableError,
    UnreadableObjectError,
)
from serving.release.released_projections import Projections
from serving.release.snapshot import Snapshot
from serving.scoring.process import Rows, Scorer
from soccer_assets.contract.events import Refusal
from soccer_assets.contract.installation import INSTALLATION_KEY, Installation
from soccer_assets.contract.model_history import CHAMPIONS_KEY, EVALUATION_KEY, Reign, Verdict
from soccer_assets.contract.pipeline import PIPELINE_KEY, PipelineState
from soccer_assets.contract.release import Pointer
from soccer_assets.contract.reports import DRIFT_KEY, QUALITY_KEY, DriftReport, QualityReport

_T = TypeVar("_T")

# By attribute of the holder: a report's key and kind.
_REPORTS: dict[str, tuple[str, Any]] = {
    "drift": (DRIFT_KEY, DriftReport),
    "quality": (QUALITY_KEY, QualityReport),
    "pipeline": (PIPELINE_KEY, PipelineState),
    "verdict": (EVALUATION_KEY, Verdict),
    "reigns": (CHAMPIONS_KEY, tuple[Reign, ...]),
}

# Answer of XREAD: for each stream its entries, for each entry its id and fields; None after a timeout.
_StreamAnswer = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]] | None

# Rounding differs between builds of a library by less than this; a larger difference means another model.
GOLDEN_TOLERANCE = 1e-12

# A refused release is retried at this interval, in case an operator repaired its files.
RETRY_REFUSED_SECONDS = 60.0

REPORT_SECONDS = 30.0

_MAX_BACKOFF_SECONDS = 30.0

# Why no release is loaded, and what to do.
_STORE_SILENT = (
    "The store of the releases cannot be read; it is tried again with every poll. Check that it runs, "
    "SOCCER_STORE_URL and its credentials; the log of the sidecar has its answer."
)
_NOTHING_PUBLISHED = (
    "Nothing is published in the store yet, or SOCCER_STORE_URL names another: `soccer run refresh_hourly` "
    "publishes."
)
_UNREADABLE = "The pointer to the current release cannot be read; publish again: `soccer run refresh_hourly`."

_log = structlog.get_logger()


class Reloader:
    """Keeps the current release, status, reports and API keys up to date.

    Args:
        reader: reads the object store.
        holder: gets the release, status and reports.
        keys: gets the API keys.
        scorer: scores the golden rows.
        metrics: counts reloads and failures.
        names: get the id of the installation.
        gate: gets the sessions of the pages.
        history: follows the history beside the release.
        is_https: the pages are reached by https.
        sidecar: name that signs refusals.
        poll_seconds: interval of polls.
        redis_url: server of the event stream; empty for polling only.
    """

    def __init__(
        self,
        *,
        reader: ReleaseReader,
        holder: SnapshotHolder,
        keys: KeyRing,
        scorer: Scorer,
        metrics: Metrics,
        names: OwnNames,
        gate: PageGate,
        history: HistoryFollower,
        is_https: bool,
        sidecar: str,
        poll_seconds: float,
        redis_url: str = "",
    ) -> None:
        self._reader = reader
        self._holder = holder
        self._keys = keys
        self._scorer = scorer
        self._metrics = metrics
        self._names = names
        self._gate = gate
        self._history = history
        self._is_https = is_https
        self._sidecar = sidecar
        self._poll_seconds = poll_seconds
        self._redis_url = redis_url
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._answers = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: set[str] = set()
        self._refused: Pointer | None = None
        self._refused_until = 0.0
        self._reports_due = 0.0
        self._is_named = asyncio.Event()
        self._reported: set[str] = set()
        self._reason = FIRST_READ

    @property
    def is_watching(self) -> bool:
        """Whether the background tasks run; if not, the sidecar must be restarted."""
        return all(not task.done() for task in self._tasks)

    async def start(self, wait_seconds: float) -> None:
        """Start polling, and wait up to ``wait_seconds`` for a release; its model is checked afterwards."""
        first, answers = asyncio.create_task(self.reload()), asyncio.create_task(self._answers.wait())
        await asyncio.wait([first, answers], timeout=wait_seconds, return_when=asyncio.FIRST_COMPLETED)
        answers.cancel()
        self._tasks.append(asyncio.create_task(self._poll(first)))
        if self._redis_url:
            self._tasks.append(asyncio.create_task(self._listen()))
        for task in self._tasks:
            task.add_done_callback(_log_failure)

    async def stop(self) -> None:
        """Stop polling and end the scoring child."""
        await cancel_and_wait(*self._tasks)
        self._scorer.cancel()
        await self._history.close()
        await asyncio.to_thread(self._scorer.close)

    async def reload(self) -> None:
        """Read keys, status and pointer, and load the release if it changed. One reload at a time."""
        async with self._lock:
            keys = await self._read("keys", self._reader.read_keys)
            if keys is not None:
                self._keys.update(keys)
            status = await self._read("status", self._reader.read_status)
            if status is not None:
                self._holder.update_status(status)
            pointer = await self._read("pointer", self._reader.read_pointer)
            if pointer is None and self._holder.current is None:
                self._holder.reason = self._reason
            await self._read_reports()
            if pointer is not None and not self._is_handled(pointer):
                await self._load(pointer)
            if pointer is not None:
                await self._load_projections(pointer)
            current = self._holder.current
            if current is not None:
                self._scorer.keep_warm(current.snapshot.scoring_files)
                if pointer is not None and is_same_release(current.snapshot.pointer, pointer):
                    self._history.follow(pointer.history)
            self._update_gauges()

    async def _read(self, what: str, read: Callable[[], _T]) -> _T | None:
        """Read one small object; None on failure: the last one stays in use."""
        try:
            value = await asyncio.to_thread(read)
        except (StoreUnavailableError, UnreadableObjectError) as error:
            self._metrics.poll_failures.labels(what).inc()
            if isinstance(error, StoreUnavailableError):
                self._metrics.store_failures.labels(what).inc()
                self._reason = _STORE_SILENT
            else:
                self._reason = _UNREADABLE if isinstance(error.__cause__, ValueError) else _NOTHING_PUBLISHED
            if what not in self._failing:  # log the first failure, not every poll
                self._failing.add(what)
                _log.warning("cannot read", what=what, error=str(error))
            return None
        if what in self._failing:
            self._failing.discard(what)
            _log.info("can read again", what=what)
        return value

    async def _read_reports(self) -> None:
        """Read the graph's reports and the installation's id every `REPORT_SECONDS`.

        An id that is not known yet is read at every poll.
        """
        if not self._is_named.is_set() or time.monotonic() >= self._reports_due:
            installation = await self._read(
                "installation", lambda: self._reader.read_report(INSTALLATION_KEY, Installation)
            )
            if installation is not None:
                self._names.set(installation.id)
                await self._open_sessions(installation.id)
                self._is_named.set()
        if time.monotonic() < self._reports_due:
            return
        self._reports_due = time.monotonic() + REPORT_SECONDS
        for name, (key, kind) in _REPORTS.items():
            report = await self._read(name, partial(self._reader.read_report, key, kind))
            if report is not None:
                setattr(self._holder, name, report)

    async def _open_sessions(self, installation: str) -> None:
        """Read the secret of the pages' sessions, once; a store that does not answer is asked again."""
        if self._gate.mode == OFF or self._gate.secret is not None:
            return
        secret = await self._read("pages_secret", lambda: read_secret(self._reader.store()))
        self._gate.secret = secret
        if secret is not None and self._gate.mode == KEYED:
            self._gate.sessions = Sessions(secret, installation, is_https=self._is_https)

    def _is_handled(self, pointer: Pointer) -> bool:
        """Whether this release is current already, or was refused less than a minute ago."""
        current = self._holder.current
        if current is not None and is_same_release(current.snapshot.pointer, pointer):
            return True
        return self._is_refused(pointer)

    def _is_refused(self, pointer: Pointer) -> bool:
        """Whether it was refused less than a minute ago."""
        return pointer == self._refused and time.monotonic() < self._refused_until

    async def _load(self, pointer: Pointer) -> None:
        is_trusted = self._holder.current is None and pointer != self._refused
        try:
            snapshot = await asyncio.to_thread(self._open, pointer)
            if is_trusted:
                # Served before its model is checked: the child needs about 2 s to start, `/ready` should not.
                self._holder.swap(snapshot)
                await self._load_projections(pointer)
                self._update_gauges()
                self._answers.set()
            await self._check_golden_rows(snapshot)
        except ReleaseRefusedError as refusal:
            if is_trusted:
                self._holder.swap(None)
            await self._refuse(pointer, refusal)
            return
        if not is_trusted:
            if self._can_score():  # warm up before the swap, so that scoring is not interrupted
                await self._scorer.warm(snapshot.scoring_files)
            self._holder.swap(snapshot, await self._projections_of(pointer))
        await asyncio.to_thread(snapshot.load_bodies)
        self._refused = None
        self._metrics.reloads.labels("loaded").inc()
        _log.info("release loaded", release_id=snapshot.release_id, rows=snapshot.manifest.prediction_rows)
        await self._withdraw_refusal(pointer.release_id)

    async def _load_projections(self, pointer: Pointer) -> None:
        """Read the projections beside the release that is served, if they are others than the last ones.

        Those that cannot be read are refused as a release is; the last ones stay, and so does the release.
        """
        current = self._holder.current
        if current is None or not is_same_release(current.snapshot.pointer, pointer):
            return
        if current.projections.entry == pointer.projections or self._is_refused(pointer):
            return
        try:
            projections = await asyncio.to_thread(self._reader.fetch_projections, pointer)
        except StoreUnavailableError as error:
            await self._refuse(pointer, ReleaseRefusedError("unreachable", str(error)))
            return
        except ReleaseRefusedError as refusal:
            await self._refuse(pointer, refusal)
            return
        self._holder.update_projections(projections)
        _log.info("projections loaded", competitions=len(projections.competitions))
        await self._withdraw_refusal(pointer.release_id)

    async def _projections_of(self, pointer: Pointer) -> Projections | None:
        """Those beside a release that is not swapped in yet; None where `_load_projections` must tell why."""
        try:
            return await asyncio.to_thread(self._reader.fetch_projections, pointer)
        except (StoreUnavailableError, ReleaseRefusedError):
            return None

    def _can_score(self) -> bool:
        """Whether the scorer is warm for the current release."""
        current = self._holder.current
        files = None if current is None else current.snapshot.scoring_files
        return files is not None and self._scorer.is_warm(files)

    def _open(self, pointer: Pointer) -> Snapshot:
        try:
            return Snapshot(self._reader.fetch(pointer))
        except (StoreUnavailableError, OSError) as error:
            raise ReleaseRefusedError("unreachable", str(error)) from error

    async def _check_golden_rows(self, snapshot: Snapshot) -> None:
        golden = snapshot.manifest.golden_rows
        if not golden:
            raise ReleaseRefusedError(
                "golden_rows", "the manifest has no golden rows, so its model cannot be verified"
            )
        rows: Rows = [row.features for row in golden]
        try:
            scored = await self._scorer.score(snapshot.model_file, rows)
        except ChildFailedError as error:
            raise ReleaseRefusedError("scorer", f"the model cannot be scored: {error}") from error
        expected = [row.probabilities for row in golden]
        if len(scored) != len(expected) or not all(
            math.isclose(actual, promised, rel_tol=0.0, abs_tol=GOLDEN_TOLERANCE)
            for actual_row, promised_row in zip(scored, expected, strict=True)
            for actual, promised in zip(actual_row, promised_row, strict=True)
        ):
            raise ReleaseRefusedError(
                "golden_rows", "the model gives other probabilities than the manifest promises"
            )

    async def _refuse(self, pointer: Pointer, refusal: ReleaseRefusedError) -> None:
        self._metrics.reloads.labels(refusal.reason).inc()
        if refusal.reason == "unreachable":
            self._metrics.store_failures.labels("release").inc()
            self._holder.reason = _STORE_SILENT
        else:
            self._holder.reason = (
                f"Release {pointer.release_id} is refused ({refusal.reason}); its log says why. "
                "Publish it again: `soccer run refresh_hourly`."
            )
        if refusal.reason != "unreachable":  # an unreachable store is retried at the next poll
            self._refused = pointer
            self._refused_until = time.monotonic() + RETRY_REFUSED_SECONDS
        if pointer.release_id in self._reported:
            return
        _log.error(
            "release refused", release_id=pointer.release_id, reason=refusal.reason, detail=str(refusal)
        )
        note = Refusal(
            release_id=pointer.release_id,
            reason=f"{refusal.reason}: {refusal}",
            at=self._holder.now_text(),
            sidecar=self._sidecar,
        )
        try:
            await asyncio.to_thread(self._reader.write_refusal, note)
        except StoreUnavailableError as error:
            _log.warning("refusal not delivered", release_id=pointer.release_id, error=str(error))
            return
        self._reported.add(pointer.release_id)

    async def _withdraw_refusal(self, release_id: str) -> None:
        if release_id not in self._reported:
            return
        self._reported.discard(release_id)
        try:
            await asyncio.to_thread(self._reader.clear_refusal, release_id, self._sidecar)
        except StoreUnavailableError as error:
            _log.warning("refusal not taken back", release_id=release_id, error=str(error))

    def _update_gauges(self) -> None:
        metrics, current = self._metrics, self._holder.current
        metrics.flush()
        metrics.release.clear()
        metrics.model.clear()
        if self._holder.drift is not None:
            metrics.drift.set(self._holder.drift.share_drifted)
        metrics.unread.set(len(self._failing))
        if self._holder.pipeline is not None:
            metrics.pipeline.update_runs(self._holder.pipeline)
        if self._holder.quality is not None:
            metrics.pipeline.update_scores(self._holder.quality.overall)
        metrics.stale.set(1 if self._holder.stale_reasons() else 0)
        metrics.rows.set(0 if current is None else current.snapshot.manifest.prediction_rows)
        if current is not None:
            manifest, pointer = current.snapshot.manifest, current.snapshot.pointer
            metrics.release.labels(manifest.release_id, pointer.model_version, manifest.feed).set(1)
            metrics.snapshot_bytes.set(sum(file.bytes for file in manifest.files.values()))
            metrics.model_loaded_at.set(current.snapshot.opened_at)
            for alias, card in manifest.models.items():
                metrics.model.labels(alias, card.version, card.recipe).set(1)
            metrics.published_at.set(dt.datetime.fromisoformat(pointer.published_at).timestamp())
            metrics.pipeline.update_assets(current.view.status.assets)
            metrics.checked_at.set(dt.datetime.fromisoformat(current.view.status.checked_at).timestamp())

    async def _poll(self, first: asyncio.Task[None]) -> None:
        await first
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll_seconds)
            self._wake.clear()
            await self.reload()

    async def _listen(self) -> None:
        """Trigger a poll at every entry of the event stream; without Redis, polling continues alone."""
        last_id: bytes | str = "$"
        pause = 0.5
        await self._is_named.wait()
        while True:
            try:
                with translate_redis_errors():
                    async with connect(self._redis_url, answer_seconds=15.0) as client:
                        while True:
                            stream = self._names.get().events
                            answer = await client.xread({stream: last_id}, count=100, block=10_000)
                            pause = 0.5
                            for _, entries in cast(_StreamAnswer, answer) or ():
                                last_id = entries[-1][0]
                                self._wake.set()
            except RedisUnavailableError as error:
                self._metrics.poll_failures.labels("events").inc()
                _log.warning("event stream unavailable", error=str(error), retry_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_BACKOFF_SECONDS)


def is_same_release(one: Pointer, other: Pointer) -> bool:
    """Whether two pointers name one release, whatever projections follow it."""
    return (one.release_id, one.manifest_sha256) == (other.release_id, other.manifest_sha256)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the watch for releases ended; restart the sidecar", exc_info=task.exception())
