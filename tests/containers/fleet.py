"""A fleet, by the letter of docs/how-to/scale-out.md, with a second machine, and a run worker that is killed.

The second machine is another project of compose in a folder that holds what the page copies: its containers
reach the first one's servers by that address alone.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.containers.deployment import Deployment, copy_of, older_engine, wait
from tests.containers.engine import Engine
from tests.containers.faults import doctor, scale
from tests.containers.lookups import Lookups
from tests.containers.page import commands
from tests.dagster_pages import DagsterPages

_PAGE = "scale-out.md"
_FILES = ["docker-compose.yml", "docker-compose.fleet.yml"]
_ADDRESS_OF_THE_PAGE = "10.0.0.1"
_ADDRESS = "203.0.113.200"  # TEST-NET-3: no address of anybody's
_LINK = "soccer-machine"
_COPIED = ("graph", "s3", "valkey", "valkey_ca")
_MONTHS = 48  # four runs
_LOST_WITHIN = 60.0


def fleet(deployment: Deployment, key: str) -> None:
    """Turn the deployment into a fleet of two machines, and use it."""
    engine = deployment.engine
    scale(deployment)
    with an_address(), Lookups(deployment.base, key) as lookups:
        engine.environ["COMPOSE_FILE"] = ":".join(older_engine(engine, _FILES))
        deployment.record("start a fleet", lookups, lambda: _start(deployment))
        other = _copied(deployment)
        try:
            deployment.record("add a machine", lookups, lambda: _add(deployment, other))
            pages = DagsterPages(f"http://127.0.0.1:{deployment.ports['SOCCER_DAGSTER_PORT']}")
            workers = [deployment, other]
            deployment.record("an hourly run", lookups, lambda: _hourly(pages, workers))
            deployment.record(f"backfill of {_MONTHS} months", lookups, lambda: _backfill(pages, workers))
            deployment.record(
                "the same again, a run worker killed", lookups, lambda: _backfill_with_a_loss(pages, workers)
            )
            deployment.record("`soccer doctor` in a fleet", None, lambda: doctor(deployment))
        finally:
            other.destroy()


@contextmanager
def an_address() -> Iterator[None]:
    """This machine's address in a private network."""
    ip = ["ip", "link"]
    subprocess.run([*ip, "add", _LINK, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", f"{_ADDRESS}/32", "dev", _LINK], check=True)
        subprocess.run([*ip, "set", _LINK, "up"], check=True)
        yield
    finally:
        subprocess.run([*ip, "delete", _LINK], check=True)


def _lines(deployment: Deployment, heading: str) -> list[str]:
    """The commands of the page for this machine's address and MLflow's port."""
    port = deployment.ports["SOCCER_MLFLOW_PORT"]
    return [
        line.replace(_ADDRESS_OF_THE_PAGE, _ADDRESS).replace(f"{_ADDRESS}:5000", f"{_ADDRESS}:{port}")
        for line in commands(_PAGE, heading)
    ]


def _start(deployment: Deployment) -> str:
    *lines, asked = _lines(deployment, "Start a fleet")
    deployment.follow(lines)
    return _answering(deployment, asked, publishers=1, runners=1)


def _answering(deployment: Deployment, asked: str, *, publishers: int, runners: int) -> str:
    """Wait until so many workers answer to the command of the page."""

    def do_answer() -> bool:
        found = deployment.engine.sh(asked, check=False).stdout.splitlines()
        kinds = [name.partition("@")[0] for name in found]
        return (kinds.count("publish"), kinds.count("train-backfill")) == (publishers, runners)

    wait(f"{publishers} and {runners} run workers", do_answer)
    return f"{publishers} and {runners} run workers answer"


def _copied(deployment: Deployment) -> Deployment:
    """The second machine, with the files that the page names."""
    engine = deployment.engine
    folder = engine.folder.with_name("machine")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    for name in (*_FILES, ".env"):
        shutil.copy(engine.folder / name, folder)
    for file in (engine.folder / "secrets").iterdir():
        if file.name in _COPIED:
            shutil.copy(file, folder / "secrets")
        else:
            (folder / "secrets" / file.name).touch()
    (folder / "feeds").mkdir()
    project = f"{engine.environ['COMPOSE_PROJECT_NAME']}-2"
    other = Deployment(
        copy_of(folder, engine, project, _FILES), deployment.ports, deployment.rows, builds=False
    )
    other.destroy()  # of a run that broke off
    return other


def _add(deployment: Deployment, other: Deployment) -> str:
    other.follow(_lines(deployment, "Add a machine"))
    asked = _lines(deployment, "Start a fleet")[-1]
    return _answering(deployment, asked, publishers=2, runners=3)


def _hourly(pages: DagsterPages, machines: list[Deployment]) -> str:
    run_id = pages.launch_from_page("refresh_hourly")
    wait("the hourly run", lambda: pages.status_of(run_id) in {"SUCCESS", "FAILURE", "CANCELED"})
    where = [one for machine in machines for one in _begun(machine, "publisher").get(run_id, [])]
    return f"{pages.status_of(run_id)}, executed by {len(where)} publisher"


def _begun(machine: Deployment, service: str) -> dict[str, list[str]]:
    """By run, the containers of a service whose log says that they began it."""
    found: dict[str, list[str]] = {}
    for container in machine.engine.containers(service):
        log = _log(machine.engine, container)
        for run_id in re.findall(r"^run (\S+) of \S+ begins", log, re.MULTILINE):
            found.setdefault(run_id, []).append(container)
    return found


def _log(engine: Engine, container: str) -> str:
    done = engine.sh(f"docker logs {container} 2>&1", check=False)
    return done.stdout


def _backfill(pages: DagsterPages, machines: list[Deployment]) -> str:
    started = pages.launch_backfill(pages.months()[:_MONTHS])
    wait("the backfill", lambda: pages.backfill_status(started) not in {"REQUESTED", "CANCELING"})
    return f"{pages.backfill_status(started)}, {_shares(pages, started, machines)}"


def _shares(pages: DagsterPages, backfill: str, machines: list[Deployment]) -> str:
    ours = pages.run_ids_of(backfill)
    counts = [sum(1 for run_id in _begun(machine, "runner") if run_id in ours) for machine in machines]
    return f"{counts[0]} runs begun here, {counts[1]} on the second machine"


def _backfill_with_a_loss(pages: DagsterPages, machines: list[Deployment]) -> str:
    """Kill the container of a run worker of the second machine while it executes a run."""
    other = machines[1].engine
    started = pages.launch_backfill(pages.months()[:_MONTHS])

    def executed() -> list[tuple[str, str]]:
        open_runs = pages.run_ids_of(started, "STARTED")
        found = _begun(machines[1], "runner").items()
        return [(run_id, containers[-1]) for run_id, containers in found if run_id in open_runs]

    wait("a run on the second machine", lambda: bool(executed()))
    run_id, victim = executed()[0]
    pid = other.docker("inspect", "--format", "{{.State.Pid}}", victim)
    began = time.monotonic()
    subprocess.run(["kill", "-9", pid], check=True)
    wait("the lost run to be failed", lambda: pages.status_of(run_id) == "FAILURE")
    failed = time.monotonic() - began
    wait("the lost run to be repeated", lambda: bool(pages.repeats_of(run_id)))
    repeated = time.monotonic() - began
    (again,) = pages.repeats_of(run_id)
    wait("the backfill", lambda: pages.backfill_status(started) not in {"REQUESTED", "CANCELING"})
    verdict = "" if repeated < _LOST_WITHIN else f", MORE THAN {_LOST_WITHIN:.0f} s"
    return (
        f"failed after {failed:.0f} s, repeated after {repeated:.0f} s{verdict}: {pages.status_of(again)}; "
        f"{pages.backfill_status(started)}, {_shares(pages, started, machines)}"
    )
