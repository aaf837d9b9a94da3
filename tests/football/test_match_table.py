"""The table of matches and the two instants that keep the future out."""

import numpy as np
import pytest

from soccer_assets.football.match_table import MatchTable
from tests.football.helpers import epoch, match, table


def test_minute_precision_is_predicted_at_kickoff_and_known_two_hours_later():
    """A kickoff at 15:00 is predicted at 15:00 and known at 17:00."""
    matches = table(match("a", "2024-08-17T15:00", "Ash", "Birch", "1-0"))

    assert matches.features_as_of[0] == epoch("2024-08-17T15:00")
    assert matches.result_known_at[0] == epoch("2024-08-17T17:00")


@pytest.mark.parametrize("time", ["00:00", "12:00", "23:59"])
def test_day_precision_is_predicted_at_midnight_and_known_at_the_days_end(time):
    """Whatever made-up time a day carries, it is predicted at 00:00 and known at 24:00 UTC."""
    matches = table(match("a", f"2024-08-17T{time}", "Ash", "Birch", "1-0", is_day_precision=True))

    assert matches.features_as_of[0] == epoch("2024-08-17T00:00")
    assert matches.result_known_at[0] == epoch("2024-08-18T00:00")


def test_take_and_concat_keep_every_column():
    """Cutting a table in two and joining it gives the table back."""
    matches = table(
        match("a", "2024-08-17T15:00", "Ash", "Birch", "1-0"), match("b", "2024-08-18T15:00", "Oak", "Ash")
    )

    joined = MatchTable.concat([matches.take(np.array([0])), matches.take(np.array([False, True]))])

    assert len(joined) == 2
    for name in MatchTable.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(joined, name), getattr(matches, name))
    assert len(MatchTable.concat([])) == 0


def test_columns_of_different_length_are_refused():
    """A table with a short column is an error that names the lengths."""
    columns = {name: getattr(table(match("a", "2024-08-17", "Ash", "Oak")), name) for name in _names()}

    with pytest.raises(ValueError, match="equally long"):
        MatchTable.from_columns(**columns | {"season": []})


def test_missing_and_unknown_columns_are_named():
    """A misspelt column is an error that names both sides."""
    columns = {name: getattr(MatchTable.empty(), name) for name in _names() if name != "tier"}

    with pytest.raises(ValueError, match=r"missing: \['tier'\]; columns unknown: \['teir'\]"):
        MatchTable.from_columns(**columns, teir=[])


def test_a_result_without_score_is_refused():
    """A match may not move ratings before it has a 90-minute score."""
    with pytest.raises(ValueError, match="'a' has no 90-minute score"):
        table(match("a", "2024-08-17T15:00", "Ash", "Birch", moves_ratings=True))


def test_a_team_cannot_play_itself():
    """The same team on both sides is refused."""
    with pytest.raises(ValueError, match="'a': a team cannot play itself"):
        table(match("a", "2024-08-17T15:00", "Ash", "Ash"))


def _names():
    return list(MatchTable.__dataclass_fields__)
