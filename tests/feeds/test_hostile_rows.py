"""Hostile rows among as many sound ones: every adapter, one body."""

import copy
import csv
import datetime as dt
import io
import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from soccer_assets.clock import FixedClock
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.providers.api_football import ApiFootballFeed
from soccer_assets.feeds.providers.archive.archive_feed import ArchiveFeed
from soccer_assets.feeds.providers.archive.archive_table import SCHEMA
from soccer_assets.feeds.providers.espn import EspnFeed
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.football_data_org import FootballDataOrgFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.feeds.providers.openligadb import OpenLigaDbFeed
from soccer_assets.feeds.providers.whoscored_json import WhoScoredJsonFeed
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection
from tests.builders import CLOCK
from tests.feeds.hostile import spoil
from tests.feeds.providers import (
    test_api_football,
    test_archive,
    test_espn,
    test_football_data,
    test_football_data_org,
    test_openfootball,
    test_openligadb,
    test_whoscored_json,
)

# What to do about a fault, at the end of every reason.
REMEDY = re.compile(r"[;:] (correct|add|write|delete|save|report|name|replace)\b")
DOCUMENTS, ROWS = 40, 104
DAY = Window(dt.date(2025, 4, 20), dt.date(2025, 4, 21))
DAYS = Window(dt.date(2025, 4, 18), dt.date(2025, 4, 24))
APRIL = Window(dt.date(2025, 4, 2), dt.date(2025, 5, 1))
SEASON = Window(dt.date(2024, 6, 1), dt.date(2025, 8, 1))


class FakeClient(FileClient):
    """A client with one document, at any address that contains a text; another answer elsewhere."""

    def __init__(self, at: str, elsewhere: bytes | None = None) -> None:
        super().__init__("SOCCER_FEED_URL", Path("nowhere"))
        self._at, self._elsewhere = at, elsewhere
        self.document = b""

    def read(self, url: str) -> bytes | None:
        """The document where the address contains the text."""
        return self.document if self._at in url else self._elsewhere


class Provider(msgspec.Struct, frozen=True):
    """How one adapter is asked.

    Attributes:
        valid: the sound row with a number; each number is another match in the window.
        fetch: all items of a document with these rows.
        spoil_row: makes a row hostile without moving it out of the document.
    """

    valid: Callable[[int], dict[str, Any]]
    fetch: Callable[[list[Any]], list[RawMatch | Rejection]]
    spoil_row: Callable[[dict[str, Any], random.Random], Any] = spoil


def fetch_with(
    client: FakeClient,
    document: Callable[[list[Any]], Any],
    opened: Callable[[FakeClient], Feed],
    window: Window,
) -> Callable[[list[Any]], list[RawMatch | Rejection]]:
    """What an adapter says of a document of rows."""

    def fetch(rows: list[Any]) -> list[RawMatch | Rejection]:
        wrapped = document(rows)
        client.document = wrapped if isinstance(wrapped, bytes) else json.dumps(wrapped).encode()
        return list(opened(client).fetch(window, CLOCK))

    return fetch


def api_football(_: Path) -> Provider:
    """A day; any league but one of the catalogue's is a league nobody asked for."""

    def spoil_row(row: dict[str, Any], random_: random.Random) -> Any:
        spoiled = spoil(row, random_)
        league = spoiled.get("league") if isinstance(spoiled, dict) else None
        if isinstance(league, dict) and type(league.get("id")) is int and league["id"] > 0:
            league["id"] = 39
        return spoiled

    return Provider(
        lambda number: test_api_football.changed("fixture.id", number + 1),
        fetch_with(
            FakeClient("fixtures?date=2025-04-20"),
            lambda rows: {"errors": [], "results": len(rows), "response": rows},
            lambda client: ApiFootballFeed("http://there", client, None, CLOCK),
            DAY,
        ),
        spoil_row,
    )


