"""A provider's own id decides which team is meant, in every competition and however it is spelled."""

import itertools

import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, team
from tests.builders import COMPETITIONS, NOW, finished
from tests.stores.matches.test_normalise import APRIL

LEAGUE = msgspec.structs.replace(COMPETITIONS["TST-1"], country="England")
CUP = msgspec.structs.replace(COMPETITIONS["TST-2"], country="International", tier=0)
WOMEN = msgspec.structs.replace(LEAGUE, code="TST-W", sex="women", name="Women's League")
PLACES = {"TST-1": LEAGUE, "TST-2": CUP, "TST-W": WOMEN}

IN_LEAGUE = finished("1-0", team_ids=("42", "7"))
IN_CUP = finished(
    "2-2",
    "2025-04-23T19:00:00Z",
    source_match_id="m2",
    competition="TST-2",
    home_team="Leeds United",
    away_team="Kyiv",
    team_ids=("42", "99"),
)
RESPELLED = finished(
    "0-3",
    "2025-04-27T14:00:00Z",
    source_match_id="m3",
    home_team="Derby County",
    away_team="LUFC",
    team_ids=("7", "42"),
)


def pass_over(database: Database, rows: list[RawMatch], window: Window = APRIL) -> None:
    """Store rows and bring the matches up to date."""
    store_raw(database, iter(rows), asset="livescores/recent", source="fake", window=window, now=NOW)
    update_matches(database, PLACES, NOW)


def teams_of(database: Database) -> dict[str, tuple[str, str]]:
    """Home and away team by the provider's id of the match."""
    with database.reading() as connection:
        query = sa.select(match.c.source_match_id, match.c.home_team_id, match.c.away_team_id)
        return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


@pytest.mark.parametrize("order", list(itertools.permutations([IN_LEAGUE, IN_CUP, RESPELLED])))
@pytest.mark.parametrize("is_split", [False, True])
def test_one_id_is_one_team_whatever_comes_first(
    sqlite_database: Database, order: tuple[RawMatch, ...], is_split: bool
) -> None:
    """League, European cup and another spelling, in any order, at once or apart: one club of England."""
    for rows in [[row] for row in order] if is_split else [list(order)]:
        pass_over(sqlite_database, rows)

    found = teams_of(sqlite_database)
    leeds, derby = found["m1"]
    assert found == {"m1": (leeds, derby), "m2": (leeds, found["m2"][1]), "m3": (derby, leeds)}
    with sqlite_database.reading() as connection:
        country = connection.execute(sa.select(team.c.country).where(team.c.team_id == leeds)).scalar_one()
    assert country == "England"


def test_a_womens_side_with_the_clubs_id_is_another_team(database: Database) -> None:
    """Providers that give a club's sides one id still mean two teams."""
    women = finished(
        "3-1", "2025-04-22T18:00:00Z", source_match_id="m4", competition="TST-W", team_ids=("42", "7")
    )
    pass_over(database, [IN_LEAGUE, women])

    found = teams_of(database)
    assert not set(found["m1"]) & set(found["m4"])


def test_rows_without_ids_go_by_name_as_before(database: Database) -> None:
    """A provider without ids of teams is placed by name within the country."""
    plain = msgspec.structs.replace(RESPELLED, team_ids=msgspec.UNSET)
    pass_over(database, [IN_LEAGUE, plain])

    found = teams_of(database)
    assert not set(found["m1"]) & set(found["m3"])


def test_an_id_under_which_two_clubs_play_on_one_day_identifies_neither(database: Database) -> None:
    """The id and the name together do, in league and cup alike."""
    day = "2025-04-20T14:00:00Z"
    rows = [
        finished("1-0", day, source_match_id="a", home_team="Leeds", away_team="Derby", team_ids=("1", "2")),
        finished("1-0", day, source_match_id="b", home_team="Hull", away_team="York", team_ids=("1", "2")),
        finished(
            "2-0",
            "2025-04-23T19:00:00Z",
            source_match_id="c",
            competition="TST-2",
            home_team="Hull",
            away_team="Kyiv",
            team_ids=("1", "99"),
        ),
    ]
    pass_over(database, rows)
    pass_over(database, rows)

    found = teams_of(database)
    assert len({*found["a"], *found["b"]}) == 4
    assert found["c"][0] == found["b"][0]
