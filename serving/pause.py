"""The pause of a backend that lost its connection: meanwhile callers get the error at once."""

import time

_SECONDS = 2.0


class Pause:
    """Whether a backend is not asked at present."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the pause lasts."""
        return time.monotonic() < self._until

    def begin(self) -> None:
        """Ask the backend no more for two seconds."""
        self._until = time.monotonic() + _SECONDS
