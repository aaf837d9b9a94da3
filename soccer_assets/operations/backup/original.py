"""Whether the installation that a backup was made of still answers."""

import socket
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from soccer_assets.loopback import certificates
from soccer_assets.operations.backup.archive import BackupError, BackupManifest
from soccer_assets.operations.backup.places import Places, is_sqlite
from soccer_assets.operations.backup.postgres import other_sessions, shown

_WAIT_SECONDS = 3.0


def require_stopped(home: Path) -> None:
    """Check that no `soccer up` runs on a home.

    Raises:
        BackupError: one does.
    """
    lock = home / "up.lock"
    if not lock.is_file():
        return
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise BackupError(f"`soccer up` is running on {home}; stop it first") from None
    held.release()


def require_silence(manifest: BackupManifest, places: Places) -> None:
    """Check that the original does not answer: two installations with one id would publish over each other.

    Raises:
        BackupError: it does.
    """
    way_out = "stop it first, or restore a second installation with --copy"
    home = Path(manifest.home)
    if manifest.host == socket.gethostname() and home != places.home:
        try:
            require_stopped(home)
        except BackupError:
            raise BackupError(f"the original answers: `soccer up` is running on {home}; {way_out}") from None
    for url in (places.matches, places.dagster, places.mlflow):
        if url and not is_sqlite(url) and (sessions := other_sessions(url)):
            raise BackupError(f"the original answers: {sessions} sessions use {shown(url)}; {way_out}")
    for address in manifest.sidecars:
        if _serves(address):
            raise BackupError(f"the original answers: {address} serves predictions; {way_out}")


def _serves(address: str) -> bool:
    """Whether a sidecar serves a release; one without a release waits for this restore."""
    try:
        answer = httpx.get(f"{address}/ready", timeout=_WAIT_SECONDS, verify=certificates(address))
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK
