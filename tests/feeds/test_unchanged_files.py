"""Reading 30 days of a feed of files again costs one conditional request a file, on a real server."""

import datetime as dt
import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import Feed, is_cheap_to_read_again
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.feeds.registry import feed_names, open_feed
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.settings import Settings

NOW = parse_instant("2025-04-25T09:00:00Z")
CSV = (
    "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR\n"
    "E0,01/04/2025,14:00,Leeds,Derby,2,0,H\n"
    "E0,24/04/2025,14:00,Fulham,Chelsea,1,2,A\n"
)
JSON = json.dumps(
    {
        "matches": [
            {"date": day, "time": "14:00", "team1": home, "team2": away, "score": {"ft": [2, 0]}}
            for day, home, away in (("2025-04-01", "Leeds", "Derby"), ("2025-04-24", "Fulham", "Chelsea"))
        ]
    }
)


class Site:
    """Python's own file server, which answers ``If-Modified-Since``; counts answers by path and status."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: list[tuple[str, int]] = []
        answers = self.answers

        class Handler(SimpleHTTPRequestHandler):
            def log_request(self, code: Any = "-", _size: Any = "-") -> None:
                answers.append((self.path, int(code)))

            def log_message(self, *_words: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def write(self, path: str, text: str, changed_at: dt.datetime) -> None:
        """Put a file there with its date, which the server sends as ``Last-Modified``."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (changed_at.timestamp(), changed_at.timestamp()))

    def taken(self) -> list[tuple[str, int]]:
        """The answers since the last call."""
        answers = sorted(self.answers)
        self.answers.clear()
        return answers


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty site that answers."""
    made = Site(tmp_path / "site")
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("provider", "path", "text", "corrected"),
    [
        (FootballDataFeed, "mmz4281/2425/E0.csv", CSV, CSV.replace("Derby,2,0", "Derby,3,0")),
        (OpenFootballFeed, "2024-25/en.1.json", JSON, JSON.replace("[2, 0]", "[3, 0]", 1)),
    ],
)
def test_thirty_days_cost_what_three_cost_and_an_unchanged_file_is_not_sent_again(
    site: Site, tmp_path: Path, provider: Any, path: str, text: str, corrected: str
) -> None:
    """The daily look asks once for each file; a correction of three weeks ago is in the changed one."""

    def look(days: int) -> dict[str, int | None]:
        client = FileClient("SOCCER_FEED_URL", tmp_path / "cache")
        feed: Feed = provider(site.url, client)
        assert is_cheap_to_read_again(feed)
        window = Window(NOW.date() - dt.timedelta(days=days), NOW.date() + dt.timedelta(days=1))
        rows = feed.fetch(window, FixedClock(NOW))
        return {row.home_team: row.home_goals for row in rows if isinstance(row, RawMatch)}

    site.write(path, text, NOW)
    assert look(3).keys() == {"Fulham"}
    first = site.taken()
    assert [code for asked, code in first if asked == f"/{path}"] == [200]

    assert look(30) == look(30) == {"Leeds": 2, "Fulham": 1 if provider is FootballDataFeed else 2}
    asked = [(name, 304 if name == f"/{path}" else code) for name, code in first]
    assert site.taken() == sorted(asked * 2)

    site.write(path, corrected, NOW + dt.timedelta(hours=1))
    assert look(30)["Leeds"] == 3
    assert [code for name, code in site.taken() if name == f"/{path}"] == [200]


def test_every_feed_but_the_one_with_a_request_a_day_is_cheap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`api-football` would spend 30 of a day's 100 requests."""
    monkeypatch.setenv("SOCCER_API_FOOTBALL_KEY", "k")
    monkeypatch.setenv("SOCCER_FOOTBALL_DATA_ORG_KEY", "k")
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path), "SOCCER_FEED_URL": tmp_path.as_uri()})
    dear = {name for name in feed_names() if not is_cheap_to_read_again(open_feed(name, settings))}
    assert dear == {"api-football"}
