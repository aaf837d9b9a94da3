"""The ledger's parquet copy, from both engines: append-only, exact, and evidence of changes."""

import datetime as dt
import itertools

import msgspec
import sqlalchemy as sa

from soccer_assets.modelling.ledger_rules import GENESIS
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import TableManifest, read_table
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.ledger.parquet_copy import (
    ENTRY_SCHEMA,
    FOLDER,
    SCORE_SCHEMA,
    LedgerCopy,
    copy_ledger,
    head_of_copy,
)
from soccer_assets.stores.ledger.record import ledger_head
from soccer_assets.stores.retention import _prune_ledger_copy
from soccer_assets.tables import ledger_entry, ledger_score
from tests.stores.ledger.test_record import (
    KICKOFF,
    MONDAY,
    entry,
    feed,
    hashes,
    ledger,  # noqa: F401 - a fixture
    played,
    record,
    rows_of,
)


def copied(database: Database, store: ObjectStore) -> LedgerCopy:
    """The updated copy."""
    made = copy_ledger(database, store)
    assert made is not None
    return made


def rows(store: ObjectStore, table: TableManifest, schema: object) -> list[dict[str, object]]:
    """The rows of a table of the copy."""
    found: list[dict[str, object]] = read_table(store, table, schema).to_pylist()
    return found


def test_entries_and_scores_are_copied_as_they_are(ledger: Database, folder_store: ObjectStore) -> None:  # noqa: F811
    """Bit for bit, with every revision of a score, also when two passes have the same instant."""
    record(ledger, entry(match_id="x1", p_home=0.1 + 0.2, p_draw=0.3, p_away=0.4))
    copied(ledger, folder_store)
    feed(ledger, played("2-1"))
    record(ledger, now=MONDAY)
    copied(ledger, folder_store)
    feed(ledger, played("1-1"))
    record(ledger, entry(match_id="x2"), now=MONDAY)

    copy = copied(ledger, folder_store)

    assert rows(folder_store, copy.entries, ENTRY_SCHEMA) == [
        row._asdict() for row in rows_of(ledger, ledger_entry)
    ]
    assert rows(folder_store, copy.scores, SCORE_SCHEMA) == [
        row._asdict() for row in rows_of(ledger, ledger_score)
    ]
    assert (copy.entries.rows, copy.scores.rows) == (3, 2)
    assert copy.head == head_of_copy(folder_store, copy) == ledger_head(ledger)


def test_only_the_months_with_something_new_are_written(ledger: Database, folder_store: ObjectStore) -> None:  # noqa: F811
    """Other months keep their parts; without new rows nothing is written."""
    first = copied(ledger, folder_store)
    assert copied(ledger, folder_store) == first
    record(ledger, entry(match_id="x1", recorded_at=KICKOFF + dt.timedelta(days=10)))

    second = copied(ledger, folder_store)

    assert [part.month for part in second.entries.parts] == ["2025-04", "2025-05"]
    assert second.entries.parts[:1] == first.entries.parts


def test_a_ledger_rewritten_as_a_whole_disagrees_with_its_copy(
    ledger: Database,  # noqa: F811
    folder_store: ObjectStore,
) -> None:
    """With every hash recomputed the chain is consistent; the unchanged copy reveals the change."""
    record(ledger, entry(match_id="x1"))
    before = copied(ledger, folder_store)
    assert audit(ledger, folder_store).is_whole
    with ledger.writing() as connection:
        connection.execute(sa.update(ledger_entry).values(p_home=0.6, p_draw=0.2, p_away=0.2))
    chain = hashes(rows_of(ledger, ledger_entry))
    with ledger.writing() as connection:
        for number, (previous, made) in enumerate(itertools.pairwise(chain), start=1):
            changed = sa.update(ledger_entry).where(ledger_entry.c.sequence == number)
            connection.execute(changed.values(previous_hash=previous, hash=made))

    assert copy_ledger(ledger, folder_store) is None
    found = audit(ledger, folder_store)
    assert (found.first_broken, found.copied, found.is_whole) == (None, 2, False)
    assert found.copy_fault == "the ledger lacks entries that its copy holds"
    assert head_of_copy(folder_store, before) == before.head


def test_a_copy_that_was_changed_is_named_and_left_alone(
    ledger: Database,  # noqa: F811
    folder_store: ObjectStore,
) -> None:
    """A part does not match the manifest, or the entries do not give the head."""
    damaged = "the copy of the ledger is damaged; restore predictions/ledger in the object store"
    copy = copied(ledger, folder_store)
    (part,) = copy.entries.parts
    data = folder_store.read(part.key)
    assert data is not None
    folder_store.write(part.key, b"other")
    assert audit(ledger, folder_store).copy_fault == damaged
    record(ledger, entry(match_id="x1"))
    assert copy_ledger(ledger, folder_store) is None
    folder_store.write(part.key, data)
    other = msgspec.structs.replace(copy, head=GENESIS)
    folder_store.write(f"{FOLDER}/current.json", msgspec.json.encode(other))
    assert audit(ledger, folder_store).copy_fault == damaged


def test_parts_that_were_appended_to_go_after_a_day(ledger: Database, folder_store: ObjectStore) -> None:  # noqa: F811
    """A replaced part is kept for current readers and removed later."""
    copied(ledger, folder_store)
    record(ledger, entry(match_id="x1"))
    copy = copied(ledger, folder_store)
    now = dt.datetime.now(dt.UTC)

    assert _prune_ledger_copy(folder_store, now) == 0
    assert _prune_ledger_copy(folder_store, now + dt.timedelta(days=2)) == 1
    assert head_of_copy(folder_store, copy) == copy.head
