"""Seasons of an archive with the results of another competition, on both engines."""

import csv
import datetime as dt
import itertools
from pathlib import Path

import pytest
import sqlalchemy as sa

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.providers.archive.archive_feed import ArchiveFeed
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, rejected_row
from tests.feeds.providers.test_archive import ALL_TIME, NOW, PLAYED

CLUBS = ("Zenit", "Ural", "Ufa", "Rostov", "Tambov", "Sochi")
FIRST = dt.date(2019, 8, 1)
DIVISIONS = {1: "Premier League", 2: "First League"}


def season(tier: int, spelled: dict[str, str] | None = None, *, goals: int = 0) -> list[dict[str, str]]:
    """A double round robin of Russia, a match a day, with clubs spelled otherwise and other goals."""
    spelled = spelled or {}
    return [
        PLAYED
        | {
            "match_id": f"{tier}-{number:04}",
            "kickoff_utc": "",
            "date": (FIRST + dt.timedelta(days=number)).isoformat(),
            "country": "Russia",
            "competition": DIVISIONS[tier],
            "tier": str(tier),
            "season": "2019/2020",
            "home_team": spelled.get(home, home),
            "away_team": spelled.get(away, away),
            "home_goals": str(number % 3 + goals),
            "away_goals": str(number % 2),
            "ht_home_goals": "",
            "ht_away_goals": "",
        }
        for number, (home, away) in enumerate(itertools.permutations(CLUBS, 2))
    ]


def read(folder: Path, database: Database, rows: list[dict[str, str]]) -> tuple[dict[str, int], list[str]]:
    """Results that count by competition, and the reasons of rejected rows."""
    with (folder / "archive.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, PLAYED)
        writer.writeheader()
        writer.writerows(rows)
    feed = ArchiveFeed(str(folder / "archive.csv"), FileClient("SOCCER_FEED_URL", folder / "cache"))
    found = feed.fetch(ALL_TIME, FixedClock(NOW))
    store_raw(database, found, asset="a", source=feed.name, window=ALL_TIME, now=NOW)
    update_matches(database, feed.competitions(), NOW)
    with database.reading() as connection:
        counts = (
            sa.select(match.c.competition, sa.func.count())
            .where(match.c.status == "finished", match.c.quarantine.is_(None))
            .group_by(match.c.competition)
        )
        reasons = list(connection.execute(sa.select(rejected_row.c.reason)).scalars())
        return {row[0]: row[1] for row in connection.execute(counts)}, reasons


@pytest.mark.parametrize("is_copy_first", [True, False])
def test_a_lower_league_with_the_results_of_the_higher_one_is_rejected(
    tmp_path: Path, database: Database, *, is_copy_first: bool
) -> None:
    """All of its rows, also those that spell a club otherwise; the higher league's results count."""
    original, copy = season(1), season(2, {"Zenit": "Zenit St. Petersburg", "Ufa": "FK Ufa"})
    rows = copy + original if is_copy_first else original + copy
    counts, reasons = read(tmp_path, database, rows)
    assert counts == {"RUS-1": 30}
    assert len(reasons) == 30
    (reason,) = set(reasons)
    assert reason.startswith("the season has the results of Premier League (Russia), 12 of 30 alike; put")


@pytest.mark.parametrize(
    "lower",
    [
        season(2, {club: f"{club} II" for club in CLUBS}),  # other clubs with the same scores
        season(2, goals=1),  # the same fixtures with other scores, as of sides that play beside each other
        season(2)[:9] + season(2, {club: f"{club} II" for club in CLUBS})[9:],  # a few rows
    ],
)
def test_a_season_with_results_of_its_own_is_no_copy(
    tmp_path: Path, database: Database, lower: list[dict[str, str]]
) -> None:
    """No row is rejected; what one club played twice on a day is in quarantine as ever."""
    _, reasons = read(tmp_path, database, [*season(1), *lower])
    assert reasons == []
