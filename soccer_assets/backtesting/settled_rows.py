"""Reads the settled matches of a replay's home, with textbook Elo and the market on the same matches."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from soccer_assets.backtesting.report import SCORED, Probabilities, SettledMatch
from soccer_assets.clock import isoformat
from soccer_assets.football.matches import STATUS_RULES
from soccer_assets.football.prices import MARKET_KINDS
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.modelling.neutral_ground import turned_back
from soccer_assets.modelling.odds import devig_shin
from soccer_assets.modelling.training import fit_elo_textbook
from soccer_assets.modelling.walk_forward import walk_forward
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.scores import newest_scores
from soccer_assets.tables import ledger_entry, match, odds, team

NEVER_PREDICTED = "first seen after its kickoff"
_REFIT_WEEKS = 4


def read_settled(
    database: Database, data: TrainingData, start: dt.datetime, end: dt.datetime
) -> tuple[SettledMatch, ...]:
    """Every match with a kickoff from ``start`` to ``end`` that is over, by kickoff."""
    e0 = _textbook_elo(data, start, end)
    with database.reading() as connection:
        rows = connection.execute(_query(start, end)).all()
    return tuple(_settled(row, e0.get(row.match_id)) for row in rows)


def count_entries(database: Database) -> int:
    """Number of predictions in the ledger."""
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(ledger_entry)).scalar_one()


def _query(start: dt.datetime, end: dt.datetime) -> sa.Select[Any]:
    over = [status.value for status, rule in STATUS_RULES.items() if rule.settles or not rule.is_served]
    home, away = team.alias("home"), team.alias("away")
    newest = newest_scores().subquery()
    return (
        sa.select(
            *(match.c[name] for name in ("match_id", "competition", "season", "kickoff")),
            home.c.name.label("home_team"),
            away.c.name.label("away_team"),
            *(match.c[name] for name in ("home_goals", "away_goals", "status")),
            *(newest.c[name] for name in ("verdict", "outcome", "log_loss", "rps", "brier_score")),
            *(ledger_entry.c[name] for name in ("recorded_at", "model_sha256", "p_home", "p_draw", "p_away")),
            odds.c.home.label("home_price"),
            odds.c.draw.label("draw_price"),
            odds.c.away.label("away_price"),
        )
        .select_from(match)
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .outerjoin(newest, newest.c.match_id == match.c.match_id)
        .outerjoin(ledger_entry, ledger_entry.c.sequence == newest.c.sequence)
        .outerjoin(odds, (odds.c.match_id == match.c.match_id) & odds.c.kind.in_(MARKET_KINDS))
        .where(match.c.kickoff >= start, match.c.kickoff < end, match.c.status.in_(over))
        .order_by(match.c.kickoff, match.c.match_id)
    )


def _settled(row: sa.Row[Any], e0: Probabilities | None) -> SettledMatch:
    facts = {
        name: getattr(row, name)
        for name in (
            *("match_id", "competition", "season", "home_team", "away_team", "home_goals", "away_goals"),
        )
    }
    verdict = row.verdict or NEVER_PREDICTED
    if verdict != SCORED:
        return SettledMatch(kickoff=isoformat(row.kickoff), verdict=verdict, **facts)
    return SettledMatch(
        kickoff=isoformat(row.kickoff),
        verdict=verdict,
        **facts,
        outcome=row.outcome,
        recorded_at=isoformat(row.recorded_at),
        model_sha256=row.model_sha256,
        champion=(row.p_home, row.p_draw, row.p_away),
        log_loss=row.log_loss,
        rps=row.rps,
        brier_score=row.brier_score,
        e0=e0,
        market=_without_margin(row.home_price, row.draw_price, row.away_price),
    )


def _without_margin(*prices: float | None) -> Probabilities | None:
    if None in prices:
        return None
    return _probabilities(devig_shin(np.array([prices], dtype=np.float64))[0])


def _textbook_elo(data: TrainingData, start: dt.datetime, end: dt.datetime) -> Mapping[str, Probabilities]:
    """Probabilities of textbook Elo by match; refitted every four weeks on earlier results."""
    ahead = data.matches.features_as_of
    first, last = int(start.timestamp()), int(end.timestamp())
    if not ((ahead >= first) & (ahead < last)).any():
        return {}
    walked = walk_forward(
        data.matches,
        data.values,
        lambda values, labels, split: fit_elo_textbook(
            values, labels, split.train | split.calibration, data.feature_names
        ),
        start=first,
        end=last,
        refit_weeks=_REFIT_WEEKS,
    )
    ids = data.matches.match_id[walked.rows].tolist()
    turned = turned_back(walked.probabilities, data.matches.is_turned[walked.rows])
    return {match_id: _probabilities(row) for match_id, row in zip(ids, turned, strict=True)}


def _probabilities(row: NDArray[np.float64]) -> Probabilities:
    home, draw, away = (float(value) for value in row)
    return home, draw, away
