"""What the sidecar derives from the shared settings: its cache folder and its name."""

import socket
from pathlib import Path

from soccer_assets.settings import Settings


def cache_folder(settings: Settings) -> Path:
    """Where the files of releases from a remote store are kept, by their hash."""
    return settings.home / "cache" / "releases"


def sidecar_name(settings: Settings) -> str:
    """How this sidecar signs what it leaves in the outbox: one name for all its workers."""
    return f"{socket.gethostname()}-{settings.serving_port}"
