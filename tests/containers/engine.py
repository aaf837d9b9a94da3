"""A container engine of its own: Debian's dockerd on a socket and a folder that nothing else uses."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = ("docker.io", "iptables", "mmdebstrap", "caddy")
_START_SECONDS = 120.0


class EngineError(Exception):
    """The engine is missing or did not do what was asked; the message says which."""


class Engine:
    """Commands for one engine, with this environment's compose as its plugin."""

    def __init__(self, socket: Path, config: Path, folder: Path, environ: Mapping[str, str]) -> None:
        """Ask the engine behind ``socket`` from ``folder``; ``config`` becomes the client's own folder."""
        plugins = config / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        plugin = plugins / "docker-compose"
        plugin.unlink(missing_ok=True)
        plugin.symlink_to(Path(sys.executable).parent / "docker-compose")
        self.socket, self.config, self.folder = socket, config, folder
        # Debian's client first: it has BuildKit inside, others ask for buildx.
        self.environ = {
            **os.environ,
            "PATH": f"/usr/bin:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{socket}",
            "DOCKER_CONFIG": str(config),
            "DOCKER_BUILDKIT": "1",
            "BUILDKIT_PROGRESS": "plain",
            **environ,
        }

    def sh(self, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a line of a page as its reader does.

        Raises:
            EngineError: it failed; the message has the end of what it printed.
        """
        done = subprocess.run(
            ["bash", "-ec", command],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise EngineError(f"{command}\n{(done.stdout + done.stderr)[-4000:]}")
        return done

    def docker(self, *arguments: str, check: bool = True) -> str:
        """What a command of the client prints, without the last line feed; errors as `sh`."""
        return self.sh(shell_join(["docker", *arguments]), check=check).stdout.rstrip("\n")

    def version(self) -> int:
        """The major version of the engine."""
        return int(self.docker("version", "--format", "{{.Server.Version}}").split(".")[0])

    def containers(self, service: str) -> list[str]:
        """Ids of a service's running containers."""
        return self.docker("compose", "ps", "--quiet", service).split()

    def state(self, container: str) -> tuple[int, str, str]:
        """Restarts, start and health of a container (its status, where it has no health check)."""
        found = json.loads(self.docker("inspect", container))[0]
        health = found["State"].get("Health", {}).get("Status", found["State"]["Status"])
        return found["RestartCount"], found["State"]["StartedAt"], health


def shell_join(parts: Sequence[str]) -> str:
    """A line of shell whose words are ``parts``."""
    return " ".join("'" + part.replace("'", "'\\''") + "'" for part in parts)


def install_engine() -> None:
    """Install Debian's engine where that is allowed.

    Raises:
        EngineError: it is missing, and this is no Debian or not its root.
    """
    if all(shutil.which(program) for program in ("dockerd", "iptables", "mmdebstrap", "caddy")):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise EngineError(f"no container engine: as root of a Debian, apt-get install {' '.join(_PACKAGES)}")
    subprocess.run(["apt-get", "install", "--yes", "--quiet", *_PACKAGES], check=True)


@contextmanager
def running_engine(folder: Path) -> Iterator[Path]:
    """An engine that keeps everything below ``folder``; gives its socket, and stops it at the end.

    Raises:
        EngineError: it did not start; its log lies in ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "docker.sock"
    command = ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec"]
    command += ["--pidfile", folder / "pid", "--host", f"unix://{socket}"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _START_SECONDS
            probe = ["docker", "--host", f"unix://{socket}", "version"]
            while subprocess.run(probe, check=False, capture_output=True).returncode:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise EngineError(f"dockerd did not start: {folder / 'log'}")
                time.sleep(0.2)
            yield socket
        finally:
            process.terminate()
            process.wait()
