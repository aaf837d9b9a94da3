"""Parts of `soccer up` that run: written by its supervisor, so that what hangs is found and can be ended."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from soccer_assets.alerting.list_file import read_list, write_list


class RunningPart(msgspec.Struct, frozen=True):
    """A process of `soccer up`; after a reboot its pid may be another program's, its start time is not."""

    name: str
    pid: int
    created: float


def write_running_parts(folder: Path, parts: Sequence[RunningPart]) -> None:
    """Replace the list in ``folder``; on a full disk it stays: the processes end with their parent anyway."""
    write_list(_file(folder), parts)


def read_running_parts(folder: Path) -> list[RunningPart]:
    """The list of ``folder``; empty where there is none, or it cannot be read."""
    return read_list(_file(folder), RunningPart)


def remove_running_parts(folder: Path) -> None:
    """Remove the list: none runs."""
    with contextlib.suppress(OSError):  # none is there, or a folder in its place is ignored
        _file(folder).unlink()


def is_running(part: RunningPart) -> bool:
    """Whether its process is there, stopped or hanging included."""
    import psutil  # noqa: PLC0415 - not in the serving image, which needs the rest of this module

    try:
        process = psutil.Process(part.pid)
        is_it = abs(process.create_time() - part.created) < 1.0
        return bool(is_it and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def restart_of(home: Path, name: str) -> str:
    """What restarts a part of this home that hangs, with its command; empty where `soccer up` runs none."""
    folder = home / "run"
    for part in read_running_parts(folder):
        if part.name == name and is_running(part):
            return (
                f"`soccer up` starts it again within 4 minutes, and at once after `kill -9 {part.pid}`; its "
                f"log is {folder / f'{name}.log'}"
            )
    return ""


def _file(folder: Path) -> Path:
    return folder / "children.json"
