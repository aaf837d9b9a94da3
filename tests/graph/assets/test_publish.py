"""Publishing: two runs do not interleave, and a run that is killed at any step leaves nothing half done."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import pytest
import redis
import sqlalchemy as sa

from soccer_assets.alerting.alert import brief
from soccer_assets.alerting.detection import graph_conditions, healing_run
from soccer_assets.contract.events import Event
from soccer_assets.contract.release import CHAMPION, POINTER_KEY, PREVIOUS
from soccer_assets.contract.status import STATUS_KEY
from soccer_assets.graph.sensors.status import status_sensor
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import CURRENT_KEY as CURRENT_EXPORT_KEY
from soccer_assets.stores.installation import claim_feed_class
from soccer_assets.stores.ledger.audit import audit
from soccer_assets.stores.releases.publish import Releases
from soccer_assets.tables import match, match_raw
from tests.builders import EVENT_STREAM, NOW, two_leagues
from tests.graph.assets.conftest import Graph
from tests.graph.assets.killed_retrain import OLD, RETRAIN, STEPS, WINNER, events_of, home, winning
from tests.graph.assets.test_model import TO_RELEASE
from tests.graph.assets.test_refresh import HOURLY, filled, play  # noqa: F401 - a fixture
from tests.models import elo_model
from tests.stores.releases.test_publish import whole_release

# Where a kill would do most harm; `make trial` takes every step.
DANGEROUS = ("champion alias", "previous alias", "pointer")
LATER = NOW + dt.timedelta(hours=1)


def _promote(graph: Graph) -> str:
    """Another model becomes the champion, is predicted with and released; its version."""
    graph.registry.set_alias(PREVIOUS, graph.registry.get(CHAMPION).version)
    version = graph.registry.add(elo_model(0.9), CHAMPION).version
    assert graph.run(*TO_RELEASE).success
    return version


def test_an_hourly_run_that_read_the_old_champion_publishes_nothing_after_a_promotion(
    filled: Graph,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A promotion is published between its last look at the alias and its pointer: the promotion stands."""
    assert filled.run(*HOURLY).success
    play(filled, filled.feed.items[55], "2-0")
    filled.at(NOW + dt.timedelta(hours=12))
    real, promoted = Releases.publish, []

    def overtaken(self: Releases, *arguments: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(Releases, "publish", real)
            promoted.append(_promote(filled))
        return real(self, *arguments)

    monkeypatch.setattr(Releases, "publish", overtaken)
    result = filled.run(*HOURLY)

    assert not result.success
    (event,) = result.get_step_failure_events()
    assert event.step_key == "releases__current"
    assert filled.releases.pointer().model_version == promoted[0]
    assert whole_release(filled.store).models[CHAMPION].version == promoted[0]
    monkeypatch.undo()
    assert filled.run(*HOURLY).success
    assert filled.releases.pointer().model_version == promoted[0]


def test_an_alias_that_moved_before_the_release_fails_the_run_with_a_sentence(
    filled: Graph,  # noqa: F811
) -> None:
    """Predicted with the old champion, released under the new one: the run says what to do instead."""
    assert filled.run(*HOURLY).success
    first = filled.releases.pointer()
    filled.registry.add(elo_model(0.9), CHAMPION)
    result = filled.run("releases/current")

    assert not result.success
    (event,) = result.get_step_failure_events()
    description = event.step_failure_data.user_failure_data.description
    assert "became version 2 after these predictions were made" in description
    assert filled.releases.pointer() == first


@pytest.fixture(scope="module")
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Path:
    """A home for each step, in which a retrain run was killed after it."""
    folder = tmp_path_factory.mktemp("killed")
    steps = STEPS if request.config.option.markexpr == "trial" else DANGEROUS
    for step in steps:
        with redis.Redis.from_url(events_of(valkey_url, step)) as client:
            client.delete(EVENT_STREAM)
    done = subprocess.run(
        [sys.executable, "-m", "tests.graph.assets.killed_retrain", str(folder), valkey_url, *steps],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=() if step in DANGEROUS else pytest.mark.trial) for step in STEPS]
)
def test_killed_between_candidate_and_release_the_next_hourly_run_makes_it_whole(
    killed: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Registry, pointer, ledger and event stream agree; the retrain started again promotes once."""
    is_promoted = step not in {"candidate", "evaluation"}
    with dg.DagsterInstance.ephemeral() as instance:
        graph = home(killed / step, events_of(valkey_url, step), instance)
        graph.at(LATER)
        assert graph.run(*HOURLY).success

        champion = graph.registry.get(CHAMPION)
        assert champion.facts.content_sha256 == (WINNER if is_promoted else OLD).sha256
        _assert_agrees(graph, events_of(valkey_url, step), ["promotion"] if is_promoted else [])

        winning(monkeypatch.setattr)
        assert graph.run(*RETRAIN).success
        found = {alias: graph.registry.get(alias).facts.content_sha256 for alias in (CHAMPION, PREVIOUS)}
        assert found == {CHAMPION: WINNER.sha256, PREVIOUS: OLD.sha256}
        _assert_agrees(graph, events_of(valkey_url, step), ["promotion"])


def _assert_agrees(graph: Graph, events_url: str, promotions: list[str]) -> None:
    """The release is whole, of the champion, known to the ledger, and the last one announced."""
    manifest = whole_release(graph.store)
    champion = graph.registry.get(CHAMPION)
    assert manifest.models[CHAMPION].version == champion.version
    found = audit(graph.database, graph.store)
    assert found.is_whole
    assert found.copied == found.entries > 0
    with redis.Redis.from_url(events_url) as client:
        entries = client.xrange(EVENT_STREAM)
    events = [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries]
    assert events[-1].release_id == manifest.release_id
    assert events[-1].detail["model_version"] == champion.version
    assert [event.type for event in events if event.type == "promotion"] == promotions
    assert len({event.release_id for event in events}) == len(events)


def test_a_run_on_a_database_that_lost_matches_exports_and_publishes_nothing(
    filled: Graph,  # noqa: F811
) -> None:
    """It fails with the command that is the way out; all that is published stays, and a repair heals it."""
    assert filled.run(*HOURLY).success
    before = _published(filled.store)
    lost = sa.select(match).where(match.c.status == "finished").limit(3)
    with filled.database.writing() as connection:
        rows = [row._asdict() for row in connection.execute(lost)]
        connection.execute(sa.delete(match).where(match.c.match_id.in_([row["match_id"] for row in rows])))
    play(filled, filled.feed.items[55], "2-0")
    filled.at(NOW + dt.timedelta(hours=12))

    for assets, step in ((HOURLY, "exports"), (("releases/current",), "releases__current")):
        result = filled.run(*assets)
        (event,) = (event for event in result.get_step_failure_events() if event.step_key == step)
        description = event.step_failure_data.user_failure_data.description
        assert "3 played matches are missing" in description
        assert "`soccer release accept`" in description
        (alert,) = graph_conditions(filled.instance, {}, (), filled.clock.now())
        assert "3 played matches are missing" in brief(alert.cause)
        assert "`soccer release accept`" in alert.action
    skipped = status_sensor(
        dg.build_sensor_context(filled.instance),
        database=filled.database,
        object_store=filled.store,
        releases=filled.releases,
        feed=filled.feed,
        clock=filled.clock,
    )
    assert "3 played matches are missing" in skipped.skip_message
    assert _published(filled.store) == before

    with filled.database.writing() as connection:
        connection.execute(sa.insert(match), rows)
    healed = filled.run(*HOURLY)
    assert healed.success
    assert _published(filled.store) != before
    assert graph_conditions(filled.instance, {}, (), filled.clock.now()) == []
    assert healing_run(filled.instance, alert) == healed.run_id


def _published(store: ObjectStore) -> list[bytes | None]:
    """What the sidecar and the next stages read."""
    return [store.read(key) for key in (POINTER_KEY, STATUS_KEY, CURRENT_EXPORT_KEY)]


def test_clubs_of_the_other_kind_are_not_stored(graph: Graph) -> None:
    """A home of real clubs on a database of simulated ones: refused before a row is written."""
    claim_feed_class(graph.database, is_simulated=not graph.feed.is_simulated)
    graph.feed.items = two_leagues()
    result = graph.run("livescores/recent", run_config={})

    (event,) = result.get_step_failure_events()
    assert "SOCCER_DATABASE_URL" in event.step_failure_data.user_failure_data.description
    with graph.database.reading() as connection:
        assert not connection.execute(sa.select(match_raw)).all()
