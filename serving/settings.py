"""Values derived from the shared settings: the cache folder and the sidecar's name."""

import socket
from pathlib import Path

from soccer_assets.settings import Settings


def cache_folder(settings: Settings) -> Path:
    """Folder for files of releases from a remote store, named by their hash."""
    return settings.home / "cache" / "releases"


def history_folder(settings: Settings) -> Path:
    """Folder for the sidecar's copy of the history, shared by its workers."""
    return settings.home / "cache" / "history"


def sidecar_name(settings: Settings) -> str:
    """Name that signs refusals in the outbox; the same for all workers of a sidecar."""
    return f"{socket.gethostname()}-{settings.serving_port}"
