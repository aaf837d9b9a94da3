"""Follows the history that the pointer names: loads it in the background, never in the way of a release.

A child process fetches and writes (``history_loader.py``); of several workers one starts it, and the others
open the file when it has come.
"""

import asyncio
import time
from pathlib import Path

import structlog

from serving.background_tasks import cancel_and_wait
from serving.child_process import ChildFailedError, ChildProcess
from serving.metrics import Metrics
from serving.release.current import SnapshotHolder
from serving.release.history import History
from serving.release.history_loader import StoreAddress, find_file, load_history, only_loader
from soccer_assets.contract.release import FileEntry

# A history that could not be loaded is tried again at this interval.
RETRY_SECONDS = 60.0

_log = structlog.get_logger()


class HistoryFollower:
    """Keeps `SnapshotHolder.history` at the index that the pointer names.

    Args:
        holder: gets the history.
        address: of the store.
        folder: for the file; shared by the workers of this sidecar.
        metrics: count what cannot be loaded.
    """

    def __init__(self, holder: SnapshotHolder, address: StoreAddress, folder: Path, metrics: Metrics) -> None:
        self._metrics = metrics
        self._holder = holder
        self._address = address
        self._folder = folder
        self._task: asyncio.Task[None] | None = None
        self._current: FileEntry | None = None
        self._not_before = 0.0

    def follow(self, entry: FileEntry | None) -> None:
        """Load an index in the background, unless it is loaded, or is being loaded.

        A file that pages could not read is made anew.
        """
        self._holder.update_history_due(None if entry is None else entry.sha256)
        if self._holder.history is not None and self._holder.history.is_broken:
            self._current = self._holder.history_index = None
        is_busy = self._task is not None and not self._task.done()
        if entry is None or entry == self._current or is_busy or time.monotonic() < self._not_before:
            return
        self._task = asyncio.create_task(self._load(entry))

    async def close(self) -> None:
        """Stop loading, and close the file."""
        if self._task is not None:
            await cancel_and_wait(self._task)
        if self._holder.history is not None:
            self._holder.history.close()

    async def _load(self, entry: FileEntry) -> None:
        broken = self._holder.history
        if broken is not None and broken.is_broken:
            self._holder.history = None
            await asyncio.to_thread(broken.discard)
            _log.warning("history is made anew", file=broken.file.name)
        if self._holder.history is None:  # what an earlier process loaded serves meanwhile
            self._open(await asyncio.to_thread(find_file, self._folder))
        file = await asyncio.to_thread(find_file, self._folder, entry.sha256)
        if file is None:
            try:
                is_loaded = await self._load_alone(entry)
            except (ChildFailedError, OSError) as error:
                self._not_before = time.monotonic() + RETRY_SECONDS
                self._holder.history_fault = str(error)
                self._metrics.history_failures.labels("load").inc()
                _log.warning("history not loaded", index=entry.sha256, error=str(error))
                return
            if not is_loaded:  # by another worker, soon
                return
            file = await asyncio.to_thread(find_file, self._folder, entry.sha256)
        if file is not None:
            self._open(file)
            self._current = entry
            self._holder.history_index, self._holder.history_fault = entry.sha256, ""

    async def _load_alone(self, entry: FileEntry) -> bool:
        """Load in a child, unless another worker does."""
        with only_loader(self._folder) as is_alone:
            if not is_alone:
                return False
            child, start = ChildProcess(), time.monotonic()
            try:
                parts = await child.run(load_history, self._address, self._folder, entry.sha256)
            finally:
                await asyncio.to_thread(child.close)
        _log.info(
            "history loaded", index=entry.sha256, parts=parts, seconds=round(time.monotonic() - start, 1)
        )
        return True

    def _open(self, file: Path | None) -> None:
        last = self._holder.history
        if file is not None and (last is None or last.file != file):
            self._holder.history = History(file)
            if last is not None:
                last.close()  # but for what is being read
