"""Facts for the rollback decision, from the registry, the ledger and Dagster's runs."""

from collections.abc import Sequence

import dagster as dg

from soccer_assets.contract.release import CHAMPION, PREVIOUS
from soccer_assets.modelling.e_process import e_value_of_sums, mean_difference
from soccer_assets.modelling.rollback import RollbackFacts
from soccer_assets.resources.dagster_runs import open_runs
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.stores.ledger.running_sums import read_comparison


def read_rollback_facts(
    database: Database, registry: ModelRegistry, instance: dg.DagsterInstance, jobs: Sequence[str]
) -> RollbackFacts:
    """The facts now.

    Args:
        database: the ledger and its shadow predictions.
        registry: champion and previous champion.
        instance: has the runs of ``jobs``.
        jobs: names of the jobs that may change the champion.
    """
    champion, previous = registry.find(CHAMPION), registry.find(PREVIOUS)
    evidence, difference, matches = 1.0, 0.0, 0
    if champion is not None and previous is not None:
        duel = read_comparison(database, champion.facts.content_sha256, previous.facts.content_sha256)
        evidence, difference, matches = e_value_of_sums(duel), mean_difference(duel), duel.matches
    return RollbackFacts(
        champion=champion.version if champion else None,
        previous=previous.version if previous else None,
        is_busy=bool(open_runs(instance, jobs)),
        matches=matches,
        evidence=evidence,
        difference=difference,
    )
