"""Bulk statements and instants on both databases."""

import datetime as dt

import pytest
import sqlalchemy as sa

from soccer_assets.resources.bulk_rows import insert, upsert
from soccer_assets.tables import match_removal, rejected_row, team
from tests.builders import NOW


def test_times_come_back_as_the_same_instant_in_utc(database):
    """A time of Madrid is stored as its instant and read in UTC, microseconds included."""
    madrid = dt.datetime(2025, 4, 25, 21, 0, 0, 123_456, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    row = {"team_id": "t", "name": "n", "folded_name": "n", "country": "c", "sex": "men", "age_group": "a"}
    with database.writing() as connection:
        upsert(connection, team, [row | {"first_seen_at": madrid}])

    with database.reading() as connection:
        read = connection.execute(sa.select(team.c.first_seen_at)).scalar_one()
    assert read == madrid
    assert read.utcoffset() == dt.timedelta(0)


def test_a_time_without_zone_is_refused(database):
    """A naive datetime is refused: its instant is ambiguous."""
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(sa.exc.StatementError, match="attach a time zone"), database.reading() as connection:
        connection.execute(sa.select(team).where(team.c.first_seen_at == naive))


def test_upsert_replaces_the_row_of_the_same_key(database):
    """A row with an existing key replaces the stored one; a row with another key is added."""
    row = {
        "source": "fake",
        "sha256": "a" * 64,
        "reason": "old",
        "payload": "{}",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    with database.writing() as connection:
        upsert(connection, rejected_row, [row])
        upsert(connection, rejected_row, [row | {"reason": "new"}, row | {"sha256": "b" * 64}])

    with database.reading() as connection:
        rows = connection.execute(sa.select(rejected_row.c.reason).order_by(rejected_row.c.sha256))
        assert rows.scalars().all() == ["new", "old"]


@pytest.mark.parametrize("rows", [2, 100, 101, 1_201])
def test_upsert_of_few_and_of_many_rows_stores_the_same(database, rows):
    """Rows in the statement itself, and rows that are made into text part by part, half of them known."""
    sent = [
        {"match_id": f"m{row}", "keep": "it's 5 %s\\" if row % 2 else None, "change_no": row}
        for row in range(rows)
    ]
    whole = [
        {**row, "removal_id": row["change_no"], "matches": 1, "reason": "r", "removed_at": NOW}
        for row in sent
    ]
    with database.writing() as connection:
        upsert(connection, match_removal, [row | {"reason": "old"} for row in whole[: rows // 2]])
        upsert(connection, match_removal, whole)

    with database.reading() as connection:
        query = sa.select(match_removal).order_by(match_removal.c.removal_id)
        assert [dict(row) for row in connection.execute(query).mappings()] == whole


@pytest.mark.parametrize("rows", [1, 101])
def test_an_upsert_refuses_a_time_without_zone(database, rows):
    """Whichever way the rows take, a naive datetime is refused where it is written."""
    row = {"match_id": "m", "matches": 1, "reason": "r", "keep": None, "change_no": 1}
    naive = NOW.replace(tzinfo=None)
    sent = [row | {"removal_id": number, "removed_at": naive} for number in range(rows)]
    with pytest.raises(ValueError, match="attach a time zone"), database.writing() as connection:
        upsert(connection, match_removal, sent)


def test_a_column_that_no_row_fills_is_stored_as_empty(database):
    """Two rows without the match that they are one with; texts with characters that COPY escapes."""
    row = {"matches": 1, "keep": None, "removed_at": NOW, "change_no": 1}
    sent = [
        {"removal_id": 1, "match_id": "a", "reason": "tab\tand \\ line\nbreak", **row},
        {"removal_id": 2, "match_id": "b", "reason": "plain", **row},
    ]
    with database.writing() as connection:
        insert(connection, match_removal, sent)

    with database.reading() as connection:
        query = sa.select(match_removal).order_by(match_removal.c.removal_id)
        assert [dict(row) for row in connection.execute(query).mappings()] == sent
