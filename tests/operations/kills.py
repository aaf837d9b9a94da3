"""Kills of a running `soccer up`: what its clients see meanwhile, and when the part is back."""

import threading
import time
from collections.abc import Callable
from typing import Self

import httpx
import psutil


class Client:
    """Asks for one prediction after another, each on a new connection, until the context ends."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = {"X-API-Key": key}
        self._thread = threading.Thread(target=self._ask)
        self._is_over = threading.Event()
        self.answered = 0
        self.failed: list[str] = []
        self.slowest = 0.0

    def __enter__(self) -> Self:
        """Begin, and wait for a first answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._is_over.is_set():
            begin = time.monotonic()
            try:
                answer = httpx.get(self._url, headers=self._headers, timeout=30, trust_env=False)
            except httpx.TransportError as error:
                self.failed.append(type(error).__name__)
            else:
                if answer.status_code == httpx.codes.OK:
                    self.answered += 1
                else:
                    self.failed.append(str(answer.status_code))
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self._is_over.wait(0.02)


def wait_until(condition: Callable[[], bool], seconds: float = 600.0) -> float:
    """Wait until a condition holds; returns the seconds that it took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"not so after {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begin


def kill_whole(process: psutil.Process) -> None:
    """Kill -9 a process and all that it started, the parent first."""
    for each in [process, *process.children(recursive=True)]:
        each.kill()
