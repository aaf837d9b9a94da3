"""Which matches decide a cup tie, from rounds, legs and the cups' rules."""

import datetime as dt
import json
from collections import Counter

import msgspec
import pytest
from msgspec.structs import replace

from soccer_assets.football.cup_ties import CupMatch, ties_of
from soccer_assets.football.knock_out import Tie
from soccer_assets.football.season_formats import load_season_formats

AT_ONCE, AFTER_EXTRA_TIME = Tie(level_is_home="at_once"), Tie(level_is_home="after_extra_time")
MARCH = dt.datetime(2025, 3, 4, 20, tzinfo=dt.UTC)


def cup_match(match_id="first", **changes) -> CupMatch:
    """Bayern against Celtic in the round of 16, with the given changes."""
    match = CupMatch(
        match_id=match_id,
        competition="UEFA-CL",
        season="2024/2025",
        round="Finals, Round of 16",
        kickoff=MARCH,
        home_team_id="bayern",
        away_team_id="celtic",
        score=None,
        is_cup=True,
    )
    return msgspec.structs.replace(match, **changes)


def return_match(days: float = 7, **changes) -> CupMatch:
    """The same sides at the other's ground."""
    sides = {"home_team_id": "celtic", "away_team_id": "bayern"}
    return cup_match("second", kickoff=MARCH + dt.timedelta(days=days), **(sides | changes))


def test_a_second_leg_knows_the_first_leg_once_it_is_played():
    """Its goals are those of the side that is at home now; before it the second leg decides nothing alone."""
    assert ties_of([return_match(), cup_match()]) == {"first": Tie(is_first_leg=True)}
    assert ties_of([cup_match(score=(3, 1)), return_match()]) == {
        "first": Tie(is_first_leg=True),
        "second": Tie(first_leg=(1, 3)),
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Playoffs, Matchday 1", "Playoffs, Matchday 2"),
        ("Semi-finals, 1st leg", "Semi-finals, 2nd leg"),
        ("Quarter-finals", "Quarter-finals"),
        ("Halbfinale Hinspiel", "Halbfinale Rückspiel"),
        ("2nd Qualifying Round", "2nd Qualifying Round"),
        ("Final - 1st Leg", "Final - 2nd Leg"),
    ],
)
def test_legs_are_known_under_the_titles_that_feeds_give_them(first, second):
    """With the leg, or in one round."""
    ties = ties_of([cup_match(round=first, score=(0, 0)), return_match(round=second)])

    assert ties == {"first": Tie(is_first_leg=True), "second": Tie(first_leg=(0, 0))}


@pytest.mark.parametrize(
    "changes",
    [
        {"round": "Group A"},
        {"round": "League, Matchday 2"},
        {"round": None},
        {"round": "Finals, Quarterfinals"},
        {"season": "2025/2026"},
        {"days": 201},
        {"home_team_id": "bayern", "away_team_id": "celtic"},
        {"is_cup": False},
    ],
)
def test_other_matches_of_a_pair_are_no_legs(changes):
    """A group's, another round's or season's, a replay at the same ground, a league's."""
    second = return_match(**changes)
    alike = {name: changes[name] for name in ("is_cup",) if name in changes}
    first = cup_match(
        round=second.round if "Group" in str(second.round) else "Finals, Round of 16", score=(1, 0)
    )

    assert ties_of([msgspec.structs.replace(first, **alike), second]) == {}


def test_away_goals_count_in_uefas_cups_until_2021():
    """As the knock-out rules have it."""
    legs = cup_match(season="2020/2021", score=(1, 0)), return_match(season="2020/2021")

    assert ties_of(legs)["second"] == Tie(first_leg=(0, 1), counts_away_goals=True)


