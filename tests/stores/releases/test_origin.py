"""A database that is not the current release's, or lost part of it, is refused; a person may accept it."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.contract.installation import INSTALLATION_KEY
from soccer_assets.contract.release import MANIFEST_FILE, POINTER_KEY, Manifest, Origin, release_key
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import CURRENT_KEY as CURRENT_EXPORT_KEY
from soccer_assets.stores.installation import (
    FeedClassError,
    claim_feed_class,
    name_store,
    new_id,
    read_identity,
    read_installation,
    rename,
    write_id,
)
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.ledger.parquet_copy import copy_ledger
from soccer_assets.stores.releases.origin import (
    OriginRefusedError,
    accept,
    establish,
    inspect,
    require_origin,
)
from soccer_assets.stores.releases.publish import Published, Releases
from soccer_assets.tables import installation, ledger_entry, match, match_removal, watermark
from tests.builders import NOW, finished, raw_match
from tests.stores.ledger.test_record import entry, feed, record
from tests.stores.releases.test_publish import draft

DAY = dt.timedelta(days=1)


def result(day: int) -> RawMatch:
    """A match that was played so many days ago."""
    return finished("1-0", (NOW - day * DAY).isoformat(), source_match_id=f"p{day}", home_team=f"H{day}")


def results(count: int) -> list[RawMatch]:
    """Played matches of as many days."""
    return [result(day) for day in range(1, count + 1)]


def publish(database: Database, store: ObjectStore, now: dt.datetime = NOW) -> Published:
    """Publish a release of this database, as the graph does."""
    origin = require_origin(database, store, is_simulated=True)
    drafted = draft(snapshot_id=f"{now}", ledger_head=origin.ledger_hash if origin.ledger_sequence else None)
    return Releases(store, EventBus("")).publish(drafted, b"model", b"state", now, origin=origin)


def later(database: Database) -> None:
    """Another played match and another prediction."""
    feed(database, raw_match(), *results(6))
    record(database, entry(match_id="x2"))


@pytest.fixture
def home(database: Database, folder_store: ObjectStore) -> Database:
    """A database with five played matches, a prediction, and a release."""
    establish(database, folder_store, is_simulated=True)
    feed(database, raw_match(), *results(5))
    record(database, entry())
    publish(database, folder_store)
    return database


def test_the_release_names_what_it_was_made_from(home: Database, folder_store: ObjectStore) -> None:
    """The id is random, the same in database, store and release, and no part of the release's own id."""
    with home.reading() as connection:
        own = read_identity(connection)
    manifest = publish(home, folder_store).manifest
    assert manifest.origin is not None
    assert manifest.origin == Origin(
        installation=own.id,
        ledger_sequence=1,
        ledger_hash=manifest.ledger_head or "",
        settled=5,
        removed=0,
    )
    assert read_installation(folder_store).id == own.id
    assert len(own.id) == 16
    assert int(own.id, 16)

    write_id(home, "0" * 16)
    folder_store.delete(INSTALLATION_KEY)
    name_store(folder_store, "0" * 16)
    folder_store.delete(POINTER_KEY)
    assert publish(home, folder_store).manifest.release_id == manifest.release_id


def test_every_database_gets_an_id_of_its_own(tmp_path: Path) -> None:
    """Made with the table, once: a second migration keeps it."""
    ids = []
    for name in ("one", "two"):
        database = Database(f"sqlite:///{tmp_path}/{name}.db")
        for _ in range(2):
            database.migrate()
            with database.reading() as connection:
                ids.append(read_identity(connection).id)
        database.engine.dispose()
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_a_database_that_grew_is_published(home: Database, folder_store: ObjectStore) -> None:
    """Also where a result was taken back: its removal is recorded."""
    later(home)
    assert publish(home, folder_store, NOW + DAY).is_new
    feed(
        home, raw_match(), raw_match(source_match_id="p1", kickoff=NOW - DAY, home_team="H1"), *results(6)[1:]
    )
    assert publish(home, folder_store, NOW + 2 * DAY).is_new


