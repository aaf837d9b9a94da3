"""A result that a feed without statuses takes back is due, on both engines; without one it is postponed."""

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.feed_set import filter_competitions
from soccer_assets.feeds.protocol import assumes_postponed
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import missing_results
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match
from tests.builders import NOW
from tests.feeds.providers.test_football_data import Mirror

SEASON = Window(dt.date(2024, 8, 1), dt.date(2025, 6, 1))
DAY = dt.timedelta(days=1)
PLAYED = "E0,20/04/2025,14:00,Fulham,Chelsea,1,2,A"
EMPTY = "E0,20/04/2025,14:00,Fulham,Chelsea,,,"
NEVER = "E0,19/04/2025,14:00,Everton,Man City,,,"


def look(database: Database, folder: Path, row: str, now: dt.datetime) -> int:
    """A look at the file with a row and one that never had a score; the number of changed rows."""
    mirror = Mirror(folder)
    mirror.write("mmz4281/2425/E0.csv", "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR", row, NEVER)
    feed = filter_competitions(mirror.feed(), ["ENG-1"])
    rows = feed.fetch(SEASON, FixedClock(now))
    counts = store_raw(
        database,
        rows,
        asset="livescores/window",
        source=feed.name,
        window=SEASON,
        now=now,
        assumes_postponed=assumes_postponed(feed),
    )
    update_matches(database, load_competitions(), now)
    return counts.changed


@pytest.mark.parametrize("called_off", ["", "P-P"])
def test_a_score_that_is_gone_in_a_later_look_is_due_until_it_is_back(
    database: Database, tmp_path: Path, called_off: str
) -> None:
    """It was played; further looks without the score leave it so, and the score settles it again."""
    taken_back = EMPTY.replace(",,,", f",{called_off},,")
    found = {}
    for number, row in enumerate([PLAYED, taken_back, taken_back, PLAYED]):
        now = NOW + number * DAY
        changed = look(database, tmp_path, row, now)
        with database.reading() as connection:
            statuses = connection.execute(sa.select(match.c.status).order_by(match.c.kickoff)).scalars().all()
        due = missing_results(database, ["football-data"], dt.timedelta(days=3), now)
        found[number] = (statuses, due.matches, changed)

    assert found == {
        0: (["postponed", "finished"], 0, 0),
        1: (["postponed", "scheduled"], 1, 1),
        2: (["postponed", "scheduled"], 1, 0),
        3: (["postponed", "finished"], 0, 1),
    }
