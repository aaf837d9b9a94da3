"""Run the deployment in real containers, and print what each fault did: `make containers`.

The commands are those of docs/how-to/deploy.md, upgrade.md and back-up-and-restore.md. Two things differ from
a reader's machine: images come from `images.py`, because no registry may be reachable, and on an engine
before 25 a second file takes `start_interval` out, which that engine does not know.
"""

import argparse
import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.containers.engine import Engine, EngineError, install_engine, running_engine
from tests.containers.images import base_name, has_image, make_base, make_servers
from tests.containers.lookups import Lookups
from tests.containers.page import commands
from tests.services import free_ports

_ROOT = Path(__file__).parents[2]
_SMALL = {"SOCCER_LEAGUES": "1", "SOCCER_FIRST_BUILD_MONTHS": "12"}
_HEALED_WITHIN = 600.0
_SETTLING = 8.0  # after a fault: until the next requests show what it did
_STAND_INS = ("postgres", "valkey", "seaweedfs", "balancer")
_KILLED = (
    "sidecar",
    "worker",
    "valkey",
    "seaweedfs",
    "postgres",
    "mlflow",
    "watchdog",
    "daemon",
    "webserver",
    "code",
)
Row = tuple[str, str, str, str]


class Deployment:
    """A checkout of this project beside an engine, and the table of what was done to it."""

    def __init__(self, engine: Engine, ports: dict[str, int], *, builds: bool) -> None:
        """Work in the engine's folder; ``ports`` are .env's; without ``builds`` images are kept."""
        self.engine, self.ports, self.builds = engine, ports, builds
        self.base = f"http://127.0.0.1:{ports['SOCCER_SERVING_PORT']}"
        self.rows: list[Row] = []

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
                self._choose()
        return printed

    def record(self, what: str, lookups: Lookups | None, act: Callable[[], str]) -> None:
        """Do something; what it returns, what it took and what it cost the look-ups become a row."""
        if lookups:
            lookups.take()
        began = time.monotonic()
        noted = act()
        took = f"{time.monotonic() - began:.1f} s"
        if lookups:
            time.sleep(_SETTLING)
            seen = lookups.take()
            cost = f"{seen.failed} of {seen.asked} ({seen.dark:.1f} s), slowest {seen.slowest * 1000:.0f} ms"
        else:
            cost = "-"
        self.rows.append((what, noted, took, cost))
        say(" | ".join(self.rows[-1]))

    def kill(self, service: str) -> str:
        """Kill the process of each container of a service; what noticed it."""
        engine = self.engine
        (victim, *_) = engine.containers(service)
        _, started, _ = engine.state(victim)
        pid = engine.docker("inspect", "--format", "{{.State.Pid}}", victim)
        subprocess.run(["kill", "-9", pid], check=True)
        wait(f"{service} to be started again", lambda: engine.state(victim)[1] != started)
        wait(f"{service} to be healthy", lambda: engine.state(victim)[2] in {"healthy", "running"})
        return f"engine, restart {engine.state(victim)[0]}"

    def _choose(self) -> None:
        """What this run writes into .env beside what the page says."""
        with (self.engine.folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in {**_SMALL, **self.ports}.items())


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


def check_out(folder: Path) -> None:
    """Copy what git knows or would add; a former run's volumes are the engine's, its passwords are kept."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        cwd=_ROOT,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = _ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def older_engine(engine: Engine) -> dict[str, str]:
    """For an engine before 25: a second file of compose without `start_interval`."""
    if engine.version() >= 25:
        return {}
    services: dict[str, Any] = yaml.safe_load((engine.folder / "docker-compose.yml").read_text())["services"]
    lines = ["services:"]
    for name, service in services.items():
        if check := service.get("healthcheck"):
            often = check.get("start_interval", check["interval"])
            lines += [f"  {name}:", "    healthcheck:", "      start_interval: !reset null"]
            # A busy machine, and the stand-ins' programs are Python.
            lines += [f"      interval: {max(int(often[:-1]), 5)}s", "      timeout: 60s"]
    (engine.folder / "older-engine.yml").write_text("\n".join(lines) + "\n")
    return {"COMPOSE_FILE": "docker-compose.yml:older-engine.yml"}


def client_shim(folder: Path) -> None:
    """A `docker` before the real one, whose builds use this machine's network and its names."""
    shim = folder / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    shim.write_text(
        '#!/bin/sh\nif [ "$1" = build ]; then shift; exec /usr/bin/docker build --network=host "$@"; fi\n'
        'exec /usr/bin/docker "$@"\n'
    )
    shim.chmod(0o755)


