"""Names of one team in two sources."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.alias_learning import Meeting, learn_aliases

DAYS = [dt.date(2025, 1, 1) + dt.timedelta(days=7 * n) for n in range(40)]
OPPONENTS = ("Arsenal", "Chelsea", "Everton", "Fulham")


def season(name: str, opponents: tuple[str, ...] = OPPONENTS, start: int = 0) -> list[Meeting]:
    """A team's matches at home against some opponents, one a week."""
    return [Meeting(DAYS[start + n], name, opponent) for n, opponent in enumerate(opponents)]


def test_same_spelling_is_the_same_team():
    """Case and accents do not matter."""
    learned = learn_aliases([Meeting(DAYS[0], "Köln", "Mainz")], [Meeting(DAYS[0], "KOLN", "Stuttgart")])

    assert learned == {"KOLN": "Köln"}


def test_alias_is_learnt_from_three_fixtures():
    """Three fixtures against placed opponents place a name, two do not."""
    known = season("Man United")

    assert (
        learn_aliases(known, season("Manchester United FC", OPPONENTS[:3]))["Manchester United FC"]
        == "Man United"
    )
    assert "Manchester United FC" not in learn_aliases(known, season("Manchester United FC", OPPONENTS[:2]))


def test_one_fixture_against_is_enough_to_leave_a_name_out():
    """A name is left out where one of five fixtures disagrees."""
    known = [*season("Man United"), Meeting(DAYS[9], "Man City", "Arsenal")]
    other = [*season("Manchester"), Meeting(DAYS[9], "Manchester", "Arsenal")]

    assert "Manchester" not in learn_aliases(known, other)


def test_placed_names_place_others():
    """A matched name is an opponent for the next round."""
    known = [*season("Man United"), *[Meeting(DAYS[20 + n], "Man United", "Spurs") for n in range(3)]]
    other = [*season("United"), *[Meeting(DAYS[20 + n], "United", "Tottenham") for n in range(3)]]

    assert learn_aliases(known, other).items() >= {"United": "Man United", "Tottenham": "Spurs"}.items()


@given(st.permutations(range(6)))
def test_renaming_half_of_the_teams_is_undone(order):
    """In a double round robin of six teams, three of them renamed, every name comes back."""
    teams = ["A", "B", "C", "D", "E", "F"]
    names = {team: f"{team} FC" if place % 2 else team for place, team in zip(order, teams, strict=True)}
    played = []
    for number in range(5):
        circle = [teams[0], *(teams[1 + (number + n) % 5] for n in range(5))]
        for one, two in zip(circle[:3], reversed(circle[3:]), strict=True):
            played += [Meeting(DAYS[number], one, two), Meeting(DAYS[number + 5], two, one)]
    other = [Meeting(meeting.day, names[meeting.home], names[meeting.away]) for meeting in played]

    assert learn_aliases(played, other) == {name: team for team, name in names.items()}
