"""Stored seasons with home and away exchanged, on both engines."""

import datetime as dt

import msgspec

from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.exchanged_sides import LOOK_BACK, exchanged_seasons
from tests.builders import NOW, finished
from tests.stores.matches.test_normalise import update

FIRST = dt.datetime(2025, 1, 1, 15, tzinfo=dt.UTC)


def season(competition: str = "TST-1") -> list[RawMatch]:
    """160 results of 160 pairs, three of four won by the side named second."""
    return [
        finished(
            "2-0" if number % 4 == 0 else "0-1",
            (FIRST + dt.timedelta(hours=12 * number)).isoformat(),
            source_match_id=f"{competition}-{number}",
            competition=competition,
            home_team=f"{competition} Host {number}",
            away_team=f"{competition} Guest {number}",
        )
        for number in range(160)
    ]


def test_an_exchanged_season_is_found_from_its_150th_result(database: Database) -> None:
    """Neither fewer results, nor matches on neutral ground, nor a season the right way round."""
    rows = season()
    neutral = [msgspec.structs.replace(row, neutral=True) for row in season("TST-2")]
    update(database, [*rows[:149], *neutral])
    assert exchanged_seasons(database, NOW) == []

    update(database, rows)
    (found,) = exchanged_seasons(database, NOW)
    assert (found.competition, found.season, found.source) == ("TST-1", "2024/2025", "fake")
    assert (found.results, found.home_wins, found.away_wins) == (160, 40, 120)
    assert exchanged_seasons(database, FIRST + dt.timedelta(days=10) + LOOK_BACK) == []
    assert exchanged_seasons(database, FIRST + LOOK_BACK) == [found]

    update(
        database,
        [msgspec.structs.replace(row, home_goals=row.away_goals, away_goals=row.home_goals) for row in rows],
    )
    assert exchanged_seasons(database, NOW) == []
