"""Keeps the history's parts and their index up to date: what changed is written, the rest stays as it is.

Order of writing: parts, index, then `STATE_KEY`, which says how far the index goes. After a kill the next run
starts from the last state. Other code, another database or a damaged object makes everything anew.
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from soccer_assets.contract import history_parts as contract
from soccer_assets.contract.history_parts import (
    HISTORY_FOLDER,
    HISTORY_SCHEMA_VERSION,
    HistoryIndex,
    SeasonEntry,
    SeasonPart,
    TeamsEntry,
    history_key,
)
from soccer_assets.contract.release import FileEntry
from soccer_assets.football import season_formats
from soccer_assets.football.projections import season_rules, season_standings, standings
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.history import changes, country_teams, season_draft
from soccer_assets.stores.history.changes import (
    Position,
    Season,
    SeasonChanges,
    all_of,
    changes_since,
    competitions_with_matches,
    forecasts_of,
    no_changes,
    read_position,
    team_names,
)
from soccer_assets.stores.history.country_teams import read_teams, teams_tag
from soccer_assets.stores.history.season_draft import SeasonDraft, Strengths, empty_part
from soccer_assets.stores.history.strengths import StrengthsOf
from soccer_assets.stores.installation import read_identity
from soccer_assets.stores.stored_json import decoded_or_none

T = TypeVar("T", SeasonPart, HistoryIndex)

STATE_KEY = f"{HISTORY_FOLDER}/current.json"
_CODE = (
    contract,
    changes,
    country_teams,
    season_draft,
    season_formats,
    season_rules,
    season_standings,
    standings,
)
_RULES = ("seasons.toml", "awarded.toml")
_WRITERS = 4


class HistoryState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the current index goes.

    Attributes:
        made_by: hash of the code and the rules that made the parts.
        installation: id of the database.
        teams: what the team tables looked like.
        index: the index, named by its hash.
    """

    made_by: str
    installation: str
    change_no: int
    sequence: int
    teams: str
    index: FileEntry


class HistorySource(NamedTuple):
    """What the history is made from.

    Attributes:
        strengths_of: of the features.
        feed: name of the feed.
        now: deductions announced later do not count.
    """

    database: Database
    strengths_of: StrengthsOf
    feed: str
    is_simulated: bool
    now: dt.datetime


class HistoryUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an update.

    Attributes:
        index: of all parts.
        entry: the object of the index.
        written: parts that were written.
        bytes_written: of these and the index.
        is_whole: everything was made anew.
    """

    index: HistoryIndex
    entry: FileEntry
    written: int
    bytes_written: int
    is_whole: bool


def update_history(
    store: ObjectStore, source: HistorySource, say: Callable[[str], None] = lambda _text: None
) -> HistoryUpdate:
    """Bring the parts and the index up to date.

    Args:
        store: keeps them.
        source: what they are made from.
        say: gets a line a competition while everything is made anew.
    """
    with source.database.reading() as connection:
        installation, position = read_identity(connection).id, read_position(connection)
        state = decoded_or_none(store.read(STATE_KEY), HistoryState)
        index = _usable_index(store, state, installation, position)
        # What is made anew is written anew: an object that is there may be the damaged one.
        writer = _Writer(store, set() if index is None else set(store.list(HISTORY_FOLDER)))
        tag = teams_tag(connection)
        if state is None or index is None:
            seasons = _all_seasons(connection, writer, source, say)
        else:
            changed = changes_since(connection, Position(state.change_no, state.sequence))
            changed = {one: no_changes() for one in _lost_seasons(index, writer)} | changed
            seasons = {(one.competition, one.season): one for one in index.seasons}
            _apply(connection, writer, source, seasons, changed)
        countries = index.teams if index is not None else ()
        if state is None or index is None or tag != state.teams or writer.lacks(countries):
            countries = _write_teams(connection, writer, countries)
    made = HistoryIndex(
        schema_version=HISTORY_SCHEMA_VERSION,
        feed=source.feed,
        seasons=tuple(seasons[key] for key in sorted(seasons)),
        teams=countries,
    )
    parts = writer.written
    entry = writer.write(made) if made != index or state is None else state.index
    writer.close()
    after = HistoryState(
        made_by=made_by(),
        installation=installation,
        change_no=position.change_no,
        sequence=position.sequence,
        teams=tag,
        index=entry,
    )
    if after != state:
        store.write(STATE_KEY, msgspec.json.encode(after))
    return HistoryUpdate(
        index=made,
        entry=entry,
        written=parts,
        bytes_written=writer.bytes_written,
        is_whole=index is None,
    )


def read_object(store: ObjectStore, sha256: str, kind: type[T]) -> T | None:
    """A part or an index; None where it is missing or damaged."""
    data = store.read(history_key(sha256))
    if data is None or hashlib.sha256(data).hexdigest() != sha256:
        return None
    try:
        return msgspec.json.decode(decompress(data), type=kind)
    except (msgspec.MsgspecError, OSError):
        return None


def named_keys(store: ObjectStore, sha256: str) -> set[str]:
    """Keys of an index and of all parts that it names."""
    index = read_object(store, sha256, HistoryIndex)
    hashes = (
        {part.sha256 for part in index.seasons} | {part.sha256 for part in index.teams} if index else set()
    )
    return {history_key(one) for one in {sha256, *hashes}}


def lost_parts(store: ObjectStore, sha256: str) -> list[str]:
    """Keys that an index needs and the store does not have, the index itself among them."""
    return sorted(named_keys(store, sha256) - set(store.list(HISTORY_FOLDER)))


def decompress(data: bytes) -> bytes:
    """The JSON of a part or an index."""
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        content: bytes = stream.read()
    return content


@functools.cache
def made_by() -> str:
    """Hash of the code and the rules that make the parts."""
    digest = hashlib.sha256()
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    for name in _RULES:
        digest.update(Path(str(season_formats.__file__)).with_name(name).read_bytes())
    return digest.hexdigest()


class _Writer:
    """Writes objects that are named by their content, several at a time, but for those that are there."""

    def __init__(self, store: ObjectStore, there: set[str]) -> None:
        self.store = store
        self._there = there
        self.written = 0
        self.bytes_written = 0
        self._pool = ThreadPoolExecutor(max_workers=_WRITERS)
        self._under_way: list[Any] = []

    def write(self, content: msgspec.Struct) -> FileEntry:
        """Write one, unless the store has it."""
        data = pa.compress(msgspec.json.encode(content), codec="zstd", asbytes=True)
        entry = FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        key = history_key(entry.sha256)
        if key not in self._there:
            self._there.add(key)
            self.written += 1
            self.bytes_written += entry.bytes
            self._under_way.append(self._pool.submit(self.store.write, key, data))
            if len(self._under_way) > 2 * _WRITERS:
                self._under_way.pop(0).result()
        return entry

    def lacks(self, parts: Iterable[SeasonEntry | TeamsEntry]) -> bool:
        """Whether the store lost one of them."""
        return any(history_key(part.sha256) not in self._there for part in parts)

    def close(self) -> None:
        """Wait for all that is written."""
        self._pool.shutdown()
        for one in self._under_way:
            one.result()


def _usable_index(
    store: ObjectStore, state: HistoryState | None, installation: str, position: Position
) -> HistoryIndex | None:
    """The current index; None where everything is made anew."""
    if state is None or (state.made_by, state.installation) != (made_by(), installation):
        return None
    if state.change_no > position.change_no or state.sequence > position.sequence:
        return None  # the database was restored or made anew
    return read_object(store, state.index.sha256, HistoryIndex)


def _lost_seasons(index: HistoryIndex, writer: _Writer) -> list[Season]:
    return [(one.competition, one.season) for one in index.seasons if writer.lacks([one])]


def _all_seasons(
    connection: sa.Connection, writer: _Writer, source: HistorySource, say: Callable[[str], None]
) -> dict[Season, SeasonEntry]:
    seasons: dict[Season, SeasonEntry] = {}
    for code in competitions_with_matches(connection):
        found = all_of(connection, code)
        rows = [row for season in found.values() for row in season.rows]
        names, strengths = team_names(connection, rows), source.strengths_of(rows)
        for key in sorted(found):
            draft = SeasonDraft(empty_part(*key, found[key].rows[0].tier))
            _put(seasons, key, _filled(draft, found[key], names, strengths, source), writer)
        say(f"{code}: {len(found)} seasons, {len(rows)} matches")
    return seasons


def _apply(
    connection: sa.Connection,
    writer: _Writer,
    source: HistorySource,
    seasons: dict[Season, SeasonEntry],
    changed: dict[Season, SeasonChanges],
) -> None:
    """Make the changed seasons anew from their last parts."""
    rows = [row for season in changed.values() for row in season.rows]
    names, strengths = team_names(connection, rows), source.strengths_of(rows)
    for key, change in changed.items():
        part = read_object(writer.store, seasons[key].sha256, SeasonPart) if key in seasons else None
        if part is None and key in seasons:  # lost or damaged
            change = all_of(connection, key[0])[key]  # noqa: PLW2901 - all of it instead of what changed
            names |= team_names(connection, change.rows)
            strengths = {**strengths, **source.strengths_of(change.rows)}
        if part is None and not change.rows:
            continue
        known = {one.id for one in part.matches} if part else set()
        new = [row.match_id for row in change.rows if row.match_id not in known]
        change.forecasts.update(forecasts_of(connection, new))
        draft = SeasonDraft(part or empty_part(*key, change.rows[0].tier))
        _put(seasons, key, _filled(draft, change, names, strengths, source), writer)


def _filled(
    draft: SeasonDraft,
    change: SeasonChanges,
    names: dict[str, str],
    strengths: Mapping[str, Strengths],
    source: HistorySource,
) -> SeasonPart | None:
    for match_id in change.gone:
        draft.remove(match_id)
    for row in change.rows:
        draft.put(row, names, strengths.get(row.match_id))
    for match_id, forecasts in change.forecasts.items():
        draft.say(match_id, forecasts)
    for match_id, verdict in change.verdicts.items():
        draft.settle(match_id, verdict)
    return draft.part(source.now.date(), is_simulated=source.is_simulated)


def _put(seasons: dict[Season, SeasonEntry], key: Season, part: SeasonPart | None, writer: _Writer) -> None:
    if part is None:
        seasons.pop(key, None)
        return
    entry = writer.write(part)
    seasons[key] = SeasonEntry(*key, entry.sha256, entry.bytes, len(part.matches))


def _write_teams(
    connection: sa.Connection, writer: _Writer, before: Sequence[TeamsEntry]
) -> tuple[TeamsEntry, ...]:
    def entries() -> Iterator[TeamsEntry]:
        for part in read_teams(connection):
            entry = writer.write(part)
            yield TeamsEntry(part.country, entry.sha256, entry.bytes, len(part.teams))

    made = tuple(entries())
    return tuple(before) if made == tuple(before) else made
