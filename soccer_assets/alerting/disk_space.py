"""The space on a home's disk: too little of it is one fault, whether it is nearly full or full.

The supervisor gives up no part while the disk is full.
"""

import datetime as dt
import shutil
from pathlib import Path

from soccer_assets.alerting.faults import FAILURE, Condition
from soccer_assets.clock import isoformat

_LEAST_FREE_BYTES = 1_000_000_000
# Below this no process can be expected to run: its log and its database cannot be written.
_FULL_DISK_BYTES = 4_000_000


def is_disk_full(folder: Path) -> bool:
    """Whether the disk of a folder is full, or cannot be asked."""
    try:
        return shutil.disk_usage(folder).free < _FULL_DISK_BYTES
    except OSError:
        return True


def disk_conditions(folder: Path, now: dt.datetime, cause: str = "") -> list[Condition]:
    """One condition where a disk has less than 1 GB free; its key is the same on a full one.

    Args:
        folder: the home.
        now: wall clock.
        cause: what could not be written, in the words of the one that tried.
    """
    is_full = is_disk_full(folder)
    free = 0 if is_full else shutil.disk_usage(folder).free
    if free >= _LEAST_FREE_BYTES:
        return []
    return [
        Condition(
            kind="disk",
            subject=str(folder),
            severity=FAILURE,
            since=isoformat(now),
            what="is on a disk that is full" if is_full else f"has {free / 1e6:.0f} MB left",
            promise=f"at least {_LEAST_FREE_BYTES / 1e9:.0f} GB free",
            cause=cause,
            path="/runs",
        )
    ]
