"""Snapshots: one release, open and ready to answer.

A request takes the `Current` pair once, release and status together, and uses it to its end, so no answer
mixes two releases. A swap is one attribute assignment; an old snapshot closes when its last request drops it.
"""

import contextlib
import datetime as dt
import hashlib
import sqlite3
import threading
import time
import weakref
import zlib
from urllib.parse import quote

import msgspec

from serving.problems import not_loaded
from serving.release_reader import LocalRelease, ReleaseRefusedError
from serving.scorer import ReleaseFiles
from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract import (
    CHAMPION,
    MODEL_FILE,
    PREDICTIONS_FILE,
    Manifest,
    Prediction,
    Status,
    fresh_until,
    stale_reasons,
)
from soccer_assets.reports import DriftReport, QualityReport

# Bodies of a file up to this size, some 120,000 matches, are kept in each worker: a look-up in a dict takes a
# tenth of the time of one in SQLite and never waits for the interpreter's lock. Larger ones stay in the file.
IN_MEMORY_BYTES = 256 * 1024 * 1024

MOVED_REASON = "the kickoff moved since this was predicted"


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which predictions of the champion a page holds.

    Attributes:
        limit: rows of a page.
        after: kickoff and match id of the last row of the page before.
        offset: rows that are passed over, as the predecessor's clients page.
        kickoff_from: first kickoff in the page, ISO 8601 in UTC.
        kickoff_before: first kickoff not in the page any more.
        upcoming_only: leaves out what was played before the release.
        team_id: home or away team.
        team_folded: the same by folded name; a row needs one of the two.
    """

    limit: int
    after: tuple[str, str] | None = None
    offset: int = 0
    kickoff_from: str | None = None
    kickoff_before: str | None = None
    upcoming_only: bool = False
    competition: str | None = None
    team_id: str | None = None
    team_folded: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Match ids with their stored bodies in order of kickoff, and where the next page starts."""

    rows: list[tuple[str, bytes]]
    next_after: tuple[str, str] | None


class Snapshot:
    """One release: its manifest and read-only look-ups.

    Both connections are open from the start, because the file may be pruned while a slow request still
    reads; one is for single look-ups (microseconds, on the event loop), one for pages (milliseconds, in
    threads), so that a page never makes a look-up wait.
    """

    def __init__(self, release: LocalRelease) -> None:
        """Open a release.

        Raises:
            ReleaseRefusedError: the predictions are not what the manifest and the contract say.
        """
        self.pointer = release.pointer
        self.manifest: Manifest = release.manifest
        self.model_file = release.files[MODEL_FILE]
        self.scoring_files = ReleaseFiles.of(release)
        self.opened_at = time.time()
        # Of every byte that the release holds, for ETags.
        self.tag = self.pointer.manifest_sha256[:16].encode()
        path = release.files[PREDICTIONS_FILE]
        uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
        try:
            self._lookups = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._pages = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._closer = weakref.finalize(self, _close, self._lookups, self._pages)
            self._check()
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise ReleaseRefusedError(
                "malformed", f"{PREDICTIONS_FILE}: {error}; publish the release again"
            ) from error
        self._uri = uri
        self._fits_memory = path.stat().st_size <= IN_MEMORY_BYTES
        self._bodies: dict[str, bytes] | None = None
        self._lookups_lock = threading.Lock()
        self._pages_lock = threading.Lock()

    @property
    def release_id(self) -> str:
        """The id every answer carries."""
        return self.manifest.release_id

    def find(self, match_id: str, model: str) -> bytes | None:
        """The stored body of one match by one model, None where the release has none."""
        if self._bodies is not None and model == CHAMPION:
            return self._bodies.get(match_id)
        with self._lookups_lock:
            row = self._lookups.execute(
                "SELECT body FROM prediction WHERE match_id = ? AND model = ?", (match_id, model)
            ).fetchone()
        if row is None:
            return None
        body: bytes = row[0]
        return body

    def match_id_of(self, source_match_id: str) -> str | None:
        """The match that a source calls so; None where none is, or more than one."""
        with self._lookups_lock:
            found = self._lookups.execute(
                "SELECT match_id FROM prediction WHERE source_match_id = ? AND model = ? LIMIT 2",
                (source_match_id, CHAMPION),
            ).fetchall()
        return str(found[0][0]) if len(found) == 1 else None

    def page(self, query: PageQuery) -> Page:
        """One page of the champion's predictions, ordered by kickoff and match id."""
        conditions = ["model = :model"]
        if query.kickoff_from is not None:
            conditions.append("kickoff >= :kickoff_from")
        if query.kickoff_before is not None:
            conditions.append("kickoff < :kickoff_before")
        if query.upcoming_only:
            conditions.append("is_upcoming = 1")
        if query.competition is not None:
            conditions.append("competition = :competition")
        if query.team_id is not None or query.team_folded is not None:
            conditions.append(
                "(home_team_id = :team_id OR away_team_id = :team_id"
                " OR home_team_folded = :team_folded OR away_team_folded = :team_folded)"
            )
        if query.after is not None:
            conditions.append("(kickoff, match_id) > (:after_kickoff, :after_match_id)")
        # Only the fixed texts above are joined; every value is bound.
        sql = f"SELECT match_id, body, kickoff FROM prediction WHERE {' AND '.join(conditions)}"  # noqa: S608
        after_kickoff, after_match_id = query.after or ("", "")
        values = msgspec.structs.asdict(query) | {
            "model": CHAMPION,
            "after_kickoff": after_kickoff,
            "after_match_id": after_match_id,
            "rows": query.limit + 1,
        }
        del values["after"]
        with self._pages_lock:
            found = self._pages.execute(
                f"{sql} ORDER BY kickoff, match_id LIMIT :rows OFFSET :offset", values
            ).fetchall()
        rows = [(match_id, body) for match_id, body, _ in found[: query.limit]]
        last = found[query.limit - 1] if len(found) > query.limit else None
        return Page(rows, None if last is None else (last[2], last[0]))

    def close(self) -> None:
        """Close the files now, not when the last request is done."""
        self._bodies = None
        self._closer()

    def warm(self) -> None:
        """Bring the champion's bodies to memory where they fit; until then the file answers."""
        if not self._fits_memory:
            return
        with contextlib.closing(sqlite3.connect(self._uri, uri=True)) as connection:
            self._bodies = dict(
                connection.execute("SELECT match_id, body FROM prediction WHERE model = ?", (CHAMPION,))
            )

    def _check(self) -> None:
        # The hashes were right; this tells a publisher that wrote another table, or half of it.
        (rows,) = self._lookups.execute("SELECT count(*) FROM prediction").fetchone()
        if rows != self.manifest.prediction_rows:
            message = (
                f"{PREDICTIONS_FILE} holds {rows} rows, the manifest says {self.manifest.prediction_rows}"
            )
            raise ReleaseRefusedError("half", f"{message}; publish the release again")
        first = self._lookups.execute(
            "SELECT body, kickoff, competition, home_team_id, away_team_id, home_team_folded,"
            " away_team_folded, is_upcoming FROM prediction LIMIT 1"
        ).fetchone()
        if first is not None:
            msgspec.json.decode(first[0], type=Prediction)


def _close(*connections: sqlite3.Connection) -> None:
    for connection in connections:
        connection.close()


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


def require(snapshots: SnapshotHolder) -> Current:
    """What answers now.

    Raises:
        ProblemError: 503, no release is loaded.
    """
    if snapshots.current is None:
        raise not_loaded()
    return snapshots.current
