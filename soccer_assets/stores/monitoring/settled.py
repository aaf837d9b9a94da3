"""Settled matches with the ledger's forecasts and the baselines: the input of the quality reports."""

import datetime as dt
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.forecasters import BOOK, ELO, PRIOR
from soccer_assets.modelling.ledger_rules import SCORED
from soccer_assets.modelling.neutral_ground import turned_back
from soccer_assets.modelling.odds import devig_shin
from soccer_assets.modelling.quality import Settled, phases
from soccer_assets.modelling.training import fit_elo_textbook
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.scores import newest_scores
from soccer_assets.stores.matches.due import result_due_at
from soccer_assets.tables import AWAITS_RESULT, ledger_entry, match

# Textbook Elo has six parameters, shares have chance; fewer matches than this determine neither.
_LEAST_BEFORE = 200


def read_settled(
    database: Database, data: TrainingData, result_lag: dt.timedelta, now: dt.datetime
) -> Settled:
    """Every match since the ledger's first entry that is finished or void by ``now``, or due and missing.

    Textbook Elo is fitted on matches whose result was known before that first entry, and forecasts from what
    was known before each kickoff, as the published models did. The class prior is the shares of home wins,
    draws and away wins of the same matches.

    Args:
        database: matches and the ledger.
        data: features and closing prices of the finished matches.
        result_lag: the feed's; decides with ``now`` when a result is due.
        now: nothing later counts.
    """
    start, rows = _rows(database, result_lag, now)
    row_of = {match_id: row for row, match_id in enumerate(data.matches.match_id.tolist())}
    known = np.array([row_of.get(row.match_id, -1) for row in rows], np.int64)
    has_features = known >= 0
    is_scored = np.array([row.verdict == SCORED for row in rows], np.bool_)
    progress = data.values[:, data.feature_names.index("season_progress")]
    phase = np.full(len(rows), "", object)
    phase[has_features] = phases(
        progress[known[has_features]].tolist(), data.matches.tier[known[has_features]].tolist()
    )
    missing = [np.nan] * 3
    official = [[row.p_home, row.p_draw, row.p_away] if row.verdict == SCORED else missing for row in rows]
    return Settled(
        kickoff=np.array([int(row.kickoff.timestamp()) for row in rows], np.int64),
        is_finished=np.array([row.status in SETTLED_STATUSES for row in rows], np.bool_),
        is_void=np.array([row.verdict not in (None, SCORED) for row in rows], np.bool_),
        is_scored=is_scored,
        probabilities=np.array(official, np.float64).reshape(-1, 3),
        outcomes=np.array(
            [OUTCOMES.index(row.outcome) if row.verdict == SCORED else -1 for row in rows], np.int8
        ),
        others={
            name: _placed(turned_back(forecasts, data.matches.is_turned[known[has_features]]), has_features)
            for name, forecasts in (
                (ELO, _elo(data, known[has_features], start)),
                (PRIOR, _prior(data, int(has_features.sum()), start)),
                (BOOK, devig_shin(data.odds[known[has_features]])),
            )
        },
        dimensions={
            "competition": np.array([row.competition for row in rows], object),
            "tier": np.array([str(row.tier) for row in rows], object),
            "phase": phase,
            "model": np.array([row.model_sha256 or "" for row in rows], object),
        },
        is_due=np.array([_awaits(row) for row in rows], np.bool_),
    )


def _awaits(row: sa.Row[Any]) -> bool:
    """Whether the row has neither a result nor a verdict."""
    return row.verdict is None and row.status not in SETTLED_STATUSES


def _rows(
    database: Database, result_lag: dt.timedelta, now: dt.datetime
) -> tuple[dt.datetime, list[sa.Row[Any]]]:
    """The ledger's first instant, and the matches since then with their newest score and official entry.

    Of those without a result and a verdict only the ones whose result is due.
    """
    newest = newest_scores().subquery()
    query = (
        sa.select(
            match.c.match_id,
            match.c.kickoff,
            match.c.kickoff_precision,
            match.c.status,
            match.c.competition,
            match.c.tier,
            newest.c.verdict,
            newest.c.outcome,
            ledger_entry.c.model_sha256,
            ledger_entry.c.p_home,
            ledger_entry.c.p_draw,
            ledger_entry.c.p_away,
        )
        .select_from(match)
        .outerjoin(newest, newest.c.match_id == match.c.match_id)
        .outerjoin(ledger_entry, ledger_entry.c.sequence == newest.c.sequence)
    )
    with database.reading() as connection:
        first = sa.select(sa.func.min(ledger_entry.c.recorded_at, type_=ledger_entry.c.recorded_at.type))
        start = connection.execute(first).scalar() or now
        counts = sa.or_(match.c.status.in_(SETTLED_STATUSES), newest.c.verdict.is_not(None), AWAITS_RESULT)
        in_scope = query.where(match.c.kickoff > start, match.c.kickoff <= now, counts)
        rows: list[sa.Row[Any]] = list(
            connection.execute(in_scope.order_by(match.c.kickoff, match.c.match_id))
        )
        return start, [
            row
            for row in rows
            if not _awaits(row) or result_due_at(row.kickoff, row.kickoff_precision, result_lag) < now
        ]


def _prior(data: TrainingData, rows: int, start: dt.datetime) -> NDArray[np.float64]:
    outcomes = data.outcomes[data.matches.result_known_at < int(start.timestamp())]
    if len(outcomes) < _LEAST_BEFORE:
        return np.full((rows, 3), np.nan)
    shares = np.bincount(outcomes, minlength=3) / len(outcomes)
    return np.tile(shares, (rows, 1))


def _elo(data: TrainingData, rows: NDArray[np.int64], start: dt.datetime) -> NDArray[np.float64]:
    is_training = data.matches.result_known_at < int(start.timestamp())
    if is_training.sum() < _LEAST_BEFORE:
        return np.full((len(rows), 3), np.nan)
    model = fit_elo_textbook(data.values, data.outcomes, is_training, data.feature_names)
    return model.predict_proba(data.values[rows])


def _placed(forecasts: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    placed = np.full((len(rows), 3), np.nan)
    placed[rows] = forecasts
    return placed
