"""One line per stage of a backup, and one every few seconds within a long one."""

import time
from collections.abc import Callable

_EVERY_SECONDS = 5.0


class Progress:
    """Reports a stage."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        """Begin the stage ``what``."""
        self._say, self._what = say, what
        self._start = self._told = time.monotonic()

    def at(self, done: int, total: int) -> None:
        """Report how far the stage is, every few seconds."""
        now = time.monotonic()
        if now - self._told >= _EVERY_SECONDS and done < total:
            self._told = now
            self._say(f"  … {self._what}: {done:,} of {total:,}")

    def done(self, result: str) -> None:
        """Report the end of the stage."""
        self._say(f"  ✓ {self._what}: {result}, {time.monotonic() - self._start:.1f} s")
