"""Features and team state in the store, and exported matches as the ratings' table."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.matches import MatchStatus
from soccer_assets.stores.features.store import (
    CURRENT_KEY,
    FeatureStore,
    MissingFeaturesError,
    feature_values,
    match_table_of,
)
from soccer_assets.stores.features.update import update_features
from tests.stores.exported import export_of, exported, played

# Status, score, and whether the match moves ratings and trains.
CASES = [
    (MatchStatus.SCHEDULED, None, False),
    (MatchStatus.TBD, None, False),
    (MatchStatus.LIVE, (1, 0), False),
    (MatchStatus.FINISHED, (1, 0), True),
    (MatchStatus.FINISHED, None, False),
    (MatchStatus.POSTPONED, None, False),
    (MatchStatus.ABANDONED, (1, 0), False),
    (MatchStatus.REPLAYED, (1, 0), False),
    (MatchStatus.AWARDED, (3, 0), False),
    (MatchStatus.CANCELLED, None, False),
    (MatchStatus.WITHDRAWN, None, False),
]


def three_months():
    """A match in each of February, March and April 2025."""
    rows = (
        played("b", "2025-02-01T15:00", "Leeds", "Derby", "2-0"),
        played("a", "2025-03-01T15:00", "Derby", "Hull", "0-3"),
        played("c", "2025-04-30T23:59", "Hull", "Leeds", "1-1"),
    )
    return {row["match_id"]: row for row in rows}


def one_row(**changes: Any) -> pa.Table:
    """One row of `exports/match`: Leeds won 2-1 against Derby, with the given changes."""
    return exported({"m1": played("m1", "2025-04-20T14:30", "Leeds", "Derby", "2-1") | changes})


def test_features_and_state_come_back_as_they_were(folder_store):
    """All values, in order of time, with the snapshot that they were computed from."""
    rows = three_months()
    snapshot = export_of(folder_store, rows)
    update = update_features(folder_store, snapshot)
    features = FeatureStore(folder_store)
    manifest, made = features.manifest(), features.read(features.manifest())
    expected, state = compute_features(match_table_of(exported(rows)))

    assert manifest == update.manifest
    assert (manifest.snapshot_id, manifest.feature_names) == (snapshot.snapshot_id, FEATURE_NAMES)
    assert [part.month for part in manifest.table.parts] == ["2025-02", "2025-03", "2025-04"]
    assert made["match_id"].to_pylist() == ["b", "a", "c"]
    values = feature_values(made, expected.match_id.tolist(), FEATURE_NAMES)
    np.testing.assert_array_equal(values, expected.values)
    assert features.read_team_state(manifest) == state.to_bytes()


def test_chosen_months_are_read_alone(folder_store):
    """Reading April reads no part of March."""
    update_features(folder_store, export_of(folder_store, three_months()))
    features = FeatureStore(folder_store)
    folder_store.delete(features.manifest().table.parts[0].key)

    assert features.read(features.manifest(), {"2025-04"})["match_id"].to_pylist() == ["c"]
    assert features.read(features.manifest(), set()).column_names == ["match_id", *FEATURE_NAMES]


def test_the_values_of_chosen_matches_come_in_their_order(folder_store):
    """Rows are in the order of the ids, columns in that of the names; an unknown id is an error."""
    manifest = update_features(folder_store, export_of(folder_store, three_months())).manifest
    read = FeatureStore(folder_store).read(manifest)
    names = ("home_log_matches_known", "tier")

    picked = feature_values(read, ["c", "b"], names)

    np.testing.assert_array_equal(picked, [[np.log1p(1), 1.0], [0.0, 1.0]])
    assert feature_values(read, [], names).shape == (0, 2)
    with pytest.raises(KeyError, match="nobody"):
        feature_values(read, ["nobody"], names)


def test_features_of_no_match_are_an_empty_table(folder_store):
    """A home before its first match has features with all columns and no rows."""
    manifest = update_features(folder_store, export_of(folder_store, {})).manifest
    features = FeatureStore(folder_store)

    assert (manifest.table.parts, manifest.checkpoints) == ((), ())
    assert features.read(manifest).column_names == ["match_id", *FEATURE_NAMES]
    assert features.read(manifest).num_rows == 0


def test_missing_features_say_what_to_do(folder_store):
    """Before the first write, for another version, and for a missing state, the message names the asset."""
    features = FeatureStore(folder_store)
    with pytest.raises(MissingFeaturesError, match="materialise features/match_features"):
        features.manifest()
    folder_store.write(CURRENT_KEY, b'{"snapshot_id": "of an older version"}')
    with pytest.raises(MissingFeaturesError, match="materialise features/match_features"):
        features.manifest()
    manifest = update_features(folder_store, export_of(folder_store, three_months())).manifest
    for damage in (lambda key: folder_store.write(key, b"other"), folder_store.delete):
        damage(manifest.team_state.key)
        with pytest.raises(MissingFeaturesError, match="materialise features/team_state"):
            features.read_team_state(manifest)


@pytest.mark.parametrize(("status", "score", "teaches"), CASES)
def test_only_a_finished_match_with_its_score_teaches(status, score, teaches):
    """Only finished matches update ratings and train models, even where another status has a score."""
    home_goals, away_goals = score or (None, None)
    read = match_table_of(one_row(status=status.value, home_goals=home_goals, away_goals=away_goals))

    assert read.moves_ratings.tolist() == [teaches]
    assert read.trains.tolist() == [teaches]
    assert (read.home_goals.tolist(), read.away_goals.tolist()) == (
        [-1 if home_goals is None else home_goals],
        [-1 if away_goals is None else away_goals],
    )


def test_every_status_has_a_case():
    """The list above has every status."""
    assert {status for status, *_ in CASES} == set(MatchStatus)


def test_an_exported_match_is_read_column_by_column():
    """Teams are ids, kickoff is epoch seconds, and a kickoff without a time counts by its day."""
    statistics = {
        "home_shots_on_target": 5,
        "away_shots_on_target": 3,
        "home_shots": 12,
        "away_shots": 9,
        "home_corners": 4,
        "away_corners": 0,
    }
    read = match_table_of(
        one_row(neutral=True, tier=0, squad="national", kickoff_precision="day", **statistics)
    )

    expected = MatchTable.from_columns(
        match_id=["m1"],
        kickoff=[1_745_159_400],
        is_day_precision=[True],
        competition=["TST-1"],
        season=["2024-25"],
        tier=[0],
        home_team=["Leeds"],
        away_team=["Derby"],
        home_goals=[2],
        away_goals=[1],
        is_neutral=[True],
        moves_ratings=[True],
        trains=[True],
        is_international=[True],
        **{name: [count] for name, count in statistics.items()},
    )
    for name in MatchTable.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(read, name), getattr(expected, name), err_msg=name)


def test_a_host_named_second_is_turned_round():
    """Goals, statistics and teams change sides with it, so that the side at home is the home side."""
    as_named = {"home_goals": 1, "away_goals": 3, "home_shots": 4, "away_shots": 9, "home_corners": 2}
    read = match_table_of(one_row(away_is_host=True, **as_named, away_corners=7))

    assert (read.home_team[0], read.away_team[0]) == ("Derby", "Leeds")
    assert (read.home_goals[0], read.away_goals[0]) == (3, 1)
    assert (read.home_shots[0], read.away_shots[0], read.home_corners[0]) == (9, 4, 7)
    assert read.is_turned.tolist() == [True]
    assert match_table_of(one_row()).is_turned.tolist() == [False]
