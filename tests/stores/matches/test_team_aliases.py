"""Team names of a second feed, learned from the fixtures that both feeds provide."""

import datetime as dt

import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.football.first_half import FirstHalfShares
from soccer_assets.football.identity import mint_team_id
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.matches.team_aliases import learn_team_aliases
from soccer_assets.stores.matches.teams import split_team
from soccer_assets.stores.releases.directory import read_directory
from soccer_assets.tables import match
from tests.builders import COMPETITIONS, NOW, finished

CUP = {"TST-0": msgspec.structs.replace(COMPETITIONS["TST-1"], code="TST-0", tier=0)}
CATALOGUE = COMPETITIONS | CUP
OWNERS = {"TST-1": "first", "TST-2": "first", "TST-0": "second"}
WINDOW = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
UNITED, SHORT = (mint_team_id("Testland", "men", "senior", name) for name in ("Leeds United", "Leeds Utd"))
OPPONENTS = ("Derby", "Hull", "York", "Bury")
CUP_TIE = finished(
    "3-0",
    "2025-04-02T18:00:00Z",
    source="second",
    source_match_id="tie",
    competition="TST-0",
    home_team="Leeds Utd",
)


def rows_from(source: str, *homes: str) -> list[RawMatch]:
    """One home match a week of each named team, as a feed spells it, against the opponents in order."""
    return [
        finished(
            "1-0",
            f"2025-03-{1 + 7 * number:02}T15:00:00Z",
            source=source,
            source_match_id=f"{source}-{number}",
            home_team=home,
            away_team=OPPONENTS[number],
        )
        for number, home in enumerate(homes)
    ]


def ingest(database: Database, *rows: RawMatch) -> int:
    """Store and normalise rows of both feeds; returns how many aliases were learned."""
    for source in ("first", "second"):
        of_source = [row for row in rows if row.source == source]
        store_raw(database, of_source, asset="a", source=source, window=WINDOW, now=NOW)
    update_matches(database, CATALOGUE, NOW, OWNERS)
    learnt = learn_team_aliases(database, CATALOGUE, OWNERS, NOW)
    update_matches(database, CATALOGUE, NOW, OWNERS)
    return learnt


def home_of_the_cup_tie(database: Database) -> str:
    """The home team of the second feed's cup tie."""
    with database.reading() as connection:
        query = sa.select(match.c.home_team_id).where(match.c.competition == "TST-0")
        return str(connection.execute(query).scalar_one())


@pytest.mark.parametrize(
    ("by_first", "by_second", "is_learnt"),
    [
        (["Leeds United"] * 3, ["Leeds Utd"] * 3, True),
        (["Leeds United"] * 3, ["Leeds Utd"] * 2, False),
        (["Leeds United"] * 3 + ["Leeds City"], ["Leeds Utd"] * 4, False),
    ],
)
def test_a_cup_tie_of_the_second_feed_is_the_first_ones_team(
    database: Database, by_first: list[str], by_second: list[str], is_learnt: bool
) -> None:
    """Three league matches of both feeds identify the other spelling; two, or one contradiction, do not."""
    learnt = ingest(database, *rows_from("first", *by_first), *rows_from("second", *by_second), CUP_TIE)

    assert learnt == is_learnt
    assert home_of_the_cup_tie(database) == (UNITED if is_learnt else SHORT)
    assert learn_team_aliases(database, CATALOGUE, OWNERS, NOW) == 0


def test_a_name_that_is_no_team_becomes_another_name_of_the_team(database: Database) -> None:
    """Where the second feed's rows do not count, its spelling is stored and no team is made of it."""
    rows = [*rows_from("first", *["Leeds United"] * 3), *rows_from("second", *["Leeds Utd"] * 3)]

    assert ingest(database, *rows) == 1

    teams = {entry.id: entry for entry in read_directory(database, FirstHalfShares()).teams}
    assert teams[UNITED].aliases == ("leeds utd",)
    assert SHORT not in teams
    assert ingest(database, *rows) == 0


def test_what_was_split_by_hand_is_not_learnt_again(database: Database) -> None:
    """A split by hand overrides the fixtures."""
    ingest(
        database,
        *rows_from("first", *["Leeds United"] * 3),
        *rows_from("second", *["Leeds Utd"] * 3),
        CUP_TIE,
    )
    split_team(database, SHORT, NOW)

    assert ingest(database) == 0
    assert home_of_the_cup_tie(database) == SHORT
