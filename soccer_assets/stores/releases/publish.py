"""Publishes a release: files first, then the pointer by compare-and-swap, then the event.

Season projections and the history follow the release that they are made after, and a new release takes the
last ones along.

The id of a release is a hash of its content, so publishing is idempotent: the same content is the same
release. The next run repairs a kill at any step: files of an unfinished release are written again, and
`reconcile` announces a pointer whose event was lost.
"""

import datetime as dt
import hashlib
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.contract.events import Event
from soccer_assets.contract.history_parts import history_mark_key
from soccer_assets.contract.release import (
    DIRECTORY_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    POINTER_KEY,
    PREDICTIONS_DDL,
    PREDICTIONS_FILE,
    SCHEMA_VERSION,
    TEAM_STATE_FILE,
    Directory,
    FeedTerms,
    FileEntry,
    GoldenRow,
    Manifest,
    ModelCard,
    Origin,
    Pointer,
    Prediction,
    release_key,
)
from soccer_assets.contract.season_projection import projections_key
from soccer_assets.contract.status import STATUS_KEY, Status
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ConflictError, ObjectStore, Versioned
from soccer_assets.stores.installation import name_store, new_id
from soccer_assets.stores.release_manifests import current_manifest, read_pointer
from soccer_assets.stores.releases.backup_lease import wait_for_lease
from soccer_assets.stores.stored_json import decoded, decoded_or_none


class ReleaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a release: the prediction and its index columns."""

    prediction: Prediction
    source_match_id: str
    is_upcoming: bool


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a release; `release_id` of its predictions is empty until it is published."""

    feed: str
    is_simulated: bool
    data_as_of: str | None
    snapshot_id: str
    models: dict[str, ModelCard]
    feature_names: tuple[str, ...]
    golden_rows: tuple[GoldenRow, ...]
    ledger_head: str | None
    rows: Collection[ReleaseRow]
    directory: Directory = Directory()
    terms: tuple[FeedTerms, ...] = ()

    def release_id(self, model: bytes, team_state: bytes) -> str:
        """Hash of the content without MLflow's run ids: equal drafts are the same release."""
        replace = msgspec.structs.replace
        models = {alias: replace(card, run_id="") for alias, card in self.models.items()}
        encoder = msgspec.json.Encoder(order="deterministic")
        digest = hashlib.sha256(encoder.encode(replace(self, models=models, rows=())))
        for row in self.rows:  # one at a time: rows may be generated lazily
            hashed = replace(row, prediction=replace(row.prediction, model_run_id=""))
            digest.update(encoder.encode(hashed))
        digest.update(hashlib.sha256(model).digest())
        digest.update(hashlib.sha256(team_state).digest())
        return digest.hexdigest()[:16]


