"""Stretches of time, one after the other, give the bits of one pass over the whole history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import compute_features
from soccer_assets.football.incremental import advance, months_kept, start_of, stretches
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.ratings.state import TeamState
from tests.football.helpers import epoch, match, random_table, table

START = epoch("2024-01-01T00:00")
MONTHS = [f"{year}-{month:02}" for year in range(2020, 2025) for month in range(1, 13)]


def in_stretches(matches, cuts):
    """Features by match id and the final state of a history cut at instants."""
    state, pending, values = TeamState.initial(), MatchTable.empty(), {}
    asked_at = matches.features_as_of
    for since, until in zip([0, *cuts], [*cuts, None], strict=True):
        rows = matches.take((asked_at >= since) & (asked_at < (until or 2**60)))
        known = MatchTable.concat([pending, rows])
        features, state, pending = advance(known, TeamState.from_bytes(state.to_bytes()), since, until)
        values |= dict(zip(features.match_id, features.values, strict=True))
    return values, state


@given(seed=st.integers(0, 10**6), hours=st.lists(st.integers(0, 60 * 24), max_size=4))
@settings(max_examples=80, deadline=None)
def test_any_cuts_give_the_bits_of_the_whole_pass(seed, hours):
    """Whatever was under way at a cut, features and the final state are the same."""
    matches = random_table(seed, 60)
    whole, final = compute_features(matches)

    values, state = in_stretches(matches, sorted(START + hour * 3600 for hour in hours))

    assert np.array([values[match_id] for match_id in whole.match_id]).tobytes() == whole.values.tobytes()
    assert state.to_bytes() == final.to_bytes()


def test_a_match_under_way_at_the_cut_is_pending():
    """At midnight a match of 23:00 is not known yet, nor is its day where only that is known."""
    matches = table(
        match("a", "2024-08-31T21:59", "Ash", "Birch", "1-0"),
        match("b", "2024-08-31T22:30", "Oak", "Elm", "2-2"),
        match("c", "2024-08-31T12:00", "Fir", "Yew", "0-3", is_day_precision=True),
        match("d", "2024-09-01T12:00", "Bay", "Box", "0-1", is_day_precision=True),
        match("e", "2024-08-31T22:30", "Box", "Yew"),
    )

    features, state, pending = advance(matches, TeamState.initial(), 0, epoch("2024-09-01T00:00"))

    assert len(features) == len(matches)
    assert pending.match_id.tolist() == ["b", "d"]
    assert state.team_names == ("Ash", "Birch", "Fir", "Yew")


def test_months_are_cut_at_season_starts_and_lately_at_each():
    """Of five years the first three are cut each July, the last two each month."""
    parts = stretches(MONTHS)

    assert [month for part in parts for month in part] == MONTHS
    starts = [part[0] for part in parts]
    assert starts == ["2020-01", "2020-07", "2021-07", "2022-07", *MONTHS[36:]]
    assert stretches([]) == []


@pytest.mark.parametrize(
    ("as_of", "kept"),
    [
        (None, set()),
        ("2020-01-31T17:00", {"2020-01"}),
        ("2022-09-10T17:00", {"2020-07", "2021-07", "2022-07", "2022-08", "2022-09"}),
        ("2022-10-01T00:00", {"2020-07", "2021-07", "2022-07", "2022-08", "2022-09"}),
    ],
)
def test_checkpoints_are_season_starts_and_the_newest_months_with_results(as_of, kept):
    """Months of fixtures only have nothing to start from that an earlier one has not."""
    assert months_kept(MONTHS, as_of and epoch(as_of)) == kept
    assert start_of("2022-09") == epoch("2022-09-01T00:00")
