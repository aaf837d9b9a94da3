"""Each container killed in turn, while a client looks predictions up."""

from tests.containers.deployment import Deployment, wait
from tests.containers.lookups import Lookups
from tests.containers.page import commands

_KILLED = (
    "sidecar",  # the only one
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


def faults(deployment: Deployment, key: str) -> None:
    """Kill each container in turn, then one of two sidecars."""
    with Lookups(deployment.base, key) as lookups:
        for service in _KILLED:
            deployment.record(f"kill {service}", lookups, lambda service=service: deployment.kill(service))  # type: ignore[misc]
        deployment.record("start a second sidecar", lookups, lambda: scale(deployment))
        deployment.record("kill one of two sidecars", lookups, lambda: deployment.kill("sidecar"))
    deployment.record("`soccer doctor` in `code`", None, lambda: doctor(deployment))


def scale(deployment: Deployment) -> str:
    """Start a second sidecar by the page."""
    deployment.follow(commands("deploy.md", "Scale"))
    wait("two sidecars", lambda: deployment.are_healthy("sidecar", 2))
    return "two healthy"


def doctor(deployment: Deployment) -> str:
    """What `soccer doctor` ends with inside the code server's container."""
    done = deployment.engine.sh("docker compose exec --no-TTY code soccer doctor", check=False)
    last = (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]
    return f"exit {done.returncode}: {last.strip()}"
