"""The retrain sensor on a live daemon: each trigger, and the one training that answers it."""

import datetime as dt
from pathlib import Path

import dagster as dg
import msgspec
import pytest

from soccer_assets.clock import isoformat
from soccer_assets.contract.release import CANDIDATE, CHAMPION
from soccer_assets.graph.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.graph.sensors.retrain import retrain_sensor
from soccer_assets.modelling.retraining import AGE, DRIFT, METRIC, VOLUME
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from tests.builders import NOW
from tests.graph.sensors.test_retrain import drift_report, play, quality_report
from tests.homes import build
from tests.live import LiveHome

LATER = NOW + dt.timedelta(days=4)
TEXTS = {VOLUME: "500", DRIFT: "30 of 52 columns drifted", METRIC: "higher than textbook Elo's"}


@pytest.mark.trial
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("reason", [VOLUME, DRIFT, METRIC])
def test_or_05_a_trigger_starts_one_training_for_its_reason_and_only_then(
    tmp_path: Path, reason: str
) -> None:
    """Four days after a training: nothing, just within the bound, beyond it, and after the training."""
    home = LiveHome(tmp_path / "home", SOCCER_LEAGUES="2", SOCCER_NOW=isoformat(LATER))
    registry, trained = _trained(home)
    champion = registry.get(CHAMPION).facts.content_sha256
    store, database = ObjectStore(home.settings.store_url), Database(home.settings.database_url)

    def happens(*, is_beyond: bool) -> None:
        if reason == VOLUME:
            first = NOW + dt.timedelta(days=40 if is_beyond else 1)
            play(database, 1 if is_beyond else 499, first)
            return
        report = (
            drift_report(champion, is_within=not is_beyond, since_days=3)
            if reason == DRIFT
            else quality_report(champion, evidence=60.0 if is_beyond else 49.0)
        )
        store.write(report[0], msgspec.json.encode(report[1]))

    with home.code("retrain_alone"), home.daemon():
        assert _runs_after_two_ticks(home) == []
        happens(is_beyond=False)
        assert _runs_after_two_ticks(home) == []
        happens(is_beyond=True)
        run = _the_run(home)

    assert (run.status, run.job_name) == (dg.DagsterRunStatus.SUCCESS, "retrain_model")
    assert run.tags[REASON_TAG] == reason
    assert TEXTS[reason] in run.tags[TEXT_TAG]
    assert int(registry.get(CANDIDATE).version) > int(trained)


@pytest.mark.trial
@pytest.mark.timeout(1800)
def test_or_05_a_model_of_28_days_starts_one_training(tmp_path: Path) -> None:
    """Where nothing else happened; what is four days old starts none (above)."""
    home = LiveHome(tmp_path / "home", SOCCER_LEAGUES="2", SOCCER_NOW=isoformat(NOW + dt.timedelta(days=28)))
    registry, trained = _trained(home)

    with home.code("retrain_alone"), home.daemon():
        run = _the_run(home)

    assert (run.status, run.tags[REASON_TAG]) == (dg.DagsterRunStatus.SUCCESS, AGE)
    assert int(registry.get(CANDIDATE).version) > int(trained)


def _trained(home: LiveHome) -> tuple[ModelRegistry, str]:
    """The registry of a home built at `NOW`, and the version of its candidate."""
    # In an instance of its own: the daemon's knows of no training within the last 20 hours.
    assert not build(msgspec.structs.replace(home.settings, now=NOW)).failure
    registry = ModelRegistry(home.settings.mlflow_url, home.settings.home / "mlflow" / "artifacts")
    return registry, registry.get(CANDIDATE).version


def _the_run(home: LiveHome) -> dg.DagsterRun:
    """The one run there is once it has ended and the sensor has looked again."""
    home.wait_until(lambda: bool(_runs(home)) and _runs(home)[0].is_finished, 600)
    (run,) = _runs_after_two_ticks(home)
    return run


def _runs(home: LiveHome) -> list[dg.DagsterRun]:
    with home.instance as instance:
        return list(instance.get_runs())


def _runs_after_two_ticks(home: LiveHome) -> list[dg.DagsterRun]:
    home.wait_for_ticks(retrain_sensor.name)
    return _runs(home)
