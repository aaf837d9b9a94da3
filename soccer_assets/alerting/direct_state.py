"""What subscribers were notified of, in a file that can be written on a full disk.

The file has its size from the start and is overwritten in place. The database has the same state; while it
cannot be used, a watchdog that was killed would notify everybody again without this file.
"""

import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from soccer_assets.alerting.faults import Condition, Notified

# About 100 notifications; a watchdog has one for each process that is down.
_FILE_BYTES = 65_536


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that a subscriber was notified of.

    Attributes:
        subscriber: its id.
        notified: the fault, and when.
        is_recorded: whether the database has it, too.
    """

    subscriber: str
    notified: Notified
    is_recorded: bool

    @property
    def key(self) -> tuple[str, str]:
        """The subscriber's id and the fault's key."""
        return self.subscriber, self.notified.condition.key


class DirectState:
    """The entries of a home, in memory and in its file; a check that hangs uses them beside the next one."""

    def __init__(self, home: Path) -> None:
        """Read the entries; none where the file does not exist or cannot be read."""
        self._file = home / "run" / "notified.json"
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], Entry] = {}
        with contextlib.suppress(OSError, msgspec.DecodeError):
            read = msgspec.json.decode(self._file.read_bytes(), type=list[Entry])
            self._entries = {entry.key: entry for entry in read}
        if not self._entries:
            self._write()

    def holds(self, subscriber: str, condition: Condition) -> bool:
        """Whether the subscriber was notified of the fault."""
        return (subscriber, condition.key) in self._entries

    def unrecorded(self) -> list[Entry]:
        """What the database does not have."""
        with self._lock:
            return [entry for entry in self._entries.values() if not entry.is_recorded]

    def add(self, entry: Entry) -> None:
        """Add what was sent."""
        with self._lock:
            self._entries[entry.key] = entry
            self._write()

    def mark_recorded(self, entries: Iterable[Entry]) -> None:
        """The database has these, too."""
        with self._lock:
            for entry in entries:
                self._entries[entry.key] = msgspec.structs.replace(entry, is_recorded=True)
            self._write()

    def mirror(self, recorded: Iterable[Entry]) -> None:
        """Take over what the database has, and keep what it has not; equal entries write nothing."""
        with self._lock:
            unrecorded = {key: entry for key, entry in self._entries.items() if not entry.is_recorded}
            entries = {entry.key: entry for entry in recorded} | unrecorded
            if entries != self._entries:
                self._entries = entries
                self._write()

    def _write(self) -> None:
        """Overwrite the file; where that fails the entries are in memory only."""
        data = msgspec.json.encode(list(self._entries.values()))
        if len(data) > _FILE_BYTES:
            data = b"[]"
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # Not truncated: the space of the old contents is all there is on a full disk.
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                file.write(data.ljust(_FILE_BYTES))
