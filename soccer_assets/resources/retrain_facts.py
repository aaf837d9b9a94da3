"""What the retrain decision rests on, read from the registry, the tables and Dagster's runs."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa

from soccer_assets.contract import CANDIDATE, CHAMPION
from soccer_assets.football.matches import STATUS_RULES
from soccer_assets.modelling.retrain import Facts, surprise_of
from soccer_assets.resources.database import Database
from soccer_assets.resources.ledger_store import newest_scores
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.tables import ledger_entry, match

_OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def read_facts(
    database: Database,
    registry: ModelRegistry,
    instance: dg.DagsterInstance,
    jobs: Sequence[str],
    wall_clock: dt.datetime,
) -> Facts:
    """The facts now.

    Args:
        database: matches and the ledger.
        registry: which model was trained when, and which one is the champion.
        instance: knows the runs of ``jobs``, the jobs that train.
        jobs: names of them.
        wall_clock: real time, in which Dagster keeps its runs also where the home's clock stands.
    """
    candidate, champion = registry.find(CANDIDATE), registry.find(CHAMPION)
    trained_at = dt.datetime.fromisoformat(candidate.facts.trained_at) if candidate else None
    probabilities, losses = _settled(database, champion.facts.content_sha256) if champion else ([], [])
    runs = [
        record for job in jobs for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    ]
    return Facts(
        trained_at=trained_at,
        attempted_ago=min((wall_clock - record.create_timestamp for record in runs), default=None),
        is_busy=any(record.dagster_run.status in _OPEN for record in runs),
        new_matches=_finished_since(database, trained_at) if trained_at else 0,
        settled=len(losses),
        surprise=surprise_of(probabilities, losses),
    )


def _finished_since(database: Database, instant: dt.datetime) -> int:
    settled = [status.value for status, rule in STATUS_RULES.items() if rule.trains]
    with database.reading() as connection:
        return connection.execute(
            sa.select(sa.func.count())
            .select_from(match)
            .where(match.c.kickoff > instant, match.c.status.in_(settled), match.c.home_goals.is_not(None))
        ).scalar_one()


def _settled(database: Database, model_sha256: str) -> tuple[list[tuple[float, float, float]], list[float]]:
    """Probabilities and log losses of the matches that a model was scored on, each by its newest score."""
    newest = newest_scores().subquery()
    query = (
        sa.select(ledger_entry.c.p_home, ledger_entry.c.p_draw, ledger_entry.c.p_away, newest.c.log_loss)
        .join(newest, newest.c.sequence == ledger_entry.c.sequence)
        .where(ledger_entry.c.model_sha256 == model_sha256, newest.c.log_loss.is_not(None))
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return [(row.p_home, row.p_draw, row.p_away) for row in rows], [row.log_loss for row in rows]