def faults(deployment: Deployment, key: str) -> None:
    """Kill each container in turn, then the sidecar with a second one beside it, then upgrade."""
    engine = deployment.engine
    with Lookups(deployment.base, key) as lookups:
        for service in _KILLED:
            deployment.record(f"kill {service}", lookups, lambda service=service: deployment.kill(service))  # type: ignore[misc]
        deployment.record(
            "two sidecars", lookups, lambda: deployment.follow(commands("deploy.md", "Scale")) and "scaled"
        )
        wait(
            "two sidecars",
            lambda: [engine.state(one)[2] for one in engine.containers("sidecar")] == ["healthy"] * 2,
        )
        deployment.record("kill one of two sidecars", lookups, lambda: deployment.kill("sidecar"))
        deployment.record(
            "replace two sidecars, one by one",
            lookups,
            lambda: deployment.follow(commands("upgrade.md", "The sidecars one by one")) and "done",
        )


def round_trip(deployment: Deployment, key: str) -> None:
    """Back up, destroy everything but the backups, restore, and ask for the same prediction."""

    def asked() -> Any:
        answer = httpx.get(
            f"{deployment.base}/predict/matches/", params={"limit": 1}, headers={"X-API-Key": key}, timeout=60
        )
        return answer.raise_for_status().json()["items"]

    before = asked()
    engine = deployment.engine
    deployment.record(
        "back up",
        None,
        lambda: deployment.follow(commands("back-up-and-restore.md", "Back up a deployment")) and "kept",
    )
    day = engine.sh("date +%F").stdout.strip()

    def destroy() -> str:
        engine.docker("compose", "down")
        names = engine.docker("volume", "ls", "--quiet", "--filter", "name=soccer").split()
        lost = [name for name in names if not name.endswith("_backups")]
        engine.docker("volume", "rm", *lost)
        return f"{len(lost)} volumes"

    def restore() -> str:
        lines = commands("back-up-and-restore.md", "Restore a deployment")
        deployment.follow([line.replace("2026-11-29", day) for line in lines])
        wait("the sidecar", lambda: is_answering(deployment.base))
        return "equal" if asked() == before else "OTHER PREDICTIONS"

    deployment.record("destroy", None, destroy)
    deployment.record("restore", None, restore)


def is_answering(base: str) -> bool:
    """Whether a sidecar is ready."""
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{base}/ready", timeout=30).status_code == 200
    return False


@contextlib.contextmanager
def an_engine(socket: Path | None, work: Path) -> Iterator[Path]:
    """The engine that is named, or one of its own."""
    if socket:
        yield socket
        return
    install_engine()
    with running_engine(work / "engine") as own:
        yield own


def run(work: Path, socket: Path | None, *, keep: bool, builds: bool, parts: list[str]) -> None:
    """Everything, in ``work``; the table at the end, also after a failure."""
    checkout = work / "checkout"
    checkout.mkdir(parents=True, exist_ok=True)
    check_out(checkout)
    client_shim(work / "bin")
    with an_engine(socket, work) as found:
        project = {"COMPOSE_PROJECT_NAME": "soccer-containers"}
        engine = Engine(found, work / "client", checkout, project)
        engine.environ["PATH"] = f"{work / 'bin'}:{engine.environ['PATH']}"
        engine.environ |= older_engine(engine)
        names = {
            name: service["image"]
            for name, service in yaml.safe_load((checkout / "docker-compose.yml").read_text())[
                "services"
            ].items()
        }
        base = base_name(checkout / "Dockerfile")
        if not all(has_image(engine, names[name]) for name in _STAND_INS):
            make_base(engine, base, work)
            make_servers(engine, names, base, work)
        serving, dagster, mlflow = free_ports(3)
        ports = {"SOCCER_SERVING_PORT": serving, "SOCCER_DAGSTER_PORT": dagster, "SOCCER_MLFLOW_PORT": mlflow}
        deployment = Deployment(engine, ports, builds=builds)
        try:
            key = deployment.follow(commands("deploy.md")).strip().splitlines()[-1]
            wait("the sidecar", lambda: is_answering(deployment.base))
            if "faults" in parts:
                faults(deployment, key)
            if "backup" in parts:
                round_trip(deployment, key)
        finally:
            print_table(deployment.rows)
            if not keep:
                engine.docker("compose", "--profile", "*", "down", "--volumes", check=False)


def print_table(rows: list[Row]) -> None:
    """The table of docs/how-to/deploy.md."""
    say("\n| what was done | noticed by, outcome | healed after | look-ups unanswered |\n|---|---|---|---|")
    for row in rows:
        say(f"| {' | '.join(row)} |")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/soccer-containers"))  # noqa: S108 - 6 GB, kept
    parser.add_argument("--socket", type=Path, help="an engine that runs; without it one is started")
    parser.add_argument("--keep", action="store_true", help="leave the containers running")
    parser.add_argument("--no-build", action="store_true", help="take the project's images that are there")
    parser.add_argument("--parts", nargs="*", default=["faults", "backup"])
    given = parser.parse_args()
    run(given.work.absolute(), given.socket, keep=given.keep, builds=not given.no_build, parts=given.parts)


if __name__ == "__main__":
    main()
