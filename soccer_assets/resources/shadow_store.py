"""Shadow predictions: what the champion before said of the same matches before kickoff.

They stand beside the ledger and outside its chain, and answer one question: would it have done better?
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.contract import OUTCOMES
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.modelling.ledger import Entry, deadline
from soccer_assets.resources.database import Database
from soccer_assets.resources.ledger_store import SCORED, newest_scores
from soccer_assets.resources.raw_store import batches
from soccer_assets.tables import ledger_entry, shadow_entry

_IDS_A_QUERY = 5_000


@dataclass(frozen=True, eq=False)
class Paired:
    """Two models on the same settled matches, in the order of their kickoffs.

    Attributes:
        champion: official predictions, (n, 3).
        shadow: what the other said last before the same deadline, (n, 3).
        outcomes: (n,) 0 home, 1 draw, 2 away.
    """

    champion: NDArray[np.float64]
    shadow: NDArray[np.float64]
    outcomes: NDArray[np.int8]


def record_shadows(database: Database, entries: Sequence[Entry]) -> int:
    """Append the shadow predictions that changed; returns how many."""
    with database.writing() as connection:
        newest = _newest(connection, entries)
        rows = [
            {
                "match_id": one.match_id,
                "model_sha256": one.model_sha256,
                "kickoff": one.kickoff,
                "p_home": one.p_home,
                "p_draw": one.p_draw,
                "p_away": one.p_away,
                "recorded_at": one.recorded_at,
            }
            for one in entries
            if newest.get((one.match_id, one.model_sha256))
            != (one.kickoff, one.p_home, one.p_draw, one.p_away)
        ]
        if rows:
            connection.execute(sa.insert(shadow_entry), rows)
    return len(rows)


def paired(database: Database, champion_sha256: str, shadow_sha256: str) -> Paired:
    """The settled matches whose official prediction is the champion's and on which the other had its say."""
    newest = newest_scores().subquery()
    official = (
        sa.select(
            ledger_entry.c.match_id,
            ledger_entry.c.p_home,
            ledger_entry.c.p_draw,
            ledger_entry.c.p_away,
            newest.c.outcome,
        )
        .join(newest, newest.c.sequence == ledger_entry.c.sequence)
        .where(ledger_entry.c.model_sha256 == champion_sha256, newest.c.verdict == SCORED)
        .order_by(ledger_entry.c.kickoff, ledger_entry.c.match_id)
    )
    with database.reading() as connection:
        rows = connection.execute(official).all()
        match_ids = [row.match_id for row in rows]
        limits = _deadlines(connection, match_ids)
        said: dict[str, tuple[float, float, float]] = {}
        for row in _shadows(connection, match_ids, shadow_sha256):
            if row.recorded_at < limits[row.match_id]:
                said[row.match_id] = (row.p_home, row.p_draw, row.p_away)
    both = [row for row in rows if row.match_id in said]
    return Paired(
        champion=np.array([(row.p_home, row.p_draw, row.p_away) for row in both]).reshape(-1, 3),
        shadow=np.array([said[row.match_id] for row in both]).reshape(-1, 3),
        outcomes=np.array([OUTCOMES.index(row.outcome) for row in both], np.int8),
    )


def _newest(connection: sa.Connection, entries: Sequence[Entry]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What was said last, by match and model."""
    found = {}
    models = {entry.model_sha256 for entry in entries}
    for ids in batches(sorted({entry.match_id for entry in entries}), _IDS_A_QUERY):
        # Fixtures are predicted anew after every match of their teams: only the last saying is read.
        last = (
            sa.select(sa.func.max(shadow_entry.c.sequence))
            .where(shadow_entry.c.model_sha256.in_(models), shadow_entry.c.match_id.in_(ids))
            .group_by(shadow_entry.c.model_sha256, shadow_entry.c.match_id)
        )
        for row in connection.execute(sa.select(shadow_entry).where(shadow_entry.c.sequence.in_(last))):
            said = (row.kickoff, row.p_home, row.p_draw, row.p_away)
            found[row.match_id, row.model_sha256] = said
    return found


def _deadlines(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, Any]:
    """Before when a prediction of each match counts: the first known kickoff, as in the ledger."""
    first = sa.select(sa.func.min(ledger_entry.c.sequence)).group_by(ledger_entry.c.match_id)
    limits = {}
    for ids in batches(match_ids, _IDS_A_QUERY):
        of_these = first.where(ledger_entry.c.match_id.in_(ids))
        for row in connection.execute(sa.select(ledger_entry).where(ledger_entry.c.sequence.in_(of_these))):
            limits[row.match_id] = deadline(row.kickoff, KickoffPrecision(row.kickoff_precision))
    return limits


def _shadows(connection: sa.Connection, match_ids: Sequence[str], model_sha256: str) -> list[sa.Row[Any]]:
    """What a model said of matches, the oldest first."""
    found: list[sa.Row[Any]] = []
    for ids in batches(match_ids, _IDS_A_QUERY):
        query = sa.select(shadow_entry).where(
            shadow_entry.c.model_sha256 == model_sha256, shadow_entry.c.match_id.in_(ids)
        )
        found += connection.execute(query.order_by(shadow_entry.c.sequence))
    return found