class PublishLease(msgspec.Struct, frozen=True):
    """The pointer as a publisher read it before it drafted; None before the first release."""

    pointer: Versioned | None


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of `Releases.publish`."""

    manifest: Manifest
    is_new: bool
    is_announced: bool


class Releases:
    """Writes releases and status to the object store, and announces them on the event stream."""

    def __init__(self, store: ObjectStore, events: EventBus) -> None:
        """Set the object store and the event bus."""
        self._store = store
        self._events = events

    def pointer(self) -> Pointer | None:
        """The current release; None before the first."""
        return read_pointer(self._store)

    def feed(self) -> str | None:
        """The feed of the current release; None before the first."""
        manifest = current_manifest(self._store)
        return None if manifest is None else manifest.feed

    def reconcile(self, now: dt.datetime) -> bool:
        """Announce the current release if a killed run lost its event; returns whether it did."""
        return self._announce(None, now)

    def lease(self) -> PublishLease:
        """Read the pointer that `publish` will replace by compare-and-swap.

        Take the lease before anything is read for the draft. `publish` then fails where another run moved
        the pointer meanwhile, so a release never replaces one that rests on newer data.
        """
        return PublishLease(self._store.read_versioned(POINTER_KEY))

    def publish(
        self,
        draft: Draft,
        model: bytes,
        team_state: bytes,
        now: dt.datetime,
        lease: PublishLease | None = None,
        origin: Origin | None = None,
    ) -> Published:
        """Make the draft the current release, unless it already is.

        Args:
            draft: the content.
            model: the champion's file.
            team_state: the file of all team states.
            now: time of publication.
            lease: from `lease`; by default the pointer is read now.
            origin: the database that the draft was read from, if any; without one a new store gets a new id.

        Raises:
            ConflictError: another publisher moved the pointer meanwhile; the next run starts from theirs.
        """
        versioned = (lease or self.lease()).pointer
        name_store(self._store, origin.installation if origin else new_id())
        current = decoded(POINTER_KEY, versioned.data, Pointer) if versioned else None
        release_id = draft.release_id(model, team_state)
        encoded = self._complete(release_id)
        if encoded is not None and current is not None and current.release_id == release_id:
            manifest = msgspec.json.decode(encoded, type=Manifest)
            return Published(manifest=manifest, is_new=False, is_announced=False)
        if encoded is None:
            encoded = self._write_files(draft, release_id, model, team_state, now, origin)
        manifest = msgspec.json.decode(encoded, type=Manifest)
        pointer = Pointer(
            schema_version=SCHEMA_VERSION,
            release_id=release_id,
            manifest_sha256=hashlib.sha256(encoded).hexdigest(),
            model_version=next(iter(manifest.models.values())).version,
            published_at=isoformat(now),
            projections=self._copied_projections(current, release_id),
            history=self._marked_history(current.history if current else None, release_id),
        )
        wait_for_lease(self._store)
        self._store.swap(POINTER_KEY, msgspec.json.encode(pointer), versioned.etag if versioned else None)
        announced = self._announce(current, now)
        return Published(manifest=manifest, is_new=True, is_announced=announced)

    def publish_projections(self, content: bytes) -> bool:
        """Put season projections beside the current release; returns whether they are new.

        They follow the release: a reader of the same release takes the new file alone.

        Raises:
            ConflictError: another publisher moved the pointer meanwhile; the next run starts from theirs.
        """
        versioned = self._store.read_versioned(POINTER_KEY)
        if versioned is None:
            return False
        pointer, entry = decoded(POINTER_KEY, versioned.data, Pointer), _entry(content)
        key = projections_key(pointer.release_id, entry)
        if pointer.projections == entry and self._store.exists(key):
            return False
        self._store.write(key, content)
        wait_for_lease(self._store)
        moved = msgspec.json.encode(msgspec.structs.replace(pointer, projections=entry))
        self._store.swap(POINTER_KEY, moved, versioned.etag)
        return True

    def publish_history(self, entry: FileEntry) -> bool:
        """Name the index of the history beside the current release; returns whether it is new.

        Its parts are in the store already.

        Raises:
            ConflictError: another publisher moved the pointer meanwhile; the next run starts from theirs.
        """
        versioned = self._store.read_versioned(POINTER_KEY)
        if versioned is None:
            return False
        pointer = decoded(POINTER_KEY, versioned.data, Pointer)
        if pointer.history == entry:
            return False
        self._marked_history(entry, pointer.release_id)
        wait_for_lease(self._store)
        moved = msgspec.json.encode(msgspec.structs.replace(pointer, history=entry))
        self._store.swap(POINTER_KEY, moved, versioned.etag)
        return True

    def write_status(self, make: Callable[[], Status], now: dt.datetime) -> Status:
        """Rewrite the status, and announce each asset whose freshness changed, once.

        Args:
            make: reads the status. Where another run wrote one meanwhile, this one may be older: it is
                dropped.
            now: time of the events.

        Returns:
            What ``make`` read.
        """
        before = self._store.read_versioned(STATUS_KEY)
        status = make()
        try:
            self._store.swap(STATUS_KEY, msgspec.json.encode(status), before.etag if before else None)
        except ConflictError:
            return status
        earlier = decoded_or_none(before.data if before else None, Status)
        states = {asset.key: asset.state for asset in earlier.assets} if earlier else {}
        for asset in status.assets:
            was = states.get(asset.key, asset.state)
            if was != asset.state:
                detail = {"asset": asset.key, "state": asset.state, "was": was}
                self._events.publish(Event(type="freshness", at=isoformat(now), detail=detail))
        return status

    def _copied_projections(self, current: Pointer | None, release_id: str) -> FileEntry | None:
        """The last release's projections, copied to a new one; None where there are none or they are lost."""
        entry = None if current is None else current.projections
        if current is None or entry is None:
            return None
        content = self._store.read(projections_key(current.release_id, entry))
        if content is None or _entry(content) != entry:
            return None
        self._store.write(projections_key(release_id, entry), content)
        return entry

    def _marked_history(self, entry: FileEntry | None, release_id: str) -> FileEntry | None:
        """The index, after a mark in the release's folder that keeps its parts as long as the release."""
        if entry is not None:
            self._store.write(history_mark_key(release_id, entry.sha256), msgspec.json.encode(entry))
        return entry

    def _announce(self, before: Pointer | None, now: dt.datetime) -> bool:
        """Announce the current release, unless the stream names it last; returns whether it did.

        The pointer is read after the stream, and the event is appended only to the stream that was read: a
        slow run announces neither twice nor after its successor. A release that another one replaced before
        its run came this far is not announced.

        Args:
            before: the release that was replaced, for a stream that names none.
            now: time of the event.
        """

        def next_event(last: Event | None) -> Event | None:
            pointer = self.pointer()
            if pointer is None or (last is not None and last.release_id == pointer.release_id):
                return None
            known = before.model_version if before else pointer.model_version
            if last is not None:
                known = last.detail.get("model_version", "")
            return Event(
                type="release" if known == pointer.model_version else "promotion",
                at=isoformat(now),
                release_id=pointer.release_id,
                detail={"model_version": pointer.model_version},
            )

        return self._events.publish_next(next_event)

    def _complete(self, release_id: str) -> bytes | None:
        """The manifest of a release that has all its files; None if it must be written."""
        encoded = self._store.read(release_key(release_id, MANIFEST_FILE))
        if encoded is None:
            return None
        manifest = decoded_or_none(encoded, Manifest)  # a damaged one is written again
        if manifest is None:
            return None
        is_complete = all(self._store.exists(release_key(release_id, name)) for name in manifest.files)
        return encoded if is_complete else None

    def _write_files(
        self,
        draft: Draft,
        release_id: str,
        model: bytes,
        team_state: bytes,
        now: dt.datetime,
        origin: Origin | None,
    ) -> bytes:
        """Write the files, then the manifest; returns the manifest's bytes."""
        directory = msgspec.json.encode(draft.directory)
        contents = {MODEL_FILE: model, TEAM_STATE_FILE: team_state, DIRECTORY_FILE: directory}
        files = {name: _entry(content) for name, content in contents.items()}
        for name, content in contents.items():
            self._store.write(release_key(release_id, name), content)
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / PREDICTIONS_FILE
            write_predictions(database, draft.rows, release_id)
            with database.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[PREDICTIONS_FILE] = FileEntry(sha256=digest, bytes=database.stat().st_size)
            self._store.upload(release_key(release_id, PREDICTIONS_FILE), database)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            release_id=release_id,
            feed=draft.feed,
            is_simulated=draft.is_simulated,
            created_at=isoformat(now),
            data_as_of=draft.data_as_of,
            snapshot_id=draft.snapshot_id,
            models=draft.models,
            feature_names=draft.feature_names,
            golden_rows=draft.golden_rows,
            prediction_rows=len(draft.rows),
            ledger_head=draft.ledger_head,
            files=files,
            origin=origin,
            terms=draft.terms,
        )
        encoded = msgspec.json.encode(manifest)
        key = release_key(release_id, MANIFEST_FILE)
        try:
            self._store.swap(key, encoded, None)
        except ConflictError:  # another run wrote the same release, or its manifest outlived a lost file
            return self._store.read(key) or encoded
        return encoded


def write_predictions(path: Path, rows: Iterable[ReleaseRow], release_id: str) -> None:
    """Write the release's SQLite file: filter columns with indexes, and each match's rendered body."""
    encoder = msgspec.json.Encoder()
    table, indexes = PREDICTIONS_DDL.split(";", 1)
    connection = sqlite3.connect(path, isolation_level=None)
    # A temporary file needs no journal; indexes are built after the rows, which is faster.
    connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {table};")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO prediction VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                row.prediction.match_id,
                row.prediction.model,
                row.prediction.kickoff,
                row.prediction.competition,
                row.prediction.home_team.id,
                row.prediction.away_team.id,
                fold(row.prediction.home_team.name),
                fold(row.prediction.away_team.name),
                row.source_match_id,
                int(row.is_upcoming),
                encoder.encode(msgspec.structs.replace(row.prediction, release_id=release_id)),
            )
            for row in rows
        ),
    )
    connection.executescript(indexes)  # commits first
    connection.close()


def _entry(data: bytes) -> FileEntry:
    return FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
