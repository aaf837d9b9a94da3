"""Running sums over settled matches, so that sensors need not read every match.

They compare each champion with its own expected loss, and with each shadow model. The transaction that scores
also updates them; a corrected result removes its earlier score from the sums. Missing sums (in a home of an
earlier version) are recomputed from the ledger, bit for bit the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.modelling.e_process import comparison_sums
from soccer_assets.modelling.exact_sums import ExactSums
from soccer_assets.modelling.ledger_rules import SCORED
from soccer_assets.modelling.retraining import excess_loss_sums
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, upsert
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.scores import is_newest_score
from soccer_assets.stores.ledger.shadows import paired_predictions
from soccer_assets.tables import ledger_entry, ledger_score, settled_tally, shadow_entry

_ITSELF = "itself"  # a stored value


class Score(NamedTuple):
    """The score of a match on one of its entries."""

    match_id: str
    sequence: int
    outcome: str
    log_loss: float


class _Key(NamedTuple):
    champion: str
    against: str


def read_excess_loss(database: Database, champion_sha256: str) -> ExactSums:
    """A champion's loss beyond its own expectation, on every match that it was scored on."""
    return _read(database, _Key(champion_sha256, _ITSELF))


def read_comparison(database: Database, champion_sha256: str, shadow_sha256: str) -> ExactSums:
    """Champion and shadow compared on every settled match that both predicted in time."""
    return _read(database, _Key(champion_sha256, shadow_sha256))


def update_sums(connection: sa.Connection, added: Sequence[Score], removed: Sequence[Score]) -> None:
    """Update all sums with the scores that the same transaction has written.

    Args:
        connection: of that transaction.
        added: new scores.
        removed: earlier scores that a correction replaces.
    """
    more, less = _sums_over(connection, added), _sums_over(connection, removed)
    rows = []
    for key in sorted(more.keys() | less.keys()):
        tally = _stored(connection, key)
        if tally is None:
            tally = _recomputed(connection, key)
        else:
            tally = tally + more[key] if key in more else tally
            tally = tally - less[key] if key in less else tally
        text = msgspec.json.encode(tally).decode()
        rows.append({"champion_sha256": key.champion, "against": key.against, "tally": text})
    upsert(connection, settled_tally, rows)


def _read(database: Database, key: _Key) -> ExactSums:
    with database.reading() as connection:
        return _stored(connection, key) or _recomputed(connection, key)


def _stored(connection: sa.Connection, key: _Key) -> ExactSums | None:
    query = sa.select(settled_tally.c.tally).where(
        settled_tally.c.champion_sha256 == key.champion, settled_tally.c.against == key.against
    )
    found = connection.execute(query).scalar()
    return None if found is None else msgspec.json.decode(found, type=ExactSums)


def _recomputed(connection: sa.Connection, key: _Key) -> ExactSums:
    if key.against != _ITSELF:
        both = paired_predictions(connection, key.champion, key.against)
        return comparison_sums(both.champion, both.shadow, both.outcomes)
    query = (
        sa.select(
            ledger_entry.c.p_home, ledger_entry.c.p_draw, ledger_entry.c.p_away, ledger_score.c.log_loss
        )
        .join(ledger_score, ledger_score.c.sequence == ledger_entry.c.sequence)
        .where(
            ledger_entry.c.model_sha256 == key.champion,
            ledger_score.c.verdict == SCORED,
            is_newest_score(),
        )
    )
    rows = connection.execute(query).all()
    return excess_loss_sums(_probabilities(rows), np.array([row.log_loss for row in rows], np.float64))


def _sums_over(connection: sa.Connection, scores: Sequence[Score]) -> dict[_Key, ExactSums]:
    """The sums over these scores alone."""
    entries = _entries(connection, [score.sequence for score in scores])
    shadows = _shadows(connection, [score.match_id for score in scores])
    own: defaultdict[str, list[Score]] = defaultdict(list)
    duels: defaultdict[_Key, list[tuple[Score, sa.Row[Any]]]] = defaultdict(list)
    for score in scores:
        champion = entries[score.sequence].model_sha256
        own[champion].append(score)
        for shadow in shadows.get(score.match_id, ()):
            duels[_Key(champion, shadow.model_sha256)].append((score, shadow))

    def official(of: Iterable[Score]) -> NDArray[np.float64]:
        return _probabilities([entries[score.sequence] for score in of])

    tallies = {
        _Key(champion, _ITSELF): excess_loss_sums(official(of), np.array([score.log_loss for score in of]))
        for champion, of in own.items()
    }
    for key, pairs in duels.items():
        outcomes = np.array([OUTCOMES.index(score.outcome) for score, _ in pairs], np.int8)
        by_shadow = _probabilities([shadow for _, shadow in pairs])
        tallies[key] = comparison_sums(official(score for score, _ in pairs), by_shadow, outcomes)
    return tallies


def _probabilities(rows: Sequence[Any]) -> NDArray[np.float64]:
    probabilities = [(row.p_home, row.p_draw, row.p_away) for row in rows]
    return np.array(probabilities, np.float64).reshape(-1, 3)


def _shadows(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, list[sa.Row[Any]]]:
    found: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    for ids in batches(match_ids, IDS_PER_QUERY):
        for row in connection.execute(sa.select(shadow_entry).where(shadow_entry.c.match_id.in_(ids))):
            found[row.match_id].append(row)
    return found


def _entries(connection: sa.Connection, sequences: Sequence[int]) -> dict[int, sa.Row[Any]]:
    found: dict[int, sa.Row[Any]] = {}
    for batch in batches(sequences, IDS_PER_QUERY):
        rows = connection.execute(sa.select(ledger_entry).where(ledger_entry.c.sequence.in_(batch)))
        found |= {row.sequence: row for row in rows}
    return found
