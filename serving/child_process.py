"""One child process for work that would block the event loop or needs libraries the sidecar must not load.

Here: calling a function in the child, and the child's start and end. Not here: the functions
(``scoring/process.py``, ``tasks/store.py``).
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from serving.errors import ServingError

_T = TypeVar("_T")

# Where all cores are busy the event loop's look-ups come first.
_NICENESS = 5

# Requests that may wait for the child: at 20 ms each the last one waits 2 s.
MAX_WAITING = 100

# A child that used no processor time for this long while a call waited hangs. One that is only slow uses
# some: beside much else its start has taken more than a minute.
HANG_SECONDS = 120.0


class ChildFailedError(ServingError):
    """The function raised in the child, or the child died; the message says why."""


class ChildBusyError(ChildFailedError):
    """The child died, is not ready or is overloaded; retry shortly."""


class ChildProcess:
    """Runs one function at a time in a process that is spawned at the first call and kept alive.

    Args:
        on_death: called on the event loop when the child died; the next call starts another one.
    """

    def __init__(self, on_death: Callable[[], None] | None = None) -> None:
        self._on_death = on_death
        self._pool: ProcessPoolExecutor | None = None
        self._processes: set[BaseProcess] = set()
        self._waiting = 0
        self._hang_seconds = HANG_SECONDS

    async def run(self, function: Callable[..., _T], *args: Any) -> _T:
        """Call a function in the child and return its value; it must be importable by name.

        Raises:
            ChildFailedError: it raised.
            ChildBusyError: the child died, or hung and was killed.
        """
        pool = self._pool
        if pool is None:
            pool = self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start)
        others = set(multiprocessing.active_children()) - self._processes
        try:
            future = asyncio.get_running_loop().run_in_executor(pool, function, *args)
        except BrokenProcessPool as error:
            self._discard(pool)
            raise ChildBusyError(f"the child process died: {error}") from error
        self._processes = set(multiprocessing.active_children()) - others
        future.add_done_callback(_retrieve_exception)
        # The child reads files from outside, whose readers may raise any exception.
        await self._wait(future)
        raised = future.exception()
        if raised is None:
            return future.result()
        if isinstance(raised, BrokenProcessPool):
            self._discard(pool)
            raise ChildBusyError(f"{type(raised).__name__}: {raised}") from raised
        raise ChildFailedError(f"{type(raised).__name__}: {raised}") from raised

    async def _wait(self, future: "asyncio.Future[Any]") -> None:
        """Wait for a call; a child that does nothing meanwhile is killed."""
        used, since = self._processor_time(), time.monotonic()
        while not future.done():
            await asyncio.wait([future], timeout=self._hang_seconds / 4)
            before, used = used, self._processor_time()
            if used != before:
                since = time.monotonic()
            elif not future.done() and time.monotonic() - since > self._hang_seconds:
                for process in self._processes:
                    process.kill()
                await asyncio.wait([future])  # fails, as all others that wait

    def _processor_time(self) -> list[bytes]:
        """What the child has used, in ticks of the kernel."""
        used = []
        for process in self._processes:
            with contextlib.suppress(OSError):  # it has ended, or the system is not Linux
                # The name before the state is in parentheses, and may hold any character.
                used += Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()[11:13]
        return used

    async def run_for_client(self, function: Callable[..., _T], *args: Any) -> _T:
        """`run` for a client's request: refused when too many wait.

        Raises:
            ChildFailedError: the function raised.
            ChildBusyError: the child died, or `MAX_WAITING` requests wait.
        """
        if self._waiting >= MAX_WAITING:
            raise ChildBusyError("too many requests wait for the child process")
        self._waiting += 1
        try:
            return await self.run(function, *args)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Terminate the child without waiting for its work, which no client waits for any more.

        May be called from a thread.
        """
        if self._pool is not None:
            for process in self._processes:
                process.kill()  # SIGTERM waits for a child that is stopped
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _discard(self, pool: ProcessPoolExecutor) -> None:
        if self._pool is pool:
            self._pool = None
            if self._on_death is not None:
                self._on_death()


def _retrieve_exception(future: "asyncio.Future[Any]") -> None:
    """Retrieve the exception of a call that nobody awaits any more, so that asyncio does not log it."""
    if not future.cancelled():
        future.exception()


def _start() -> None:
    # Ctrl-C reaches the whole process group; the parent decides when the child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
