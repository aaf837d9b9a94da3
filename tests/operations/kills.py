"""Kills of a running `soccer up`: what its clients see meanwhile, and when the part is back."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.homes import share_caches
from tests.operations.test_up import Stack

# What the command of each part holds.
_COMMANDS = {
    "valkey": "valkey-server",
    "dagster-code": "dagster api grpc",
    "dagster-webserver": "soccer_assets.cli webserver",
    "dagster-daemon": "dagster._daemon",
    "worker": "serving.worker",
    "watchdog": "soccer_assets.cli watchdog",
    "sidecar": "serving.server",
}
# An HTTP/2 frame: length 0, type SETTINGS, no flags, stream 0.
_NO_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
# Of the client, on a machine that does much else; its slowest answer is printed.
_PATIENCE_SECONDS = 300.0
# Parts whose end touches no look-up.
BESIDE = tuple(name for name in _COMMANDS if name != "sidecar")


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
                answer = httpx.get(
                    self._url, headers=self._headers, timeout=_PATIENCE_SECONDS, trust_env=False
                )
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
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended with its parent
            each.kill()


@contextlib.contextmanager
def running_system(home: Path, workers: int, *, shares_caches: bool = True) -> Iterator["System"]:
    """A `soccer up` in a new home, until the context ends."""
    if shares_caches:
        share_caches(home)
    stack = Stack(home, SOCCER_SERVING_WORKERS=str(workers))
    try:
        stack.wait_for("running; Ctrl-C stops everything")
        yield System(stack)
    finally:
        stack.stop()


class System:
    """A `soccer up` with several sidecar workers, and a client that asks for a prediction of its release."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.key = (stack.home / "dev.key").read_text().strip()
        self.base = f"http://127.0.0.1:{stack.serving_port}"
        page = self.get("/predict/matches/?limit=1").json()
        self.look_up = f"{self.base}/predict/{page['items'][0]['match_id']}"

    def get(self, path: str) -> httpx.Response:
        """An answer of the sidecar."""
        return httpx.get(f"{self.base}{path}", headers={"X-API-Key": self.key}, timeout=30, trust_env=False)

    def client(self) -> Client:
        """A client that asks for as long as its context lasts."""
        return Client(self.look_up, self.key)

    def pid(self, name: str) -> int | None:
        """The process id of a part, None while it has none; the list in the home is not read."""
        for child in psutil.Process(self.stack.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if _COMMANDS[name] in " ".join(child.cmdline()):
                    return child.pid
        return None

    def works(self, name: str) -> bool:
        """Whether a part does its work, not only runs."""
        pid = self.pid(name)
        if pid is None or not psutil.pid_exists(pid):
            return False
        if name == "dagster-webserver":
            graphql = f"http://127.0.0.1:{self.stack.dagster_port}/graphql"
            try:
                answer = httpx.post(graphql, json={"query": "{ version }"}, timeout=30, trust_env=False)
            except httpx.TransportError:
                return False
            return answer.is_success
        if name == "dagster-code":  # its socket is removed before it is started again
            return self._greets("code.sock", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _NO_SETTINGS) != b""
        if name == "valkey":
            return self._greets("valkey.sock", b"PING\r\n").startswith(b"+PONG")
        return True

    def _greets(self, name: str, words: bytes) -> bytes:
        """What a server on one of the home's sockets answers; empty where nothing listens."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            try:
                client.connect(str(self.stack.home / "run" / "sockets" / name))
                client.sendall(words)
                return client.recv(16)
            except OSError:
                return b""

    def workers(self) -> list[psutil.Process]:
        """The sidecar's worker processes."""
        pid = self.pid("sidecar")
        assert pid is not None
        return [
            child
            for child in psutil.Process(pid).children()
            if "resource_tracker" not in str(child.cmdline())
        ]