def archive(folder: Path) -> Provider:
    """A CSV file; a row that is no object has no cells."""
    file = folder / "matches.csv"

    def spoil_cell(row: dict[str, Any], random_: random.Random) -> dict[str, Any]:
        spoiled = spoil(row, random_)
        return spoiled if isinstance(spoiled, dict) and spoiled else {**row, "status": None}

    def fetch(rows: list[Any]) -> list[RawMatch | Rejection]:
        with file.open("w", newline="", encoding="utf-8", errors="replace") as out:
            writer = csv.DictWriter(out, list(SCHEMA), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        all_time = Window(dt.date(1850, 1, 1), dt.date(2100, 1, 1))
        return list(ArchiveFeed(str(file), FileClient("X", folder)).fetch(all_time, CLOCK))

    return Provider(
        lambda number: {**test_archive.PLAYED, "match_id": f"m{number}", "home_team": f"Home {number}"},
        fetch,
        spoil_cell,
    )


def espn(_: Path) -> Provider:
    """A month of one league, and none of the others."""
    return Provider(
        lambda number: {**test_espn.played(), "id": str(number + 1)},
        fetch_with(
            FakeClient("/eng.1/scoreboard?dates=202504", b'{"events": []}'),
            lambda rows: {"events": rows},
            lambda client: EspnFeed("http://there", client),
            APRIL,
        ),
    )


def football_data(_: Path) -> Provider:
    """A season file; a row stays one line, whatever stands in it."""
    header = test_football_data.MAIN.split(",")

    def document(rows: Sequence[dict[str, Any]]) -> bytes:
        out = io.StringIO()
        out.write(f"{','.join(header)}\n")
        for row in rows:
            cells = ["" if row.get(name) is None else str(row[name]) for name in header]
            # Sound cells need no quotes; a hostile one stands there bare, its commas and quotation marks too.
            out.write(",".join(" ".join(cell.splitlines()) for cell in cells) + "\r\n")
        return out.getvalue().encode("utf-8", "replace")

    def spoil_cell(row: dict[str, Any], random_: random.Random) -> dict[str, Any]:
        spoiled = spoil(row, random_)
        return spoiled if isinstance(spoiled, dict) and any(spoiled.values()) else {**row, "Date": None}

    played = dict(zip(header, test_football_data.PLAYED.split(","), strict=True))
    return Provider(
        lambda number: {**played, "HomeTeam": f"Home {number}"},
        fetch_with(
            FakeClient("mmz4281/2425/E0.csv"),
            document,
            lambda client: FootballDataFeed("http://there", client),
            SEASON,
        ),
        spoil_cell,
    )


def football_data_org(_: Path) -> Provider:
    """A few days."""
    return Provider(
        lambda number: {**test_football_data_org.PLAYED, "id": number + 1},
        fetch_with(
            FakeClient("v4/matches"),
            lambda rows: {"matches": rows},
            lambda client: FootballDataOrgFeed("http://there", client, None, CLOCK),
            DAYS,
        ),
    )


def openfootball(_: Path) -> Provider:
    """A season file."""
    return Provider(
        lambda number: {**test_openfootball.PLAYED, "team1": f"Home {number}"},
        fetch_with(
            FakeClient("2024-25/en.1.json"),
            lambda rows: {"name": "A season", "matches": rows},
            lambda client: OpenFootballFeed("http://there", client),
            SEASON,
        ),
    )


def openligadb(_: Path) -> Provider:
    """A season of one league."""
    return Provider(
        lambda number: {**test_openligadb.PLAYED, "matchID": number + 1},
        fetch_with(
            FakeClient("getmatchdata/bl1/2024"),
            lambda rows: rows,
            lambda client: OpenLigaDbFeed("http://there", client),
            APRIL,
        ),
    )


def whoscored_json(folder: Path) -> Provider:
    """A saved file."""

    def fetch(rows: list[Any]) -> list[RawMatch | Rejection]:
        document = {"tournaments": [{**test_whoscored_json.LEAGUE, "matches": rows}]}
        (folder / "20250420.json").write_text(json.dumps(document))
        return list(WhoScoredJsonFeed(folder).fetch(APRIL, FixedClock(CLOCK.now())))

    return Provider(lambda number: {**test_whoscored_json.PLAYED, "id": 10**6 + number}, fetch)


def put(row: Any, path: Sequence[str | int], value: Any) -> None:
    """Set the value at a path of keys."""
    *outer, last = path
    for key in outer:
        row = row[key]
    row[last] = value


PROVIDERS = [
    api_football,
    archive,
    espn,
    football_data,
    football_data_org,
    openfootball,
    openligadb,
    whoscored_json,
]


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.__name__)
def test_hostile_rows_cost_themselves(provider: Callable[[Path], Provider], tmp_path: Path) -> None:
    """2,080 spoiled rows are kept or rejected with a reason, and 2,080 sound ones between them unchanged."""
    asked = provider(tmp_path)
    random_ = random.Random(20)  # noqa: S311 the same rows every time
    alone = {number: asked.fetch([asked.valid(number)]) for number in range(ROWS)}
    assert all(len(items) == 1 and isinstance(items[0], RawMatch) for items in alone.values())
    rejected = 0
    for _ in range(DOCUMENTS):
        controls = set(random_.sample(range(ROWS), ROWS // 2))
        document = [
            asked.valid(number) if number in controls else asked.spoil_row(asked.valid(number), random_)
            for number in range(ROWS)
        ]

        items = asked.fetch(document)

        assert len(items) == ROWS
        encoded = {msgspec.json.encode(item) for item in items}
        assert {msgspec.json.encode(alone[number][0]) for number in controls} <= encoded
        untold = [
            item.reason for item in items if isinstance(item, Rejection) and not REMEDY.search(item.reason)
        ]
        assert untold == []
        finished = [item for item in items if getattr(item, "status", None) is MatchStatus.FINISHED]
        assert all(item.home_goals is not None or item.after_90 for item in finished)
        rejected += sum(isinstance(item, Rejection) for item in items)
    assert DOCUMENTS * ROWS / 20 < rejected <= DOCUMENTS * ROWS / 2


# Where each adapter finds the name of the home team.
HOME_NAMES = {
    "api_football": ("teams", "home", "name"),
    "archive": ("home_team",),
    "espn": ("competitions", 0, "competitors", 1, "team", "displayName"),
    "football_data": ("HomeTeam",),
    "football_data_org": ("homeTeam", "name"),
    "openfootball": ("team1",),
    "openligadb": ("team1", "teamName"),
    "whoscored_json": ("homeTeamName",),
}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.__name__)
def test_marks_that_nobody_sees_cost_no_match(provider: Callable[[Path], Provider], tmp_path: Path) -> None:
    """Zero-width blanks, marks of direction and of byte order inside and around a name are left out of it."""
    asked = provider(tmp_path)
    row = copy.deepcopy(asked.valid(0))
    put(row, HOME_NAMES[provider.__name__], "\ufeff\u202bBrighton\u200b &amp; Ho\u00adve\u202c")

    names = [item.home_team for item in asked.fetch([row, asked.valid(1)]) if isinstance(item, RawMatch)]

    assert sorted(names) == sorted(
        ["Brighton & Hove", *(one.home_team for one in asked.fetch([asked.valid(1)]))]
    )


@pytest.mark.parametrize("name", ["nan", "None", "null", "12", "1-0", "\u2060\u200f", "Ful\x01ham"])
@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.__name__)
def test_what_is_no_name_makes_no_club(
    provider: Callable[[Path], Provider], name: str, tmp_path: Path
) -> None:
    """A word for no value, a number from another column, unprintable text: rejected, and nothing else."""
    asked = provider(tmp_path)
    row = copy.deepcopy(asked.valid(0))
    put(row, HOME_NAMES[provider.__name__], name)

    items = asked.fetch([row, asked.valid(1)])

    [rejected] = [item for item in items if isinstance(item, Rejection)]
    assert "home team" in rejected.reason
    assert REMEDY.search(rejected.reason)
    assert [item for item in items if isinstance(item, RawMatch)] == asked.fetch([asked.valid(1)])


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        (api_football, ("fixture", "status", "short")),
        (archive, ("status",)),
        (espn, ("competitions", 0, "status", "type", "name")),
        (football_data, ("Div",)),
        (football_data_org, ("status",)),
        (football_data_org, ("score", "duration")),
        (whoscored_json, ("status",)),
    ],
)
def test_what_is_missing_is_called_missing(
    provider: Callable[[Path], Provider], path: tuple[str | int, ...], tmp_path: Path
) -> None:
    """No reason asks for a change of adapter or catalogue where the provider left a field empty."""
    asked = provider(tmp_path)
    row = copy.deepcopy(asked.valid(0))
    put(row, path, None)

    [rejected] = [item for item in asked.fetch([row, asked.valid(1)]) if isinstance(item, Rejection)]

    assert "is missing; add it" in rejected.reason
