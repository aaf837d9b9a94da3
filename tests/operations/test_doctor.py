"""The doctor: a line a thing, and what to do where something is wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.feeds.registry import feed_names
from tests.homes import make_home

SUBJECTS = ["settings", "feed", "database", "store", "redis", "mlflow", "daemon"]


def lines_of(result: object) -> dict[str, str]:
    """The line of each subject."""
    return {line.split()[1]: line for line in str(result).splitlines()}


def test_the_doctor_names_what_is_missing_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was started every line says what to do, the exit code is 1, and no file appears."""
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    done = CliRunner().invoke(main, ["doctor"])

    assert done.exit_code == 1
    said = lines_of(done.stdout)
    assert list(said) == SUBJECTS
    assert "was never started; run `soccer up`" in said["settings"]
    assert said["feed"].startswith("✓")
    assert "run `soccer migrate`" in said["database"]
    assert "no release; " in said["store"]
    assert "mlflow.db is not there" in said["mlflow"]
    assert not list(tmp_path.rglob("mlflow"))


def test_the_doctor_tells_well_from_ill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migrated home is well but for what was not built; an address that answers nobody is named."""
    make_home(tmp_path / "home", SOCCER_LEAGUES="1")
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOCCER_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    done = CliRunner().invoke(main, ["doctor"])

    said = lines_of(done.stdout)
    assert [subject for subject in SUBJECTS if said[subject].startswith("✓")] == [
        "settings",
        "feed",
        "database",
    ]
    assert "look at SOCCER_REDIS_URL" in said["redis"]


def test_feeds_are_listed_with_their_lag() -> None:
    """A line a feed: how long after the final whistle it tells a result."""
    done = CliRunner().invoke(main, ["feeds", "list"])

    said = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(said) == feed_names()
    assert "within 1 h" in said["simulated"]
    assert "within 3 days" in said["football-data"]
