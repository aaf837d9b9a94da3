"""Which side of a club the name of a competition or of a club tells."""

import pytest

from soccer_assets.football.club_sides import name_in_pool, side_of_club, side_of_competition

LEAGUES_OF_WOMEN = (
    *("Superliga žen", "Naiste Meistriliiga", "Besta deild kvenna", "1. deild kvinnur", "Női NB I"),
    *(
        "Moterų A lyga",
        "Sieviešu līga",
        "Zhenskaya Superliga",
        "Ligat Nashim",
        "Cwpan Merched",
        "Copa de la Reina",
    ),
    *("Primera Iberdrola", "D1 Arkema", "Liga BPI", "Kansallinen Liiga", "Elitettan", "Super League W"),
    "Serie A (F)",
)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("Premier League", ("men", "senior", "first")),
        ("2. Bundesliga", ("men", "senior", "first")),
        ("Women's Super League", ("women", "senior", "first")),
        ("Women\u2019s Super League", ("women", "senior", "first")),
        ("Premier League (W)", ("women", "senior", "first")),
        ("Frauen-Bundesliga", ("women", "senior", "first")),
        ("Division 1 Féminine", ("women", "senior", "first")),
        ("Serie A Femminile", ("women", "senior", "first")),
        ("Liga MX Femenil", ("women", "senior", "first")),
        ("1. Division Kvinder", ("women", "senior", "first")),
        ("Kad\u0131nlar 1. Lig", ("women", "senior", "first")),
        *((name, ("women", "senior", "first")) for name in LEAGUES_OF_WOMEN),
        ("Vysshaya Liga", ("men", "senior", "first")),
        ("B-Juniorinnen-Bundesliga", ("women", "youth", "first")),
        ("A-Junioren-Bundesliga", ("men", "youth", "first")),
        ("Mladinska liga", ("men", "youth", "first")),
        ("Premier League 2", ("men", "senior", "reserve")),
        ("Reserve League", ("men", "senior", "reserve")),
        ("Torneo de Reserva", ("men", "senior", "reserve")),
        ("Eredivisie Beloften", ("men", "senior", "reserve")),
        ("Reserveligaen", ("men", "senior", "reserve")),
        ("U21 Championship", ("men", "u21", "first")),
        ("Under 19 Bundesliga", ("men", "u19", "first")),
        ("Brasileiro Feminino Sub-20", ("women", "u20", "first")),
        ("Primavera 1", ("men", "youth", "first")),
        ("División de Honor Juvenil", ("men", "youth", "first")),
    ],
)
def test_a_competitions_name_tells_the_side_of_its_entrants(name: str, side: tuple[str, str, str]) -> None:
    """Sex, age group and squad."""
    assert side_of_competition(name) == side


@pytest.mark.parametrize(
    ("name", "side", "club"),
    [
        ("Arsenal W", "women", "arsenal"),
        ("Arsenal (W)", "women", "arsenal"),
        ("Arsenal Women FC", "women", "arsenal fc"),
        ("Real Madrid Femenino", "women", "real madrid"),
        ("OL Féminin", "women", "ol"),
        ("Tigres Femenil", "women", "tigres"),
        ("FC Bayern Frauen", "women", "fc bayern"),
        ("Rosenborg Kvinner", "women", "rosenborg"),
        ("Barcelona B", "second", "barcelona"),
        ("Bayern München II", "second", "bayern munchen"),
        ("Bayern (II)", "second", "bayern"),
        ("Spartak-2 Moscow", "second", "spartak- moscow"),
        ("Zenit 2", "second", "zenit"),
        ("Jong Ajax", "second", "ajax"),
        ("Arsenal Reserves", "second", "arsenal"),
        ("Boca Juniors (R)", "second", "boca juniors"),
        ("Juventus Next Gen", "second", "juventus"),
        ("Real Madrid Castilla", "second", "real madrid"),
        ("Sevilla Atlético", "second", "sevilla"),
        ("Real Sociedad C", "third", "real sociedad"),
        ("Ajax U19", "u19", "ajax"),
        ("Flamengo Sub-20", "u20", "flamengo"),
        ("Brighton U21s", "u21", "brighton"),
        ("Shakhtar U-21", "u21", "shakhtar"),
    ],
)
def test_a_clubs_name_tells_its_side(name: str, side: str, club: str) -> None:
    """Each kind of mark, and the name without it."""
    assert side_of_club(name) == ({side}, club)


@pytest.mark.parametrize(
    "name",
    [
        *("Willem II Tilburg", "C. Palace", "B. Dortmund", "Dalian Yifang F.C.", "Sportivo 2 de Mayo"),
        *("Schalke 04", "1. FC Köln", "Boca Juniors", "Atlético Madrid", "VfL Bochum 1848"),
    ],
)
def test_first_teams_have_no_mark(name: str) -> None:
    """Letters and numbers that are a part of the club's own name."""
    assert side_of_club(name)[0] == frozenset()


def test_two_marks_are_two_sides() -> None:
    """The second team of women is another one than the second of men."""
    assert side_of_club("FC Barcelona Femení B") == ({"women", "second"}, "fc barcelona")


@pytest.mark.parametrize(
    ("name", "pool", "known_as"),
    [
        ("Chelsea W", ("women", "senior", "first"), "chelsea"),
        ("Chelsea (W)", ("women", "senior", "first"), "chelsea"),
        ("Fulham Women FC", ("women", "senior", "first"), "fulham"),
        ("AFC Fulham WFC", ("women", "senior", "first"), "fulham"),
        ("Fulham FC", ("women", "senior", "first"), "fulham"),
        ("Fulham FC U21", ("men", "senior", "reserve"), "fulham"),
        ("Fulham FC", ("men", "senior", "first"), "fulham fc"),
        ("FC", ("women", "senior", "first"), "fc"),
        ("Chelsea W", ("men", "senior", "first"), "chelsea w"),
        ("Chelsea U18", ("men", "u18", "first"), "chelsea"),
        ("Chelsea Youth", ("men", "u18", "first"), "chelsea"),
        ("Chelsea U21", ("men", "u18", "first"), "chelsea u21"),
        ("Chelsea U19", ("men", "youth", "first"), "chelsea"),
        ("Chelsea U21", ("men", "senior", "reserve"), "chelsea"),
        ("Chelsea Reserves", ("men", "senior", "reserve"), "chelsea"),
        ("Chelsea II", ("men", "senior", "first"), "chelsea ii"),
        ("Barcelona Femen\u00ed B", ("women", "senior", "first"), "barcelona femeni b"),
        ("Germany Women", ("women", "senior", "national"), "germany"),
        ("England U21", ("men", "senior", "national"), "england u21"),
    ],
)
def test_what_all_names_of_a_pool_share_tells_no_team_apart(
    name: str, pool: tuple[str, str, str], known_as: str
) -> None:
    """The mark of the pool itself is left out; any other one is a part of the name."""
    assert name_in_pool(name, *pool) == known_as
