"""Facts for the retrain decision, from the registry, the tables and Dagster's runs."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa

from soccer_assets.contract.release import CANDIDATE, CHAMPION
from soccer_assets.contract.reports import DRIFT_KEY, QUALITY_KEY, DriftReport, QualityReport
from soccer_assets.football.matches import STATUS_RULES
from soccer_assets.modelling.forecasters import ELO
from soccer_assets.modelling.retraining import RetrainFacts, spiegelhalter_z
from soccer_assets.resources.dagster_runs import open_runs
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.ledger.running_sums import read_excess_loss
from soccer_assets.stores.stored_json import decoded_or_none
from soccer_assets.tables import match


def read_facts(
    database: Database,
    registry: ModelRegistry,
    instance: dg.DagsterInstance,
    jobs: Sequence[str],
    wall_clock: dt.datetime,
    reports: ObjectStore | None = None,
) -> RetrainFacts:
    """The facts now.

    Args:
        database: matches and the ledger.
        registry: champion and candidate, with the instants of their training.
        instance: has the runs of ``jobs``.
        jobs: names of the jobs that train.
        wall_clock: real time; Dagster stamps runs with it even where the home's clock is fixed.
        reports: holds the reports on drift and quality; None where nothing is monitored.
    """
    candidate, champion = registry.find(CANDIDATE), registry.find(CHAMPION)
    trained_at = dt.datetime.fromisoformat(candidate.facts.trained_at) if candidate else None
    expectation = read_excess_loss(database, champion.facts.content_sha256) if champion else None
    runs = [
        record for job in jobs for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    ]
    report = _drift_report(reports, champion)
    drift = report if report and not report.is_within_bounds else None
    drift_since = (drift.out_of_bounds_since or drift.checked_at) if drift else None
    return RetrainFacts(
        trained_at=trained_at,
        attempted_ago=min((wall_clock - record.create_timestamp for record in runs), default=None),
        is_busy=bool(open_runs(instance, jobs)),
        new_matches=_finished_since(database, trained_at) if trained_at else 0,
        settled=expectation.matches if expectation else 0,
        spiegelhalter_z=spiegelhalter_z(expectation) if expectation else 0.0,
        drift=drift.text if drift else "",
        drift_share=report.share_drifted if report else None,
        drift_bound=report.bound if report else None,
        drift_since=dt.datetime.fromisoformat(drift_since) if drift_since else None,
        evidence=_worse_than_elo(reports, champion),
    )


def _drift_report(reports: ObjectStore | None, champion: RegisteredModel | None) -> DriftReport | None:
    """The newest report, where it is on this champion."""
    report = decoded_or_none(reports.read(DRIFT_KEY) if reports else None, DriftReport)
    if report is None or champion is None:
        return None
    return report if report.model_sha256 == champion.facts.content_sha256 else None


def _worse_than_elo(reports: ObjectStore | None, champion: RegisteredModel | None) -> float:
    """The e-value that this champion's settled predictions are worse than textbook Elo's."""
    report = decoded_or_none(reports.read(QUALITY_KEY) if reports else None, QualityReport)
    if report is None or champion is None:
        return 1.0
    own = ("model", champion.facts.content_sha256)
    against = [
        part.score.against[ELO]
        for part in report.slices
        if (part.dimension, part.value) == own and ELO in part.score.against
    ]
    return against[0].evidence if against else 1.0


def _finished_since(database: Database, instant: dt.datetime) -> int:
    settled = [status.value for status, rule in STATUS_RULES.items() if rule.trains]
    with database.reading() as connection:
        return connection.execute(
            sa.select(sa.func.count())
            .select_from(match)
            .where(match.c.kickoff > instant, match.c.status.in_(settled), match.c.home_goals.is_not(None))
        ).scalar_one()
