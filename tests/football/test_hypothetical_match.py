"""Any two teams can be asked for, and are answered as the graph would answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import FEATURE_NAMES, apply_results, compute_features
from soccer_assets.football.hypothetical_match import Pairing, pairing_features
from soccer_assets.football.ratings.state import OutOfOrderError, TeamState
from tests.football.helpers import epoch, match, random_table, table

ASKED = (
    "home_team",
    "away_team",
    "kickoff",
    "competition",
    "season",
    "tier",
    "is_neutral",
    "is_international",
    "is_day_precision",
)


def pairings_of(matches):
    """The rows of a table as pairings, without their results."""
    columns = [getattr(matches, name).tolist() for name in ASKED]
    return [Pairing(**dict(zip(ASKED, row, strict=True))) for row in zip(*columns, strict=True)]


@given(seed=st.integers(0, 10**6), days=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_pairing_has_the_bits_of_the_fixture_in_the_whole_history(seed, days):
    """Asked online from the stored state, alone or together, a match has its offline features."""
    matches = random_table(seed, 60)
    night = epoch("2024-01-01T00:00") + days * 86_400
    is_past = matches.result_known_at <= night
    asked = matches.take(~is_past)
    without_results = {name: getattr(asked, name) for name in ASKED} | {
        "match_id": asked.match_id,
        "home_goals": np.full(len(asked), -1),
        "away_goals": np.full(len(asked), -1),
        "moves_ratings": np.zeros(len(asked), bool),
        "trains": np.zeros(len(asked), bool),
    }
    fixtures = type(matches).from_columns(**without_results)
    offline, _ = compute_features(type(matches).concat([matches.take(is_past), fixtures]))
    expected = offline.values[is_past.sum() :]
    state = TeamState.from_bytes(apply_results(matches.take(is_past)).to_bytes())

    together = pairing_features(state, pairings_of(asked))
    alone = [pairing_features(state, [pairing]) for pairing in pairings_of(asked)]

    assert together.tobytes() == expected.tobytes()
    assert b"".join(row.tobytes() for row in alone) == expected.tobytes()


def test_unknown_teams_in_an_unknown_competition_are_answered():
    """Nobody has played and the league is new: start values, and no number is missing."""
    asked = Pairing(
        home_team="a",
        away_team="b",
        kickoff=epoch("2024-08-17T15:00"),
        competition="NEW-1",
        season="2024",
        tier=1,
    )

    values = pairing_features(TeamState.initial(), [asked])

    assert values.shape == (1, len(FEATURE_NAMES))
    assert np.isfinite(values).all()
    assert values[0, FEATURE_NAMES.index("elo_textbook_gap")] == 80.0


def test_no_pairings_give_no_rows():
    """An empty question has an empty answer."""
    assert pairing_features(TeamState.initial(), []).shape == (0, len(FEATURE_NAMES))


def test_a_result_known_by_its_day_does_not_close_that_day():
    """A result of today counts from midnight, yet tonight's matches are answered; yesterday's are not."""
    today = match("a", "2024-08-17T12:00", "Ash", "Birch", "1-0", is_day_precision=True)
    state = apply_results(table(today))
    tonight, yesterday = pairings_of(
        table(
            match("b", "2024-08-17T20:00", "Ash", "Oak", is_international=False),
            match("c", "2024-08-16T20:00", "Ash", "Oak", is_international=False),
        )
    )

    values = pairing_features(state, [tonight])

    assert values[0, FEATURE_NAMES.index("home_log_matches_known")] == pytest.approx(np.log(2))
    with pytest.raises(OutOfOrderError, match="ask for a match that is ahead"):
        pairing_features(state, [tonight, yesterday])


def test_a_team_does_not_meet_itself():
    """A pairing of a team with itself is refused."""
    asked = Pairing(home_team="a", away_team="a", kickoff=0, competition="X", season="2024", tier=1)

    with pytest.raises(ValueError, match="cannot play itself"):
        pairing_features(TeamState.initial(), [asked])
