"""The ledger in the database: appends predictions to a hash chain, and scores when results arrive."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.football.matches import OPEN_STATUSES, KickoffPrecision, MatchStatus, outcome_of
from soccer_assets.modelling.ledger_rules import (
    GENESIS,
    SCORED,
    TAKEN_BACK,
    Entry,
    chain_hash,
    official_index,
    void_reason,
)
from soccer_assets.modelling.metrics import brier_score, log_loss, rps
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.ledger.running_sums import Score, update_sums
from soccer_assets.tables import ledger_entry, ledger_score, match, match_history, match_merge

SCORED_SO_FAR = "match scored by ledger"
MERGED = "another id of a match that is settled under its own"
# Hourly runs see a postponement at once; 60 days cover a home that was switched off and keep the query small.
_POSTPONED_LOOK_BACK = dt.timedelta(days=60)
# Verdicts on a match that had a score.
_HAD_A_SCORE = (SCORED, TAKEN_BACK)


class LedgerCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass recorded and scored, and the ledger's length and head after it."""

    recorded: int
    scored: int
    void: int
    entries: int
    head: str


def record_and_score(
    database: Database, predictions: Sequence[tuple[str, Entry]], now: dt.datetime
) -> LedgerCounts:
    """Append the predictions that changed, then score the matches that finished.

    Args:
        database: where the ledger is.
        predictions: competition and entry of each upcoming match, by the champion.
        now: time stamp of the scores.
    """
    with database.writing() as connection:
        recorded = _record(connection, predictions)
        scored, void = _score(connection, now)
        entries, head = _head(connection)  # sequences are counted from 1 and never removed
    return LedgerCounts(recorded=recorded, scored=scored, void=void, entries=entries, head=head)


def ledger_head(database: Database) -> str | None:
    """The hash of the newest entry; None while the ledger is empty."""
    with database.reading() as connection:
        sequence, head = _head(connection)
    return head if sequence else None


def _head(connection: sa.Connection) -> tuple[int, str]:
    query = sa.select(ledger_entry.c.sequence, ledger_entry.c.hash).order_by(ledger_entry.c.sequence.desc())
    newest = connection.execute(query.limit(1)).first()
    return (newest.sequence, newest.hash) if newest else (0, GENESIS)


