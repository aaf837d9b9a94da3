"""The ledger's copy in parquet in the object store: monthly parts, append-only.

Copied rows are never read from the database again. So a ledger that is rewritten there disagrees with its
copy, and a changed copy disagrees with its own head: `audit` compares all three.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.modelling.ledger_rules import GENESIS, Entry, chain_hash
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import (
    DamagedPartError,
    TableManifest,
    columns_of,
    month_of,
    read_table,
    write_table,
)
from soccer_assets.stores.stored_json import read_stored
from soccer_assets.tables import ledger_entry, ledger_score

FOLDER = "predictions/ledger"
MANIFEST_KEY = f"{FOLDER}/current.json"
SCHEMA_VERSION = 1

_INSTANT = pa.timestamp("us", tz="UTC")
ENTRY_SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("match_id", pa.string()),
        ("kickoff", _INSTANT),
        ("kickoff_precision", pa.string()),
        ("competition", pa.string()),
        ("model_sha256", pa.string()),
        ("p_home", pa.float64()),
        ("p_draw", pa.float64()),
        ("p_away", pa.float64()),
        ("recorded_at", _INSTANT),
        ("previous_hash", pa.string()),
        ("hash", pa.string()),
    ]
)
SCORE_SCHEMA = pa.schema(
    [
        ("match_id", pa.string()),
        ("revision", pa.int32()),
        ("sequence", pa.int64()),
        ("verdict", pa.string()),
        ("outcome", pa.string()),
        ("log_loss", pa.float64()),
        ("rps", pa.float64()),
        ("brier_score", pa.float64()),
        ("scored_at", _INSTANT),
    ]
)


class LedgerCopy(msgspec.Struct, frozen=True, kw_only=True):
    """Manifest of the copy.

    Attributes:
        head: hash of the last entry.
        entries: every entry, by the month in which it was recorded.
        scores: every score, by the month in which it was computed.
        scored_until: when the newest score was computed; None before the first.
    """

    schema_version: int
    head: str
    entries: TableManifest
    scores: TableManifest
    scored_until: dt.datetime | None


_NOTHING = LedgerCopy(
    schema_version=SCHEMA_VERSION,
    head=GENESIS,
    entries=TableManifest(columns=columns_of(ENTRY_SCHEMA), parts=()),
    scores=TableManifest(columns=columns_of(SCORE_SCHEMA), parts=()),
    scored_until=None,
)


def read_copy(store: ObjectStore) -> LedgerCopy | None:
    """The current copy; None before the first one."""
    return read_stored(
        store.read, MANIFEST_KEY, LedgerCopy, "move it aside: the next run copies the ledger anew"
    )


def copy_ledger(database: Database, store: ObjectStore) -> LedgerCopy | None:
    """Append the new rows of the database.

    Returns:
        The current copy; None where it was not changed, because the database lacks entries that the copy
        holds, or a part is damaged. Then the copy is evidence, and publishing goes on without it.
    """
    before = read_copy(store) or _NOTHING
    with database.reading() as connection:
        at_copy = sa.select(ledger_entry.c.hash).where(ledger_entry.c.sequence == before.entries.rows)
        if before.entries.rows and connection.execute(at_copy).scalar() != before.head:
            return None
        new = sa.select(ledger_entry).where(ledger_entry.c.sequence > before.entries.rows)
        entries = connection.execute(new.order_by(ledger_entry.c.sequence)).all()
        scores = connection.execute(_scores_since(before.scored_until)).all()
    try:
        made = _appended(store, before, entries, scores)
    except DamagedPartError:
        return None
    if made != before:
        store.write(MANIFEST_KEY, msgspec.json.encode(made))
    return made


def set_copy_aside(store: ObjectStore, now: dt.datetime) -> None:
    """Keep the copy's manifest under another name; the next copy starts with the ledger's first entry."""
    data = store.read(MANIFEST_KEY)
    if data is not None:
        store.write(f"{FOLDER}/set-aside-{now:%Y%m%dT%H%M%S}.json", data)
        store.delete(MANIFEST_KEY)


def _appended(
    store: ObjectStore, before: LedgerCopy, entries: Sequence[sa.Row[Any]], scores: Sequence[sa.Row[Any]]
) -> LedgerCopy:
    scores = _without_copied(scores, store, before)
    return LedgerCopy(
        schema_version=SCHEMA_VERSION,
        head=entries[-1].hash if entries else before.head,
        entries=_append(store, "entries", ENTRY_SCHEMA, "recorded_at", entries, before.entries),
        scores=_append(store, "scores", SCORE_SCHEMA, "scored_at", scores, before.scores),
        scored_until=scores[-1].scored_at if scores else before.scored_until,
    )


def head_of_copy(store: ObjectStore, copy: LedgerCopy) -> str:
    """The head recomputed from the copied entries.

    Raises:
        DamagedPartError: a part is missing or was changed.
    """
    head = GENESIS
    for row in _in_sequence(store, copy):
        fields = {name: row[name] for name in Entry.__struct_fields__}
        entry = Entry(**(fields | {"kickoff_precision": KickoffPrecision(row["kickoff_precision"])}))
        head = chain_hash(head, entry)
    return head


def _in_sequence(store: ObjectStore, copy: LedgerCopy) -> Iterator[dict[str, Any]]:
    """Every copied entry by sequence; neighbours may lie in different months' parts."""
    table = read_table(store, copy.entries, ENTRY_SCHEMA).sort_by("sequence")
    for batch in table.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def _scores_since(instant: dt.datetime | None) -> sa.Select[Any]:
    query = sa.select(ledger_score).order_by(
        ledger_score.c.scored_at, ledger_score.c.match_id, ledger_score.c.revision
    )
    return query if instant is None else query.where(ledger_score.c.scored_at >= instant)


def _without_copied(
    scores: Sequence[sa.Row[Any]], store: ObjectStore, before: LedgerCopy
) -> Sequence[sa.Row[Any]]:
    """Leave out copied scores: two passes may score at the same instant of a fixed clock."""
    if not scores or before.scored_until is None:
        return scores
    month = read_table(
        store, before.scores, SCORE_SCHEMA, {month_of(before.scored_until)}, ["match_id", "revision"]
    )
    known = set(zip(month["match_id"].to_pylist(), month["revision"].to_pylist(), strict=True))
    return [score for score in scores if (score.match_id, score.revision) not in known]


def _append(
    store: ObjectStore,
    name: str,
    schema: pa.Schema,
    instant: str,
    rows: Sequence[sa.Row[Any]],
    previous: TableManifest,
) -> TableManifest:
    """Rewrite the months of these rows: the copied rows first, then these."""
    months: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        months[month_of(getattr(row, instant))].append(row._asdict())
    tables = (
        (
            month,
            pa.concat_tables(
                [read_table(store, previous, schema, {month}), pa.Table.from_pylist(new, schema=schema)]
            ),
        )
        for month, new in months.items()
    )
    return write_table(store, f"{FOLDER}/{name}", schema, tables, previous)
