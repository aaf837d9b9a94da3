"""Whether a disk is full: the supervisor then gives up no part, the watchdog names it as the cause."""

import shutil
from pathlib import Path

# Below this no process can be expected to run: its log and its database cannot be written.
_FULL_DISK_BYTES = 4_000_000


def is_disk_full(folder: Path) -> bool:
    """Whether the disk of a folder is full, or cannot be asked."""
    try:
        return shutil.disk_usage(folder).free < _FULL_DISK_BYTES
    except OSError:
        return True
