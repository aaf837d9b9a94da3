"""Backup, loss of everything but the backups, and restore, by the letter of the page."""

from tests.containers.deployment import Deployment, wait
from tests.containers.page import commands

_DAY_OF_THE_PAGE = "2026-11-29"


def round_trip(deployment: Deployment, key: str) -> None:
    """Back up, destroy everything but the backups, restore, and ask for the same prediction."""
    before = deployment.asked(key)
    page = "back-up-and-restore.md"
    deployment.record(
        "back up", None, lambda: deployment.follow(commands(page, "Back up a deployment")) and "kept"
    )
    day = deployment.engine.sh("date +%F").stdout.strip()
    deployment.record("destroy all but the backups", None, lambda: deployment.destroy(but="backups"))

    def restore() -> str:
        lines = commands(page, "Restore a deployment")
        deployment.follow([line.replace(_DAY_OF_THE_PAGE, day) for line in lines])
        wait("the sidecar", deployment.is_answering)
        is_equal = deployment.asked(key) == before
        return f"predictions {'equal' if is_equal else 'DIFFER'}; {deployment.verified_ledger()}"

    deployment.record("restore", None, restore)
