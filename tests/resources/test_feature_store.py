"""Features and team state in the store, and exported matches as the table that ratings read."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from soccer_assets.football.features import FEATURE_NAMES, FeatureTable, compute_features
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.team_state import TeamState
from soccer_assets.resources.exports import MATCH_SCHEMA
from soccer_assets.resources.feature_store import (
    FeatureStore,
    MissingFeatures,
    feature_values,
    match_table_of,
)
from soccer_assets.resources.object_store import ObjectStore
from tests.builders import NOW
from tests.football.helpers import match, table

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
]


@pytest.fixture
def features(folder_store: ObjectStore) -> FeatureStore:
    """Features in a folder."""
    return FeatureStore(folder_store)


def three_months(last_score: str = "1-1") -> tuple[FeatureTable, TeamState]:
    """Features of a match in each of February, March and April 2025, and the state after them."""
    return compute_features(
        table(
            match("b", "2025-02-01T15:00", "Leeds", "Derby", "2-0"),
            match("a", "2025-03-01T15:00", "Derby", "Hull", "0-3"),
            match("c", "2025-04-30T23:59", "Hull", "Leeds", last_score),
        )
    )


def exported(**changes: Any) -> pa.Table:
    """One row of `exports/match`: Leeds won 2-1 against Derby, with the given changes."""
    row = {
        "match_id": "m1",
        "kickoff": dt.datetime(2025, 4, 20, 14, 30, tzinfo=dt.UTC),
        "kickoff_precision": "minute",
        "competition": "TST-1",
        "season": "2024/2025",
        "round": None,
        "tier": 1,
        "sex": "men",
        "age_group": "senior",
        "home_team_id": "t1",
        "away_team_id": "t2",
        "home_team": "Leeds",
        "away_team": "Derby",
        "home_goals": 2,
        "away_goals": 1,
        "home_goals_half_time": 1,
        "away_goals_half_time": 1,
        "home_shots_on_target": None,
        "away_shots_on_target": None,
        "status": "finished",
        "neutral": False,
        "source": "fake",
        "source_match_id": "m1",
        "version": 1,
        "updated_at": NOW,
    }
    return pa.Table.from_pylist([row | changes], schema=MATCH_SCHEMA)


def test_features_and_state_come_back_as_they_were(features):
    """Every number, in the order of time, under the snapshot they were made from."""
    made, state = three_months()
    manifest = features.write("snapshot-1", made, state)
    read = features.read(features.manifest())

    assert features.manifest() == manifest
    assert (manifest.snapshot_id, manifest.feature_names) == ("snapshot-1", FEATURE_NAMES)
    assert [part.month for part in manifest.table.parts] == ["2025-02", "2025-03", "2025-04"]
    assert read["match_id"].to_pylist() == ["b", "a", "c"]
    values = feature_values(read, made.match_id.tolist(), FEATURE_NAMES)
    np.testing.assert_array_equal(values, made.values)
    assert features.read_team_state(manifest) == state.to_bytes()


def test_a_month_that_did_not_change_keeps_its_part(features, folder_store):
    """A corrected score of April rewrites only what comes after it: here the state, and no features."""
    first = features.write("snapshot-1", *three_months("1-1"))
    kept = set(folder_store.list("features"))
    second = features.write("snapshot-2", *three_months("2-1"))

    assert second.table == first.table
    assert second.snapshot_id == "snapshot-2"
    assert set(folder_store.list("features")) - kept == {second.team_state_key}
    assert second.team_state_key != first.team_state_key


def test_a_changed_month_is_another_part(features):
    """A corrected result of February changes what was known before March and April, not before February."""
    first = features.write("snapshot-1", *three_months())
    made, state = compute_features(
        table(
            match("b", "2025-02-01T15:00", "Leeds", "Derby", "0-2"),
            match("a", "2025-03-01T15:00", "Derby", "Hull", "0-3"),
            match("c", "2025-04-30T23:59", "Hull", "Leeds", "1-1"),
        )
    )
    second = features.write("snapshot-2", made, state)

    changed = [
        old.month for old, new in zip(first.table.parts, second.table.parts, strict=True) if old != new
    ]
    assert changed == ["2025-03", "2025-04"]


def test_the_values_of_chosen_matches_come_in_their_order(features):
    """Rows follow the ids that are asked for, columns the names; an unknown id is an error."""
    made, state = three_months()
    read = features.read(features.write("s", made, state))
    names = ("home_elo_above_league", "tier")

    picked = feature_values(read, ["c", "b"], names)

    assert picked.shape == (2, 2)
    np.testing.assert_array_equal(picked[:, 0], made.column("home_elo_above_league")[[2, 0]])
    np.testing.assert_array_equal(picked[:, 1], [1.0, 1.0])
    assert feature_values(read, [], names).shape == (0, 2)
    with pytest.raises(KeyError, match="nobody"):
        feature_values(read, ["nobody"], names)


def test_features_of_no_match_are_an_empty_table(features):
    """A home before its first match has features with all columns and no rows."""
    made, state = compute_features(match_table_of(MATCH_SCHEMA.empty_table()))
    manifest = features.write("s", made, state)

    assert manifest.table.parts == ()
    assert features.read(manifest).column_names == ["match_id", *FEATURE_NAMES]
    assert features.read(manifest).num_rows == 0


def test_missing_features_say_what_to_do(features, folder_store):
    """Before the first write, and where the state was lost or changed, the message names the asset."""
    with pytest.raises(MissingFeatures, match="materialise features/match_features"):
        features.manifest()
    manifest = features.write("s", *three_months())
    for damage in (lambda key: folder_store.write(key, b"other"), folder_store.delete):
        damage(manifest.team_state_key)
        with pytest.raises(MissingFeatures, match="materialise features/team_state"):
            features.read_team_state(manifest)


@pytest.mark.parametrize(("status", "score", "teaches"), CASES)
def test_only_a_finished_match_with_its_score_teaches(status, score, teaches):
    """Ratings move and models train on what was played to its end, whatever score another status carries."""
    home_goals, away_goals = score or (None, None)
    read = match_table_of(exported(status=status.value, home_goals=home_goals, away_goals=away_goals))

    assert read.moves_ratings.tolist() == [teaches]
    assert read.trains.tolist() == [teaches]
    assert (read.home_goals.tolist(), read.away_goals.tolist()) == (
        [-1 if home_goals is None else home_goals],
        [-1 if away_goals is None else away_goals],
    )


def test_every_status_has_a_case():
    """A new status cannot be forgotten above."""
    assert {status for status, *_ in CASES} == set(MatchStatus)


def test_an_exported_match_is_read_column_by_column():
    """Teams are ids, kickoff is epoch seconds, and a kickoff without a time counts by its day."""
    read = match_table_of(exported(neutral=True, tier=0, kickoff_precision="day"))

    expected = MatchTable.from_columns(
        match_id=["m1"],
        kickoff=[1_745_159_400],
        is_day_precision=[True],
        competition=["TST-1"],
        season=["2024/2025"],
        tier=[0],
        home_team=["t1"],
        away_team=["t2"],
        home_goals=[2],
        away_goals=[1],
        is_neutral=[True],
        moves_ratings=[True],
        trains=[True],
    )
    for name in MatchTable.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(read, name), getattr(expected, name), err_msg=name)
