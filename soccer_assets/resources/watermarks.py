"""Named counters in the table `watermark`: how far each reader has read, and the last change number."""

import sqlalchemy as sa

from soccer_assets.resources.bulk_rows import upsert
from soccer_assets.tables import watermark


def read_watermark(connection: sa.Connection, name: str) -> int:
    """The value of a counter; 0 where it was never set."""
    found = connection.execute(sa.select(watermark.c.value).where(watermark.c.name == name)).scalar()
    return int(found or 0)


def set_watermark(connection: sa.Connection, name: str, value: int) -> None:
    """Set a counter."""
    upsert(connection, watermark, [{"name": name, "value": value}])


def next_change_no(connection: sa.Connection) -> int:
    """A number for this transaction's changes, higher than any before.

    Call it within `Database.writing`: that lock makes numbers rise in the order of commits.
    """
    change_no = read_watermark(connection, "change_no") + 1
    set_watermark(connection, "change_no", change_no)
    return change_no
