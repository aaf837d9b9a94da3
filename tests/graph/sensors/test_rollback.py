"""The rollback sensor and its run: a deliberately bad champion is replaced, and does not return by itself."""

import datetime as dt

import dagster as dg
import numpy as np
import pytest
import sqlalchemy as sa

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.contract.release import CHAMPION, OUTCOMES, PREVIOUS
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.graph.assets.model import TEXT_TAG
from soccer_assets.graph.jobs import retrain_model
from soccer_assets.graph.sensors.rollback import rollback_sensor
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.ledger.shadows import paired_predictions, prune_shadows, record_shadows
from soccer_assets.tables import ledger_entry, ledger_score
from tests.builders import NOW
from tests.graph.assets.conftest import FakeRegistry, Graph, graph  # noqa: F401 - a fixture
from tests.graph.assets.test_model import ROLLBACK, TO_RELEASE
from tests.graph.assets.test_refresh import HOURLY, filled  # noqa: F401 - a fixture
from tests.models import elo_model

GOOD, BAD = (0.6, 0.25, 0.15), (0.15, 0.25, 0.6)


def _entry(match: int, model: str, forecasts: tuple[float, float, float], hours: float = -24) -> Entry:
    """A prediction of the ``match``-th match, some hours from its kickoff."""
    kickoff = NOW + dt.timedelta(days=1, hours=match)
    return Entry(
        match_id=f"m{match:03}",
        kickoff=kickoff,
        kickoff_precision=KickoffPrecision.MINUTE,
        model_sha256=model,
        p_home=forecasts[0],
        p_draw=forecasts[1],
        p_away=forecasts[2],
        recorded_at=kickoff + dt.timedelta(hours=hours),
    )


def _predict(database: Database, registry: FakeRegistry, matches: int) -> None:
    """Home wins 60 in 100; the champion forecasts the reverse, the previous champion the truth."""
    champion, previous = (registry.get(alias).facts.content_sha256 for alias in (CHAMPION, PREVIOUS))
    record_and_score(database, [("TST-1", _entry(number, champion, BAD)) for number in range(matches)], NOW)
    record_shadows(database, [_entry(number, previous, GOOD) for number in range(matches)])


def _settle(database: Database, registry: FakeRegistry, matches: int) -> None:
    """As predicted, and over."""
    _predict(database, registry, matches)
    _score(database, matches)


def _score(database: Database, matches: int) -> None:
    """What really happened: home wins 60 in 100."""
    drawn = np.random.default_rng(0).choice(3, matches, p=GOOD)
    with database.reading() as connection:
        entries = connection.execute(sa.select(ledger_entry.c.match_id, ledger_entry.c.sequence))
        sequences = {match_id: sequence for match_id, sequence in entries}  # noqa: C416 - rows are no pairs to mypy
    scores = [
        {
            "match_id": f"m{number:03}",
            "revision": 1,
            "sequence": sequences[f"m{number:03}"],
            "verdict": "scored",
            "outcome": OUTCOMES[drawn[number]],
            "log_loss": 1.0,
            "rps": 0.2,
            "brier_score": 0.6,
            "scored_at": NOW,
        }
        for number in range(matches)
    ]
    with database.writing() as connection:
        connection.execute(sa.insert(ledger_score), scores)


@pytest.fixture
def two_models() -> FakeRegistry:
    """A champion and the previous one."""
    registry = FakeRegistry()
    registry.add(elo_model(0.9), PREVIOUS)
    registry.add(elo_model(1.1), CHAMPION)
    return registry


