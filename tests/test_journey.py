"""From a feed to an HTTP answer, with every step in between stored."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soccer_assets.contract.release import CHAMPION
from soccer_assets.feeds.registry import open_feed
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.resources.model_registry import ModelRegistry
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore, feature_values
from tests.homes import Client, build, built_home, make_home

REAL_NOW = "2025-04-25T09:00:00Z"
SIMULATED_NOW = "2026-03-14T09:00:00Z"


@pytest.fixture(scope="module")
def simulated_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two simulated leagues, one year of history."""
    return built_home(
        tmp_path_factory.mktemp("simulated") / "home",
        SOCCER_LEAGUES="2",
        SOCCER_FIRST_BUILD_MONTHS="12",
        SOCCER_NOW=SIMULATED_NOW,
        SOCCER_HISTORY_START="2024-08-01",
    )


def test_a_fixture_of_the_feed_is_answered_over_http_with_the_champions_probabilities(simulated_home):
    """A client reads the feed's fixture and the model's probabilities for its features."""
    settings = simulated_home
    feed = open_feed("simulated", settings)
    today = settings.clock.now().date()
    window = Window(today + dt.timedelta(days=1), today + dt.timedelta(days=8))
    fixture = next(iter(feed.fetch(window, settings.clock)))
    match_id = mint_match_id("simulated", fixture.source_match_id)
    store = ObjectStore(settings.store_url)
    registry = ModelRegistry(settings.mlflow_url, settings.home / "mlflow" / "artifacts")
    model = registry.load(registry.get(CHAMPION))
    features = FeatureStore(store)
    values = feature_values(features.read(features.manifest()), [match_id], model.feature_names)

    with Client(settings) as client:
        answer = client.get(f"/predict/{match_id}")

    assert answer["home_team"]["name"] == fixture.home_team
    assert answer["away_team"]["name"] == fixture.away_team
    assert dt.datetime.fromisoformat(answer["kickoff"]) == fixture.kickoff
    assert answer["feed"] == "simulated"
    assert answer["predicted_at"] == SIMULATED_NOW
    answered = [answer["p_home"], answer["p_draw"], answer["p_away"]]
    np.testing.assert_allclose(answered, model.predict_proba(values)[0], atol=1e-15)
    assert answer["stale"] is False


def test_a_second_run_over_unchanged_data_releases_nothing_new(simulated_home):
    """With a fixed clock the hourly job changes no table, snapshot or release."""
    settings = simulated_home
    store = ObjectStore(settings.store_url)
    before = {key: store.read(key) for key in store.list("releases") if not key.endswith("status.json")}
    snapshot = Exports(store, Database(settings.database_url)).manifest().snapshot_id

    outcome = build(settings, "refresh_hourly")

    assert not outcome.failure
    assert Exports(store, Database(settings.database_url)).manifest().snapshot_id == snapshot
    after = {key: store.read(key) for key in store.list("releases") if not key.endswith("status.json")}
    assert after == before


def test_every_upcoming_fixture_of_fifteen_days_is_served(simulated_home):
    """The sidecar has exactly the fixtures of the feed."""
    settings = simulated_home
    now = settings.clock.now()
    window = Window(now.date(), now.date() + dt.timedelta(days=16))
    feed = open_feed("simulated", settings)
    expected = {
        mint_match_id("simulated", match.source_match_id)
        for match in feed.fetch(window, settings.clock)
        if match.kickoff > now
    }

    with Client(settings) as client:
        served = set(client.all_matches())

    assert served == expected
    assert len(served) > 5


def test_an_unreachable_feed_fails_clearly_and_leaves_what_was_stored(tmp_path, simulated_home):
    """A wrong address names setting and address, and the old release stays current."""
    settings = make_home(
        tmp_path / "home",
        SOCCER_FEED="football-data",
        SOCCER_FEED_URL=f"file://{tmp_path}/nowhere",
        SOCCER_NOW=REAL_NOW,
    )

    outcome = build(settings)

    assert "SOCCER_FEED_URL" in outcome.failure
    assert f"file://{tmp_path}/nowhere" in outcome.failure
    assert ObjectStore(settings.store_url).list("releases") == []


@pytest.fixture(scope="module")
def premier_league(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror with three seasons of England's first division."""
    folder = tmp_path_factory.mktemp("mirror")
    source = shared_data / "mirror" / "www.football-data.co.uk"
    for season in ("2223", "2324", "2425"):
        (folder / "mmz4281" / season).mkdir(parents=True)
        shutil.copy(source / "mmz4281" / season / "E0.csv", folder / "mmz4281" / season / "E0.csv")
    return folder


def _served(mirror: Path, home: Path) -> dict[str, dict[str, Any]]:
    settings = built_home(
        home, SOCCER_FEED="football-data", SOCCER_FEED_URL=mirror.as_uri(), SOCCER_NOW=REAL_NOW
    )
    with Client(settings) as client:
        matches = client.all_matches()
    for match in matches.values():
        del match["model_run_id"]  # MLflow names its runs at random
    return matches


def _rewritten(mirror: Path, folder: Path, change: Callable[[dict[str, str]], None]) -> Path:
    """A copy of the mirror with the newest season's rows changed."""
    shutil.copytree(mirror, folder)
    file = folder / "mmz4281" / "2425" / "E0.csv"
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    names = lines[0].split(",")
    rows = []
    for line in lines[1:]:
        row = dict(zip(names, line.split(","), strict=True))
        change(row)
        rows.append(",".join(row.values()))
    file.write_text("\n".join([lines[0], *rows]), encoding="utf-8-sig")
    return folder


def _is_after_now(row: dict[str, str]) -> bool:
    return dt.datetime.strptime(row["Date"], "%d/%m/%Y").replace(tzinfo=dt.UTC) >= dt.datetime(
        2025, 4, 25, tzinfo=dt.UTC
    )


@pytest.mark.slow
def test_results_after_now_change_not_one_bit_and_results_before_it_do(premier_league, tmp_path):
    """Real data of one league: nothing that is served comes from after the clock's time."""

    def scramble_the_future(row: dict[str, str]) -> None:
        if _is_after_now(row):
            row.update(FTHG="9", FTAG="0", FTR="H", HTHG="x", AvgCH="1.01", HST="40")

    def turn_one_past_result(row: dict[str, str]) -> None:
        if (row["Date"], row["HomeTeam"]) == ("20/04/2025", "Fulham"):
            row.update(FTHG="5", FTAG="0", FTR="H")

    served = _served(premier_league, tmp_path / "a")
    future = _served(_rewritten(premier_league, tmp_path / "f", scramble_the_future), tmp_path / "b")
    past = _served(_rewritten(premier_league, tmp_path / "p", turn_one_past_result), tmp_path / "c")

    assert len(served) == 23
    assert all(match["status"] == "scheduled" and match["result"] is None for match in served.values())
    assert future == served
    assert past.keys() == served.keys()
    assert any(past[match_id]["p_home"] != served[match_id]["p_home"] for match_id in served)
