"""A rate limiter shared by all processes of a home: a backfill is many runs at once."""

import time
from pathlib import Path

from filelock import FileLock

from soccer_assets.clock import SystemClock

# A slot further ahead is the result of a wall clock that was set back, not of a queue.
LONGEST_QUEUE_SECONDS = 600.0


class RateLimiter:
    """Evenly spaced request slots; each caller takes the next free slot and sleeps until it.

    Args:
        file: holds the last slot taken; processes with the same file share the limit.
        requests_per_minute: slots a minute.
    """

    def __init__(self, file: Path, requests_per_minute: int) -> None:
        self._file = file
        self._spacing_seconds = 60.0 / requests_per_minute

    def acquire(self) -> None:
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
