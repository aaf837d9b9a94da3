"""A release and a model that an earlier version stored are read by this one.

The code of 28 November 2026 wrote ``tests/data/old_home``, before the modules were moved: one simulated
league (SOCCER_SEED=13), its first release, and the candidate as MLflow stored it. Do not write these files
again: they are what an upgrade finds.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import msgspec
import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.contract.release import Manifest
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.hypothetical_match import Pairing, pairing_features
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.graph.checks import champion_is_loadable
from soccer_assets.modelling.outcome_model import _ONE_BOOSTER, OutcomeModel
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel, TrainingFacts
from tests.serving.builders import READER, make_settings, write_keys, write_status
from tests.serving.conftest import first_release_tried

OLD = Path(__file__).parent / "data/old_home"
RELEASE = OLD / "store/releases/0dfb3bd6929f1599"


@pytest.fixture
def manifest() -> Manifest:
    """The manifest of the old release."""
    return msgspec.json.decode((RELEASE / "manifest.json").read_bytes(), type=Manifest)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    """A sidecar on a copy of the old store, with its own scoring process."""
    store = tmp_path / "store"
    shutil.copytree(OLD / "store", store)
    write_status(store)
    write_keys(store)
    with TestClient(create_app(make_settings(tmp_path))) as client:
        client.blocking_portal.call(first_release_tried, client.app)
        yield client


def test_an_old_release_is_served(client: TestClient[Litestar], manifest: Manifest) -> None:
    """Every stored prediction is answered, and the scoring process accepts the model's golden rows."""
    ready = client.get("/ready")
    page = client.get("/predict/predictions/?limit=100", headers=READER).json()
    metrics = client.get("/metrics").text

    assert (ready.status_code, ready.json()["release_id"]) == (200, manifest.release_id)
    assert 'soccer_reloads_total{result="loaded"} 1.0' in metrics
    assert len(page["items"]) > 0
    for prediction in page["items"]:
        answer = client.get(f"/predict/{prediction['match_id']}", headers=READER).json()
        assert answer["release_id"] == manifest.release_id
        assert answer["p_home"] + answer["p_draw"] + answer["p_away"] == pytest.approx(1.0)


def test_an_old_champion_answers_the_same_bits(manifest: Manifest) -> None:
    """The model file of the release gives the probabilities that were published with it."""
    model = OutcomeModel.from_bytes((RELEASE / "model.bin").read_bytes())

    answers = model.predict_proba(np.array([row.features for row in manifest.golden_rows]))

    assert answers.tolist() == [list(row.probabilities) for row in manifest.golden_rows]


def test_a_model_of_an_older_format_keeps_its_hash() -> None:
    """The hash is of the bytes that were stored, although this version would write others."""
    model = _with_one_booster(RELEASE / "model.bin")

    assert OutcomeModel.from_bytes(model).to_bytes() != model
    assert OutcomeModel.from_bytes(model).sha256 == hashlib.sha256(model).hexdigest()


def test_a_champion_of_an_older_format_passes_its_check() -> None:
    """The check on the champion compares hashes of stored bytes: a run of `retrain_model` goes on."""
    data = _with_one_booster(RELEASE / "model.bin")
    facts = TrainingFacts(
        recipe="",
        content_sha256=hashlib.sha256(data).hexdigest(),
        snapshot_id="",
        trained_at="",
        train_end="",
        trained_rows=0,
    )

    class Registry(ModelRegistry):
        def get(self, alias: str) -> RegisteredModel:
            return RegisteredModel(version="1", run_id=alias, facts=facts)

        def load(self, registered: RegisteredModel) -> OutcomeModel:
            assert registered.facts is facts
            return OutcomeModel.from_bytes(data)

    result = champion_is_loadable(model_registry=Registry(""))

    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed


def _with_one_booster(file: Path) -> bytes:
    """A stored model as the versions before its present format wrote it: one booster, not a list."""
    fields = msgspec.msgpack.decode(file.read_bytes())
    fields[0], trees = _ONE_BOOSTER, fields[6]
    fields[6] = trees[0] if trees else b""
    return msgspec.msgpack.encode(fields[:8])  # it had no share of the textbook


def test_an_old_registered_model_loads_in_mlflow(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow finds the loader by the name inside the stored model, and the trees answer as they did."""
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow  # noqa: PLC0415 - seconds to import
    import pandas as pd  # noqa: PLC0415

    frame = pd.DataFrame([row.features for row in manifest.golden_rows], columns=list(manifest.feature_names))

    answers = mlflow.pyfunc.load_model(str(OLD / "model")).predict(frame)

    stored = msgspec.json.decode((OLD / "model/golden_answers.json").read_bytes(), type=list[list[float]])
    np.testing.assert_allclose(answers, stored, rtol=0, atol=1e-12)


def test_an_old_team_state_is_read_and_says_the_same() -> None:
    """The state of every team is read, and says the same of a match once it is stored in today's layout."""
    data = (RELEASE / "team_state.bin").read_bytes()

    state = TeamState.from_bytes(data)

    again = TeamState.from_bytes(state.to_bytes())
    pairing = Pairing(
        home_team=state.team_names[0],
        away_team=state.team_names[1],
        kickoff=(state.as_of or 0) + 86_400,
        competition=state.competition_names[0],
        season=state.season_names[-1],
        tier=1,
    )
    values = pairing_features(state, [pairing])
    assert pairing_features(again, [pairing]).tobytes() == values.tobytes()
    joint, priced = (values[0, FEATURE_NAMES.index(f"{model}_log_odds")] for model in ("joint", "priced"))
    assert joint == priced
    assert not state.teams["follows_prices"].any()
    assert len(state.teams) > 0
