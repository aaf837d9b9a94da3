"""Updates features and team state from an export, recomputing only the months that can have changed.

The export is compared by month with the one that the current features were computed from. From the first
month that differs, features are recomputed, starting at the newest checkpoint before it; earlier months keep
their parts. Features that other code computed are recomputed completely.
"""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from soccer_assets.football import features, incremental, match_table, matches
from soccer_assets.football.features import FEATURE_NAMES, FeatureTable
from soccer_assets.football.incremental import advance, months_kept, start_of, stretches
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.ratings.compile_cache import ratings_fingerprint
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import TableManifest, missing_months, read_table, write_table
from soccer_assets.stores.exports import MATCH_SCHEMA, ExportManifest
from soccer_assets.stores.features import store as feature_store
from soccer_assets.stores.features.store import (
    CURRENT_KEY,
    FOLDER,
    MATCH_COLUMNS,
    Checkpoint,
    FeatureManifest,
    feature_rows,
    feature_schema,
    find_features,
    match_table_of,
    read_state,
    write_state,
)

_CODE = (features, match_table, matches, incremental, feature_store)


class FeatureUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an update.

    Attributes:
        manifest: the current features.
        state: after the last known result.
        replayed_from: the first recomputed month; None where nothing had changed.
    """

    manifest: FeatureManifest
    state: TeamState
    replayed_from: str | None


def update_features(store: ObjectStore, snapshot: ExportManifest) -> FeatureUpdate:
    """Write features and state of an export and make them current.

    The result equals a pass over all matches bit for bit.

    Raises:
        DamagedPartError: a part of the export is missing or was changed.
    """
    previous = _previous(store)
    export = snapshot.tables["match"]
    made_of = {part.month: part.sha256 for part in export.parts}
    changed = _changed_months(store, previous, made_of)
    if previous is not None and not changed and (data := read_state(store, previous.team_state)) is not None:
        manifest = msgspec.structs.replace(previous, snapshot_id=snapshot.snapshot_id)
        store.write(CURRENT_KEY, msgspec.json.encode(manifest))
        state = TeamState.from_bytes(data)
        return FeatureUpdate(manifest=manifest, state=state, replayed_from=None)
    first = min(changed, default=max(made_of, default=""))
    replay = _Replay(store, export, previous, first)
    table = write_table(
        store,
        FOLDER,
        feature_schema(FEATURE_NAMES),
        ((month, feature_rows(part)) for month, part in replay.months() if month >= first),
        _only_months(previous.table, made_of) if previous else None,
    )
    manifest = FeatureManifest(
        snapshot_id=snapshot.snapshot_id,
        made_by=code_fingerprint(),
        made_of=made_of,
        feature_names=FEATURE_NAMES,
        table=table,
        months_written=_differing(previous.table if previous else None, table),
        team_state=write_state(store, "", replay.state),
        checkpoints=replay.checkpoints(),
    )
    store.write(CURRENT_KEY, msgspec.json.encode(manifest))
    return FeatureUpdate(manifest=manifest, state=replay.state, replayed_from=replay.start or first)


@functools.cache
def code_fingerprint() -> str:
    """SHA-256 of the code and the versions that decide the bits of features."""
    digest = hashlib.sha256(ratings_fingerprint().encode())
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


class _Replay:
    """One pass over the months of an export, from the newest checkpoint before the first changed month."""

    def __init__(
        self, store: ObjectStore, export: TableManifest, previous: FeatureManifest | None, first: str
    ) -> None:
        self._store = store
        self._export = export
        self._states: dict[str, TeamState] = {}
        self.start: str | None = None
        self.state = TeamState.initial()
        usable = [
            checkpoint
            for checkpoint in (previous.checkpoints if previous else ())
            if checkpoint.month <= first
        ]
        while usable and self.start is None:
            if (data := read_state(store, usable[-1])) is None:
                usable.pop()  # missing or damaged: use the previous one
                continue
            self.start, self.state = usable[-1].month, TeamState.from_bytes(data)
        self._kept = usable

    def months(self) -> Iterator[tuple[str, FeatureTable]]:
        """Features by month; afterwards `state` is the state after the last result."""
        months = [part.month for part in self._export.parts]
        before = [month for month in months if self.start is not None and month < self.start]
        parts = stretches(months[len(before) :])
        pending = MatchTable.empty()
        if self.start is not None:
            last = self._matches(before[-1:])  # a match of the last hours ends in the next month
            pending = last.take(last.moves_ratings & (last.result_known_at > start_of(self.start)))
        for place, stretch in enumerate(parts):
            following = parts[place + 1][0] if place + 1 < len(parts) else None
            since = start_of(stretch[0])
            known = MatchTable.concat([pending, self._matches(stretch)])
            done = advance(known, self.state, since, start_of(following) if following else None)
            self.state, pending = done.state, done.pending
            if following:
                self._states[following] = self.state
            yield from _by_month(done.features)

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The checkpoints to keep, old and new, in order of time."""
        kept = months_kept(
            [*(checkpoint.month for checkpoint in self._kept), *self._states], self.state.as_of
        )
        new = (
            write_state(self._store, month, state) for month, state in self._states.items() if month in kept
        )
        return (*(checkpoint for checkpoint in self._kept if checkpoint.month in kept), *new)

    def _matches(self, months: list[str]) -> MatchTable:
        return match_table_of(read_table(self._store, self._export, MATCH_SCHEMA, months, MATCH_COLUMNS))


def _previous(store: ObjectStore) -> FeatureManifest | None:
    """The current features' manifest; None without one, or where other code computed them."""
    found = find_features(store)
    return found if found is not None and found.made_by == code_fingerprint() else None


def _changed_months(
    store: ObjectStore, previous: FeatureManifest | None, made_of: dict[str, str]
) -> set[str]:
    """Months added, removed or changed in the export, and months whose features are missing."""
    if previous is None:
        return set(made_of)
    months = {*previous.made_of, *made_of}
    changed = {month for month in months if previous.made_of.get(month) != made_of.get(month)}
    return changed | (missing_months(store, FOLDER, previous.table) & made_of.keys())


def _only_months(table: TableManifest, months: dict[str, str]) -> TableManifest:
    return msgspec.structs.replace(table, parts=tuple(part for part in table.parts if part.month in months))


def _by_month(table: FeatureTable) -> Iterator[tuple[str, FeatureTable]]:
    """The rows of each month, in order of kickoff and match id."""
    order = np.lexsort((table.match_id.astype(str), table.kickoff))
    table = table.take(order)
    months = table.kickoff.astype("datetime64[s]").astype("datetime64[M]")
    names, starts = np.unique(months, return_index=True)
    for name, start, end in zip(names, starts, [*starts[1:], len(months)], strict=True):
        yield str(name), table.take(np.arange(start, end))


def _differing(before: TableManifest | None, after: TableManifest) -> tuple[str, ...]:
    """Months added, removed or changed."""
    old = {part.month: part for part in before.parts} if before else {}
    new = {part.month: part for part in after.parts}
    return tuple(month for month in sorted({*old, *new}) if old.get(month) != new.get(month))
