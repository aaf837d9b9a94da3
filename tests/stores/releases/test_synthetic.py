"""Synthetic releases: what a home would publish, in any size."""

import datetime as dt
import time

import msgspec
import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.cli import main
from soccer_assets.contract.release import (
    MODEL_FILE,
    POINTER_KEY,
    TEAM_STATE_FILE,
    Manifest,
    Pointer,
    release_key,
)
from soccer_assets.football.features import RESULT_FEATURES
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.modelling.outcome_model import OutcomeModel
from soccer_assets.settings import Settings

COUNT = 700
NOW = "2025-04-25T09:00:00Z"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose store holds a synthetic release, and a key for it."""
    folder = tmp_path_factory.mktemp("synthetic")
    env = {"SOCCER_HOME": str(folder), "SOCCER_NOW": NOW, "SOCCER_STORE_URL": "file:///nowhere"}
    command = ["release", "synthetic", "--predictions", str(COUNT), "--to", str(folder / "store")]
    result = CliRunner().invoke(main, command, env=env, catch_exceptions=False)
    assert result.exit_code == 0
    return folder, result.output.splitlines()[-1]


def test_sidecar_serves_it(home):
    """The golden rows hold in a real scoring process, and every prediction is there under the printed key."""
    folder, token = home
    settings = Settings.from_env({"SOCCER_HOME": str(folder), "SOCCER_NOW": NOW})
    with TestClient(create_app(settings)) as client:
        client.headers["X-API-Key"] = token
        client.blocking_portal.call(client.app.state["reloader"].reload)
        metrics = client.get("/metrics").text
        page = client.get("/predict/predictions/", params={"limit": 1000}).json()
        ahead = client.get("/predict/matches/", params={"limit": 1000}).json()["items"]
        one = client.get(f"/predict/{page['items'][0]['match_id']}").json()
        pairing = {"competition": one["competition"], "kickoff": "2025-05-01T15:00:00Z"}
        teams = {side: one[side]["name"] for side in ("home_team", "away_team")}
        deadline = time.monotonic() + 120
        while (answer := client.post("/predict/", json=pairing | teams)).status_code == 503:
            assert time.monotonic() < deadline, answer.text  # the model is being loaded
            time.sleep(0.1)
        scored = answer.json()

    assert 'soccer_reloads_total{result="loaded"} 1.0' in metrics
    assert len({item["match_id"] for item in page["items"]}) == COUNT
    assert one == page["items"][0]
    assert scored["p_home"] + scored["p_draw"] + scored["p_away"] == pytest.approx(1.0)
    assert len(ahead) == pytest.approx(COUNT * 15 / 105, abs=2)
    for item in page["items"]:
        assert item["p_home"] + item["p_draw"] + item["p_away"] == pytest.approx(1.0)
        assert (item["result"] is None) == (item["kickoff"] > NOW)
        assert item["reasons"]


def test_team_state_and_model_are_real(home):
    """A pairing of any two teams of a body can be scored from the release's own files."""
    store = home[0] / "store"
    pointer = msgspec.json.decode((store / POINTER_KEY).read_bytes(), type=Pointer)
    folder = store / release_key(pointer.release_id, "")
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    state = TeamState.from_bytes((folder / TEAM_STATE_FILE).read_bytes())
    model = OutcomeModel.from_bytes((folder / MODEL_FILE).read_bytes())

    assert model.feature_names == manifest.feature_names == RESULT_FEATURES
    assert len(state.team_names) > 150
    assert dt.datetime.fromtimestamp(state.as_of, dt.UTC) < dt.datetime.fromisoformat(NOW)


def test_it_does_not_replace_releases_of_a_home(home):
    """A store that serves another feed is left as it is."""
    store = home[0] / "other"
    pointer = msgspec.json.decode((home[0] / "store" / POINTER_KEY).read_bytes(), type=Pointer)
    key = release_key(pointer.release_id, "manifest.json")
    manifest = msgspec.json.decode((home[0] / "store" / key).read_bytes(), type=Manifest)
    (store / key).parent.mkdir(parents=True)
    (store / key).write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, feed="football-data")))
    (store / POINTER_KEY).write_bytes(msgspec.json.encode(pointer))
    before = (store / POINTER_KEY).read_bytes()
    result = CliRunner().invoke(
        main, ["release", "synthetic", "--to", str(store)], env={"SOCCER_HOME": str(home[0])}
    )

    assert result.exit_code == 1
    assert "football-data" in result.output
    assert (store / POINTER_KEY).read_bytes() == before
