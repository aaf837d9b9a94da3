"""Keeps to a provider's requests a minute across all processes of a home: a backfill is many runs at once."""

import time
from pathlib import Path

from filelock import FileLock

from soccer_assets.clock import SystemClock

# A slot further ahead than this comes from a wall clock that was set back, not from a queue.
LONGEST_QUEUE_SECONDS = 600.0


class Pace:
    """Evenly spaced slots; each caller takes the next one and waits for it.

    Args:
        file: remembers the last slot taken; processes with the same file share the pace.
        per_minute: slots a minute.
    """

    def __init__(self, file: Path, per_minute: int) -> None:
        self._file = file
        self._spacing_seconds = 60.0 / per_minute

    def wait(self) -> None:
        """Take the next free slot and sleep until it comes."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._file}.lock"):
            now = SystemClock().now().timestamp()
            slot = max(now, self._last_slot() + self._spacing_seconds)
            if slot - now > LONGEST_QUEUE_SECONDS:
                slot = now
            self._file.write_text(repr(slot))
        time.sleep(slot - now)

    def _last_slot(self) -> float:
        try:
            return float(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0
