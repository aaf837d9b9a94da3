"""The doctor: one line per check, and what to do about each fault."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.feeds.registry import feed_names
from tests.homes import make_home

SUBJECTS = [
    "settings",
    "feed",
    "database",
    "results",
    "names",
    "agreement",
    "store",
    "redis",
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
        "settings",
        "feed",
        "database",
        "results",
        "names",
        "agreement",
    ]
    assert "check SOCCER_REDIS_URL" in lines["redis"]


def test_feeds_are_listed_with_their_lag() -> None:
    """One line per feed, with its result lag."""
    done = CliRunner().invoke(main, ["feeds", "list"])

    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(lines) == feed_names()
    assert "within 1 h" in lines["simulated"]
    assert "within 3 days" in lines["football-data"]