def _newest_of(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """The last entry of each match; a match that is predicted every hour has hundreds of entries."""
    found: dict[str, sa.Row[Any]] = {}
    for ids in batches(match_ids, IDS_PER_QUERY):
        newest = (
            sa.select(sa.func.max(ledger_entry.c.sequence))
            .where(ledger_entry.c.match_id.in_(ids))
            .group_by(ledger_entry.c.match_id)
        )
        rows = connection.execute(sa.select(ledger_entry).where(ledger_entry.c.sequence.in_(newest)))
        found.update({row.match_id: row for row in rows})
    return found


def _entries_of(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, list[sa.Row[Any]]]:
    found: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    for ids in batches(match_ids, IDS_PER_QUERY):
        query = sa.select(ledger_entry).where(ledger_entry.c.match_id.in_(ids))
        for row in connection.execute(query.order_by(ledger_entry.c.sequence)):
            found[row.match_id].append(row)
    return found


def _record(connection: sa.Connection, predictions: Sequence[tuple[str, Entry]]) -> int:
    known = _newest_of(connection, [entry.match_id for _, entry in predictions])
    sequence, head = _head(connection)
    rows = []
    for competition, entry in sorted(predictions, key=lambda pair: (pair[1].kickoff, pair[1].match_id)):
        earlier = known.get(entry.match_id)
        if earlier is not None and _is_same_prediction(earlier, entry):
            continue
        sequence += 1
        previous, head = head, chain_hash(head, entry)
        rows.append(
            {
                "sequence": sequence,
                "competition": competition,
                "previous_hash": previous,
                "hash": head,
                **msgspec.structs.asdict(entry),
                "kickoff_precision": entry.kickoff_precision.value,
            }
        )
    if rows:
        connection.execute(sa.insert(ledger_entry), rows)
    return len(rows)


def _is_same_prediction(row: sa.Row[Any], entry: Entry) -> bool:
    stored = (row.kickoff, row.model_sha256, row.p_home, row.p_draw, row.p_away)
    return stored == (entry.kickoff, entry.model_sha256, entry.p_home, entry.p_draw, entry.p_away)


def _score(connection: sa.Connection, now: dt.datetime) -> tuple[int, int]:
    """Score the matches that changed since the last pass; reads neither the whole ledger nor all matches."""
    change_no = read_watermark(connection, "change_no")
    since = read_watermark(connection, SCORED_SO_FAR)
    # A feed may take a result back: the match is open again, and its score counts no longer.
    is_scored = sa.exists().where(
        ledger_score.c.match_id == match.c.match_id, ledger_score.c.verdict == SCORED
    )
    has_changed = sa.and_(match.c.change_no > since, sa.or_(match.c.status.not_in(OPEN_STATUSES), is_scored))
    # A postponed match becomes void by the clock, without a change of its row.
    waits = sa.and_(
        match.c.kickoff.between(now - _POSTPONED_LOOK_BACK, now),
        match.c.status == MatchStatus.POSTPONED.value,
    )
    is_recorded = sa.exists().where(ledger_entry.c.match_id == match.c.match_id)
    query = sa.select(match).where(sa.or_(has_changed, waits), is_recorded)
    # Sorted here: with ORDER BY, SQLite scans all matches instead of using the two indexes.
    finished = sorted(connection.execute(query), key=lambda row: (row.kickoff, row.match_id))
    merged = _merged(connection, since)
    entries = _entries_of(connection, [*merged, *(row.match_id for row in finished)])
    latest: dict[str, sa.Row[Any]] = {}
    for ids in batches(entries, IDS_PER_QUERY):
        earlier = sa.select(ledger_score).where(ledger_score.c.match_id.in_(ids))
        for row in connection.execute(earlier.order_by(ledger_score.c.revision)):
            latest[row.match_id] = row
    exchanged = _exchanged_at(connection, [row.match_id for row in finished])
    rows, added, removed = [], list[Score](), list[Score]()
    had_a_score = {match_id for match_id, row in latest.items() if row.verdict in _HAD_A_SCORE}
    scores = [
        _void(played.match_id, TAKEN_BACK, now)
        if played.status in OPEN_STATUSES and played.match_id in had_a_score
        else _score_row(played, entries[played.match_id], exchanged.get(played.match_id), now)
        for played in finished
    ]
    for score in [*scores, *(_void(match_id, MERGED, now) for match_id in merged)]:
        if score is None:
            continue
        previous = latest.get(score["match_id"])
        if previous is not None and (previous.verdict, previous.outcome) == (
            score["verdict"],
            score["outcome"],
        ):
            continue
        rows.append(score | {"revision": previous.revision + 1 if previous else 1})
        if score["verdict"] == SCORED:
            added.append(Score(score["match_id"], score["sequence"], score["outcome"], score["log_loss"]))
        if previous is not None and previous.verdict == SCORED:
            removed.append(Score(score["match_id"], previous.sequence, previous.outcome, previous.log_loss))
    if rows:
        connection.execute(sa.insert(ledger_score), rows)
        update_sums(connection, added, removed)
    set_watermark(connection, SCORED_SO_FAR, change_no)
    return len(added), len(rows) - len(added)


def _exchanged_at(connection: sa.Connection, match_ids: Sequence[str]) -> dict[str, dt.datetime]:
    """When home and away of a match were last exchanged; other matches are left out."""
    later = match_history.alias()
    last_other_way = (
        sa.select(match_history.c.match_id, sa.func.max(match_history.c.version).label("version"))
        .join(match, match.c.match_id == match_history.c.match_id)
        .where(
            match_history.c.home_team_id == match.c.away_team_id,
            match_history.c.away_team_id == match.c.home_team_id,
        )
        .group_by(match_history.c.match_id)
    )
    found: dict[str, dt.datetime] = {}
    for ids in batches(match_ids, IDS_PER_QUERY):
        last = last_other_way.where(match_history.c.match_id.in_(ids)).subquery()
        next_version = (
            sa.select(sa.func.min(later.c.updated_at))
            .where(later.c.match_id == last.c.match_id, later.c.version > last.c.version)
            .scalar_subquery()
        )
        query = sa.select(last.c.match_id, sa.func.coalesce(next_version, match.c.updated_at))
        query = query.join(match, match.c.match_id == last.c.match_id)
        found.update((match_id, changed_at) for match_id, changed_at in connection.execute(query))
    return found


def _merged(connection: sa.Connection, since: int) -> list[str]:
    """Matches with predictions that turned out to be one with another match after a change."""
    query = sa.select(match_merge.c.gone).where(
        match_merge.c.change_no > since, sa.exists().where(ledger_entry.c.match_id == match_merge.c.gone)
    )
    return sorted(connection.execute(query).scalars())


def _void(match_id: str, verdict: str, now: dt.datetime) -> dict[str, Any]:
    """A row of `ledger_score` without a score."""
    return {
        "match_id": match_id,
        "sequence": -1,
        "verdict": verdict,
        "outcome": None,
        "log_loss": None,
        "rps": None,
        "brier_score": None,
        "scored_at": now,
    }


def _score_row(
    played: sa.Row[Any], rows: Sequence[sa.Row[Any]], exchanged_at: dt.datetime | None, now: dt.datetime
) -> dict[str, Any] | None:
    """The score of a match, or the verdict why it has none; None where it may still be played in time."""
    entries = [
        Entry(
            match_id=row.match_id,
            kickoff=row.kickoff,
            kickoff_precision=KickoffPrecision(row.kickoff_precision),
            model_sha256=row.model_sha256,
            p_home=row.p_home,
            p_draw=row.p_draw,
            p_away=row.p_away,
            recorded_at=row.recorded_at,
        )
        for row in rows
    ]
    status = MatchStatus(played.status)
    verdict = void_reason(status, entries[0].kickoff, played.kickoff, now)
    if verdict is None and played.status in OPEN_STATUSES:
        return None
    official = official_index(entries)
    if verdict is None and official is None:
        verdict = "first predicted after kickoff"
    entry = None if official is None else entries[official]
    if verdict is None and entry and exchanged_at and entry.recorded_at < exchanged_at:
        verdict = "home and away were exchanged after its last prediction"
    if verdict is None and None in (played.home_goals, played.away_goals):
        verdict = "no 90-minute score"
    if verdict is None and played.quarantine is not None:
        verdict = "the result is in quarantine"
    score = _void(played.match_id, verdict or SCORED, now)
    if verdict is None and official is not None and entry is not None:
        outcome = outcome_of(played.home_goals, played.away_goals)
        probabilities = np.array([[entry.p_home, entry.p_draw, entry.p_away]])
        happened = np.array([OUTCOMES.index(outcome.value)], dtype=np.int8)
        score.update(
            sequence=rows[official].sequence,
            outcome=outcome.value,
            log_loss=float(log_loss(probabilities, happened)),
            rps=float(rps(probabilities, happened)),
            brier_score=float(brier_score(probabilities, happened)),
        )
    return score
