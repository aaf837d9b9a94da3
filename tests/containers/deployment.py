"""A deployment in an engine: its commands run as pages have them, and a table of what was done to it."""

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.containers.engine import Engine, EngineError
from tests.containers.lookups import Lookups


class _Compose(yaml.SafeLoader):
    """Compose's own tags, `!override` and `!reset`, are no matter here."""


_Compose.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.MappingNode)
        else loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else None
    ),
)

Row = tuple[str, str, str, str]
SMALL = {"SOCCER_LEAGUES": "1", "SOCCER_FIRST_BUILD_MONTHS": "12"}
_HEALED_WITHIN = 600.0
_SETTLING = 8.0  # after a fault: until the next requests show what it did


class Deployment:
    """A checkout of this project beside an engine, and the table of what was done to it."""

    def __init__(self, engine: Engine, ports: dict[str, int], rows: list[Row], *, builds: bool) -> None:
        """Work in the engine's folder; ``ports`` are .env's; without ``builds`` images are kept."""
        self.engine, self.ports, self.rows, self.builds = engine, ports, rows, builds
        self.base = f"http://127.0.0.1:{ports['SOCCER_SERVING_PORT']}"

    def follow(self, lines: list[str]) -> str:
        """Run the lines of a page; what the last one printed."""
        printed = ""
        for line in lines:
            if line.startswith("docker build") and not self.builds:
                continue
            began = time.monotonic()
            printed = self.engine.sh(line).stdout
            say(f"{time.monotonic() - began:7.1f} s  {line}")
            if line.startswith("cp .env.example .env"):
                self.choose({**SMALL, **self.ports})
        return printed

    def choose(self, settings: dict[str, Any]) -> None:
        """Write settings into .env beside those that stand there."""
        with (self.engine.folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def record(self, what: str, lookups: Lookups | None, act: Callable[[], str]) -> None:
        """Do something; what it returns, what it took and what it cost the look-ups become a row."""
        if lookups:
            lookups.take()
        began = time.monotonic()
        noted = act()
        took = f"{time.monotonic() - began:.1f} s"
        cost = "-"
        if lookups:
            time.sleep(_SETTLING)
            seen = lookups.take()
            dark = f" ({seen.dark:.1f} s)" if seen.failed else ""
            cost = f"{seen.failed} of {seen.asked}{dark}, slowest {seen.slowest:.2f} s"
        self.rows.append((what, noted, took, cost))
        say(" | ".join(self.rows[-1]))

    def kill(self, service: str) -> str:
        """Kill the process of a container of a service, and wait until the engine has healed it."""
        engine = self.engine
        (victim, *_) = engine.containers(service)
        _, started, _ = engine.state(victim)
        pid = engine.docker("inspect", "--format", "{{.State.Pid}}", victim)
        subprocess.run(["kill", "-9", pid], check=True)
        wait(f"{service} to be started again", lambda: engine.state(victim)[1] != started)
        wait(f"{service} to be healthy", lambda: engine.state(victim)[2] in {"healthy", "running"})
        return f"engine, restart {engine.state(victim)[0]}"

    def are_healthy(self, service: str, count: int) -> bool:
        """Whether a service has so many containers, each of them healthy."""
        return [self.engine.state(one)[2] for one in self.engine.containers(service)] == ["healthy"] * count

    def asked(self, key: str) -> Any:
        """Predictions by the balancer: the page of one."""
        answer = httpx.get(
            f"{self.base}/predict/matches/", params={"limit": 1}, headers={"X-API-Key": key}, timeout=60
        )
        return answer.raise_for_status().json()["items"]

    def verified_ledger(self) -> str:
        """What the ledger's verification inside `code` says at its end."""
        verify = ("soccer", "ledger", "verify")
        return self.engine.docker("compose", "exec", "--no-TTY", "code", *verify).strip().splitlines()[-1]

    def is_answering(self) -> bool:
        """Whether a sidecar is ready."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.base}/ready", timeout=30).status_code == 200
        return False

    def destroy(self, *, but: str = "") -> str:
        """Remove containers, networks and volumes, but the volume of one name; how many volumes went."""
        docker = self.engine.docker
        ours = f"label=com.docker.compose.project={self.engine.environ['COMPOSE_PROJECT_NAME']}"
        for one in docker("ps", "--all", "--quiet", "--filter", ours).split():
            docker("rm", "--force", "--volumes", one)
        for one in docker("network", "ls", "--quiet", "--filter", ours).split():
            docker("network", "rm", one)
        names = docker("volume", "ls", "--quiet", "--filter", ours).split()
        lost = [name for name in names if not (but and name.endswith(f"_{but}"))]
        for name in lost:
            docker("volume", "rm", name)
        return f"{len(lost)} volumes"


def say(text: str) -> None:
    """Print at once: the run is long, and its log is read while it runs."""
    print(text, flush=True)  # noqa: T201 - a program for the terminal


def wait(what: str, is_so: Callable[[], bool]) -> None:
    """Ask until it is so.

    Raises:
        EngineError: it was not within ten minutes.
    """
    deadline = time.monotonic() + _HEALED_WITHIN
    while not is_so():
        if time.monotonic() > deadline:
            raise EngineError(f"waited {_HEALED_WITHIN:.0f} s for {what}")
        time.sleep(0.25)


def older_engine(engine: Engine, files: list[str]) -> list[str]:
    """The files of compose; for an engine before 25 one more, without the `start_interval` it does not know.

    There a container is looked at as often after its start as during it. So intervals are a sixth: short
    enough to see what heals, and long enough that the looks are no load of their own.
    """
    if engine.version() >= 25:
        return files
    lines = ["services:"]
    checks = {}
    for file in files:
        services = yaml.load((engine.folder / file).read_text(), _Compose)["services"]  # noqa: S506 - a SafeLoader
        checks |= {name: service.get("healthcheck") or checks.get(name) for name, service in services.items()}
    for name, check in checks.items():
        if check:
            interval = min(max(int(check["interval"][:-1]) // 6, 5), 20)
            lines += [f"  {name}:", "    healthcheck:", "      start_interval: !reset null"]
            # A busy machine, and the stand-ins' programs are Python.
            lines += [f"      interval: {interval}s", "      timeout: 60s"]
    (engine.folder / "older-engine.yml").write_text("\n".join(lines) + "\n")
    return [*files, "older-engine.yml"]


def copy_of(folder: Path, engine: Engine, project: str, files: list[str]) -> Engine:
    """The same engine, from another folder, as another project with these files of compose."""
    other = Engine(engine.socket, engine.config, folder, {})
    other.environ = {**engine.environ, "COMPOSE_PROJECT_NAME": project}
    other.environ["COMPOSE_FILE"] = ":".join(older_engine(other, files))
    return other
