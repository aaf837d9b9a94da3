"""Look-ups by a client in the background, each counted as answered or not."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

_PATIENCE = 30.0  # of a client; the balancer holds a request as long while no sidecar is there
_PAUSE = 0.05


@dataclass
class Counts:
    """What happened between two looks: look-ups, unanswered ones, the longest answer in seconds."""

    asked: int = 0
    failed: int = 0
    slowest: float = 0.0
    dark: float = 0.0  # from the first failure to the next answer, added up


class Lookups:
    """Asks for predictions without end, as a context manager."""

    def __init__(self, base: str, key: str) -> None:
        """Ask the sidecar at ``base`` with an API key."""
        self._client = httpx.Client(
            base_url=base, headers={"X-API-Key": key}, timeout=_PATIENCE, trust_env=False
        )
        self._lock, self._counts = threading.Lock(), Counts()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop asking."""
        self._end.set()
        self._thread.join()
        self._client.close()

    def take(self) -> Counts:
        """What happened since the last call."""
        with self._lock:
            taken, self._counts = self._counts, Counts()
            return taken

    def _ask(self) -> None:
        failing_since: float | None = None
        while not self._end.wait(_PAUSE):
            began = time.monotonic()
            try:
                is_answered = self._client.get("/predict/matches/", params={"limit": 1}).status_code == 200
            except httpx.HTTPError:
                is_answered = False
            ended = time.monotonic()
            with self._lock:
                self._counts.asked += 1
                if is_answered:
                    self._counts.slowest = max(self._counts.slowest, ended - began)
                    if failing_since is not None:
                        self._counts.dark += ended - failing_since
                        failing_since = None
                else:
                    self._counts.failed += 1
                    failing_since = began if failing_since is None else failing_since
