"""Hosts as network namespaces: one for the services, one for each run worker, a cable between them.

A cable that is pulled is a link that is down: no packet passes, and neither end is told.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

# Of the services; the workers are .11, .12 and so on. TEST-NET-3: no address of anybody's.
ADDRESS = "203.0.113.1"
_BRIDGE = "soccer-fleet"


def skip_without_rights() -> None:
    """Namespaces need root and iproute2."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("hosts are network namespaces: needs root and iproute2")
    if _run("netns", "add", "soccer-probe", check=False).returncode != 0:
        pytest.skip("this machine lets nobody make network namespaces")
    _run("netns", "delete", "soccer-probe")


@contextmanager
def bridge() -> Iterator[None]:
    """The network of the services' host, which is this machine itself."""
    _run("link", "add", _BRIDGE, "type", "bridge")
    try:
        _run("address", "add", f"{ADDRESS}/24", "dev", _BRIDGE)
        _run("link", "set", _BRIDGE, "up")
        yield
    finally:
        _run("link", "delete", _BRIDGE, check=False)


class Host:
    """A machine with a cable to the services."""

    def __init__(self, number: int) -> None:
        self.name = f"soccer-worker-{number}"
        self._cable = f"soccer-w{number}"
        _run("netns", "add", self.name)
        _run("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _run("link", "set", self._cable, "master", _BRIDGE, "up")
        for command in (
            ("address", "add", f"203.0.113.{10 + number}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _run("-netns", self.name, *command)

    def command(self, *command: str | Path) -> list[str]:
        """A command that is executed there."""
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def cut_off(self) -> None:
        """Pull its cable."""
        _run("link", "set", self._cable, "down")

    def connect(self) -> None:
        """Plug it in again."""
        _run("link", "set", self._cable, "up")

    def remove(self) -> None:
        """Take the machine away; its processes have ended."""
        _run("link", "delete", self._cable, check=False)
        _run("netns", "delete", self.name, check=False)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Machines beside that of the services."""
    found: list[Host] = []
    try:
        found.extend(Host(number) for number in range(1, count + 1))
        yield found
    finally:
        for host in found:
            with suppress(OSError):
                host.remove()


def _run(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done
