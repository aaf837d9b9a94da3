"""The public cases of labels, files and seasons, through adapter and validation."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.audit import audit
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.providers.api_football import ApiFootballFeed
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.football_data_org import FootballDataOrgFeed
from soccer_assets.feeds.providers.openligadb import OpenLigaDbFeed
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection, Row

NOW = parse_instant("2025-07-10T00:00:00Z")
CLOCK = FixedClock(NOW)


@pytest.fixture(scope="session")
def cases(shared_data: Path) -> Path:
    """The folder of cases beside the real match data."""
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


class Answers(FileClient):
    """A client that answers with the rows of a case at some addresses, and with none elsewhere."""

    def __init__(self, folder: Path, rows: Sequence[Any], name: str) -> None:
        super().__init__("SOCCER_FEED_URL", folder)
        self._rows, self._name = rows, name

    def read(self, url: str) -> bytes | None:
        """The rows of the address's days."""
        found = [row for row in self._rows if _is_asked(row, url)]
        return json.dumps({self._name: found, "results": len(found)}).encode()


def _is_asked(row: Any, url: str) -> bool:
    if "fixtures?date=" in url:
        return str(row["fixture"]["date"])[:10] in url
    first, last = (url.partition(f"{name}=")[2][:10] for name in ("dateFrom", "dateTo"))
    return first <= str(row["utcDate"])[:10] <= last


def read(feed: Feed, days: Iterable[str]) -> dict[str, Row]:
    """What the feed has on some days, validated, by the provider's id."""
    found: dict[str, Row] = {}
    for text in sorted(set(days)):
        day = dt.date.fromisoformat(text)
        for row in validate_rows(feed.fetch(Window(day, day + dt.timedelta(days=1)), CLOCK), NOW):
            own = row.payload.get("id") or row.payload.get("fixture", {}).get("id")  # type: ignore[union-attr]
            found[str(own)] = row
    return found


def score(row: Row) -> tuple[int | None, int | None]:
    """The 90-minute score of a match."""
    assert isinstance(row, RawMatch)
    return row.home_goals, row.away_goals


def test_api_football(cases: Path, tmp_path: Path) -> None:
    """Awards are no labels, shoot-outs keep their 90 minutes, texts are numbers."""
    rows = json.loads((cases / "api-football" / "fixtures.json").read_bytes())
    feed = ApiFootballFeed("http://there", Answers(tmp_path, rows, "response"), None, CLOCK)
    found = read(feed, (row["fixture"]["date"][:10] for row in rows))

    status = {key: row.status for key, row in found.items() if isinstance(row, RawMatch)}
    assert status["1000001"] is status["1000002"] is MatchStatus.AWARDED
    assert score(found["1000001"]) == score(found["1000002"]) == (None, None)
    assert score(found["1000004"]) == (2, 1)
    assert score(found["1000005"]) == (0, 1)
    assert score(found["1000006"]) == (1, 1)
    assert score(found["1000019"]) == (2, 1)
    assert status["1100001"] is MatchStatus.POSTPONED
    assert status["1100002"] is MatchStatus.ABANDONED
    assert {found[key].competition for key in ("1000011", "1000012")} == {"TUR-1"}  # type: ignore[union-attr]
    assert "1000016" not in found
    assert feed.outside_catalogue["England/FA WSL (league 44)"] == 1


def test_football_data_org(cases: Path, tmp_path: Path) -> None:
    """A winner that the score contradicts is rejected; no finished match lacks score and reason."""
    rows = json.loads((cases / "football-data-org" / "matches.json").read_bytes())
    feed = FootballDataOrgFeed("http://there", Answers(tmp_path, rows, "matches"), None, CLOCK)
    found = read(feed, (row["utcDate"][:10] for row in rows))

    rejected = [row.reason for row in found.values() if isinstance(row, Rejection)]
    assert any("contradicts the score 0-2" in reason for reason in rejected)
    over = [row for row in found.values() if isinstance(row, RawMatch) and row.status is MatchStatus.FINISHED]
    assert over
    assert all(row.home_goals is not None or row.after_90 for row in over)


@pytest.mark.parametrize("name", ["bl1_2002", "bl1_2020", "dfb_2020"])
def test_openligadb(cases: Path, tmp_path: Path, name: str) -> None:
    """Every finished match has its score or its reason; exchanged days are outside the season."""
    league, year = name.split("_")
    place = tmp_path / "getmatchdata" / league / year
    place.parent.mkdir(parents=True)
    place.write_bytes((cases / "openligadb" / f"{name}.json").read_bytes())
    feed = OpenLigaDbFeed(tmp_path.as_uri(), FileClient("X", tmp_path))
    window = Window(dt.date(int(year), 6, 1), dt.date(int(year) + 1, 12, 1))

    found = list(validate_rows(feed.fetch(window, CLOCK), NOW))

    over = [row for row in found if isinstance(row, RawMatch) and row.status is MatchStatus.FINISHED]
    assert over
    assert all(row.home_goals is not None or row.after_90 for row in over)
    assert [row.kickoff.date() for row in over if row.kickoff.date() == dt.date(2021, 9, 5)] == []
    if name == "bl1_2002":
        assert [score(row) for row in over] == [(2, 2), (3, 1)]


@pytest.mark.parametrize(("case", "matches"), [("g1", 13), ("g2", 5), ("g3", 1), ("g4", 1)])
def test_files_of_football_data(cases: Path, tmp_path: Path, case: str, matches: int) -> None:
    """Odd dates, labels and separators: what can be read is, and the rest has a reason."""
    feed = FootballDataFeed((cases / case).as_uri(), FileClient("X", tmp_path))

    found = audit(feed, CLOCK)

    assert found.matches + found.rejected == found.rows
    assert found.matches <= matches
    assert found.matches > 0
    assert all(";" in reason or ":" in reason for reason in found.reasons)


def test_an_empty_file_costs_its_league(cases: Path, tmp_path: Path) -> None:
    """It is named, and the file beside it, with line ends of old Macs, is read."""
    found = audit(FootballDataFeed((cases / "g9").as_uri(), FileClient("X", tmp_path)), CLOCK)

    (passed_over,) = found.files_passed_over
    assert "E1.csv: the file is empty" in passed_over
    assert found.competitions == {"ENG-1": 2}
