"""Balances the played matches: each that got a result is counted, each that no longer counts has a row.

So played matches = settled - removed, exactly. A difference means that rows were lost past this program.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.resources.bulk_rows import insert
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.tables import NOT_SETTLED, match, match_removal

MERGED, ACCEPTED = "merged", "accepted"

_SETTLED = "matches settled"


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Played matches of a database.

    Attributes:
        played: rows of `match` with a result.
        settled: how often a match got its result.
        removed: how many of these no longer count, by the removals.
    """

    played: int
    settled: int
    removed: int

    @property
    def missing(self) -> int:
        """Matches that are missing without a removal; negative where there are too many."""
        return self.settled - self.removed - self.played


def read_balance(connection: sa.Connection) -> Balance:
    """The played matches as they are and as they were counted, without a scan of the matches."""
    rows = connection.execute(sa.select(sa.func.count()).select_from(match)).scalar_one()
    others = connection.execute(sa.select(sa.func.count()).select_from(match).where(NOT_SETTLED)).scalar_one()
    removed = connection.execute(sa.select(sa.func.sum(match_removal.c.matches))).scalar()
    return Balance(
        played=rows - others, settled=read_watermark(connection, _SETTLED), removed=int(removed or 0)
    )


def count_written(
    connection: sa.Connection,
    added: int,
    changed: Sequence[Mapping[str, Any]],
    known: Mapping[str, sa.Row[Any]],
    now: dt.datetime,
    change_no: int,
) -> None:
    """Count the written matches that got their result, and record those that had one and have none now.

    Args:
        connection: the transaction that writes them.
        added: how many new rows have their result.
        changed: new versions of rows.
        known: rows as they were, by match id; of all that changed.
        now: time stamp of the removals.
        change_no: of that transaction.
    """
    settled = added
    reopened: dict[str, tuple[str, str | None]] = {}
    for row in changed:
        was, is_now = known[row["match_id"]].status in SETTLED_STATUSES, row["status"] in SETTLED_STATUSES
        settled += is_now and not was
        if was and not is_now:
            reopened[row["match_id"]] = (row["status"], None)
    if settled:
        set_watermark(connection, _SETTLED, read_watermark(connection, _SETTLED) + settled)
    _append(connection, reopened, now, change_no)


def record_merges(
    connection: sa.Connection, removed: Iterable[sa.Row[Any]], keep: Mapping[str, str], now: dt.datetime
) -> None:
    """Append a row for each removed match that was played.

    Args:
        connection: the transaction that removes them.
        removed: their last versions.
        keep: by match id, the match that each is one with.
        now: time stamp of the rows.
    """
    played = [row.match_id for row in removed if row.status in SETTLED_STATUSES]
    change_no = read_watermark(connection, "change_no")
    _append(connection, {match_id: (MERGED, keep[match_id]) for match_id in played}, now, change_no)


def accept_loss(connection: sa.Connection, missing: int, now: dt.datetime, change_no: int) -> None:
    """Close the balance where a person accepts that matches are missing, or that there are too many."""
    if missing > 0:
        _append(connection, {"": (ACCEPTED, None)}, now, change_no, missing)
    elif missing < 0:
        set_watermark(connection, _SETTLED, read_watermark(connection, _SETTLED) - missing)


def _append(
    connection: sa.Connection,
    reasons: Mapping[str, tuple[str, str | None]],
    now: dt.datetime,
    change_no: int,
    matches: int = 1,
) -> None:
    """Append removals: by match id, the reason and the match that it is one with."""
    if not reasons:
        return
    last = connection.execute(sa.select(sa.func.max(match_removal.c.removal_id))).scalar() or 0
    rows = [
        {
            "removal_id": number,
            "match_id": match_id,
            "matches": matches,
            "reason": reason,
            "keep": keep,
            "removed_at": now,
            "change_no": change_no,
        }
        for number, (match_id, (reason, keep)) in enumerate(sorted(reasons.items()), start=int(last) + 1)
    ]
    insert(connection, match_removal, rows)
