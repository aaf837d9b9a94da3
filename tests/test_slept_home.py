"""A home that is off for eleven days: what it says of the hole when it wakes, and what mends it."""

import json
import shlex
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from soccer_assets.cli import main
from soccer_assets.contract.reports import QUALITY_KEY, QualityReport
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.home import apply_home, read_home
from soccer_assets.operations.local_instance import INSTANCE
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.stores.matches.due import missing_results
from tests.homes import build, built_home

pytestmark = pytest.mark.slow

ENVIRON = {"SOCCER_LEAGUES": "2", "SOCCER_FIRST_BUILD_MONTHS": "18", "SOCCER_HISTORY_START": "2023-01-01"}


def quality_of(settings: Settings) -> QualityReport:
    """The quality report as it is now."""
    outcome = build(settings, "monitor_daily")
    assert not outcome.failure, outcome.failure
    data = ObjectStore(settings.store_url).read(QUALITY_KEY)
    assert data is not None
    return msgspec.json.decode(data, type=QualityReport)


def results_line(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> str:
    """What the doctor says of results."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    lines = CliRunner().invoke(main, ["doctor"]).stdout.splitlines()
    (line,) = [line for line in lines if line.split()[1] == "results"]
    return line


def soccer(monkeypatch: pytest.MonkeyPatch, folder: Path, command: str) -> Result:
    """A command as it is typed, in a home that was started."""
    (folder / "dagster").mkdir(exist_ok=True)
    (folder / "dagster" / "dagster.yaml").write_text(json.dumps(INSTANCE))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    return CliRunner().invoke(main, shlex.split(command)[1:])


def test_eleven_days_off_are_counted_and_mended_by_the_command_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor and coverage count the same matches; after `refresh_hourly` none is missing, all are scored."""
    folder = tmp_path / "home"
    built_home(folder, **ENVIRON, SOCCER_NOW="2024-11-02T09:00:00Z")
    environ = ENVIRON | {"SOCCER_HOME": str(folder), "SOCCER_NOW": "2024-11-13T09:00:00Z"}
    settings = Settings.from_env(environ)
    awake = apply_home(settings, read_home(settings))
    database, lag = Database(awake.database_url), open_feeds(awake).result_lag
    missing = missing_results(database, ["simulated"], lag, awake.clock.now())

    assert missing.matches > 10
    assert missing.unread == missing.matches
    line = results_line(monkeypatch, environ)
    assert line.startswith(f"✗ results   {missing.matches} results are missing since 2024-11-0")
    assert line.endswith("; run `soccer run refresh_hourly`")
    asleep = quality_of(awake)
    assert (asleep.overall.due, asleep.overall.coverage) == (missing.matches, 0.0)

    done = soccer(monkeypatch, folder, line.rpartition("run `")[2].removesuffix("`"))
    assert done.exit_code == 0, done.output
    assert results_line(monkeypatch, environ) == "✓ results   no result is missing"
    mended = quality_of(awake)
    assert mended.overall.due == 0
    assert mended.overall.finished >= missing.matches
    assert mended.overall.coverage == 1.0


def test_a_longer_sleep_is_mended_by_the_months_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight months off: the hourly run reads the last 120 days, and `reload_history` the rest."""
    folder = tmp_path / "home"
    built_home(folder, **ENVIRON, SOCCER_NOW="2024-03-02T09:00:00Z")
    environ = ENVIRON | {"SOCCER_HOME": str(folder), "SOCCER_NOW": "2024-11-13T09:00:00Z"}
    settings = Settings.from_env(environ)
    awake = apply_home(settings, read_home(settings))
    outcome = build(awake, "refresh_hourly")
    assert not outcome.failure, outcome.failure
    line = results_line(monkeypatch, environ)
    assert "results are missing since 2024-03-0" in line
    assert "136 days from 2024-03-02 to 2024-07-15 were never read" in line
    assert line.endswith("; run `soccer run reload_history --months 2024-03 2024-07`")

    wrong = soccer(monkeypatch, folder, "soccer run reload_history --months 2024-07 2024-03")
    assert "write the first and the last month from 2023-01 to 2024-11" in wrong.output
    done = soccer(monkeypatch, folder, line.rpartition("run `")[2].removesuffix("`"))
    assert done.exit_code == 0, done.output
    assert "history: 5 months, 2024-03 to 2024-07" in done.output
    assert results_line(monkeypatch, environ) == "✓ results   no result is missing"
