"""Results, fixtures and releases go on while MLflow is away: refusing, silent, or with a lost artifact."""

import datetime as dt
import socket
from collections.abc import Iterator

import dagster as dg
import pytest

from soccer_assets.alerting.detection import graph_conditions
from soccer_assets.contract.release import CANDIDATE, CHAMPION, PREVIOUS
from soccer_assets.graph.assets.predictions import UPCOMING
from soccer_assets.graph.maintenance import prune_daily
from soccer_assets.graph.sensors.retrain import retrain_sensor
from soccer_assets.graph.sensors.rollback import rollback_sensor
from soccer_assets.resources.model_registry import MissingModelError, ModelRegistry, RegisteredModel
from soccer_assets.stores.releases.current_models import WITHOUT_REGISTRY
from tests import services
from tests.builders import NOW
from tests.graph.assets.conftest import FakeRegistry, Graph
from tests.graph.assets.test_livescores import failure_of
from tests.graph.assets.test_refresh import HOURLY, filled, play  # noqa: F401 - a fixture
from tests.models import elo_model
from tests.stores.releases.test_publish import whole_release

LATER = NOW + dt.timedelta(hours=12)


@pytest.fixture(params=["stopped", "silent"])
def away(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelRegistry]:
    """A registry whose server is stopped, or takes connections and never answers; asked once, for 1 s."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    if request.param == "stopped":
        (port,) = services.free_ports(1)
        yield ModelRegistry(f"http://127.0.0.1:{port}")
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield ModelRegistry(f"http://127.0.0.1:{server.getsockname()[1]}")


@pytest.fixture
def three(filled: Graph) -> Graph:  # noqa: F811
    """A graph with three models, a release, and a result that came after it."""
    filled.registry.add(elo_model(0.9), PREVIOUS)
    filled.registry.add(elo_model(0.7), CANDIDATE)
    assert filled.run(*HOURLY).success
    play(filled, filled.feed.items[55], "2-0")
    filled.at(LATER)
    return filled


def upcoming_of(graph: Graph) -> dict[str, set[str]]:
    """Upcoming matches of the stored predictions, by model."""
    table = graph.frames.read(UPCOMING)
    assert table is not None
    table = table[table["kickoff"] > LATER]
    return {model: set(rows["match_id"]) for model, rows in table.groupby("model")}


def alerts_of(graph: Graph) -> dict[str, str]:
    """What the alert sensor finds, by condition."""
    now = dt.datetime.now(dt.UTC)
    return {each.key: each.cause for each in graph_conditions(graph.instance, {}, [], now)}


def test_the_hourly_run_publishes_without_mlflow_and_says_so(three: Graph, away: ModelRegistry) -> None:
    """New results and fixtures are released with the served champion; other models keep their forecasts."""
    served, before = whole_release(three.store), upcoming_of(three)
    registry, three.registry = three.registry, away  # type: ignore[assignment]  # a real one for the fake
    result = three.run(*HOURLY)

    assert result.success
    released = whole_release(three.store)
    assert released.release_id != served.release_id
    assert released.models == served.models
    assert upcoming_of(three) == before
    assert set(before) == {CHAMPION, PREVIOUS, CANDIDATE}
    note = three.metadata(result, "predictions/upcoming")[WITHOUT_REGISTRY]
    assert note.startswith(f"MLflow at {away.url} does not answer (")
    assert f"used champion version 1 of release {served.release_id} instead" in note
    assert alerts_of(three) == {"mlflow:MLflow": note}

    three.registry = registry
    result = three.run(*HOURLY)
    assert result.success
    assert WITHOUT_REGISTRY not in three.metadata(result, "predictions/upcoming")
    assert alerts_of(three) == {}


def test_what_only_training_needs_is_not_asked_for_without_mlflow(three: Graph, away: ModelRegistry) -> None:
    """Reports use the served champion, retention keeps what it cannot judge, sensors skip with a reason."""
    three.registry = away  # type: ignore[assignment]  # a real one for the fake
    resources = {
        "database": three.database,
        "model_registry": away,
        "object_store": three.store,
        "clock": three.clock,
    }
    assert three.run("monitoring/drift", "monitoring/quality").success
    assert prune_daily.execute_in_process(
        instance=three.instance,
        resources={name: dg.ResourceDefinition.hardcoded_resource(each) for name, each in resources.items()},
    ).success
    with dg.build_sensor_context(instance=three.instance, resources=resources) as context:
        for sensor in (retrain_sensor, rollback_sensor):
            assert "does not answer" in str(sensor(context).skip_message)


def test_without_mlflow_and_without_a_release_the_run_fails_with_one_sentence(
    filled: Graph,  # noqa: F811
    away: ModelRegistry,
) -> None:
    """Nothing else has a model: it is said once, without the client's own text."""
    filled.registry = away  # type: ignore[assignment]  # a real one for the fake
    result = filled.run(*HOURLY)

    assert not result.success
    sentence = failure_of(result)
    assert f"MLflow at {away.url} does not answer (" in sentence
    assert "Max retries exceeded" not in sentence


class LossyRegistry(FakeRegistry):
    """A registry that lost the artifacts of some versions."""

    def __init__(self, whole: FakeRegistry, *lost: str) -> None:
        self.__dict__ |= whole.__dict__
        self.lost = lost

    def load(self, registered: RegisteredModel):
        """The model of a version, if its artifact is there."""
        if registered.version in self.lost:
            raise MissingModelError(f"the artifact of version {registered.version} is missing")
        return super().load(registered)


@pytest.mark.parametrize("lost", [("1",), ("2",), ("3", "2")])
def test_a_lost_artifact_stops_no_refresh(three: Graph, lost: tuple[str, ...]) -> None:
    """The release has the champion's file too; another model keeps the forecasts it made."""
    served, before = whole_release(three.store), upcoming_of(three)
    three.registry = LossyRegistry(three.registry, *lost)
    result = three.run(*HOURLY)

    assert result.success
    assert whole_release(three.store).release_id != served.release_id
    assert upcoming_of(three) == before
    assert "is missing" in three.metadata(result, "predictions/upcoming")[WITHOUT_REGISTRY]
