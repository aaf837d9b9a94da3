"""Shadow predictions: those of the previous champion for the same matches, before kickoff.

They are stored beside the ledger, outside its chain, and show whether the previous champion would have done
better. Only the last prediction before the deadline is kept for each match. A candidate has no shadow: it is
judged on its test window, and its predictions count from its promotion on.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.modelling.ledger_rules import SCORED, Entry, deadline
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, upsert
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.scores import is_newest_score
from soccer_assets.tables import ledger_entry, ledger_score, shadow_entry

# A result corrected later than this no longer finds the shadow predictions of its match.
KEPT_DAYS = 90


@dataclass(frozen=True, eq=False)
class PairedPredictions:
    """Two models' predictions of the same settled matches, by match id.

    Attributes:
        champion: official predictions, (n, 3).
        shadow: the other model's last predictions before the same deadline, (n, 3).
        outcomes: (n,) 0 home, 1 draw, 2 away.
    """

    champion: NDArray[np.float64]
    shadow: NDArray[np.float64]
    outcomes: NDArray[np.int8]


def record_shadows(database: Database, entries: Sequence[Entry]) -> int:
    """Store the shadow predictions that changed; returns how many.

    The deadline of a match is that of its official prediction: its first known kickoff in the ledger. So the
    ledger must record first. Once a match is scored its shadow does not change, even where a feed reported
    the result before the kickoff by mistake.
    """
    with database.writing() as connection:
        scored = _scored(connection, [entry.match_id for entry in entries])
        entries = [entry for entry in entries if entry.match_id not in scored]
        known = _known(connection, entries)
        limits = _deadlines(
            connection,
            [entry.match_id for entry in entries if (entry.model_sha256, entry.match_id) not in known],
        )
        rows = []
        for entry in entries:
            before = known.get((entry.model_sha256, entry.match_id))
            limit = before.deadline if before else limits.get(entry.match_id)
            if limit is None or entry.recorded_at >= limit:
                continue
            probabilities = (entry.p_home, entry.p_draw, entry.p_away)
            if before is None or (before.p_home, before.p_draw, before.p_away) != probabilities:
                rows.append(
                    {
                        "model_sha256": entry.model_sha256,
                        "match_id": entry.match_id,
                        "deadline": limit,
                        "p_home": entry.p_home,
                        "p_draw": entry.p_draw,
                        "p_away": entry.p_away,
                        "recorded_at": entry.recorded_at,
                    }
                )
        upsert(connection, shadow_entry, rows)
    return len(rows)


def prune_shadows(database: Database, in_use: Collection[str], now: dt.datetime) -> int:
    """Remove old shadow predictions of models without an alias; returns how many rows.

    Args:
        database: where they are.
        in_use: content hashes of the models that may be compared again.
        now: by the clock that dates matches.
    """
    is_over = shadow_entry.c.deadline < now - dt.timedelta(days=KEPT_DAYS)
    with database.writing() as connection:
        removal = sa.delete(shadow_entry).where(is_over, shadow_entry.c.model_sha256.not_in(in_use))
        return connection.execute(removal).rowcount


def paired_predictions(
    connection: sa.Connection, champion_sha256: str, shadow_sha256: str
) -> PairedPredictions:
    """The settled matches whose official prediction is the champion's and that the shadow predicted too."""
    official, shadow = ledger_entry.c, shadow_entry.c
    query = (
        sa.select(
            *(official.p_home, official.p_draw, official.p_away),
            *(shadow.p_home, shadow.p_draw, shadow.p_away),
            ledger_score.c.outcome,
        )
        .select_from(shadow_entry)
        .join(
            ledger_score,
            sa.and_(ledger_score.c.match_id == shadow.match_id, is_newest_score()),
        )
        .join(ledger_entry, official.sequence == ledger_score.c.sequence)
        .where(
            shadow.model_sha256 == shadow_sha256,
            ledger_score.c.verdict == SCORED,
            official.model_sha256 == champion_sha256,
        )
        .order_by(shadow.match_id)
    )
    rows = connection.execute(query).all()
    probabilities = np.array([tuple(row)[:6] for row in rows], np.float64).reshape(-1, 6)
    outcomes = np.array([OUTCOMES.index(row.outcome) for row in rows], np.int8)
    return PairedPredictions(champion=probabilities[:, :3], shadow=probabilities[:, 3:], outcomes=outcomes)


def _known(connection: sa.Connection, entries: Sequence[Entry]) -> dict[tuple[str, str], sa.Row[Any]]:
    """The stored shadow predictions of these matches, by model and match."""
    found: dict[tuple[str, str], sa.Row[Any]] = {}
    models = {entry.model_sha256 for entry in entries}
    for ids in batches(sorted({entry.match_id for entry in entries}), IDS_PER_QUERY):
        query = sa.select(shadow_entry).where(
            shadow_entry.c.model_sha256.in_(models), shadow_entry.c.match_id.in_(ids)
        )
        found |= {(row.model_sha256, row.match_id): row for row in connection.execute(query)}
    return found


def _scored(connection: sa.Connection, match_ids: Sequence[str]) -> set[str]:
    """Which of these matches have a score."""
    found: set[str] = set()
    for ids in batches(match_ids, IDS_PER_QUERY):
        found.update(
            connection.scalars(sa.select(ledger_score.c.match_id).where(ledger_score.c.match_id.in_(ids)))
        )
    return found


def _deadlines(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, Any]:
    """By match, the deadline before which predictions count; only matches with an official prediction."""
    first = sa.select(sa.func.min(ledger_entry.c.sequence)).group_by(ledger_entry.c.match_id)
    limits = {}
    for ids in batches(match_ids, IDS_PER_QUERY):
        of_these = first.where(ledger_entry.c.match_id.in_(ids))
        for row in connection.execute(sa.select(ledger_entry).where(ledger_entry.c.sequence.in_(of_these))):
            limits[row.match_id] = deadline(row.kickoff, KickoffPrecision(row.kickoff_precision))
    return limits
