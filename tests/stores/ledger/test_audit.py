"""The audit of the ledger; its comparison with releases is in `tests/graph/assets/test_monitoring.py`."""

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.ledger.audit import Audit, VoidMatch, audit, void_matches
from soccer_assets.stores.ledger.parquet_copy import copy_ledger
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.tables import ledger_entry
from tests.builders import raw_match
from tests.stores.ledger.test_record import MONDAY, entry, feed, ledger, played, record  # noqa: F401


@pytest.fixture
def three(ledger: Database) -> Database:  # noqa: F811
    """A ledger of three entries, on each engine."""
    record(ledger, entry(match_id="x1"), entry(match_id="x2"))
    return ledger


@pytest.mark.parametrize(
    "change",
    [{"p_home": 0.9}, {"recorded_at": MONDAY}, {"hash": "0" * 64}, {"previous_hash": "0" * 64}],
    ids=lambda change: next(iter(change)),
)
def test_an_entry_changed_in_place_is_named(
    three: Database, folder_store: ObjectStore, change: dict[str, object]
) -> None:
    """A change of any field is found; before it the ledger is intact."""
    assert audit(three, folder_store) == Audit(entries=3, first_broken=None, releases=0, contradicted_by=())
    with three.writing() as connection:
        connection.execute(sa.update(ledger_entry).where(ledger_entry.c.sequence == 2).values(change))

    assert audit(three, folder_store).first_broken == 2


def test_a_removed_entry_is_missed(three: Database, folder_store: ObjectStore) -> None:
    """The entry after it no longer matches."""
    with three.writing() as connection:
        connection.execute(sa.delete(ledger_entry).where(ledger_entry.c.sequence == 2))

    found = audit(three, folder_store)
    assert (found.is_whole, found.first_broken) == (False, 3)


def test_the_commands_verify_and_list_the_voids(
    sqlite_database: Database, folder_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An awarded match is listed with its reason; a damaged copy and a changed entry are errors."""
    feed(sqlite_database, raw_match())
    record_and_score(sqlite_database, [("TST-1", entry())], MONDAY)
    feed(sqlite_database, played("3-0", status=msgspec.convert("awarded", type=type(raw_match().status))))
    record(sqlite_database, now=MONDAY)
    monkeypatch.setenv("SOCCER_DATABASE_URL", sqlite_database.url)
    monkeypatch.setenv("SOCCER_STORE_URL", folder_store.url)
    shell = CliRunner()

    (void,) = void_matches(sqlite_database)
    assert void == VoidMatch(
        match_id=entry().match_id, competition="TST-1", kickoff="2025-04-26 14:00", reason="awarded"
    )
    listed = shell.invoke(main, ["ledger", "voids"]).output
    assert listed == f"{void.match_id}  TST-1  2025-04-26 14:00  awarded\n"
    copy = copy_ledger(sqlite_database, folder_store)
    assert copy is not None
    whole = shell.invoke(main, ["ledger", "verify"])
    assert whole.output == "1 entries verified; they agree with 0 releases; 1 of them are in the copy\n"
    folder_store.write(copy.entries.parts[0].key, b"other")
    damaged = shell.invoke(main, ["ledger", "verify"])
    assert (damaged.exit_code, "the copy of the ledger is damaged" in damaged.output) == (1, True)
    with sqlite_database.writing() as connection:
        connection.execute(sa.update(ledger_entry).values(p_draw=0.9))
    broken = shell.invoke(main, ["ledger", "verify"])
    assert (broken.exit_code, broken.output) == (
        1,
        "soccer: entry 1 of the ledger was changed: its hash does not match\n",
    )
