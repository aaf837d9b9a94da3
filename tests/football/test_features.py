"""No feature sees the future, and every way to the same knowledge gives the same bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import FEATURE_NAMES, apply_results, compute_features
from soccer_assets.football.ratings.state import OutOfOrderError, TeamState
from tests.football.helpers import epoch, match, random_table, table

seeds = st.integers(0, 10**6)


def changed(matches, row):
    """The same matches with another score, other shots and other corners in one row."""
    columns = {name: getattr(matches, name).copy() for name in matches.__dataclass_fields__}
    for name in ("home_goals", "home_shots_on_target", "away_shots_on_target", "home_shots", "away_corners"):
        columns[name][row] += 3
    return type(matches).from_columns(**columns)


@given(seed=seeds, row=st.integers(0, 59))
@settings(max_examples=60, deadline=None)
def test_a_result_changes_only_what_is_predicted_after_it_is_known(seed, row):
    """Another score and other shots leave each match predicted before as it was, itself included."""
    matches = random_table(seed, 60)
    before, _ = compute_features(matches)

    after, _ = compute_features(changed(matches, row))

    is_earlier = matches.features_as_of < matches.result_known_at[row]
    assert is_earlier[row]
    assert before.values[is_earlier].tobytes() == after.values[is_earlier].tobytes()


@given(seed=seeds)
@settings(max_examples=30, deadline=None)
def test_a_result_does_change_what_is_predicted_after(seed):
    """A known result reaches the features of its teams' next match: the property above is not empty."""
    matches = random_table(seed, 60)
    first = int(np.argmin(np.where(matches.moves_ratings, matches.result_known_at, 2**62)))

    _, before = compute_features(matches)
    _, after = compute_features(changed(matches, first))

    assert before.to_bytes() != after.to_bytes()