def _empty(database: Database) -> None:
    with database.writing() as connection:
        for table in (match, ledger_entry, match_removal, watermark):
            connection.execute(sa.delete(table))


def _foreign(database: Database) -> None:
    write_id(database, new_id())


def _without_matches(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.delete(match).where(match.c.kickoff < NOW - 3 * DAY))
    later(database)  # new results do not hide it


def _without_ledger(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.delete(ledger_entry))


def _another_ledger(database: Database) -> None:
    """As long as it was."""
    _without_ledger(database)
    record(database, entry(p_home=0.4, p_draw=0.35))


def _without_removals(database: Database) -> None:
    """Older by its counters alone: matches and ledger of the release are there."""
    with database.writing() as connection:
        connection.execute(sa.update(watermark).where(watermark.c.name == "matches settled").values(value=4))
        connection.execute(sa.delete(match).where(match.c.source_match_id == "p1"))


LOSSES: list[tuple[Callable[[Database], None], str]] = [
    (_empty, "the ledger lacks the entry"),
    (_foreign, "the store belongs to installation"),
    (_without_matches, "played matches are missing"),
    (_without_ledger, "the ledger lacks the entry"),
    (_another_ledger, "the ledger lacks the entry"),
    (_without_removals, "older than the current release"),
]


@pytest.mark.parametrize(("lose", "sentence"), LOSSES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_loss_is_refused_until_it_is_accepted(
    home: Database, folder_store: ObjectStore, lose: Callable[[Database], None], sentence: str
) -> None:
    """The pointer stays and the sentence names the command; then runs publish, and the next loss is found."""
    copy_ledger(home, folder_store)
    folder_store.write(CURRENT_EXPORT_KEY, b"{}")
    pointer, owner = folder_store.read(POINTER_KEY), read_installation(folder_store)
    lose(home)

    with pytest.raises(OriginRefusedError, match=sentence) as refused:
        publish(home, folder_store, NOW + DAY)
    assert "`soccer release accept`" in str(refused.value)
    assert folder_store.read(POINTER_KEY) == pointer
    assert read_installation(folder_store) == owner

    accept(home, folder_store, is_simulated=True, now=NOW + DAY)
    assert not folder_store.exists(CURRENT_EXPORT_KEY)  # the next export writes every month
    assert publish(home, folder_store, NOW + DAY).is_new
    assert read_installation(folder_store).id == owner.id
    record(home, entry(match_id="x9"))
    copy_ledger(home, folder_store)
    assert audit(home, folder_store).is_whole

    later(home)
    publish(home, folder_store, NOW + 2 * DAY)
    _without_ledger(home)
    with pytest.raises(OriginRefusedError, match="the ledger lacks the entry"):
        publish(home, folder_store, NOW + 3 * DAY)


def test_an_older_backup_of_the_same_database_is_refused(
    sqlite_database: Database, folder_store: ObjectStore, tmp_path: Path
) -> None:
    """Its id is right, and it lacks what the release rests on."""
    establish(sqlite_database, folder_store, is_simulated=True)
    feed(sqlite_database, raw_match(), *results(5))
    record(sqlite_database, entry())
    file = Path(sqlite_database.engine.url.database or "")
    sqlite_database.engine.dispose()
    shutil.copy(file, tmp_path / "backup.db")
    later(sqlite_database)
    publish(sqlite_database, folder_store)
    older = Database(f"sqlite:///{tmp_path}/backup.db")

    with pytest.raises(OriginRefusedError, match="older than the current release"):
        publish(older, folder_store, NOW + DAY)
    record(older, entry(match_id="x3"))
    with pytest.raises(OriginRefusedError, match="the ledger lacks the entry"):
        publish(older, folder_store, NOW + DAY)
    older.engine.dispose()


def test_a_changed_entry_of_the_tail_is_refused_and_cannot_be_accepted(
    home: Database, folder_store: ObjectStore
) -> None:
    """Only the tail is hashed: an older change is found by the daily audit."""
    record(home, entry(match_id="x2"), entry(match_id="x3"))
    with home.writing() as connection:
        connection.execute(sa.update(ledger_entry).where(ledger_entry.c.sequence == 2).values(p_home=0.9))
    with pytest.raises(OriginRefusedError, match="entry 2 of the ledger was changed"):
        publish(home, folder_store, NOW + DAY)
    with pytest.raises(OriginRefusedError, match="restore the database"):
        accept(home, folder_store, is_simulated=True, now=NOW)

    with home.writing() as connection:
        connection.execute(sa.update(ledger_entry).where(ledger_entry.c.sequence == 2).values(p_home=0.5))
        connection.execute(sa.update(ledger_entry).where(ledger_entry.c.sequence == 1).values(p_home=0.9))
    assert publish(home, folder_store, NOW + DAY).is_new
    assert audit(home, folder_store).first_broken == 1


def test_a_ledger_with_a_hole_is_refused_and_cannot_be_accepted(
    home: Database, folder_store: ObjectStore
) -> None:
    """Before the release's last entry, too, where no hash is recomputed before a publish."""
    record(home, entry(match_id="x2"), entry(match_id="x3"))
    publish(home, folder_store, NOW + DAY)
    with home.writing() as connection:
        rows = [row._asdict() for row in connection.execute(sa.select(ledger_entry))]
        connection.execute(sa.delete(ledger_entry).where(ledger_entry.c.sequence == 2))
    for attempt in (
        lambda: publish(home, folder_store, NOW + 2 * DAY),
        lambda: accept(home, folder_store, is_simulated=True, now=NOW),
    ):
        with pytest.raises(OriginRefusedError, match="1 entries of the ledger are missing") as refused:
            attempt()
        assert "`soccer restore BACKUP --replace`" in refused.value.remedy
        assert "accept" not in refused.value.remedy

    with home.writing() as connection:
        connection.execute(sa.insert(ledger_entry), [row for row in rows if row["sequence"] == 2])
    assert publish(home, folder_store, NOW + 2 * DAY).is_new


def test_a_new_home_on_the_database_of_another_is_refused(
    home: Database, folder_store: ObjectStore, tmp_path: Path
) -> None:
    """Both would publish under one id; once it is accepted, the database is the new one's alone."""
    former, store = read_installation(folder_store).id, ObjectStore(f"file://{tmp_path}/new")
    establish(home, store, is_simulated=True)
    assert read_installation(store) is None
    with pytest.raises(OriginRefusedError, match="the object store is new") as refused:
        publish(home, store, NOW + DAY)
    assert "`soccer release accept`" in refused.value.remedy

    accept(home, store, is_simulated=True, now=NOW)
    assert publish(home, store, NOW + DAY).is_new
    assert read_installation(store).id != former
    with pytest.raises(OriginRefusedError, match="the store belongs to installation"):
        publish(home, folder_store, NOW + 2 * DAY)


def test_clubs_of_the_other_kind_are_refused(home: Database, folder_store: ObjectStore) -> None:
    """In the database for rows of a feed, and in the store for a release; nobody may mix them."""
    claim_feed_class(home, is_simulated=True)
    with pytest.raises(FeedClassError, match="holds simulated clubs and the feed has real clubs"):
        claim_feed_class(home, is_simulated=False)
    with pytest.raises(OriginRefusedError, match="holds simulated clubs"):
        require_origin(home, folder_store, is_simulated=False)
    with pytest.raises(OriginRefusedError, match="SOCCER_DATABASE_URL"):
        accept(home, folder_store, is_simulated=False, now=NOW)

    with home.writing() as connection:
        connection.execute(sa.update(installation).values(is_simulated=None))
    with pytest.raises(OriginRefusedError, match="is of another kind of clubs"):
        require_origin(home, folder_store, is_simulated=False)


def test_rows_of_the_simulated_feed_tell_the_kind_of_an_older_database(database: Database) -> None:
    """Before the kind was stored, only they did."""
    feed(database, raw_match(source="simulated"))
    with pytest.raises(FeedClassError, match="holds simulated clubs"):
        claim_feed_class(database, is_simulated=False)
    claim_feed_class(database, is_simulated=True)
    with database.reading() as connection:
        assert connection.execute(sa.select(installation.c.is_simulated)).scalar() is True


def test_a_home_of_an_earlier_version_publishes_without_a_refusal(
    home: Database, folder_store: ObjectStore
) -> None:
    """Its release has no origin and its store no id; one of another database is refused all the same."""
    _forget_origin(folder_store)
    later(home)
    assert publish(home, folder_store, NOW + DAY).is_new

    _forget_origin(folder_store)
    establish(home, folder_store, is_simulated=True)
    assert read_installation(folder_store) is not None

    _forget_origin(folder_store)
    _another_ledger(home)
    establish(home, folder_store, is_simulated=True)
    assert read_installation(folder_store) is None
    with pytest.raises(OriginRefusedError, match="the ledger lacks the entry"):
        publish(home, folder_store, NOW + 2 * DAY)


def _forget_origin(store: ObjectStore) -> None:
    """Make the store one of a version without origins."""
    store.delete("installation.json")
    releases = Releases(store, EventBus(""))
    key = release_key(releases.pointer().release_id, MANIFEST_FILE)
    manifest = msgspec.json.decode(store.read(key), type=Manifest)
    store.write(key, msgspec.json.encode(msgspec.structs.replace(manifest, origin=None)))


def test_an_empty_database_beside_an_earlier_release_without_a_ledger_is_refused(
    database: Database, folder_store: ObjectStore
) -> None:
    """Nothing but its emptiness tells: versions that recorded no origin gave no store an id."""
    Releases(folder_store, EventBus("")).publish(draft(), b"model", b"state", NOW)
    folder_store.delete(INSTALLATION_KEY)
    with pytest.raises(OriginRefusedError, match="the match database is empty"):
        require_origin(database, folder_store, is_simulated=True)
    feed(database, *results(2))
    require_origin(database, folder_store, is_simulated=True)


def test_a_copy_with_a_new_id_goes_on(home: Database, folder_store: ObjectStore) -> None:
    """Its release keeps the original's id, and the store remembers that."""
    before = read_installation(folder_store).id
    fresh = rename(home, folder_store)
    assert fresh != before
    assert read_installation(folder_store).formerly == (before,)
    later(home)
    assert publish(home, folder_store, NOW + DAY).manifest.origin.installation == fresh


def test_the_command_asks_and_then_accepts(
    sqlite_database: Database, folder_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says what differs; a no changes nothing."""
    feed(sqlite_database, raw_match(), *results(3))
    publish(sqlite_database, folder_store)
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOCCER_DATABASE_URL", sqlite_database.url)
    monkeypatch.setenv("SOCCER_STORE_URL", folder_store.url)
    command = ["release", "accept"]
    assert "nothing differs" in CliRunner().invoke(main, command).output
    with sqlite_database.writing() as connection:
        connection.execute(sa.delete(match))

    asked = CliRunner().invoke(main, command, input="n\n")
    assert asked.exit_code == 1
    assert "3 played matches are missing" in asked.output
    assert inspect(sqlite_database, folder_store, is_simulated=True).missing == 3
    done = CliRunner().invoke(main, [*command, "--yes"])
    assert (done.exit_code, "soccer run build_everything" in done.output) == (0, True)
    assert publish(sqlite_database, folder_store, NOW + DAY).is_new
