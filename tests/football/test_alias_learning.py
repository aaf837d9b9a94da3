"""Names of one team in two sources."""

import datetime as dt
from collections.abc import Sequence

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


def double_round_robin(names: Sequence[str]) -> list[Meeting]:
    """Every team at home and away against each other one, a round a week, on Friday, Saturday or Sunday."""
    played, count = [], len(names)
    for number in range(count - 1):
        circle = [names[0], *(names[1 + (number + n) % (count - 1)] for n in range(count - 1))]
        pairs = zip(circle[: count // 2], reversed(circle[count // 2 :]), strict=True)
        for at, (one, two) in enumerate(pairs):
            weekend = dt.timedelta(days=(at + number) % 3)
            home, away = (one, two) if (at + number) % 2 else (two, one)
            played += [
                Meeting(DAYS[number] + weekend, home, away),
                Meeting(DAYS[number + count - 1] + weekend, away, home),
            ]
    return played


@given(st.permutations(range(6)))
def test_renaming_half_of_the_teams_is_undone(order):
    """In a double round robin of six teams, three of them renamed, every name comes back."""
    teams = ["A", "B", "C", "D", "E", "F"]
    names = {team: f"{team} FC" if place % 2 else team for place, team in zip(order, teams, strict=True)}
    played = double_round_robin(teams)
    other = [Meeting(meeting.day, names[meeting.home], names[meeting.away]) for meeting in played]

    assert learn_aliases(played, other) == {name: team for team, name in names.items()}


@given(st.permutations(range(12)), st.sets(st.integers(0, 131), max_size=20))
def test_a_league_without_one_common_spelling_is_learnt_from_its_calendar(order, missing):
    """Every name is learned or left open, none wrongly, whichever fixtures are missing; with all, all are."""
    teams = [f"team {number}" for number in range(12)]
    names = {team: f"club {place}" for place, team in zip(order, teams, strict=True)}
    played = double_round_robin(teams)
    other = [
        Meeting(meeting.day, names[meeting.home], names[meeting.away])
        for number, meeting in enumerate(played)
        if number not in missing
    ]

    learned = learn_aliases(played, other)

    assert learned.items() <= {(name, team) for team, name in names.items()}
    if not missing:
        assert len(learned) == len(teams)


def test_another_leagues_calendar_is_not_learnt():
    """Two leagues that play on the same days and share no team have no name in common."""
    played = double_round_robin([f"team {number}" for number in range(12)])
    other = double_round_robin([f"club {number}" for number in (0, 5, 7, 2, 9, 11, 3, 1, 8, 10, 6, 4)])
    reversed_grounds = [Meeting(meeting.day, meeting.away, meeting.home) for meeting in other[::3]]

    assert learn_aliases(played, [*other[1::3], *reversed_grounds]) == {}
