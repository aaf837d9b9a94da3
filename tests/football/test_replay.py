"""Checkpoints: a replay from any of them gives the bits of one pass over the whole history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import compute_features
from soccer_assets.football.replay import checkpoint_before, checkpoints, first_change, replay
from soccer_assets.football.team_state import TeamState
from tests.football.helpers import epoch, match, random_table, table

seeds = st.integers(0, 10**6)
START = epoch("2024-01-01T00:00")


def with_score(matches, row, goals):
    columns = {name: getattr(matches, name) for name in matches.__dataclass_fields__}
    home_goals = matches.home_goals.copy()
    home_goals[row] = goals
    return type(matches).from_columns(**columns | {"home_goals": home_goals})


@given(seed=seeds, hours=st.integers(0, 60 * 24))
@settings(max_examples=60, deadline=None)
def test_a_replay_from_any_instant_gives_the_bits_of_the_whole_pass(seed, hours):
    """Whatever was under way at the checkpoint, later features and the final state are the same."""
    matches = random_table(seed, 60)
    whole, final = compute_features(matches)
    [state] = checkpoints(matches, [START + hours * 3600])

    features, after = replay(matches, state)

    row_of = {match_id: row for row, match_id in enumerate(whole.match_id)}
    rows = [row_of[match_id] for match_id in features.match_id]
    assert features.values.tobytes() == whole.values[rows].tobytes()
    assert after.to_bytes() == final.to_bytes()
    later = matches.features_as_of >= (START + hours * 3600)
    assert set(matches.match_id[later]) <= set(features.match_id)


def test_a_live_match_and_a_fixture_of_today_are_replayed_from_this_morning():
    """At 18:00 a match of 16:00, one of 18:30 and one of today without a time all have features."""
    matches = table(
        match("a", "2024-08-10T15:00", "Ash", "Birch", "1-0"),
        match("b", "2024-08-17T15:00", "Ash", "Oak", "2-2"),
        match("c", "2024-08-17T16:00", "Elm", "Fir"),
        match("d", "2024-08-17T18:30", "Ash", "Elm"),
        match("e", "2024-08-17T12:00", "Ash", "Fir", is_day_precision=True),
    )
    [morning] = checkpoints(matches, [epoch("2024-08-17T00:00")])

    features, _ = replay(matches, morning)

    known = dict(zip(features.match_id, np.expm1(features.column("home_log_matches_known")), strict=True))
    assert known == pytest.approx({"b": 1, "c": 0, "d": 2, "e": 1})


def test_checkpoints_of_one_walk_equal_states_made_alone():
    """Three checkpoints in one walk have the bytes of three walks."""
    matches = random_table(5, 80)
    instants = [START + days * 86_400 for days in (5, 20, 40)]

    together = checkpoints(matches, instants)

    assert [state.to_bytes() for state in together] == [
        checkpoints(matches, [instant])[0].to_bytes() for instant in instants
    ]
    with pytest.raises(ValueError, match="sort the instants"):
        checkpoints(matches, instants[::-1])


@given(seed=seeds, row=st.integers(0, 59))
@settings(max_examples=40, deadline=None)
def test_a_corrected_score_is_replayed_from_the_checkpoint_before_it(seed, row):
    """After a correction, the replay from the newest usable checkpoint equals a pass over everything."""
    matches = random_table(seed, 60)
    matches = matches.take(np.argsort(matches.match_id.astype(str)))
    states = checkpoints(matches, [START + days * 86_400 for days in range(0, 60, 10)])
    corrected = with_score(matches, row, int(matches.home_goals[row]) + 3)
    instant = first_change(matches, corrected)

    features, after = replay(corrected, checkpoint_before(states, instant))

    whole, final = compute_features(corrected)
    before, _ = compute_features(matches)
    is_replayed = np.isin(whole.match_id, features.match_id)
    assert instant == matches.features_as_of[row]
    assert after.to_bytes() == final.to_bytes()
    assert whole.values[is_replayed].tobytes() == features.values.tobytes()
    assert whole.values[~is_replayed].tobytes() == before.values[~is_replayed].tobytes()


def test_what_is_new_gone_or_the_same():
    """The first change is the earliest row that one side lacks; equal tables have none."""
    first = match("a", "2024-08-10T15:00", "Ash", "Birch", "1-0")
    second = match("b", "2024-08-17T15:00", "Ash", "Oak", "2-2")

    assert first_change(table(first), table(first)) is None
    assert first_change(table(first), table(second, first)) == epoch("2024-08-17T15:00")
    assert first_change(table(first, second), table(second)) == epoch("2024-08-10T15:00")


def test_before_the_first_checkpoint_everything_is_replayed():
    """Without a usable checkpoint the replay is the whole pass."""
    matches = random_table(6, 40)
    states = checkpoints(matches, [START + 50 * 86_400])

    state = checkpoint_before(states, START)

    assert state.to_bytes() == TeamState.initial().to_bytes()
    assert len(replay(matches, state)[0]) == len(matches)
