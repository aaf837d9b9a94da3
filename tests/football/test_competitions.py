"""The catalogue of competitions and its calendar."""

import csv
import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from soccer_assets.football import competitions
from soccer_assets.football.competitions import club_of, load_competitions, season_of

DIVISIONS = "E0 E1 E2 E3 EC SC0 SC1 SC2 SC3 D1 D2 I1 I2 SP1 SP2 F1 F2 N1 B1 P1 T1 G1".split()  # noqa: SIM905 as the provider lists them
EXTRA_LEAGUES = "ARG AUT BRA CHN DNK FIN IRL JPN MEX NOR POL ROU RUS SWE SWZ USA".split()  # noqa: SIM905 as the provider lists them


def test_catalogue_has_the_38_leagues():
    """Every division and extra league of football-data.co.uk is a league of the catalogue, once."""
    leagues = [c for c in load_competitions().values() if c.tier > 0 and "football-data" in c.feeds]
    names = [league.feeds["football-data"].split("/")[0] for league in leagues]

    assert Counter(names) == Counter(DIVISIONS + EXTRA_LEAGUES)


def test_tiers_of_a_country_have_no_gap():
    """A country's leagues are its tiers 1, 2, 3 ..., each once."""
    tiers: dict[str, list[int]] = {}
    for competition in load_competitions().values():
        if competition.tier:
            tiers.setdefault(competition.country, []).append(competition.tier)

    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in tiers.values())
    assert len(tiers["England"]) == 5


def test_time_zones_exist():
    """Every competition's days are counted in a zone that exists."""
    for competition in load_competitions().values():
        assert ZoneInfo(competition.time_zone).key == competition.time_zone


def test_code_is_the_key():
    """A competition is found under its own code."""
    assert all(code == competition.code for code, competition in load_competitions().items())
    assert load_competitions()["ENG-1"].name == "Premier League"


@pytest.mark.parametrize(
    ("code", "day", "season"),
    [
        ("ENG-1", "2025-05-25", "2024/2025"),
        ("ENG-1", "2025-06-30", "2024/2025"),
        ("ENG-1", "2025-07-01", "2025/2026"),
        ("ENG-1", "1999-12-31", "1999/2000"),
        ("ENG-1", "2020-07-26", "2019/2020"),
        ("ITA-1", "2020-08-02", "2019/2020"),
        ("BEL-1", "2020-08-08", "2020/2021"),
        ("BRA-1", "2024-01-01", "2024"),
        ("BRA-1", "2024-12-31", "2024"),
    ],
)
def test_season_of_a_day(code, day, season):
    """Autumn seasons turn on 1 July (8 August in 2020), the others on 1 January."""
    assert season_of(load_competitions()[code], dt.date.fromisoformat(day)) == season


def test_broken_block_is_named():
    """A block with an unknown calendar is refused with its code."""
    with pytest.raises(ValueError, match=r"\[XXX-1\].*calendar"):
        competitions._competition(
            "XXX-1", {"name": "X", "country": "X", "tier": 1, "time_zone": "UTC", "calendar": "spring"}
        )


def test_calendar_agrees_with_the_provider(shared_data):
    """The calendar finds the season that football-data.co.uk writes on its rows, outside the year 2020."""
    folder = shared_data / "mirror" / "www.football-data.co.uk" / "new"
    rows = wrong = 0
    for competition in load_competitions().values():
        file, _, league = competition.feeds.get("football-data", "").partition("/")
        if not league or competition.country == "Argentina":  # Argentina has changed its calendar four times
            continue
        with (folder / f"{file}.csv").open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                day = dt.datetime.strptime(row["Date"], "%d/%m/%Y").replace(tzinfo=dt.UTC).date()
                rows += 1
                wrong += season_of(competition, day) != row["Season"]

    # Mostly Brazil's and China's seasons 2020 and 2021, which ran into the next year: 133 rows.
    assert rows > 50_000
    assert wrong / rows < 0.004


@pytest.mark.parametrize(
    ("name", "code", "club"),
    [
        ("Arsenal FC (ENG)", "UEFA-CL", ("Arsenal FC", "England")),
        ("AS Monaco FC (MCO)", "UEFA-CL", ("AS Monaco FC", "France")),
        ("FK Partizan (SRB)", "UEFA-CL", ("FK Partizan (SRB)", "International")),
        ("Arsenal FC", "UEFA-CL", ("Arsenal FC", "International")),
        ("Legends (ENG)", "ENG-1", ("Legends (ENG)", "England")),
        ("England (ENG)", "FIFA-WC", ("England (ENG)", "International")),
    ],
)
def test_club_of_an_international_cup_is_of_the_country_its_name_tells(name, code, club):
    """Only a club, only in an international cup, and only a country that the catalogue has leagues of."""
    assert club_of(name, load_competitions()[code]) == club


def test_a_competition_outside_the_catalogue_has_the_pool_that_its_name_tells():
    """Women's, reserve and youth sides of one name are other teams."""
    found = competitions.uncatalogued(
        "England", "FA Women's Cup U21", tier=1, calendar="autumn", squad="first", feed="archive"
    )
    assert str(found.pool) == "England|women|u21"
