"""Parts of `soccer up` that stay down, or hung and were started again.

Written by the supervisor, told by the watchdog.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from soccer_assets.alerting.list_file import read_list, write_list


class DownPart(msgspec.Struct, frozen=True):
    """A part that ended too often and is not started again, or one that hung.

    Attributes:
        name: of the part, such as ``dagster-daemon``.
        since: when it was given up or killed, ISO 8601 in UTC.
        cause: how it ended, and the last line of its log.
        log: its log file.
        hung: it did not answer, was started again, and has not answered yet.
    """

    name: str
    since: str
    cause: str
    log: str
    hung: bool = False


def write_down_parts(home: Path, parts: Sequence[DownPart]) -> bool:
    """Replace the list; False where it cannot be written now (a full disk): the caller tries again."""
    return write_list(_file(home), parts)


def read_down_parts(home: Path) -> list[DownPart]:
    """The parts that stay down; none where nothing was written, or what was written cannot be read."""
    return read_list(_file(home), DownPart)


def _file(home: Path) -> Path:
    return home / "run" / "down.json"
