"""Files that the newest look did not read to their end, for the check, its alert and `soccer doctor`."""

import datetime as dt

import msgspec
import sqlalchemy as sa

from soccer_assets.feeds.unreadable import FILE_FAULTS
from soccer_assets.tables import UtcDateTime, ingest, rejected_row


class PassedOver(msgspec.Struct, frozen=True):
    """A file that could not be read, or ends early.

    Attributes:
        file: its address.
        competition: codes of the competitions whose matches it has; empty where it has several.
        found: what stood in its place.
        reason: what is wrong, and what to do.
        missing_since: when it was first found so.
    """

    file: str
    competition: str
    found: str
    reason: str
    missing_since: dt.datetime


class _Payload(msgspec.Struct):
    file: str
    competition: str = ""
    found: str = ""


def files_passed_over(connection: sa.Connection, *assets: str) -> list[PassedOver]:
    """The files of which the newest look of each asset, such as ``livescores/recent``, lacks rows."""
    newest = connection.execute(
        sa.select(sa.func.max(ingest.c.checked_at, type_=UtcDateTime()))
        .where(ingest.c.asset.in_(assets))
        .group_by(ingest.c.asset)
    )
    query = (
        sa.select(rejected_row.c.reason, rejected_row.c.payload, rejected_row.c.first_seen_at)
        .where(
            rejected_row.c.last_seen_at.in_(newest.scalars().all()),
            sa.or_(
                *(rejected_row.c.reason.startswith(fault, autoescape=True) for fault in FILE_FAULTS),
            ),
        )
        .order_by(rejected_row.c.reason)
    )
    found = {}
    for row in connection.execute(query):
        reported = msgspec.json.decode(row.payload, type=_Payload)
        found[reported.file, row.reason] = PassedOver(
            reported.file, reported.competition, reported.found, row.reason, row.first_seen_at
        )
    return list(found.values())
