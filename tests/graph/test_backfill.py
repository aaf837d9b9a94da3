"""Backfills launched as the page launches them, by a live daemon: to the end, cancelled, resumed."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from soccer_assets.resources.database import Database
from soccer_assets.tables import match_raw
from tests.live import LiveHome

pytestmark = pytest.mark.slow

ENDED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "CANCELED", "FAILED"}


def _stored(home: LiveHome) -> set[str]:
    """The matches that are stored, none of them twice."""
    database = Database(home.settings.database_url)
    with database.reading() as connection:
        meetings = sa.select(match_raw.c.meeting + "|" + match_raw.c.season)
        found = connection.execute(meetings).scalars().all()
    database.engine.dispose()
    assert len(found) == len(set(found))
    return set(found)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHome]:
    """A home of 61 months under a live daemon and webserver; nothing runs but what a test launches."""
    home = LiveHome(
        tmp_path_factory.mktemp("backfill") / "home",
        SOCCER_LEAGUES="2",
        SOCCER_HISTORY_START="2019-11-01",
        SOCCER_NOW="2024-11-02T09:00:00Z",
    )
    with home.code(module="tests.stuck_month"), home.webserver(), home.daemon():
        yield home


def test_failed_and_missing_chooses_the_month_with_a_hole_alone(home: LiveHome) -> None:
    """A provider tells no results of a month: one run fails that month of 29, a backfill of it mends it."""
    (home.settings.home / "stuck").write_text("2023-10")
    months = home.months()[-29:]
    first = home.launch_backfill(months)
    home.wait_until(lambda: home.backfill_status(first) in ENDED)
    assert home.backfill_status(first) == "COMPLETED_FAILED", home.log
    assert home.runs_of(first) == ["FAILURE"]
    assert home.months_in("FAILED") == ["2023-10-01"]
    made = home.months_in("MATERIALIZED")
    assert made == [month for month in months if month != "2023-10-01"]
    stored = _stored(home)

    (home.settings.home / "stuck").unlink()
    chosen = home.launch_backfill([month for month in months if month not in made])
    home.wait_until(lambda: home.backfill_status(chosen) in ENDED)
    assert home.backfill_status(chosen) == "COMPLETED_SUCCESS", home.log
    assert home.months_in("FAILED") == []
    assert home.months_in("MATERIALIZED") == months
    assert _stored(home) == stored


def test_a_backfill_from_the_page_ends_cancels_and_resumes_beside_an_hourly_run(home: LiveHome) -> None:
    """All months in runs of 48; what a cancelled one stored is not doubled by the next."""
    months = home.months()
    assert months[0] == "2019-11-01"
    assert months[-1] == "2024-11-01"
    cancelled = home.launch_backfill(months)
    home.wait_until(lambda: bool(home.runs_of(cancelled)))
    home.cancel_backfill(cancelled)
    home.wait_until(lambda: home.backfill_status(cancelled) in ENDED)
    assert home.backfill_status(cancelled) == "CANCELED"

    resumed = home.launch_backfill(months)
    home.launch_from_page("refresh_hourly")
    home.wait_until(lambda: home.backfill_status(resumed) in ENDED)
    assert home.backfill_status(resumed) == "COMPLETED_SUCCESS", home.log
    assert home.runs_of(resumed) == ["SUCCESS"] * 2  # 61 months, 48 a run
    assert home.materialized() == len(months) == 61
    assert len(_stored(home)) > 3_000