@given(seed=seeds, cut=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_matches_that_are_not_there_yet_change_nothing(seed, cut):
    """Features made with the matches known today equal those made with all that came later."""
    matches = random_table(seed, 60)
    by_time = np.argsort(matches.features_as_of, kind="stable")
    whole, _ = compute_features(matches)

    until_then = np.sort(by_time[:cut])
    part, _ = compute_features(matches.take(until_then))

    if cut < len(matches):
        same = matches.features_as_of[until_then] < matches.features_as_of[by_time[cut]]
        until_then, part = until_then[same], part.take(same)
    assert part.values.tobytes() == whole.values[until_then].tobytes()


@given(seed=seeds)
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_rows_changes_nothing(seed):
    """Shuffled rows give each match the same features, and the same state, to the bit."""
    matches = random_table(seed, 60)
    order = np.random.default_rng(seed).permutation(len(matches))
    features, state = compute_features(matches)

    shuffled, shuffled_state = compute_features(matches.take(order))

    assert shuffled.match_id.tolist() == matches.match_id[order].tolist()
    assert shuffled.values.tobytes() == features.values[order].tobytes()
    assert shuffled_state.to_bytes() == state.to_bytes()


@given(seed=seeds, cut=st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_a_state_carried_on_equals_one_pass_over_all(seed, cut):
    """Results applied in two batches leave the bits of one batch, though kickoffs of the two interleave."""
    matches = random_table(seed, 60)
    by_known = np.lexsort((matches.match_id.astype(str), matches.result_known_at))
    _, whole = compute_features(matches)

    first = apply_results(matches.take(by_known[:cut]))
    second = apply_results(matches.take(by_known[cut:]), TeamState.from_bytes(first.to_bytes()))

    assert second.to_bytes() == whole.to_bytes()


@given(seed=seeds, days=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_features_online_equal_features_offline(seed, days):
    """Matches predicted from the state of a night have the bits that the whole history gives them."""
    matches = random_table(seed, 60)
    night = epoch("2024-01-01T00:00") + days * 86_400
    is_past = matches.result_known_at <= night
    offline, final = compute_features(matches)

    _, state = compute_features(matches.take(is_past))
    online, carried_on = compute_features(matches.take(~is_past), state)

    assert online.values.tobytes() == offline.values[~is_past].tobytes()
    assert carried_on.to_bytes() == final.to_bytes()


def test_results_that_become_known_at_kickoff_count():
    """A match at 17:00 knows the result of the one at 15:00, a match at 16:59 does not."""
    matches = table(
        match("a", "2024-08-17T15:00", "Ash", "Birch", "1-0"),
        match("b", "2024-08-17T17:00", "Ash", "Oak"),
        match("c", "2024-08-17T16:59", "Ash", "Oak"),
    )

    known = compute_features(matches)[0].column("home_log_matches_known")

    assert known == pytest.approx([0.0, np.log1p(1), 0.0])


def test_a_day_without_time_is_blind_to_its_own_day():
    """Of two matches of one day known by the day only, neither sees the other; the next day sees both."""
    matches = table(
        match("a", "2024-08-17T12:00", "Ash", "Birch", "1-0", is_day_precision=True),
        match("b", "2024-08-17T12:00", "Ash", "Oak", "1-0", is_day_precision=True),
        match("c", "2024-08-17T23:00", "Ash", "Elm"),
        match("d", "2024-08-18T12:00", "Ash", "Fir", is_day_precision=True),
    )

    known = compute_features(matches)[0].column("home_log_matches_known")

    assert known == pytest.approx([0.0, 0.0, 0.0, np.log1p(2)])


def test_a_fixture_leaves_no_trace():
    """A fixture between unknown teams in an unknown league gets features, and the state stays as it was."""
    played = table(match("a", "2024-08-17T15:00", "Ash", "Birch", "1-0"))
    fixture = table(match("b", "2024-08-18T15:00", "New", "Newer", competition="NEW-1", season="2030"))
    _, state = compute_features(played)

    features, after = compute_features(fixture, state)

    assert features.values.shape == (1, len(FEATURE_NAMES))
    assert after.to_bytes() == state.to_bytes()
    assert compute_features(type(played).concat([played, fixture]))[1].to_bytes() == state.to_bytes()


@pytest.mark.parametrize("seed", range(3))
def test_no_feature_is_missing(seed):
    """Every feature of every match is a finite number, newcomers and cups included."""
    features, _ = compute_features(random_table(seed, 300, teams=40))

    assert np.isfinite(features.values).all()


def test_a_result_older_than_the_state_is_refused():
    """A late result of an earlier match raises, so that the caller replays from an earlier state."""
    state = apply_results(table(match("b", "2024-08-17T15:00", "Ash", "Birch", "1-0")))
    late = table(match("c", "2024-08-17T14:59", "Oak", "Elm", "1-0"))
    tied = table(match("a", "2024-08-17T15:00", "Oak", "Elm", "1-0"))
    again = table(match("b", "2024-08-17T15:00", "Ash", "Birch", "1-0"))
    next_in_order = table(match("c", "2024-08-17T15:00", "Oak", "Elm", "1-0"))

    for matches in (late, tied, again):
        with pytest.raises(OutOfOrderError, match="earlier state"):
            apply_results(matches, state)
    assert apply_results(next_in_order, state).as_of_match_id == "c"


def test_features_of_a_match_that_began_before_the_state_are_refused():
    """A match at 16:00 cannot be predicted from a state that knows a result of 17:00."""
    state = apply_results(table(match("a", "2024-08-17T15:00", "Ash", "Birch", "1-0")))
    in_play = table(match("b", "2024-08-17T16:00", "Oak", "Elm", "1-0"))

    with pytest.raises(OutOfOrderError, match="'b' starts before"):
        compute_features(in_play, state)

    assert apply_results(in_play, state).as_of == epoch("2024-08-17T18:00")


def test_a_match_id_that_comes_twice_is_refused():
    """Two rows with one id have no order of their own."""
    twice = table(
        match("a", "2024-08-17T15:00", "Ash", "Birch", "1-0"), match("a", "2024-08-17T15:00", "Oak", "Elm")
    )

    with pytest.raises(ValueError, match="'a' comes twice"):
        compute_features(twice)


def test_no_matches_give_no_features():
    """An empty table is answered with an empty one and the state it came with."""
    features, state = compute_features(table())

    assert features.values.shape == (0, len(FEATURE_NAMES))
    assert state.as_of is None
