"""Heartbeats of the sidecar's workers: each event loop counts in memory that the server reads.

A worker that hangs lets its share of the connections wait. Its server kills it and starts another.
"""

import asyncio
import mmap
import os
import struct
from collections.abc import Callable, Sequence

# A worker whose event loop did not run for six looks in a row hangs: 30 s. Looks are counted, not seconds: a
# machine that slept wakes up with its server and its workers at the same time.
BEAT_SECONDS = 2.0
LOOK_SECONDS = 5.0
MOST_LATE_LOOKS = 6
# From the fork to the first beat: 5 minutes, for a machine that does much else.
MOST_LOOKS_AT_START = 60

# The process id, and a number that grows.
_BEAT = struct.Struct("<qq")


class Heartbeats:
    """One place a worker, in memory that survives the fork."""

    def __init__(self, count: int) -> None:
        self._memory = mmap.mmap(-1, _BEAT.size * count)

    def beat(self, place: int) -> None:
        """Count one more beat of this process."""
        _, number = self.read(place)
        _BEAT.pack_into(self._memory, _BEAT.size * place, os.getpid(), number + 1)

    def read(self, place: int) -> tuple[int, int]:
        """Process id and number of the last beat."""
        pid, number = _BEAT.unpack_from(self._memory, _BEAT.size * place)
        return pid, number


class HangLookout:
    """Counts how often each worker was seen with the same beat."""

    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats
        self._seen: dict[int, tuple[int, tuple[int, int]]] = {}
        self._looks: dict[int, int] = {}

    def hung(self, pids: Sequence[int | None]) -> list[int]:
        """The process ids of the workers that hang; called every `LOOK_SECONDS`.

        Args:
            pids: of the workers, by place; None for one that is being started.
        """
        found = []
        for place, pid in enumerate(pids):
            if pid is None:
                continue
            beat = self._heartbeats.read(place)
            is_late = self._seen.get(place) == (pid, beat)
            self._seen[place] = pid, beat
            self._looks[place] = self._looks.get(place, 0) + 1 if is_late else 0
            bound = MOST_LATE_LOOKS if beat[0] == pid else MOST_LOOKS_AT_START
            if self._looks[place] >= bound:
                found.append(pid)
                self._looks[place] = 0
        return found


# Of this worker: set by its server before the fork.
beat: Callable[[], None] | None = None


async def beat_forever() -> None:
    """Send this worker's heartbeats; returns at once where no server reads them."""
    while beat is not None:
        beat()
        await asyncio.sleep(BEAT_SECONDS)
