"""Signs of life: files in a home that programs touch while they work, so that others see which one hangs.

Health checks compare their age by `find`, which costs a thousandth of a Python that asks.
"""

import contextlib
from pathlib import Path

RUN_WORKER = "run-worker"
TASK_WORKER = "task-worker"
WATCHDOG = "watchdog"


class SignOfLife:
    """The sign of one program of a home."""

    def __init__(self, home: Path, name: str) -> None:
        """Of the home's folder, and one of the names above."""
        self.path = home / "run" / f"{name}.alive"

    def give(self) -> None:
        """Touch the file; where nothing can be written, there is no sign."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()

    def take_back(self) -> None:
        """Remove the file, which may be of an earlier start."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
