"""Run the deployment in real containers, and print what each fault did: `make containers`.

The commands are those of docs/how-to: deploy.md, upgrade.md, back-up-and-restore.md, scale-out.md. Two things
differ from a reader's machine: images come from `images.py`, because no registry may be reachable, and on an
engine before 25 a second file takes `start_interval` out, which that engine does not know.
"""

import argparse
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.containers import built
from tests.containers.deployment import Deployment, Row, older_engine, say, wait
from tests.containers.engine import Engine, install_engine, running_engine
from tests.containers.faults import faults, scale
from tests.containers.fleet import fleet
from tests.containers.images import base_name, has_image, make_base, make_servers
from tests.containers.lookups import Lookups
from tests.containers.page import commands
from tests.containers.round_trip import round_trip
from tests.containers.upgrade import upgrade
from tests.services import free_ports

_ROOT = Path(__file__).parents[2]
_STAND_INS = ("postgres", "valkey", "seaweedfs", "balancer")
_PARTS = ("faults", "replace", "backup", "fleet", "upgrade")


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


def client_shim(folder: Path) -> None:
    """A `docker` before the real one, whose builds use this machine's network and its names."""
    shim = folder / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    shim.write_text(
        '#!/bin/sh\nif [ "$1" = build ]; then shift; exec /usr/bin/docker build --network=host "$@"; fi\n'
        'exec /usr/bin/docker "$@"\n'
    )
    shim.chmod(0o755)


def replace(deployment: Deployment, key: str) -> None:
    """Build a version with a changed line, and put it in the place of what runs, with two sidecars."""
    wait("two sidecars", lambda: scale(deployment) != "")
    built.upgrade_images(deployment, commands("upgrade.md", "A deployment"))
    with Lookups(deployment.base, key) as lookups:
        lines = commands("upgrade.md", "A deployment with two sidecars or more")
        deployment.record(
            "upgrade by a changed line, two sidecars", lookups, lambda: deployment.follow(lines) and "done"
        )


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
    shutil.rmtree(checkout, ignore_errors=True)
    check_out(checkout)
    client_shim(work / "bin")
    with an_engine(socket, work) as found:
        engine = Engine(found, work / "client", checkout, {"COMPOSE_PROJECT_NAME": "soccer-containers"})
        engine.environ["PATH"] = f"{work / 'bin'}:{engine.environ['PATH']}"
        engine.environ["COMPOSE_FILE"] = ":".join(older_engine(engine, ["docker-compose.yml"]))
        make_stand_ins(engine, work)
        ports = dict(
            zip(
                ("SOCCER_SERVING_PORT", "SOCCER_DAGSTER_PORT", "SOCCER_MLFLOW_PORT"),
                free_ports(3),
                strict=True,
            )
        )
        rows: list[Row] = []
        deployment = Deployment(engine, ports, rows, builds=builds)
        deployment.destroy()  # of a run that broke off
        try:
            if set(parts) != {"upgrade"}:
                fresh(deployment, parts)
            if "upgrade" in parts:
                deployment.destroy()
                upgrade(engine, _ROOT, work, ports, rows)
        finally:
            print_table(rows)
            if not keep:
                deployment.destroy()


def fresh(deployment: Deployment, parts: list[str]) -> None:
    """Deploy by the page, and do to it what the parts say."""
    key = deployment.follow(commands("deploy.md")).strip().splitlines()[-1]
    built.look(deployment)
    wait("the sidecar", deployment.is_answering)
    for part, act in (("faults", faults), ("replace", replace), ("backup", round_trip), ("fleet", fleet)):
        if part in parts:
            act(deployment, key)


def make_stand_ins(engine: Engine, work: Path) -> None:
    """The images that a registry would give, where the engine has none of that name."""
    services = yaml.safe_load((engine.folder / "docker-compose.yml").read_text())["services"]
    names = {name: service["image"] for name, service in services.items()}
    base = base_name(engine.folder / "Dockerfile")
    if not all(has_image(engine, names[name]) for name in _STAND_INS):
        make_base(engine, base, work)
        make_servers(engine, names, base, work)


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
    parser.add_argument("--parts", nargs="*", default=list(_PARTS), choices=_PARTS)
    given = parser.parse_args()
    run(given.work.absolute(), given.socket, keep=given.keep, builds=not given.no_build, parts=given.parts)


if __name__ == "__main__":
    main()
