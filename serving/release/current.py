"""The current release and status, swapped as a pair.

A request reads `SnapshotHolder.current` once and uses it to its end, so no response mixes two releases. A
swap is one attribute assignment; an old snapshot closes when its last request is done.
"""

import datetime as dt
import hashlib
import zlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from serving.problems import not_loaded
from serving.release.history import History
from serving.release.released_projections import Projections
from serving.release.snapshot import Snapshot
from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.model_history import Reign, Verdict
from soccer_assets.contract.pipeline import PipelineState
from soccer_assets.contract.reports import DriftReport, QualityReport
from soccer_assets.contract.status import Status, fresh_until, stale_reasons

FIRST_READ = "The first release is being read; try again shortly."
MOVED_REASON = "the kickoff moved since this was predicted"


class Tail(msgspec.Struct, frozen=True):
    """The end of a body: the fields of `VOLATILE_FIELDS`, and a hash of them for the ETag."""

    text: bytes
    tag: bytes


class StatusView:
    """The status of the data; renders the time-dependent fields once per set of stale reasons."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self._checked_at = dt.datetime.fromisoformat(status.checked_at)
        self._fresh_until = fresh_until(status)
        self._moved = frozenset(status.moved_match_ids)
        self._tails: dict[tuple[str, ...], Tail] = {}

    def age_seconds(self, now: dt.datetime) -> int:
        """Whole seconds since the feed was last checked."""
        return max(0, int((now - self._checked_at).total_seconds()))

    def body(self, match_id: str, stored: bytes, now: dt.datetime) -> bytes:
        """A stored body with the `VOLATILE_FIELDS` as of ``now`` appended."""
        return self.completed(match_id, stored[:-1], now)

    def completed(self, match_id: str, opened: bytes, now: dt.datetime) -> bytes:
        """The same of an open body, which has no closing brace."""
        return opened + self.tail(match_id, now).text

    def tail(self, match_id: str, now: dt.datetime) -> Tail:
        """The end of a match's body at ``now``."""
        return self._tail(now, is_moved=match_id in self._moved)

    def common_tail(self, now: dt.datetime) -> Tail:
        """The end of the body of every match that is not in `moved`."""
        return self._tail(now, is_moved=False)

    def moved(self, match_ids: Iterable[str]) -> frozenset[str]:
        """Those of these matches whose kickoff moved since they were predicted."""
        return self._moved.intersection(match_ids) if self._moved else self._moved

    def _tail(self, now: dt.datetime, *, is_moved: bool) -> Tail:
        reasons = stale_reasons(self.status, now) if now > self._fresh_until else ()
        if is_moved:
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
    """One release, one status, the projections that were read last, and the name of its history.

    Attributes:
        history_due: hash of the index of the history that belongs to the release; None where it has none.
    """

    snapshot: Snapshot
    view: StatusView
    projections: Projections = Projections()
    history_due: str | None = None

    def answer(self, match_id: str, model: str, now: dt.datetime) -> tuple[bytes, bytes] | None:
        """Body and ETag of one match by one model at ``now``; None if the release has no such prediction.

        Release and tail determine every byte of the body; the row's checksum in the tag only distinguishes
        matches.
        """
        opened = self.snapshot.find_open(match_id, model)
        if opened is None:
            return None
        tail = self.view.tail(match_id, now)
        tag = b'"%b%08x%b"' % (self.snapshot.tag, zlib.crc32(opened), tail.tag)
        return opened + tail.text, tag


class SnapshotHolder:
    """Holds the current release and reports; every change is one assignment.

    Attributes:
        current: None until a release is loaded, and after the first release was refused.
        clock: measures the age of the data.
        reason: why no release is loaded, and what to do, while `current` is None.
        drift: the newest drift report; None before the first. Likewise `quality` and `pipeline`.
        history: the past; None until it is loaded, which no answer of the API waits for.
        history_index: the index that it was brought to; None while it is not loaded.
        history_fault: why that one is not there; empty while it is loading, and afterwards.
        verdict: on the newest candidate; None before the first.
        reigns: who was champion since when, the oldest first.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.current: Current | None = None
        self.reason = FIRST_READ
        self.drift: DriftReport | None = None
        self.quality: QualityReport | None = None
        self.pipeline: PipelineState | None = None
        self.history: History | None = None
        self.history_index: str | None = None
        self.history_fault = ""
        self.verdict: Verdict | None = None
        self.reigns: tuple[Reign, ...] = ()
        self._status: Status | None = None

    def swap(self, snapshot: Snapshot | None, projections: Projections | None = None) -> None:
        """Make a release the current one; None: no release is served.

        Args:
            snapshot: the release.
            projections: beside it; None: those of the release before stay until these can be read.
        """
        if snapshot is None:
            self.current = None
            return
        if projections is None:
            projections = Projections() if self.current is None else self.current.projections
        history = snapshot.pointer.history
        view, due = StatusView(self._status_of(snapshot)), None if history is None else history.sha256
        self.current = Current(snapshot, view, projections, due)

    def update_projections(self, projections: Projections) -> None:
        """Make projections the current ones of the release that is served."""
        if self.current is not None:
            self.current = msgspec.structs.replace(self.current, projections=projections)

    def update_history_due(self, index_sha256: str | None) -> None:
        """Name the history that belongs to the release that is served."""
        if self.current is not None and self.current.history_due != index_sha256:
            self.current = msgspec.structs.replace(self.current, history_due=index_sha256)

    def update_status(self, status: Status) -> None:
        """Make a status the current one."""
        if status == self._status:
            return
        self._status = status
        if self.current is not None:
            self.current = msgspec.structs.replace(self.current, view=StatusView(status))

    def stale_reasons(self) -> tuple[str, ...]:
        """Why all answers are stale now; empty if they are fresh or no release is loaded."""
        return () if self.current is None else stale_reasons(self.current.view.status, self.clock.now())

    @property
    def history_state(self) -> Literal["loaded", "loading", "failed", "none"]:
        """``loaded``, ``loading`` (an older one serves meanwhile), ``failed``, or ``none`` to load."""
        due = None if self.current is None else self.current.history_due
        if due is None:
            return "none"
        if self.history_index == due:
            return "loaded"
        return "failed" if self.history_fault else "loading"

    def now_text(self) -> str:
        """The current instant in the format of stored kickoffs, which sort as text."""
        return isoformat(self.clock.now())

    def _status_of(self, snapshot: Snapshot) -> Status:
        """The last status that was read, or one derived from the manifest, which becomes stale with time."""
        manifest = snapshot.manifest
        return self._status or Status(
            schema_version=manifest.schema_version,
            feed=manifest.feed,
            checked_at=manifest.created_at,
            data_as_of=manifest.data_as_of,
            next_expected_at=None,
        )


def require_release(snapshots: SnapshotHolder) -> Current:
    """The current release and status.

    Raises:
        ProblemError: 503, no release is loaded.
    """
    if snapshots.current is None:
        raise not_loaded(snapshots.reason)
    return snapshots.current