@pytest.mark.parametrize(
    ("competition", "round_", "day", "decides"),
    [
        ("UEFA-CL", "Finals, Final", "2025-05-31", True),
        ("UEFA-CL", "Quarterfinals", "2020-08-14", True),  # Lisbon
        ("UEFA-CL", "Quarterfinals", "2024-04-09", False),  # its return match is not listed
        ("UEFA-CL", "Final, 1st leg", "2025-05-31", False),
        ("GER-CUP", "Round 1", "2024-08-17", True),
        ("AUT-CUP", "Round of 16", "2024-10-30", True),
        ("ENG-CUP", "3rd Round", "2025-01-11", True),
        ("ENG-CUP", "3rd Round", "2024-01-06", False),  # may be replayed
        ("ENG-CUP", "Semi-finals", "2024-04-20", True),
        ("ENG-LC", "Semi-finals", "2025-01-07", False),
        ("FIFA-WC", "Round of 16", "2022-12-03", True),
        ("FIFA-WC", "Group C", "2022-11-22", False),
        ("FIFA-WC", "Match for third place", "2022-12-17", False),
    ],
)
def test_a_match_decides_alone_where_the_cups_rules_say_so(competition, round_, day, decides):
    """One leg by the rules of its stage, or a cup without legs and replays."""
    kickoff = dt.datetime.fromisoformat(f"{day}T19:00:00+00:00")
    found = ties_of([cup_match(competition=competition, round=round_, kickoff=kickoff)])

    assert found == ({"first": Tie()} if decides else {})


@pytest.mark.parametrize(
    ("changes", "tie"),
    [
        ({"round": "Round 2", "season": "2024/2025"}, Tie(shoots_out_at_once=True)),
        ({"round": "Final", "season": "2024/2025"}, Tie()),
        ({"round": "Round 2", "season": "2017/2018", "kickoff": MARCH.replace(year=2018)}, Tie()),
        ({"round": "Semi-finals", "season": "2024/2025"}, None),  # its return match is not listed
        ({"round": "Semi-finals", "season": "2020/2021"}, Tie(shoots_out_at_once=True)),
        ({"round": "1", "season": "2000/2001", "kickoff": MARCH.replace(year=2001)}, None),
    ],
)
def test_the_league_cup_has_no_extra_time_before_its_final(changes, tie):
    """From 2018/19 on; two legs in the semi-finals."""
    assert ties_of([cup_match(competition="ENG-LC", **changes)]).get("first") == tie
    legs = (make(competition="ENG-LC", round="Semi-finals") for make in (cup_match, return_match))
    assert ties_of(legs)["first"] == Tie(is_first_leg=True, shoots_out_at_once=True)


@pytest.mark.parametrize(
    ("competition", "season", "titles", "found"),
    [
        ("ENG-2", "2024/2025", ("Promotion Play-offs - Semi-finals",) * 2, True),
        ("ENG-4", "2024/2025", ("Semi-finals, 1st leg", "Semi-finals, 2nd leg"), True),
        ("ENG-2", "1998/1999", ("Semi-finals", "Semi-finals"), False),
        ("GER-1", "2024/2025", ("Relegation", "Relegation"), True),
        ("GER-2", "2024/2025", ("Relegation Round, 1st leg", "Relegation Round, 2nd leg"), True),
        ("FRA-1", "2024/2025", ("Relegation", "Relegation"), True),
        ("FRA-1", "2018/2019", ("Relegation", "Relegation"), False),  # its rules are not told
        ("SCO-1", "2024/2025", ("Premiership Play-off, Final - 1st leg",) * 2, True),
        ("SCO-3", "2024/2025", ("Quarter-finals", "Quarter-finals"), True),
        ("SCO-1", "2024/2025", ("Relegation Round", "Relegation Round"), False),
        ("AUT-1", "2024/2025", ("Relegation Round", "Relegation Round"), False),  # a group
        ("GRE-1", "2024/2025", ("Play-offs, Semi-finals", "Play-offs, Semi-finals"), False),
        ("ENG-2", "2024/2025", ("Matchday 1", "Matchday 2"), False),
    ],
)
def test_play_offs_of_a_league_are_ties_where_its_rules_are_told(competition, season, titles, found):
    """Groups that are called play-offs are none."""
    first, second = titles
    league = {"competition": competition, "season": season, "is_cup": False}
    legs = cup_match(round=first, score=(2, 1), **league), return_match(round=second, **league)

    expected = {"first": Tie(is_first_leg=True), "second": Tie(first_leg=(1, 2))}
    assert ties_of(legs) == (expected if found else {})
    assert ties_of([cup_match(competition="ENG-2", round="Final", is_cup=False)]) == {"first": Tie()}


