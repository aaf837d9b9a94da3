"""What answers now: one release and one state of the data, swapped as a pair.

A request takes the `Current` pair once, release and status together, and uses it to its end, so no answer
mixes two releases. A swap is one attribute assignment; an old snapshot closes when its last request drops it.
"""

import datetime as dt
import hashlib
import zlib

import msgspec

from serving.problems import not_loaded
from serving.release.snapshot import Snapshot
from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.reports import DriftReport, QualityReport
from soccer_assets.contract.status import Status, fresh_until, stale_reasons

MOVED_REASON = "the kickoff moved since this was predicted"


class Tail(msgspec.Struct, frozen=True):
    """The end of a body: the fields of `VOLATILE_FIELDS`, and a hash of them for the ETag."""

    text: bytes
    tag: bytes


class StatusView:
    """The state of the data, with the fields that move with the clock rendered once a set of reasons."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self._checked_at = dt.datetime.fromisoformat(status.checked_at)
        self._fresh_until = fresh_until(status)
        self._moved = frozenset(status.moved_match_ids)
        self._tails: dict[tuple[str, ...], Tail] = {}

    def age_seconds(self, now: dt.datetime) -> int:
        """Whole seconds since the feed was last looked at."""
        return max(0, int((now - self._checked_at).total_seconds()))

    def body(self, match_id: str, stored: bytes, now: dt.datetime) -> bytes:
        """A stored body with the fields of `VOLATILE_FIELDS` appended, as they are at ``now``."""
        return stored[:-1] + self.tail(match_id, now).text

    def tail(self, match_id: str, now: dt.datetime) -> Tail:
        """What ends the body of a match at ``now``."""
        reasons = stale_reasons(self.status, now) if now > self._fresh_until else ()
        if match_id in self._moved:
            reasons = (*reasons, MOVED_REASON)
        tail = self._tails.get(reasons)
        if tail is None:
            text = self._render(reasons)
            tail = Tail(text, hashlib.sha256(text).hexdigest()[:16].encode())
            self._tails[reasons] = tail
        return tail

    def _render(self, reasons: tuple[str, ...]) -> bytes:
        volatile = {
            "data_as_of": self.status.data_as_of,
            "checked_at": self.status.checked_at,
            "next_expected_at": self.status.next_expected_at,
            "stale": bool(reasons),
            "stale_reasons": reasons,
        }
        return b"," + msgspec.json.encode(volatile)[1:]


class Current(msgspec.Struct, frozen=True):
    """What answers come from: one release and one status."""

    snapshot: Snapshot
    view: StatusView

    def answer(self, match_id: str, model: str, now: dt.datetime) -> tuple[bytes, bytes] | None:
        """Body and ETag of one match by one model at ``now``; None where the release has none.

        The tag names the release and the tail, which decide every byte of the body; the checksum of the row
        only tells matches apart.
        """
        stored = self.snapshot.find(match_id, model)
        if stored is None:
            return None
        tail = self.view.tail(match_id, now)
        tag = b'"%b%08x%b"' % (self.snapshot.tag, zlib.crc32(stored), tail.tag)
        return stored[:-1] + tail.text, tag


class SnapshotHolder:
    """The one place that says what is current; every change is one assignment.

    Attributes:
        current: None until a release is loaded, and after the first one turned out bad.
        clock: what the age of the data is measured with.
        drift: the newest report of it; None before the first, like `quality`.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.current: Current | None = None
        self.drift: DriftReport | None = None
        self.quality: QualityReport | None = None
        self._status: Status | None = None

    def swap(self, snapshot: Snapshot | None) -> None:
        """Answer from this release from now on."""
        self.current = None if snapshot is None else Current(snapshot, StatusView(self._status_of(snapshot)))

    def update_status(self, status: Status) -> None:
        """Answer with this state of the data from now on."""
        if status == self._status:
            return
        self._status = status
        if self.current is not None:
            self.current = Current(self.current.snapshot, StatusView(status))

    def stale_reasons(self) -> tuple[str, ...]:
        """Why all answers are stale now; empty where they are not, or where nothing is loaded."""
        return () if self.current is None else stale_reasons(self.current.view.status, self.clock.now())

    def now_text(self) -> str:
        """The current instant as text that compares with stored kickoffs."""
        return isoformat(self.clock.now())

    def _status_of(self, snapshot: Snapshot) -> Status:
        """The status read last, or what the release knew when it was made: that grows stale by itself."""
        manifest = snapshot.manifest
        return self._status or Status(
            schema_version=manifest.schema_version,
            feed=manifest.feed,
            checked_at=manifest.created_at,
            data_as_of=manifest.data_as_of,
            next_expected_at=None,
        )


def require_release(snapshots: SnapshotHolder) -> Current:
    """What answers now.

    Raises:
        ProblemError: 503, no release is loaded.
    """
    if snapshots.current is None:
        raise not_loaded()
    return snapshots.current
