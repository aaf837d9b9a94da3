"""Running sums of champion against shadow: what the rollback sensor reads instead of every settled match.

They are carried on in the transaction that scores, and a corrected result takes its first score out again.
Sums that are not there (of a home of an earlier version) are made anew from the ledger, to the same bit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from soccer_assets.contract import OUTCOMES
from soccer_assets.modelling.rollback import Tally, tally_of
from soccer_assets.resources.database import Database, upsert
from soccer_assets.resources.raw_store import batches
from soccer_assets.resources.shadow_store import paired
from soccer_assets.tables import ledger_entry, shadow_entry, shadow_tally

_IDS_A_QUERY = 5_000


class Score(NamedTuple):
    """That a match was scored on one of its entries."""

    match_id: str
    sequence: int
    outcome: str


class _Pair(NamedTuple):
    champion: str
    shadow: str


def read_tally(database: Database, champion_sha256: str, shadow_sha256: str) -> Tally:
    """Champion against shadow on every settled match that both predicted in time."""
    pair = _Pair(champion_sha256, shadow_sha256)
    with database.reading() as connection:
        return _stored(connection, pair) or _made_anew(connection, pair)


def carry_on(connection: sa.Connection, added: Sequence[Score], taken_out: Sequence[Score]) -> None:
    """Bring every tally up to date with scores that the same transaction has written.

    Args:
        connection: of that transaction.
        added: what counts now.
        taken_out: what counted until now.
    """
    scores = [*added, *taken_out]
    shadows = _shadows_of(connection, {one.match_id for one in scores})
    official = _entries_at(connection, {one.sequence for one in scores})
    more, less = _sums(added, official, shadows), _sums(taken_out, official, shadows)
    rows = []
    for pair in sorted(more.keys() | less.keys()):
        tally = _stored(connection, pair)
        if tally is None:
            tally = _made_anew(connection, pair)
        else:
            tally = tally + more.get(pair, _NOTHING) - less.get(pair, _NOTHING)
        rows.append(
            {
                "champion_sha256": pair.champion,
                "shadow_sha256": pair.shadow,
                "tally": msgspec.json.encode(tally).decode(),
            }
        )
    upsert(connection, shadow_tally, rows)


def _stored(connection: sa.Connection, pair: _Pair) -> Tally | None:
    query = sa.select(shadow_tally.c.tally).where(
        shadow_tally.c.champion_sha256 == pair.champion, shadow_tally.c.shadow_sha256 == pair.shadow
    )
    found = connection.execute(query).scalar()
    return None if found is None else msgspec.json.decode(found, type=Tally)


def _made_anew(connection: sa.Connection, pair: _Pair) -> Tally:
    both = paired(connection, pair.champion, pair.shadow)
    return tally_of(both.champion, both.shadow, both.outcomes)


def _sums(
    scores: Iterable[Score], official: Mapping[int, sa.Row[Any]], shadows: Mapping[str, Sequence[sa.Row[Any]]]
) -> dict[_Pair, Tally]:
    """By pair of models, the sums over these scores."""
    rows: defaultdict[_Pair, list[tuple[sa.Row[Any], sa.Row[Any], int]]] = defaultdict(list)
    for score in scores:
        entry = official[score.sequence]
        for shadow in shadows.get(score.match_id, ()):
            outcome = OUTCOMES.index(score.outcome)
            rows[_Pair(entry.model_sha256, shadow.model_sha256)].append((entry, shadow, outcome))
    return {
        pair: tally_of(
            _probabilities([entry for entry, _, _ in found]),
            _probabilities([shadow for _, shadow, _ in found]),
            np.array([outcome for _, _, outcome in found], np.int8),
        )
        for pair, found in rows.items()
    }


def _probabilities(rows: Sequence[sa.Row[Any]]) -> Any:
    return np.array([(row.p_home, row.p_draw, row.p_away) for row in rows], np.float64).reshape(-1, 3)


_NOTHING = tally_of(_probabilities([]), _probabilities([]), np.array([], np.int8))


def _shadows_of(connection: sa.Connection, match_ids: Iterable[str]) -> dict[str, list[sa.Row[Any]]]:
    found: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    for ids in batches(sorted(match_ids), _IDS_A_QUERY):
        for row in connection.execute(sa.select(shadow_entry).where(shadow_entry.c.match_id.in_(ids))):
            found[row.match_id].append(row)
    return found


def _entries_at(connection: sa.Connection, sequences: Iterable[int]) -> dict[int, sa.Row[Any]]:
    found: dict[int, sa.Row[Any]] = {}
    for some in batches(sorted(sequences), _IDS_A_QUERY):
        rows = connection.execute(sa.select(ledger_entry).where(ledger_entry.c.sequence.in_(some)))
        found |= {row.sequence: row for row in rows}
    return found