@pytest.mark.parametrize(
    ("competition", "season", "title", "legs", "tie"),
    [
        ("ITA-2", "2024/2025", "Promotion Play-offs - Preliminary Round", 1, AFTER_EXTRA_TIME),
        ("ITA-2", "2024/2025", "Promotion Play-offs - Semi-finals", 2, AT_ONCE),
        (
            "ITA-2",
            "2024/2025",
            "Promotion Play-offs - Semi-finals",
            1,
            None,
        ),  # its return match is not listed
        ("ITA-2", "2024/2025", "Promotion Play-offs - Final", 2, AT_ONCE),
        ("ITA-2", "2024/2025", "Relegation Play-offs", 2, AT_ONCE),
        ("ITA-2", "2018/2019", "Relegation Play-offs", 2, None),  # not told: it was struck off and restored
        ("ITA-2", "2024/2025", "Regular Season - 38", 1, None),
        ("ESP-2", "2024/2025", "Promotion Play-offs - Final", 2, AFTER_EXTRA_TIME),
        ("ESP-2", "2018/2019", "Semi-finals", 2, replace(AFTER_EXTRA_TIME, counts_away_goals=True)),
        ("ESP-2", "2020/2021", "Semi-finals", 2, None),  # its rules are not told
        ("ENG-5", "2024/2025", "Quarter-finals", 1, Tie()),
        ("ENG-5", "2024/2025", "Semi-finals", 1, Tie()),
        ("ENG-5", "2015/2016", "Semi-finals", 2, Tie()),
        ("ENG-5", "2015/2016", "Semi-finals", 1, None),
        ("ENG-5", "2024/2025", "Final", 1, Tie()),
    ],
)
def test_play_offs_in_which_the_better_place_may_decide(competition, season, title, legs, tie):
    """By `seasons.toml`: the side at home in the match that decides is the better placed."""
    league = {"competition": competition, "season": season, "is_cup": False, "round": title}
    listed = (cup_match(score=(2, 1), **league), return_match(**league))[:legs]

    expected = {} if tie is None else {"first": tie}
    if tie is not None and legs == 2:
        expected = {
            "first": replace(tie, is_first_leg=True),
            "second": replace(tie, first_leg=(1, 2)),
        }
    assert ties_of(listed) == expected


def test_the_better_placed_side_is_at_home_in_the_match_that_decides():
    """What `level_is_home` takes as given, of every told tie with two places of the league."""
    for competition in ("ENG-5", "ESP-2", "ITA-2"):
        for play_off in load_season_formats()[competition].play_offs:
            for tie in play_off.ties:
                if "placed" in tie.if_level or tie.if_level == "more_points":
                    home = tie.sides[tie.legs - 1]
                    places = [side for side in tie.sides if isinstance(side, int)]
                    assert tie.by_place or home == min(places)


def test_away_goals_counted_in_relegation_ties_until_2021():
    """By UEFA's rules."""
    league = {"competition": "GER-1", "season": "2020/2021", "round": "Relegation", "is_cup": False}
    legs = cup_match(score=(2, 1), **league), return_match(**league)

    assert ties_of(legs)["second"] == Tie(first_leg=(1, 2), counts_away_goals=True)


def test_all_ties_of_real_seasons_are_found(shared_data):
    """Champions League: two legs from the round of 16 on, and a final; in 2020 one from the last eight on."""
    folder = shared_data / "mirror" / "openfootball" / "football.json"
    for season in ("2018-19", "2019-20", "2024-25"):
        document = json.loads((folder / season / "uefa.cl.json").read_text(encoding="utf-8"))
        matches = [
            cup_match(
                str(number),
                season=f"{season[:4]}/20{season[-2:]}",
                round=row["round"],
                kickoff=dt.datetime.fromisoformat(f"{row['date']}T{row.get('time', '20:00')}:00+00:00"),
                home_team_id=row["team1"],
                away_team_id=row["team2"],
                score=tuple(row["score"].get("ft", (0, 0))),
            )
            for number, row in enumerate(document["matches"])
        ]
        ties = ties_of(matches)
        kinds = Counter(
            "first" if tie.is_first_leg else "second" if tie.first_leg is not None else "alone"
            for tie in ties.values()
        )

        assert (
            kinds
            == {
                "2018-19": {"first": 14, "second": 14, "alone": 1},
                "2019-20": {"first": 8, "second": 8, "alone": 7},
                "2024-25": {"first": 22, "second": 22, "alone": 1},
            }[season]
        )
