"""Sidecars behind a real balancer, which asks each whether it is ready and moves requests from the dead."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from soccer_assets.clock import isoformat
from tests.serving.builders import NOW
from tests.serving.processes import ROOT, free_port, ready_release, wait_until

_CONFIG = """
global
    maxconn 2000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    retries 5
    option redispatch 1
    retry-on conn-failure empty-response response-timeout
frontend front
    bind 127.0.0.1:{port}
    default_backend sidecars
backend sidecars
    balance roundrobin
    option httpchk GET /ready
    default-server check inter 200 fall 1 rise 1
{servers}
"""


class Replica:
    """A sidecar on a port that it keeps when it starts again."""

    def __init__(
        self, home: Path, store: Path, *, host: str = "127.0.0.1", port: int | None = None, **environ: str
    ) -> None:
        self.host, self.port = host, port or free_port()
        self.address = f"http://{host}:{self.port}"
        self._home, self._store = home, store
        self._environ = {f"SOCCER_{name.upper()}": value for name, value in environ.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "soccer_assets.cli", "serve", "--release", str(self._store)]
        with (self._home / f"log-{self.port}").open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--host", self.host, "--port", str(self.port), "--workers", "1", "--no-tasks"],
                cwd=ROOT,
                env=os.environ
                | {"PYTHONPATH": str(ROOT), "SOCCER_HOME": str(self._home), "SOCCER_NOW": isoformat(NOW)}
                | self._environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a kill is of the server and its worker, as that of a container
            )
        wait_until(lambda: self.release is not None, 60)

    def stop(self, *, kill: bool = False) -> None:
        """End it, and wait for its end."""
        if self.process is not None and self.process.poll() is None:
            if kill:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.terminate()
            self.process.wait(120)

    @property
    def release(self) -> str | None:
        """The release it is ready with; None where it is not ready."""
        found: str | None = ready_release(self.address)
        return found


@contextlib.contextmanager
def replicas(
    home: Path, count: int, stores: list[Path] | None = None, **environ: str
) -> Iterator[list[Replica]]:
    """Some sidecars, each with a home of its own; their stores are the home's unless others are given."""
    places = stores or [home / "store"] * count
    found = [Replica(home / f"home-{number}", store, **environ) for number, store in enumerate(places)]
    try:
        for replica in found:
            replica.start()
        yield found
    finally:
        for replica in found:
            replica.stop()


@contextlib.contextmanager
def balancer(folder: Path, found: list[Replica]) -> Iterator[str]:
    """HAProxy before them; gives its address."""
    port, file = free_port(), folder / "haproxy.cfg"
    servers = "".join(f"    server s{one.port} 127.0.0.1:{one.port}\n" for one in found)
    file.write_text(_CONFIG.format(port=port, servers=servers))
    process = subprocess.Popen(["haproxy", "-f", str(file), "-q", "-db"])
    try:
        wait_until(lambda: ready_release(f"http://127.0.0.1:{port}") is not None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def asked(address: str, path: str, **headers: str) -> httpx.Response:
    """One answer, within 20 seconds."""
    return httpx.get(f"{address}{path}", headers=headers, timeout=20)
