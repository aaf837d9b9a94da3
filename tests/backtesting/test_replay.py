"""Replays of a few days of two leagues from an archive."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from soccer_assets.backtesting.errors import ReplayError
from soccer_assets.backtesting.replay import Replay, ReplayPlan
from soccer_assets.backtesting.report import SCORED, Report
from soccer_assets.backtesting.terminal import own_settings, read_step
from soccer_assets.cli import main
from soccer_assets.clock import FixedClock
from soccer_assets.feeds.feed_set import filter_competitions
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.visibility import MATCH_LENGTH
from soccer_assets.football.matches import Window
from soccer_assets.modelling.ledger_rules import GENESIS
from soccer_assets.settings import Settings
from tests.toy_archive import Row, rows_until, simulated_leagues, write_archive

FIRST, LAST = dt.date(2025, 3, 1), dt.date(2025, 3, 5)
HISTORY_MONTHS = 7

# MLflow and dagster warn about their own insides.
pytestmark = pytest.mark.filterwarnings("ignore")


def rows_of_an_archive() -> list[Row]:
    """Every result of the two leagues, also of the weeks after the replay."""
    return rows_until(LAST + dt.timedelta(days=20))


def run_replay(home: Path, archive: Path) -> Report:
    """The report of one replay in a home of its own."""
    home.mkdir()
    plan = ReplayPlan(first=FIRST, last=LAST, history_months=HISTORY_MONTHS)
    settings = Settings.from_env({"SOCCER_FEED": "archive", "SOCCER_FEED_URL": str(archive)})
    return Replay(plan, own_settings(settings, home)).run(lambda _instant, _text: None)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two leagues in a file."""
    file = tmp_path_factory.mktemp("archive") / "matches.csv"
    write_archive(file, rows_of_an_archive())
    return file


@pytest.fixture(scope="module")
def report(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of five days of them."""
    return run_replay(tmp_path_factory.mktemp("replays") / "first", archive)


def test_a_replay_run_twice_ends_in_the_same_ledger(report, archive, tmp_path, monkeypatch):
    """`soccer replay` over the same days gives the same report bit by bit, beside a table and a picture."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOCCER_FEED", "archive")
    monkeypatch.setenv("SOCCER_FEED_URL", str(archive))
    days = ["--from", str(FIRST), "--to", str(LAST), "--history-months", str(HISTORY_MONTHS)]

    done = CliRunner().invoke(main, ["replay", *days, "--home", "home", "--json", "report.json"])

    assert done.exit_code == 0, done.output
    again = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert again == report
    assert report.ledger.head != GENESIS
    assert report.ledger.hash in done.stdout
    assert "2025-03" in done.stdout
    assert (tmp_path / "soccer-replay.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "home" / "soccer.db").is_file()


def test_the_ledger_of_a_replay_holds_every_settled_fixture(report):
    """Each match of the replayed days that is over is scored, with the last prediction before its kickoff."""
    end = dt.datetime.combine(LAST + dt.timedelta(days=1), dt.time(), dt.UTC)
    over = {
        (row["home_team"], row["away_team"])
        for row in rows_of_an_archive()
        if str(FIRST) <= str(row["date"]) <= str(LAST)
        and dt.datetime.fromisoformat(str(row["kickoff_utc"])) + MATCH_LENGTH <= end
    }
    scored = [match for match in report.settled if match.verdict == SCORED]

    assert len(over) > 8
    assert {(match.home_team, match.away_team) for match in scored} == over
    assert report.ledger.coverage == 1.0
    for match in scored:
        assert match.recorded_at is not None
        assert match.recorded_at < match.kickoff
        assert sum(match.champion or ()) == pytest.approx(1.0)
        assert match.market is not None
        assert match.e0 is not None
    assert report.total.scored == sum(month.scored for month in report.months) == len(scored)


def test_a_replay_trains_when_the_sensor_would(report):
    """The first build trains; a young model without new results is not retrained; no job failed."""
    assert [training.reason for training in report.retrains] == ["first build"]
    assert report.total.retrains == 1
    assert report.failures == ()


def test_one_changed_score_gives_another_ledger(report, tmp_path):
    """A score changed within the replay changes later predictions, and the hash in any case."""
    rows = rows_of_an_archive()
    turned = next(
        row for row in rows if row["date"] == str(FIRST) and int(row["home_goals"]) < int(row["away_goals"])
    )
    turned |= {"home_goals": 9, "away_goals": 0}
    write_archive(tmp_path / "turned.csv", rows)

    other = run_replay(tmp_path / "home", tmp_path / "turned.csv")

    assert other.ledger.head != report.ledger.head
    assert other.ledger.hash != report.ledger.hash
    assert other.ledger.coverage == 1.0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "2025-03-09", "--to", "2025-03-01"], "lies after --to"),
        (["--from", "2025-03-01", "--to", "2999-01-01"], "is not over yet"),
        (["--from", "2025-03-01", "--to", "2025-03-02", "--step", "7d"], "looks back three days"),
        (["--from", "2025-03-01", "--to", "2025-03-02", "--step", "often"], "write it as 1d or 6h"),
        (["--from", "2025-03-01", "--to", "2025-03-02", "--competition", "ENG-1"], "it has SIM-1"),
        (["--from", "2025-03-01", "--to", "2025-03-02", "--home", "."], "is not an empty folder"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_one_sentence(arguments, reason, tmp_path, monkeypatch):
    """The sentence says what to write instead, and nothing was made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").touch()
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))

    done = CliRunner().invoke(main, ["replay", *arguments])

    assert done.exit_code == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("soccer: ")
    assert reason in sentence
    assert sorted(file.name for file in tmp_path.iterdir()) == ["something"]


def test_steps_are_read():
    """Hours and days; anything else is refused."""
    assert (read_step("6h"), read_step("1d")) == (dt.timedelta(hours=6), dt.timedelta(days=1))
    with pytest.raises(ReplayError, match="write it as 1d or 6h"):
        read_step("1w")


def test_a_replay_stops_at_the_end_of_its_last_day():
    """The home is built a step before the first day; the last stop is midnight after the last day."""
    plan = ReplayPlan(first=dt.date(2025, 3, 1), last=dt.date(2025, 3, 2), step=dt.timedelta(hours=36))
    midnight = dt.datetime(2025, 3, 3, tzinfo=dt.UTC)

    assert plan.start == dt.datetime(2025, 2, 27, 12, tzinfo=dt.UTC)
    assert list(plan.instants()) == [plan.start + plan.step, plan.start + 2 * plan.step, midnight]
    assert plan.steps == 4


def test_a_feed_is_cut_down_to_the_competitions_that_are_wanted():
    """Rows of others do not come; a code that the feed does not have is refused."""
    feed = simulated_leagues()
    filtered = filter_competitions(feed, ["SIM-1"])
    window, clock = Window(dt.date(2024, 9, 1), LAST), FixedClock(dt.datetime(2025, 3, 5, tzinfo=dt.UTC))

    assert list(filtered.competitions()) == ["SIM-1"]
    assert {match.competition for match in filtered.fetch(window, clock)} == {"SIM-1"}
    assert filter_competitions(feed, []) is feed
    with pytest.raises(FeedRefusedError, match="SIM-9 is no competition of the feed simulated"):
        filter_competitions(feed, ["SIM-9"])
