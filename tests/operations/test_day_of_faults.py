"""A day of hourly runs, compressed, a fault in each: nothing lost, nothing doubled, each fault told once.

`pytest -m trial -s tests/operations/test_day_of_faults.py` prints the table. ``SOCCER_TRIAL_SEED`` chooses
other faults at other moments.
"""

import datetime as dt
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.clock import isoformat
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.home import apply_home, read_home
from soccer_assets.resources.database import Database
from soccer_assets.settings import Settings
from soccer_assets.tables import match, team
from tests.operations.kills import BESIDE, System, kill_whole, running_system, wait_until

pytestmark = pytest.mark.trial

HOURS = 24
SEED = int(os.environ.get("SOCCER_TRIAL_SEED", "20261129"))
# A run of a small home takes longer: the fault falls anywhere in it.
_WITHIN_SECONDS = 15.0
_LOCK_SECONDS = 20.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """The whole system, with two workers of the sidecar."""
    with running_system(tmp_path / "home", 2) as running:
        yield running


class _Day:
    """The hourly runs of a running home, each at an instant of its own, and the faults."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._environ = dict(os.environ) | {
            "SOCCER_HOME": str(system.stack.home),
            "SOCCER_SERVING_PORT": str(system.stack.serving_port),
            "SOCCER_DAGSTER_PORT": str(system.stack.dagster_port),
            "SOCCER_LEAGUES": "2",
            "SOCCER_FIRST_BUILD_MONTHS": "12",
        }
        self.faults: dict[str, Callable[[subprocess.Popen[str]], None]] = {
            **{f"kill of {part}": self._kill(part) for part in (*BESIDE, "sidecar")},
            "kill of a sidecar worker": lambda _: system.workers()[0].kill(),
            "kill of the run": lambda run: kill_whole(psutil.Process(run.pid)),
            "stop of the run": lambda run: run.send_signal(signal.SIGTERM),
            "match database locked": lambda _: self._lock("soccer.db"),
            "MLflow's database locked": lambda _: self._lock("mlflow/mlflow.db"),
            "truncated list of processes": lambda _: self._truncate("run/children.json"),
            "a second run beside it": lambda _: self._beside(),
            "none": lambda _: None,
        }
        self.now = dt.datetime.now(dt.UTC)

    def settings(self) -> Settings:
        """The home at the instant of the last run."""
        settings = Settings.from_env(self._environ | {"SOCCER_NOW": isoformat(self.now)})
        home = read_home(settings)
        assert home is not None
        return apply_home(settings, home)

    def run(self) -> subprocess.Popen[str]:
        """Start the hourly run."""
        return subprocess.Popen(
            [sys.executable, "-m", "soccer_assets.cli", "run", "refresh_hourly"],
            env=self._environ | {"SOCCER_NOW": isoformat(self.now)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ledger_faults(self) -> str:
        """What `soccer ledger verify` finds; empty where the ledger is whole."""
        verify = [sys.executable, "-m", "soccer_assets.cli", "ledger", "verify"]
        done = subprocess.run(verify, env=self._environ, check=False, capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def are_parts_well(self) -> bool:
        """Whether every part works."""
        return all(map(self._system.works, (*BESIDE, "sidecar")))

    def _kill(self, part: str) -> Callable[[object], None]:
        def kill(_: object) -> None:
            pid = self._system.pid(part)
            if pid is not None:
                kill_whole(psutil.Process(pid))

        return kill

    def _lock(self, file: str) -> None:
        """Hold the write lock of a database for a while, as a stuck program would."""
        connection = sqlite3.connect(
            self._system.stack.home / file, timeout=60, isolation_level=None, check_same_thread=False
        )
        connection.execute("BEGIN IMMEDIATE")
        threading.Timer(_LOCK_SECONDS, connection.close).start()

    def _truncate(self, file: str) -> None:
        path = self._system.stack.home / file
        path.write_bytes(path.read_bytes()[:10])

    def _beside(self) -> None:
        self.run().communicate()


def _played_by_the_feed(settings: Settings, window: Window) -> Counter[Any]:
    rows = open_feeds(settings).fetch(window, settings.clock)
    return Counter(
        (row.competition, row.kickoff, row.home_team, row.away_team, row.home_goals, row.away_goals)
        for row in rows
        if isinstance(row, RawMatch) and row.status is MatchStatus.FINISHED
    )


def _played_by_the_home(settings: Settings, window: Window) -> Counter[Any]:
    home, away = team.alias(), team.alias()
    columns = (match.c.competition, match.c.kickoff, home.c.name, away.c.name)
    query = (
        sa.select(*columns, match.c.home_goals, match.c.away_goals)
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .where(match.c.status == MatchStatus.FINISHED.value)
    )
    with Database(settings.database_url).reading() as connection:
        return Counter(tuple(row) for row in connection.execute(query) if row.kickoff.date() in window)


@pytest.mark.timeout(4 * 3600)  # beside much else an hour of it takes minutes
def test_a_day_of_hours_each_with_a_fault(system: System, httpserver: HTTPServer) -> None:
    """Twenty-four hourly runs; each fault falls at a random moment of its run."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    httpserver.expect_request("/told").respond_with_data("")
    alerts = Subscribers(system.stack.home / "alerts.json")
    alerts.subscribe(f"json://127.0.0.1:{httpserver.port}/told")
    day = _Day(system)
    began = day.now
    unexpected: list[str] = []
    with system.client() as client:
        for hour in range(1, HOURS + 1):
            name = chance.choice(sorted(day.faults))
            day.now = began + dt.timedelta(hours=hour)
            failed = len(client.failed)
            run = day.run()
            time.sleep(chance.uniform(0, _WITHIN_SECONDS))
            if run.poll() is None or "run" not in name:
                day.faults[name](run)
            output, _ = run.communicate()
            healed = wait_until(day.are_parts_well)
            answered = client.answered
            wait_until(lambda: client.answered > answered + 2)  # noqa: B023
            lost = client.failed[failed:]
            if lost and "sidecar" not in name:
                unexpected.append(f"{hour}: {name}: look-ups failed: {lost}")
            if run.returncode != 0 and "run" not in name and "locked" not in name:
                unexpected.append(f"{hour}: {name}: the run ended with {run.returncode}: {output[-500:]}")
            print(  # noqa: T201 - the table of this trial
                f"| {hour} | {name} | exit code {run.returncode} | {len(lost)} look-ups failed | "
                f"parts well after {healed:.1f} s |"
            )
        day.now = began + dt.timedelta(hours=HOURS + 1)
        last = day.run()
        output, _ = last.communicate()
    told = [request.get_json() for request, _ in httpserver.log]
    print(f"{client.answered:,} look-ups, {len(client.failed)} failed, {len(told)} messages:")  # noqa: T201
    for message in told:
        print(f"  {message['title']}")  # noqa: T201

    assert unexpected == []
    assert last.returncode == 0, output
    settings = day.settings()
    window = Window(began.date() - dt.timedelta(days=30), day.now.date() + dt.timedelta(days=1))
    assert _played_by_the_home(settings, window) == _played_by_the_feed(settings, window)
    assert day.ledger_faults() == ""
    events = Counter(
        (alert["dedup_key"], alert["transition"], alert["since"])
        for message in {message["alert_id"]: message for message in told}.values()  # each at least once
        for alert in message["alerts"]
    )
    assert [event for event, times in events.items() if times > 1] == []