def _tick(
    database: Database, registry: FakeRegistry, instance: dg.DagsterInstance
) -> dg.RunRequest | dg.SkipReason:
    resources = {"database": database, "model_registry": registry}
    answer = rollback_sensor(dg.build_sensor_context(instance=instance, resources=resources))
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def test_a_deliberately_bad_champion_is_rolled_back_released_announced_and_stays_away(
    filled: Graph,  # noqa: F811
) -> None:
    """The sensor requests one run, which publishes the previous champion; the next tick requests none."""
    registry = filled.registry
    registry.aliases.clear()
    old, bad = registry.add(elo_model(0.9), PREVIOUS), registry.add(elo_model(-1.1), CHAMPION)
    assert filled.run(*HOURLY).success
    assert filled.releases.pointer().model_version == bad.version
    _settle(filled.database, registry, 60)
    asked = _tick(filled.database, registry, filled.instance)

    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == _tick(filled.database, registry, filled.instance).run_key
    assert "version 3 minus version 2 on 60 settled matches" in str(asked.tags[TEXT_TAG])
    result = filled.run("model/champion", *TO_RELEASE, run_config=ROLLBACK, tags=asked.tags)
    assert result.success
    assert filled.releases.pointer().model_version == old.version
    notices = graph_conditions(filled.instance, {}, [], dt.datetime.now(dt.UTC))
    assert [(each.kind, each.subject) for each in notices] == [("rollback", f"model version {old.version}")]
    assert "60 settled matches" in notices[0].cause
    again = _tick(filled.database, registry, filled.instance)
    assert isinstance(again, dg.SkipReason)
    assert "only a promotion replaces it" in str(again.skip_message)


def test_no_run_is_requested_without_evidence_or_while_a_training_runs(
    sqlite_database: Database, two_models: FakeRegistry
) -> None:
    """Five bad matches prove nothing; sixty do, but not under a run that moves the champion."""
    with dg.DagsterInstance.ephemeral() as instance:
        none = _tick(sqlite_database, two_models, instance)
        assert "on 0 settled matches +0.0000, evidence 1 (bound 50)" in str(none.skip_message)
        _settle(sqlite_database, two_models, 60)
        instance.add_run(
            dg.DagsterRun(
                job_name=retrain_model.name, status=dg.DagsterRunStatus.STARTED, run_id=f"{'busy':0<36}"
            )
        )
        busy = _tick(sqlite_database, two_models, instance)
        assert "queued or running" in str(busy.skip_message)


def test_the_last_shadow_before_the_official_deadline_counts(
    database: Database, two_models: FakeRegistry
) -> None:
    """Forecasts after kickoff, or of matches without an official prediction, do not count."""
    _predict(database, two_models, 3)
    champion, previous = (two_models.get(alias).facts.content_sha256 for alias in (CHAMPION, PREVIOUS))
    later, late = (0.5, 0.3, 0.2), (0.9, 0.05, 0.05)
    forecasts = [_entry(0, previous, later, hours=-1), _entry(1, previous, late, hours=0)]
    assert record_shadows(database, forecasts) == 1
    assert record_shadows(database, forecasts) == 0
    assert record_shadows(database, [_entry(9, previous, later)]) == 0
    _score(database, 3)
    with database.reading() as connection:
        both = paired_predictions(connection, champion, previous)
        unknown = [
            paired_predictions(connection, "another", previous),
            paired_predictions(connection, champion, "another"),
        ]

    np.testing.assert_array_equal(both.champion, np.tile(BAD, (3, 1)))
    np.testing.assert_array_equal(both.shadow, [later, GOOD, GOOD])
    assert [len(each.outcomes) for each in unknown] == [0, 0]


def test_old_shadows_of_models_without_an_alias_are_removed(
    database: Database, two_models: FakeRegistry
) -> None:
    """Those of the models in use stay, and so do recent ones."""
    _predict(database, two_models, 3)
    previous = two_models.get(PREVIOUS).facts.content_sha256
    record_shadows(database, [_entry(each, "forgotten", GOOD) for each in range(3)])
    soon, later = (NOW + dt.timedelta(days=days) for days in (80, 120))

    assert prune_shadows(database, [previous], soon) == 0
    assert prune_shadows(database, [previous], later) == 3
    assert prune_shadows(database, [previous], later) == 0
    assert prune_shadows(database, [], later) == 3
