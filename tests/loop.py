"""A home whose feed is late with two results: what the loop does when they arrive is what tests look at."""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec

from soccer_assets.clock import isoformat
from soccer_assets.football.identity import mint_match_id
from soccer_assets.run import run_job
from tests.live import LiveHome
from tests.toy_archive import Row, rows_until, write_archive

# A Saturday: the home is built in the morning, and by night the day's matches are over.
MORNING = dt.datetime(2025, 3, 1, 9, tzinfo=dt.UTC)
NIGHT = dt.datetime(2025, 3, 1, 23, tzinfo=dt.UTC)
_LATE = 2
_SCHEDULED_TAG = ".dagster/scheduled_execution_time"


class Loop:
    """Such a home, built up to its first release."""

    def __init__(self, folder: Path, *, dagster_url: str = "", **environ: str) -> None:
        self._archive = folder / "matches.csv"
        self._rows = rows_until(NIGHT.date() + dt.timedelta(days=21))
        # Results against the order of strength, so that Elo moves.
        played = [row for row in self._rows if row["date"] == str(NIGHT.date())]
        self.late = played[:_LATE]
        for row in self.late:
            is_home_win = row["home_goals"] > row["away_goals"]
            row.update(home_goals=0 if is_home_win else 4, away_goals=4 if is_home_win else 0)
        self.tell(_LATE)
        self.home = LiveHome(
            folder / "home",
            dagster_url=dagster_url,
            SOCCER_FEED="archive",
            SOCCER_FEED_URL=str(self._archive),
            SOCCER_NOW=isoformat(NIGHT),
            SOCCER_FIRST_BUILD_MONTHS="7",
            SOCCER_POLL_SECONDS="0.5",
            **environ,
        )
        morning = msgspec.structs.replace(self.home.settings, now=MORNING)
        with self.home.instance as instance:
            outcome = run_job(morning, instance, "build_everything", lambda _line: None)
        assert not outcome.failure, outcome.failure
        self.tell(0)

    def tell(self, results: int) -> None:
        """Write the feed's file with so many of the late matches: in the morning they were fixtures."""
        hidden = {row["match_id"] for row in self.late[results:]}
        write_archive(self._archive, [row for row in self._rows if row["match_id"] not in hidden])

    def next_of(self, row: Row) -> Row:
        """The next match of a match's home team."""
        ahead = [one for one in self._rows if one["date"] > row["date"]]
        return next(one for one in ahead if row["home_team"] in (one["home_team"], one["away_team"]))

    def wait_for_result(self, client: httpx.Client, row: Row) -> float:
        """Wait until the answer about a match has its result; returns the wall clock then, epoch seconds."""
        seen = 0.0

        def has_result() -> bool:
            nonlocal seen
            seen = time.time()
            return answer(client, row)["result"] is not None

        self.home.wait_until(has_result)
        return seen

    def tick_before(self, instant: float) -> float:
        """The tick of the schedule whose run published last before an instant, epoch seconds."""
        with self.home.instance as instance:
            runs = [run for run in instance.get_runs() if _SCHEDULED_TAG in run.tags]
            begun = [
                dt.datetime.fromisoformat(run.tags[_SCHEDULED_TAG]).timestamp()
                for run in runs
                if (stats := instance.get_run_stats(run.run_id)).start_time and stats.start_time < instant
            ]
        return max(begun)


def answer(client: httpx.Client, row: Row) -> dict[str, Any]:
    """What the sidecar says of a match."""
    match_id = mint_match_id("archive", row["match_id"])
    body: dict[str, Any] = client.get(f"/predict/{match_id}").raise_for_status().json()
    return body


def probabilities(client: httpx.Client, row: Row) -> tuple[float, float, float]:
    """Home, draw and away that the sidecar answers."""
    said = answer(client, row)
    return said["p_home"], said["p_draw"], said["p_away"]
