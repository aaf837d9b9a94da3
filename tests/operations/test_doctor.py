"""The doctor: one line per check, and what to do about each fault."""

import datetime as dt
from pathlib import Path

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.clock import FixedClock
from soccer_assets.feeds.registry import feed_names, open_feeds
from soccer_assets.feeds.unreadable import unreadable_file
from soccer_assets.football.matches import Window
from soccer_assets.football.records import UnreadableFile
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.feed_trust import decide
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from tests.builders import NOW
from tests.homes import make_home
from tests.stores.matches.test_exchanged_sides import season
from tests.stores.matches.test_feed_agreement import known_rows, month_of_rows, refresh
from tests.stores.matches.test_normalise import update

SUBJECTS = [
    "home",
    "settings",
    "feed",
    "database",
    "results",
    "files",
    "names",
    "agreement",
    "store",
    "origin",
    "redis",
    "dagster",
    "alerts",
    "mlflow",
    "daemon",
]


def lines_of(result: object) -> dict[str, str]:
    """The line of each subject."""
    return {line.split()[1]: line for line in str(result).splitlines()}


def test_the_doctor_names_what_is_missing_and_creates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was started every fault has a remedy, the exit code is 1, and no file is created."""
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    done = CliRunner().invoke(main, ["doctor"])

    assert done.exit_code == 1
    lines = lines_of(done.stdout)
    assert list(lines) == SUBJECTS
    assert "was never started; run `soccer up`" in lines["settings"]
    assert lines["feed"].startswith("✓")
    assert "run `soccer migrate`" in lines["database"]
    assert "no release; " in lines["store"]
    assert "mlflow.db does not exist" in lines["mlflow"]
    assert not list(tmp_path.rglob("mlflow"))


def test_the_doctor_separates_faults_from_working_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a migrated home only what was not built is a fault; an address that does not answer is named."""
    make_home(tmp_path / "home", SOCCER_LEAGUES="1")
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOCCER_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    done = CliRunner().invoke(main, ["doctor"])

    lines = lines_of(done.stdout)
    assert [subject for subject in SUBJECTS if lines[subject].startswith("✓")] == [
        "home",
        "settings",
        "feed",
        "database",
        "results",
        "files",
        "names",
        "agreement",
        "origin",
        "dagster",
        "alerts",
    ]
    assert "check SOCCER_REDIS_URL" in lines["redis"]


def test_a_list_of_subscribers_by_which_no_alert_is_sent_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog can tell nobody of it."""
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "alerts.json").write_text("{}")
    (tmp_path / "alerts.json").chmod(0o600)

    line = lines_of(CliRunner().invoke(main, ["doctor"]).stdout)["alerts"]

    assert "alerts.json is not valid" in line
    assert "mend that file" in line


def test_what_only_follows_from_another_fault_sends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be read is mended; nobody restores a database or accepts a new origin for it."""
    make_home(tmp_path / "home", SOCCER_LEAGUES="1")
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "file").write_text("where the store's folder should be")
    monkeypatch.setenv("SOCCER_STORE_URL", f"file://{tmp_path}/file")

    lines = lines_of(CliRunner().invoke(main, ["doctor"]).stdout)

    assert "check SOCCER_STORE_URL" in lines["store"]
    assert lines["origin"].startswith("✗")
    assert lines["origin"].endswith("; mend store first, as said there")


def test_the_doctor_counts_missing_results_and_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that slept eleven days: how many, of which competition, since when, and what mends it."""
    settings = make_home(tmp_path / "home", SOCCER_LEAGUES="1", SOCCER_NOW="2025-04-25T09:00:00Z")
    feed, database = open_feeds(settings), Database(settings.database_url)
    asleep = FixedClock(settings.clock.now() - dt.timedelta(days=11))
    window = Window(dt.date(2025, 4, 15), dt.date(2025, 4, 25))
    rows = list(feed.fetch(window, asleep))
    store_raw(database, rows, asset="livescores/upcoming", source=feed.name, window=window, now=asleep.now())
    update_matches(database, feed.competitions(), asleep.now())
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOCCER_NOW", "2025-04-25T09:00:00Z")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    line = lines_of(CliRunner().invoke(main, ["doctor"]).stdout)["results"]

    assert rows
    assert line == (
        f"✗ results   {len(rows)} results are missing since {min(row.kickoff for row in rows):%Y-%m-%d} "
        f"(SIM-1 {len(rows)}): nobody has read these days since; months: 2025-04; "
        f"run `soccer run refresh_hourly`"
    )


def test_the_doctor_names_a_file_that_was_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which file, of which competition, since when, and what was found; nothing once it is read again."""
    settings = make_home(tmp_path / "home", SOCCER_LEAGUES="1", SOCCER_NOW="2025-04-25T09:00:00Z")
    database, first = Database(settings.database_url), settings.clock.now() - dt.timedelta(days=3)
    window = Window(dt.date(2025, 4, 15), dt.date(2025, 4, 25))
    bad = unreadable_file("fake", "http://there/E1.csv", "ENG-2", b"", "the file is empty; load it again")
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    def line_after(rows: list[UnreadableFile], now: dt.datetime) -> str:
        store_raw(database, rows, asset="livescores/recent", source="fake", window=window, now=now)
        return lines_of(CliRunner().invoke(main, ["doctor"]).stdout)["files"]

    line_after([bad], first)
    line = line_after([bad], first + dt.timedelta(days=1))

    assert line.startswith("✗")
    assert f"ENG-2 since {first:%Y-%m-%d}, {bad.reason}" in line
    assert line_after([], first + dt.timedelta(days=2)).startswith("✓")


def test_the_doctor_names_feeds_that_contradict_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Months with other scores and clocks that are wrong, with the commands, until a person decides."""
    settings = make_home(tmp_path / "home", SOCCER_LEAGUES="1")
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    database = Database(settings.database_url)
    hour = dt.timedelta(hours=1)
    refresh(database, *known_rows("first"), *known_rows("second"))
    refresh(database, *month_of_rows("first"), *month_of_rows("second", score="0-3", shift=hour))

    found = lines_of(CliRunner().invoke(main, ["doctor"]).stdout)["agreement"]
    assert found.startswith("✗")
    assert "report the same score in 0% of 15 results of TST-1 in 2025-03" in found
    assert "kickoffs of second are 1 h late against first in 15 of 15 matches of TST-1, 2025-03" in found
    assert "soccer feeds trust" in found

    decide(database, competition="TST-1", feed="first", month="2025-03", now=NOW)
    found = lines_of(CliRunner().invoke(main, ["doctor"]).stdout)["agreement"]
    assert found.startswith("✓")


def test_the_doctor_names_a_season_with_home_and_away_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""
    now = "2025-04-25T09:00:00Z"
    settings = make_home(tmp_path / "home", SOCCER_LEAGUES="1", SOCCER_NOW=now)
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOCCER_NOW", now)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    update(Database(settings.database_url), season())

    found = lines_of(CliRunner().invoke(main, ["doctor"]).stdout)["agreement"]
    assert found.startswith("✗")
    assert "40 wins at home, 120 away in 160 results; home and away seem to be exchanged" in found
    assert "soccer feeds trust COMPETITION --neither" in found


def test_feeds_are_listed_with_their_lag() -> None:
    """One line per feed, with its result lag."""
    done = CliRunner().invoke(main, ["feeds", "list"])

    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(lines) == feed_names()
    assert "within 1 h" in lines["simulated"]
    assert "within 3 days" in lines["football-data"]
