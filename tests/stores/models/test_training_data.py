"""What a model learns from: only what had ended by now, with what was known before each match."""

import datetime as dt
from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from soccer_assets.clock import parse_instant
from soccer_assets.football.competitions import Competition, load_competitions
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import MatchOdds, RawMatch, Venue
from soccer_assets.modelling.dataset import TrainingData
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.features.update import update_features
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.models.training_data import load_training_data
from tests.builders import COMPETITIONS, NOW, finished, raw_match, two_leagues

SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))


def load(
    store: ObjectStore,
    database: Database,
    items: list[RawMatch],
    now: dt.datetime = NOW,
    competitions: Mapping[str, Competition] = COMPETITIONS,
) -> TrainingData:
    """Training data of what a feed says."""
    store_raw(database, items, asset="a", source="fake", window=SEASON, now=NOW)
    update_matches(database, competitions, NOW)
    exports, features = Exports(store, database), FeatureStore(store)
    snapshot, _ = exports.update(NOW)
    update_features(store, snapshot)
    return load_training_data(exports, features, database, now)


def test_rows_are_finished_matches_in_the_order_of_time(folder_store, database):
    """Of 120 matches 110 are played by now; features, outcomes and split stand row by row beside them."""
    data = load(folder_store, database, two_leagues())

    assert len(data.matches) == 110
    assert (np.diff(data.matches.kickoff) >= 0).all()
    assert data.values.shape == (110, len(FEATURE_NAMES))
    assert data.feature_names == FEATURE_NAMES
    home_won = data.matches.home_goals > data.matches.away_goals
    np.testing.assert_array_equal(data.outcomes == 0, home_won)
    train, calibration, test = (
        data.matches.kickoff[getattr(data.split, name)] for name in ("train", "calibration", "test")
    )
    assert train.max() < calibration.min() <= calibration.max() < test.min()
    assert np.isnan(data.odds).all()


def test_a_result_that_was_not_known_by_now_does_not_train(folder_store, sqlite_database):
    """A replay that stands two hours after a kickoff learns from that match, a minute earlier it does not."""
    items = two_leagues()
    kickoff = parse_instant("2025-04-24T18:00:00Z")
    known = load(folder_store, sqlite_database, items, kickoff + dt.timedelta(hours=2))
    unknown = load(folder_store, sqlite_database, items, kickoff + dt.timedelta(minutes=119))

    assert (len(known.matches), len(unknown.matches)) == (110, 108)


def test_an_awarded_match_does_not_train(folder_store, sqlite_database):
    """A 3-0 that was not played is no row."""
    data = load(
        folder_store,
        sqlite_database,
        [finished("2-1"), finished("3-0", source_match_id="m2", status=MatchStatus.AWARDED)],
    )

    assert data.matches.home_goals.tolist() == [2]


def test_closing_prices_stand_beside_their_match(folder_store, sqlite_database):
    """Each row has its own prices, NaN where there are none."""
    items = [
        finished("1-0", "2025-04-05T14:00:00Z", source_match_id="a"),
        finished("1-1", "2025-04-12T14:00:00Z", source_match_id="b"),
    ]
    items[1] = msgspec.structs.replace(items[1], odds=MatchOdds("avg_closing", 1.8, 3.5, 4.4))
    data = load(folder_store, sqlite_database, items)

    np.testing.assert_array_equal(data.odds, [[np.nan] * 3, [1.8, 3.5, 4.4]])


def test_a_host_named_second_teaches_as_at_home(folder_store, sqlite_database):
    """Outcome, features and prices of its match are those of the host at home: row by row the same."""
    home_matches = [
        finished("0-0", f"2025-04-{day:02}T14:00:00Z", source_match_id=f"h{day}", home_team="Derby")
        for day in (1, 2)
    ]
    ground = Venue("Baseball Ground", "Derby")
    items = [
        msgspec.structs.replace(row, away_team=f"Guest {number}", venue=ground)
        for number, row in enumerate(home_matches)
    ]
    final = finished(
        "1-3",
        "2025-04-12T14:00:00Z",
        source_match_id="final",
        competition="ENG-LC",
        round="Final",
        venue=ground,
        odds=MatchOdds("avg_closing", 4.4, 3.5, 1.8),
    )
    cup = msgspec.structs.replace(load_competitions()["ENG-LC"], country="Testland")
    data = load(folder_store, sqlite_database, [*items, final], competitions=COMPETITIONS | {"ENG-LC": cup})

    assert data.matches.is_turned.tolist() == [False, False, True]
    assert data.outcomes.tolist() == [1, 1, 0]
    assert data.odds[2].tolist() == [1.8, 3.5, 4.4]
    assert data.values[2, FEATURE_NAMES.index("is_neutral")] == 0.0
    assert data.values[2, FEATURE_NAMES.index("league_home_advantage")] > 0.0


def test_without_a_finished_match_there_is_nothing_to_learn(folder_store, sqlite_database):
    """The message says what to do."""
    with pytest.raises(ValueError, match="load some history first"):
        load(folder_store, sqlite_database, [raw_match()])
