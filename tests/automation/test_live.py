"""The retrain sensor on a live daemon: features drift, and one training answers."""

import datetime as dt
from pathlib import Path

import dagster as dg
import msgspec
import pytest

from soccer_assets.assets.model import REASON_TAG, TEXT_TAG
from soccer_assets.automation.retrain import retrain_sensor
from soccer_assets.clock import isoformat
from soccer_assets.contract import CANDIDATE, CHAMPION
from soccer_assets.modelling.retrain import DRIFT
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from tests.automation.test_retrain import drift_report
from tests.builders import NOW
from tests.homes import build
from tests.live import LiveHome

LATER = NOW + dt.timedelta(days=4)


@pytest.mark.trial
@pytest.mark.timeout(1800)
def test_or_05_drift_starts_one_training_for_its_reason_and_only_then(tmp_path: Path) -> None:
    """Four days after a training: no report, one within bounds, one beyond them, and after the training."""
    home = LiveHome(tmp_path / "home", SOCCER_LEAGUES="2", SOCCER_NOW=isoformat(LATER))
    # In an instance of its own: the daemon's knows of no training within the last 20 hours.
    built = build(msgspec.structs.replace(home.settings, now=NOW))
    assert not built.failure
    registry = ModelRegistry(home.settings.mlflow_url, tmp_path / "home" / "mlflow" / "artifacts")
    trained = registry.get(CANDIDATE).version
    champion = registry.get(CHAMPION).facts.content_sha256
    store = ObjectStore(home.settings.store_url)

    def report(*, is_within: bool) -> None:
        key, said = drift_report(champion, is_within=is_within, since_days=3)
        store.write(key, msgspec.json.encode(said))

    with home.code("retrain_alone"), home.daemon():
        assert _runs_after_two_ticks(home) == []
        report(is_within=True)
        assert _runs_after_two_ticks(home) == []
        report(is_within=False)
        home.wait_until(lambda: bool(_runs(home)) and _runs(home)[0].is_finished, 600)
        (run,) = _runs_after_two_ticks(home)

    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert (run.job_name, run.tags[REASON_TAG]) == ("retrain_model", DRIFT)
    assert run.tags[TEXT_TAG] == "30 of 52 columns drifted"
    assert int(registry.get(CANDIDATE).version) > int(trained)


def _runs(home: LiveHome) -> list[dg.DagsterRun]:
    with home.instance as instance:
        return list(instance.get_runs())


def _runs_after_two_ticks(home: LiveHome) -> list[dg.DagsterRun]:
    before = _ticks(home)
    home.wait_until(lambda: _ticks(home) >= before + 2)
    return _runs(home)


def _ticks(home: LiveHome) -> int:
    """How often the sensor has looked."""
    with home.instance as instance:
        for state in instance.all_instigator_state():
            if state.name == retrain_sensor.name:
                ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
                return sum(tick.is_completed for tick in ticks)
    return 0
