"""Trials at full size, for `make trial`: too long for every commit."""

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.ingest import measure
from soccer_assets.resources.database import Database
from soccer_assets.tables import match_raw
from tests.live import LiveHome

pytestmark = pytest.mark.trial

ROWS = 836_981
# The others are of a copied season.
MATCHES = ROWS - 240
GIBIBYTE_MB = 1024.0


def test_the_whole_archive_is_ingested_twice_and_exported(shared_data: Path, tmp_path: Path) -> None:
    """Every match once, in under 2 GiB, and a pass over unchanged data at least three times faster."""
    database = Database(f"sqlite:///{tmp_path}/soccer.db")
    archive = shared_data / "matches_1998_2025-06.parquet"
    found = measure(database, archive, tmp_path, dt.date(1998, 1, 1), dt.date(2025, 7, 1))

    assert found["matches"] == ROWS
    assert found["first pass / second pass"] > 3
    assert found["peak memory of this process, MB"] < 2 * GIBIBYTE_MB


def test_every_month_is_backfilled_as_the_page_does_it(shared_data: Path, tmp_path: Path) -> None:
    """330 months in 7 runs by a live daemon; every match of the archive is stored once."""
    home = LiveHome(
        tmp_path / "home",
        SOCCER_FEED="archive",
        SOCCER_FEED_URL=(shared_data / "matches_1998_2025-06.parquet").as_uri(),
        SOCCER_NOW="2025-06-30T23:59:00Z",
    )
    with home.code(), home.webserver(), home.daemon():
        months = home.months()
        backfill = home.launch_backfill(months)
        home.wait_until(lambda: home.backfill_status(backfill).startswith("COMPLETED"), 900)
        assert home.backfill_status(backfill) == "COMPLETED_SUCCESS"
        assert home.materialized() == len(months) == 330
    database = Database(home.settings.database_url)
    with database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(match_raw)).scalar_one() == MATCHES
