"""Which side is at home: finals of one leg, tournaments and their hosts, clubs abroad, feeds' own flags."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.football.competitions import Competition, load_competitions, uncatalogued
from soccer_assets.football.neutral_grounds import (
    AT_HOME,
    FLAG,
    Ground,
    ground_of,
    ruled_competitions,
    stage_of,
    titles_of,
)

HOME, NEUTRAL, AWAY = "home", "neutral", "away"


def place_of(name: str) -> Competition:
    """A competition of the catalogue by its code, or an international one outside it by its name."""
    return load_competitions().get(name) or uncatalogued(
        "International", name, tier=0, calendar="year", squad="first", feed="archive"
    )


def side(ground: Ground) -> str:
    """Who is at home."""
    return NEUTRAL if ground.is_neutral else AWAY if ground.away_is_host else HOME


def decide(competition: str, day: str, home: str, away: str, title: str = "", **told: object) -> str:
    """Who is at home in a match whose round has that title."""
    return side(
        ground_of(
            place_of(competition), dt.date.fromisoformat(day), home, away, stage=stage_of(title), **told
        )
    )


@pytest.mark.parametrize(
    ("title", "stage"),
    [
        *((title, "final") for title in ("Final", "FINAL", "Finale", "Endspiel", "Finals, Final", "f")),
        *(
            (title, "final")
            for title in ("Promotion Play-offs - Final", "Final Replay", "FA Cup Final", "2023-mls-cup-final")
        ),
        *((title, "final") for title in ("promotion-playoffs-final", "Play-off Final", "Playoffs, Final")),
        *((title, "semi-final") for title in ("Semi-finals", "SEMI_FINALS", "Halbfinale", "semi", "s")),
        *((title, "semi-final") for title in ("Finals, Semifinals", "1/2-finals", "Semi-finals Replays")),
        *((title, "quarter-final") for title in ("QUARTER_FINALS", "Quarterfinals", "Viertelfinale")),
        *((title, "third place") for title in ("3rd Place Final", "THIRD_PLACE", "Spiel um Platz 3")),
        *((title, "preliminary") for title in ("PRELIMINARY_FINAL", "Preliminary Semi-finals")),
        *((title, "qualification") for title in ("1st Qualifying Round", "QUALIFICATION_ROUND_2")),
        *((title, "") for title in ("Final, 1st leg", "Final - 2nd Leg", "Finale (Hinspiel)", "Ida, Final")),
        *((title, "") for title in ("Relegation, Final", "Playout, Final", "Elimination Final")),
        *(
            (title, "")
            for title in (
                "8th Finals",
                "Round of 16",
                "Group F",
                "League F",
                "Group S",
                "Matchday 5",
                "12",
                "",
                "Finals",
            )
        ),
    ],
)
def test_a_stage_is_known_under_the_names_that_feeds_give_it(title, stage):
    """Case, language and layout differ; a leg, a relegation and a round of many are no final."""
    assert stage_of(title) == stage


@pytest.mark.parametrize(
    ("competition", "day", "expected"),
    [
        ("FIFA-WC", "2025-11-16", HOME),  # qualification
        ("UEFA-EURO", "2024-03-26", HOME),  # a final of its play-offs
        ("UEFA-EURO", "2024-07-15", NEUTRAL),  # the final, in another time zone
        ("UEFA-EURO", "2032-07-01", NEUTRAL),  # nobody knows when and where
    ],
)
def test_between_its_editions_a_tournament_is_its_qualification(competition, day, expected):
    """Where no title says so either."""
    assert decide(competition, day, "Wales", "Poland", "Play-off, Final") == expected
    assert decide(competition, day, "Wales", "Poland") == expected


def test_the_first_title_that_tells_a_stage_counts():
    """A matchday in the round does not hide the stage of the payload, and a leg anywhere tells of two."""
    payload = {"stage": "FINAL", "season": {"year": 2024, "slug": "final"}}

    assert titles_of("1", payload) == ("1", "FINAL", "final")
    assert stage_of(*titles_of("1", payload)) == "final"
    assert stage_of("Final", "UEFA Cup, 2nd Leg") == ""


@pytest.mark.parametrize(
    ("competition", "day", "title", "at_home"),
    [
        ("UEFA-CL", "2025-05-31", "FINAL", NEUTRAL),
        ("UEFA-CL", "2025-05-07", "SEMI_FINALS", HOME),
        ("UEFA-CL", "2031-05-24", "Final", NEUTRAL),
        ("UEFA-CL", "2019-06-01", "", NEUTRAL),
        ("UEFA-CL", "2019-06-02", "", HOME),
        ("UEFA-EL", "1997-05-21", "Final", HOME),
        ("UEFA-EL", "1998-05-06", "Final", NEUTRAL),
        ("UEFA Super Cup", "1998-01-08", "", HOME),
        ("UEFA Super Cup", "1998-08-28", "", NEUTRAL),
        ("Copa Libertadores", "2018-11-24", "Final", HOME),
        ("Copa Libertadores", "2019-11-23", "Final", NEUTRAL),
        ("Copa Libertadores", "2023-11-04", "Semi-finals", HOME),
        ("ENG-CUP", "1999-04-14", "Semi-finals Replays", NEUTRAL),
        ("ENG-CUP", "2025-04-26", "Semi-finals", NEUTRAL),
        ("ENG-CUP", "2025-03-29", "Quarter-finals", HOME),
        ("ENG-LC", "2025-02-05", "Semi-finals", HOME),
        ("ENG-LC", "2025-03-16", "Final", NEUTRAL),
        ("GER-CUP", "2020-07-04", "Finale", NEUTRAL),
        ("GER-CUP", "2020-06-09", "Halbfinale", HOME),
        ("AUT-CUP", "2021-05-01", "Final", NEUTRAL),
        ("ENG-2", "2025-05-24", "Promotion Play-offs - Final", NEUTRAL),
        ("ENG-2", "2025-05-24", "Finals, Final", NEUTRAL),
        ("ENG-2", "2025-05-12", "Promotion Play-offs - Semi-finals", HOME),
        ("ENG-2", "2025-05-24", "", NEUTRAL),
        ("ENG-3", "2025-05-24", "", HOME),
        ("ENG-5", "2025-06-01", "", NEUTRAL),
        ("ENG-5", "2025-05-27", "", HOME),
        ("ENG-1", "2025-05-24", "Final", HOME),
        ("MEX-1", "2024-12-15", "Apertura - Final", HOME),
        ("GER-1", "2025-05-26", "Relegation - Final", HOME),
        ("UEFA-CL", "2020-08-13", "QUARTER_FINALS", NEUTRAL),
        ("UEFA-CL", "2020-08-08", "LAST_16", HOME),
        ("UEFA-CL", "2021-08-13", "QUARTER_FINALS", HOME),
        ("UEFA-EL", "2020-08-10", "Quarter-finals", NEUTRAL),
        ("USA-1", "2020-07-14", "", NEUTRAL),
        ("USA-1", "2020-08-13", "", HOME),
        ("CHN-1", "2020-09-01", "", NEUTRAL),
        ("ARG-1", "2022-05-22", "", NEUTRAL),
        ("ARG-1", "2022-05-23", "", HOME),
        ("AUS-1", "2020-08-01", "", NEUTRAL),
        ("CHN-1", "2019-09-01", "", HOME),
    ],
)
def test_one_leg_finals_and_bubbles_are_neutral_and_two_legs_are_not(competition, day, title, at_home):
    """By competition, day and stage."""
    assert decide(competition, day, "Ashford", "Birchwood", title) == at_home


@pytest.mark.parametrize(
    ("competition", "day", "home", "away", "title", "at_home"),
    [
        ("FIFA-WC", "2018-06-14", "Russia", "Saudi Arabia", "GROUP_STAGE", HOME),
        ("FIFA-WC", "2018-07-01", "Spain", "Russia", "LAST_16", AWAY),
        ("FIFA-WC", "2018-07-15", "France", "Croatia", "FINAL", NEUTRAL),
        ("FIFA-WC", "2002-06-10", "Korea Republic", "USA", "Group Stage - 2", HOME),
        ("FIFA-WC", "2026-06-12", "USA", "Paraguay", "Group Stage - 1", HOME),
        ("FIFA-WC", "2026-06-25", "Türkiye", "United States", "Group Stage - 3", AWAY),
        ("FIFA-WC", "2034-06-25", "Chile", "Japan", "Group Stage - 3", NEUTRAL),
        ("FIFA-WC", "2021-09-02", "Spain", "Sweden", "QUALIFICATION", HOME),
        ("FIFA World Cup qualification", "2018-06-14", "Spain", "Sweden", "", HOME),
        ("Friendly", "2018-06-14", "Spain", "Russia", "", HOME),
        ("UEFA-EURO", "2021-07-11", "Italy", "England", "FINAL", AWAY),
        ("UEFA-EURO", "2021-07-03", "Ukraine", "England", "QUARTER_FINALS", NEUTRAL),
        ("UEFA-EURO", "2021-06-21", "Russia", "Denmark", "GROUP_STAGE", AWAY),
        ("UEFA-EURO", "2000-06-19", "Netherlands", "Belgium", "", NEUTRAL),
        ("African Cup of Nations", "2024-01-13", "Côte d'Ivoire", "Guinea-Bissau", "Group A", HOME),
        ("FIFA Club World Cup", "2018-12-22", "Real Madrid", "Al Ain FC", "", AWAY),
        ("CHN-1", "2020-08-05", "Shenzhen", "Dalian Pro", "", AWAY),
        ("CHN-1", "2021-12-20", "Guangzhou FC", "Hebei", "", NEUTRAL),
    ],
)
def test_tournaments_are_neutral_for_all_but_the_hosts(competition, day, home, away, title, at_home):
    """A host named second is at home; two hosts against each other are not; qualifiers are no tournament."""
    assert decide(competition, day, home, away, title) == at_home


def test_of_two_hosts_the_one_whose_country_is_told_is_at_home():
    """Mexico is no host in Los Angeles."""
    match = ("FIFA-WC", "2026-06-28", "Mexico", "South Korea", "LAST_32")
    both = ("FIFA-WC", "2026-07-19", "Mexico", "USA", "FINAL")

    assert (decide(*match), decide(*match, country="Mexico"), decide(*match, country="USA")) == (
        HOME,
        HOME,
        NEUTRAL,
    )
    assert (decide(*both), decide(*both, country="USA")) == (NEUTRAL, AWAY)


@pytest.mark.parametrize(
    ("competition", "day", "home", "at_home"),
    [
        ("UEFA-CL", "2023-10-25", "Shakhtar Donetsk", NEUTRAL),
        ("UEFA-CL", "2024-10-02", "FK Shakhtar Donetsk (UKR)", NEUTRAL),
        ("UEFA-EL", "2024-11-07", "FK Irgendwo (UKR)", NEUTRAL),
        ("UEFA-CL", "2021-10-19", "Shakhtar Donetsk", HOME),
        ("UEFA-EL", "2024-11-28", "Maccabi Tel Aviv", NEUTRAL),
        ("UEFA-EL", "2015-11-05", "Maccabi Tel Aviv", HOME),
        ("UEFA-CL", "2021-02-16", "RB Leipzig", HOME),
        ("USA-1", "2020-10-14", "Toronto FC", NEUTRAL),
        ("USA-1", "2022-10-02", "Toronto FC", HOME),
    ],
)
def test_a_club_that_plays_abroad_is_not_at_home_and_its_opponents_are(competition, day, home, at_home):
    """By club and season; away from home the other side is at home as ever."""
    assert decide(competition, day, home, "Ashford") == at_home
    assert decide(competition, day, "Ashford", home) == HOME


def test_a_meeting_moved_abroad_is_neutral_in_both_legs():
    """Leipzig and Liverpool met twice in Budapest."""
    assert decide("UEFA-CL", "2021-02-16", "RB Leipzig", "Liverpool FC") == NEUTRAL
    assert decide("UEFA-CL", "2021-03-10", "Liverpool", "RB Leipzig") == NEUTRAL


def test_the_feeds_own_flag_wins():
    """Told neutral, a match is; told not to be, no final is, and a host named second is at home."""
    final = ("UEFA-CL", "2025-05-31", "Ashford", "Birchwood", "Final")
    host = ("FIFA-WC", "2018-07-01", "Spain", "Russia", "Round of 16")

    assert (decide(*final, flag=True), decide(*final, flag=False)) == (NEUTRAL, HOME)
    assert (decide(*host, flag=True), decide(*host, flag=False)) == (NEUTRAL, AWAY)
    league = ground_of(place_of("ENG-1"), dt.date(2025, 1, 1), "Ashford", "Birchwood", flag=True)
    assert league == Ground(is_neutral=True, rule=FLAG)


TITLES = st.sampled_from(("", "Final", "SEMI_FINALS", "Group A", "Final, 2nd leg", "QUALIFICATION"))
TEAMS = st.sampled_from(
    ("Russia", "Spain", "USA", "Mexico", "England", "Italy", "Benfica", "Al Ain", "Ashford", "Birchwood")
)
DAYS = st.one_of(
    st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)),
    st.sampled_from((dt.date(2018, 7, 1), dt.date(2021, 7, 11), dt.date(2020, 8, 13), dt.date(2026, 6, 20))),
)


@given(
    code=st.sampled_from(sorted(ruled_competitions() & load_competitions().keys())),
    day=DAYS,
    home=TEAMS,
    away=TEAMS,
    title=TITLES,
    flag=st.sampled_from((None, True)),
)
def test_exchanged_sides_exchange_the_host(code, day, home, away, title, flag):
    """Where no side is at home by being named first, the order of the names changes nothing."""
    one, other = (
        ground_of(load_competitions()[code], day, *sides, stage=stage_of(title), flag=flag)
        for sides in ((home, away), (away, home))
    )

    assert one.is_neutral == other.is_neutral
    assert not (one.is_neutral and one.away_is_host)
    if one.away_is_host:
        assert not other.away_is_host
        assert not other.is_neutral


def test_without_a_rule_the_first_side_is_at_home():
    """A league's match, and the qualifiers of every tournament."""
    assert ground_of(place_of("GER-1"), dt.date(2025, 1, 1), "Ashford", "Birchwood") == AT_HOME
    assert not {code for code in ruled_competitions() if "QUALIF" in code or "FRIENDLY" in code}


def test_a_mistake_in_the_data_names_its_field(monkeypatch):
    """A key that is misspelled is refused, not passed over."""
    from soccer_assets.football import neutral_grounds  # noqa: PLC0415 - only its data is replaced

    monkeypatch.setattr(
        neutral_grounds,
        "_text",
        lambda: b'same=[]\ntournament=[]\n[[rule]]\ncompetitions=["X"]\nwhy="x"\nsource="x"\nstage=["final"]',
    )

    with pytest.raises(ValueError, match=r"neutral_grounds\.toml.*stage"):
        neutral_grounds._data.__wrapped__()
