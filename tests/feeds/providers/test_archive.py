"""The archive: a Parquet or CSV file in the documented schema."""

import contextlib
import csv
import datetime as dt
import gzip
import random
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.providers.archive import archive_table
from soccer_assets.feeds.providers.archive.archive_feed import ArchiveFeed
from soccer_assets.feeds.providers.archive.archive_table import SCHEMA
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import (
    AfterNinety,
    GoalOdds,
    MatchOdds,
    RawMatch,
    Rejection,
    UnreadableFile,
)
from soccer_assets.settings import Settings
from tests import services

NOW = parse_instant("2025-04-25T09:00:00Z")
NOON = dt.datetime(2025, 4, 20, 12)  # noqa: DTZ001 a column without a zone
SPRING = Window(dt.date(2025, 3, 1), dt.date(2025, 6, 1))
ALL_TIME = Window(dt.date(1850, 1, 1), dt.date(2100, 1, 1))

PLAYED: dict[str, Any] = {
    "match_id": "00c0ffee00c0ffee",
    "kickoff_utc": "2025-04-20T13:00:00Z",
    "date": "2025-04-20",
    "country": "England",
    "competition": "Premier League",
    "tier": "1",
    "season": "2024/2025",
    "round": "33",
    "home_team": "Fulham",
    "away_team": "Chelsea",
    "home_goals": "1",
    "away_goals": "2",
    "ht_home_goals": "1",
    "ht_away_goals": "0",
    "status": "FT",
    "odds_home": "3.07",
    "odds_draw": "3.57",
    "odds_away": "2.3",
    "odds_type": "avg_closing",
    "source": "football-data.co.uk",
}
TYPES = {
    "kickoff_utc": pa.timestamp("ns", tz="UTC"),
    "date": pa.date32(),
    "tier": pa.int16(),
    "neutral": pa.bool_(),
    **{name: pa.int16() for name in ("home_goals", "away_goals", "ht_home_goals", "ht_away_goals")},
    **{name: pa.float32() for name in ("odds_home", "odds_draw", "odds_away")},
}


class Archive:
    """An archive file in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "matches.csv"

    def write_csv(self, *rows: dict[str, Any]) -> None:
        """Write the rows as CSV."""
        with self.file.open("w", newline="", encoding="utf-8", errors="replace") as out:
            writer = csv.DictWriter(out, list(SCHEMA), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    def write_parquet(self, *rows: dict[str, Any]) -> None:
        """Write the rows as Parquet, with the documented types."""
        self.file = self.file.with_suffix(".parquet")
        columns = {}
        for name in SCHEMA:
            text = pa.array([row.get(name) for row in rows], pa.string())
            columns[name] = text.cast(TYPES[name]) if name in TYPES else text
        pq.write_table(pa.table(columns), self.file)

    def feed(self, url: str = "", s3_endpoint_url: str = "") -> ArchiveFeed:
        """The feed of the file."""
        client = FileClient("SOCCER_FEED_URL", self.file.parent / "cache")
        return ArchiveFeed(url or str(self.file), client, s3_endpoint_url)

    def fetch(self, window: Window = SPRING, now: dt.datetime = NOW) -> list[RawMatch | Rejection]:
        """All rows of a window."""
        return list(self.feed().fetch(window, FixedClock(now)))


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path)


def test_parquet_without_optional_columns_is_read(archive):
    """Round, half-time score and prices may be missing as columns, not only as values."""
    needed = pa.table(
        {name: [PLAYED[name]] for name in PLAYED if not name.startswith(("round", "ht_", "odds_"))}
    )
    archive.file = archive.file.with_suffix(".parquet")
    pq.write_table(needed, archive.file)

    (match,) = archive.fetch()

    assert isinstance(match, RawMatch)
    assert (match.home_goals, match.away_goals, match.round) == (1, 2, None)


@pytest.mark.parametrize("form", ["write_csv", "write_parquet"])
def test_played_match_has_score_and_prices(archive, form):
    """A finished row carries all it says, whether the file is typed or text."""
    getattr(archive, form)(PLAYED)

    (match,) = archive.fetch()

    assert match == RawMatch(
        source="archive",
        source_match_id="00c0ffee00c0ffee",
        payload=match.payload,
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham",
        away_team="Chelsea",
        status=MatchStatus.FINISHED,
        round="33",
        home_goals=1,
        away_goals=2,
        home_goals_half_time=1,
        away_goals_half_time=0,
        odds=MatchOdds("avg_closing", 3.07, 3.57, 2.3),
    )
    assert match.payload.keys() == PLAYED.keys()
    assert str(match.payload["odds_home"]) == "3.07"


def test_prices_of_goals_and_a_handicap_are_read(archive):
    """Where their kind is told, and as far as they are credible."""
    quotes = {"odds_over": "1.8", "odds_under": "2.05", "handicap": "-0.75", "odds_handicap_home": "1.9"}
    both = {**quotes, "odds_handicap_away": "1.95", "goal_odds_type": "avg_closing"}
    archive.write_csv(
        {**PLAYED, **both},
        {**PLAYED, **both, "match_id": "b", "handicap": "0.1", "date": "2025-04-18", "kickoff_utc": ""},
        {**PLAYED, **both, "match_id": "c", "goal_odds_type": "", "date": "2025-04-16", "kickoff_utc": ""},
    )

    found = {match.source_match_id: match.goal_odds or None for match in archive.fetch()}

    assert found == {
        PLAYED["match_id"]: GoalOdds("avg_closing", 1.8, 2.05, -0.75, 1.9, 1.95),
        "b": GoalOdds("avg_closing", 1.8, 2.05),
        "c": None,
    }


def test_match_ahead_is_a_fixture_whatever_its_row_says(archive):
    """Before the match is over neither score nor prices are shown, and what is broken in them is not seen."""
    hidden = {"home_goals": "many", "status": "?", "odds_home": "x"}
    archive.write_csv({**PLAYED, **hidden, "kickoff_utc": "2025-04-26T14:00:00Z", "date": "2025-04-26"})

    (match,) = archive.fetch()

    assert match.status is MatchStatus.SCHEDULED
    assert (match.home_goals, match.home_goals_half_time, match.odds) == (None, None, None)
    assert not match.payload.keys() & {"home_goals", "ht_home_goals", "status", "odds_home", "odds_type"}


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED),
        ("2025-04-20T13:00:00Z", MatchStatus.LIVE),
        ("2025-04-20T14:59:59Z", MatchStatus.LIVE),
        ("2025-04-20T15:00:00Z", MatchStatus.FINISHED),
    ],
)
def test_match_is_over_two_hours_after_kickoff(archive, now, status):
    """Scheduled, live from kickoff, finished two hours later; a score only then."""
    archive.write_parquet(PLAYED)

    (match,) = archive.fetch(now=parse_instant(now))

    assert match.status is status
    assert (match.home_goals is not None) == (status is MatchStatus.FINISHED)


ODD_COLUMNS = {
    "blank text": ("home_goals", pa.array(["1", "", "1"]), "one side alone"),
    "not a number": ("home_goals", pa.array([1.0, float("nan"), 1.0]), "one side alone"),
    "infinity": ("home_goals", pa.array([1.0, float("inf"), 1.0]), "the score inf is not a whole number"),
    "decimals": ("home_goals", pa.array(map(Decimal, ("1.0", "2.5", "1.0"))), "not a whole number"),
    "objects": ("home_goals", pa.array([None, {"a": 1}, None]), "not a whole number"),
    "bytes": ("home_team", pa.array([b"Fulham", None, b"Leeds"]), "the home team is missing"),
    "years": ("season", pa.array([2024, None, 2025]), "the season is missing"),
    "lists": ("round", pa.array([None, ["1"] * 60, None]), "the round"),
    "dates as texts": ("date", pa.array(["2025-04-20", "20/04/2025", "2025-04-20"]), "no day yyyy-mm-dd"),
    "instants": ("date", pa.array([NOON, None, NOON], pa.timestamp("ns")), "the date is missing"),
    "the year 35 million": (
        "kickoff_utc",
        pa.array([None, 2**50, None], pa.timestamp("s", tz="UTC")),
        "not an ISO 8601 instant",
    ),
}


@pytest.mark.parametrize("name", list(ODD_COLUMNS))
def test_an_odd_column_of_parquet_costs_its_rows(archive, name):
    """Whatever type a program wrote: rows that mean something are read, the others rejected with a reason."""
    column, values, reason = ODD_COLUMNS[name]
    rows = [{**PLAYED, "match_id": id_, "home_team": id_, "kickoff_utc": None} for id_ in "abc"]
    archive.write_parquet(*rows)
    table = pq.read_table(archive.file)
    table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, archive.file)

    found = archive.fetch(ALL_TIME)

    rejected = [row.reason for row in found if isinstance(row, Rejection)]
    assert any(reason in one for one in rejected)
    is_unscored = name == "objects"  # the other two have one side alone
    assert (len(found), len(rejected)) == (3, 3 if is_unscored else 1)


def test_a_file_without_one_date_says_what_it_has(archive):
    """The first value of the column is shown."""
    archive.write_csv({**PLAYED, "kickoff_utc": "", "date": "20250420"})

    with pytest.raises(FeedRefusedError, match="'20250420' is no day yyyy-mm-dd; write it as 2025-04-20"):
        archive.fetch()


@pytest.mark.parametrize(
    ("kickoff", "is_read"),
    [
        ("2025-04-19T23:00:00Z", True),
        ("2025-04-21T02:00:00Z", True),
        ("2025-04-13T13:00:00Z", False),
        ("2025-04-22T00:00:00Z", False),
    ],
)
def test_a_date_must_agree_with_its_kickoff(archive, kickoff, is_read):
    """A day apart is the time zone; a week apart one of them is wrong, and nobody knows which."""
    archive.write_csv({**PLAYED, "kickoff_utc": kickoff})

    (row,) = archive.fetch()

    assert isinstance(row, RawMatch) is is_read
    assert is_read or "days apart; correct one of them" in row.reason


@pytest.mark.parametrize("label", ["2023/2024", "2024", "2025", "2026", "2025/26", "Apertura"])
def test_a_season_may_begin_or_end_a_year_beside_the_date(archive, label):
    """Seasons of an archive come from many hands: only a label years away is an error."""
    archive.write_csv({**PLAYED, "season": label})

    (match,) = archive.fetch()

    assert isinstance(match, RawMatch)


@pytest.mark.parametrize("label", ["2024/2025", "2024/25", "2024-25", "24/25"])
def test_a_season_has_one_label(archive, label):
    """Two spellings would be two seasons; the payload keeps the file's."""
    archive.write_csv({**PLAYED, "season": label})

    (match,) = archive.fetch()

    assert (match.season, match.payload["season"]) == ("2024/2025", label)


@pytest.mark.parametrize("status", ["AET", "PEN"])
def test_second_leg_after_extra_time_has_no_score(archive, status):
    """A second leg won 1-0 at 90 and settled later has no goals: the file knows the final score alone."""
    archive.write_csv(
        {**PLAYED, "status": status, "home_goals": "2", "away_goals": "1", "ht_home_goals": "0"}
    )

    (match,) = archive.fetch()

    assert match.status is MatchStatus.FINISHED
    assert (match.home_goals, match.away_goals) == (None, None)
    assert (match.home_goals_half_time, match.away_goals_half_time) == (0, 0)
    assert (match.payload["home_goals"], match.payload["status"]) == ("2", status)
    # The final score of a shoot-out holds its goals in some rows.
    told = {
        "AET": {"decided_by": "extra_time", "home_goals": 2, "away_goals": 1},
        "PEN": {"decided_by": "penalties"},
    }
    assert match.after_90 == AfterNinety(**told[status])


def test_match_without_time_is_known_to_the_day(archive):
    """Without a kickoff the day's 12:00 stands for it, and the match is over two hours after the day."""
    archive.write_csv({**PLAYED, "kickoff_utc": ""})

    (before,) = archive.fetch(now=parse_instant("2025-04-21T01:59:00Z"))
    (after,) = archive.fetch(now=parse_instant("2025-04-21T02:00:00Z"))

    assert (after.kickoff, after.kickoff_precision) == (
        parse_instant("2025-04-20T12:00:00Z"),
        KickoffPrecision.DAY,
    )
    assert (before.status, after.status) == (MatchStatus.SCHEDULED, MatchStatus.FINISHED)


@pytest.mark.parametrize(
    ("reported", "status"),
    [("VOID", MatchStatus.CANCELLED), ("SCHEDULED", MatchStatus.POSTPONED)],
)
def test_status_without_a_result(archive, reported, status):
    """A void match is cancelled; a fixture nobody settled counts as postponed after three days."""
    archive.write_csv({**PLAYED, "status": reported, "home_goals": "", "away_goals": ""})

    (match,) = archive.fetch()

    assert (match.status, match.home_goals) == (status, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"home_goals": ""}, "the score None-2 has one side alone"),
        ({"home_goals": "", "away_goals": ""}, "the status is FT, but there is no score"),
        ({"home_goals": "-1"}, "the score -1 is not from 0 to 36"),
        ({"away_goals": "99"}, "the score 99 is not from 0 to 36"),
        ({"status": "done"}, "the status 'done' is none of AET, FT, PEN, SCHEDULED, VOID"),
        ({"date": "20/04/2025"}, "the date '20/04/2025' is no day yyyy-mm-dd"),
        ({"kickoff_utc": "soon"}, "kickoff_utc 'soon' is not an ISO 8601 instant"),
        ({"away_team": "Fulham"}, "Fulham cannot play itself"),
        ({"country": ""}, "the country is missing"),
        ({"season": "nan"}, "the season is 'nan', a program's word for no value"),
        ({"season": "2030/2031"}, "the date 2025-04-20 lies outside the season 2030/2031"),
        ({"season": "2022"}, "the date 2025-04-20 lies outside the season 2022"),
        ({"date": "", "kickoff_utc": "", "status": "won"}, "the date is missing"),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(archive, change, reason):
    """A bad row is rejected with its reason, and the row beside it is read."""
    archive.write_csv({**PLAYED, "match_id": "b", "away_team": "Everton"}, {**PLAYED, **change})

    match, rejection = archive.fetch()

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")
    assert rejection.payload["match_id"] == PLAYED["match_id"]


def test_broken_prices_and_half_time_cost_themselves(archive):
    """An impossible price, or a half-time score above the final one, is left out."""
    archive.write_csv({**PLAYED, "odds_home": "0.3", "ht_away_goals": "5"})

    (match,) = archive.fetch()

    assert (match.home_goals, match.odds, match.home_goals_half_time) == (1, None, None)


def test_line_with_cells_missing_is_rejected(archive):
    """A line cut short is reported once, with the first matches of the file."""
    archive.write_csv(PLAYED)
    archive.file.write_text(archive.file.read_text() + "cut,off\n")

    match, rejection = sorted(archive.fetch(), key=lambda item: isinstance(item, Rejection))

    assert isinstance(match, RawMatch)
    assert rejection.reason == "the line has 2 cells, not 27; write one a column"
    assert not archive.fetch(Window(dt.date(2025, 5, 1), dt.date(2025, 6, 1)))


def test_competitions_are_made_from_the_file(archive):
    """Leagues of the catalogue keep their codes; others get one of country and name."""
    chile = {"country": "Chile", "competition": "Top Division", "season": "2025"}
    cup = {
        "country": "International",
        "competition": "Copa América",
        "tier": "",
        "neutral": "True",
        "season": "2024",
    }
    brazil = {"country": "Brazil", "competition": "Campeonato", "season": "2025"}
    archive.write_csv(PLAYED, {**PLAYED, **chile}, {**PLAYED, **cup}, {**PLAYED, **brazil})

    found = archive.feed().competitions()

    assert {item.competition for item in archive.fetch()} == found.keys()
    assert found.keys() == {"ENG-1", "BRA-1", "CHILE-TOP-DIVISION", "INTERNATIONAL-COPA-AMERICA"}
    assert (found["CHILE-TOP-DIVISION"].tier, found["CHILE-TOP-DIVISION"].calendar) == (1, "year")
    assert found["INTERNATIONAL-COPA-AMERICA"].squad == "national"
    assert found["INTERNATIONAL-COPA-AMERICA"].tier == 0
    assert found["ENG-1"].time_zone == "Europe/London"


@pytest.mark.parametrize("has_men", [False, True])
def test_a_league_of_women_or_youth_is_not_the_mens_of_its_tier(archive, has_men):
    """Alone of its country and tier, and beside the men's, which keeps its code."""
    names = ["Women's Super League", "U18 Premier League", *(["Top Division"] if has_men else [])]
    archive.write_csv(
        *({**PLAYED, "match_id": name, "country": "England", "competition": name} for name in names)
    )

    found = archive.feed().competitions()

    others = {"ENGLAND-WOMEN-S-SUPER-LEAGUE", "ENGLAND-U18-PREMIER-LEAGUE"}
    assert found.keys() == (others | {"ENG-1"} if has_men else others)
    assert found["ENGLAND-WOMEN-S-SUPER-LEAGUE"].sex == "women"


def test_windows_share_the_rows(archive):
    """Two adjoining windows hold what one over both holds; the first month is that of the first match."""
    days = [dt.date(2025, 3, 1) + dt.timedelta(days=n) for n in range(90)]
    rows = [{**PLAYED, "match_id": f"{d}", "kickoff_utc": "", "date": f"{d}"} for d in days]
    random.Random(1).shuffle(rows)  # noqa: S311 the same order every time
    archive.write_csv(*rows)
    middle = dt.date(2025, 4, 7)

    parts = archive.fetch(Window(SPRING.start, middle)) + archive.fetch(Window(middle, SPRING.end))

    assert parts == archive.fetch()
    assert [match.source_match_id for match in parts] == [f"{d}" for d in days]
    assert archive.feed().first_month() == dt.date(2025, 3, 1)


def test_archive_is_read_from_any_address(archive, httpserver):
    """A path, a file:// address, a memory:// one, gzip, and HTTP give the same rows."""
    import fsspec  # noqa: PLC0415 - beside its only use

    archive.write_csv(PLAYED)
    data = archive.file.read_bytes()
    packed = archive.file.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(data))
    httpserver.expect_request("/matches.csv").respond_with_data(data)
    with fsspec.open("memory://matches.csv", "wb") as out:
        out.write(data)
    addresses = [
        archive.file.as_uri(),
        str(packed),
        "memory://matches.csv",
        httpserver.url_for("/matches.csv"),
    ]

    for url in addresses:
        assert list(archive.feed(url).fetch(SPRING, FixedClock(NOW))) == archive.fetch()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "neither Parquet nor CSV"),
        (b"<html>not found</html>", "neither Parquet nor CSV"),
        (b"PAR1 and then nothing", "is broken Parquet"),
        (b"home_team,away_team\nA,B\n", "has no column away_goals, competition, country, date"),
        (b"\xff\xfe\x00", "neither Parquet nor CSV"),
        (b"home_team,home_goals,home_goals\nA,1,2\n", "has the column home_goals twice; remove one"),
    ],
)
def test_other_file_is_refused(archive, content, reason):
    """A file that is no archive is refused with the setting's name."""
    archive.file.write_bytes(content)

    with pytest.raises(FeedRefusedError, match=f"SOCCER_FEED_URL.*{reason}"):
        archive.fetch()


def test_parquet_with_a_column_twice_is_refused(archive):
    """Nothing says which of the two is right."""
    archive.write_parquet(PLAYED)
    table = pq.read_table(archive.file)
    pq.write_table(table.append_column("home_goals", table["away_goals"]), archive.file)

    with pytest.raises(FeedRefusedError, match=r"SOCCER_FEED_URL.* has the column home_goals twice"):
        archive.fetch()


@pytest.mark.parametrize("kept", [0, 3, 12, -9, -1])
@pytest.mark.parametrize("is_packed", [True, False])
def test_packed_file_that_is_cut_or_not_packed_is_refused(archive, kept, is_packed):
    """No repetition helps: the file is wrong."""
    archive.write_csv(PLAYED)
    data = archive.file.read_bytes()
    archive.file = archive.file.with_suffix(".csv.gz")
    archive.file.write_bytes((gzip.compress(data) if is_packed else data)[:kept])

    with pytest.raises(FeedRefusedError, match="SOCCER_FEED_URL"):
        archive.fetch()


def test_a_small_file_of_much_more_is_refused(archive, monkeypatch):
    """Packed zeros take a thousandth of their size: it is unpacked as far as the limit."""
    monkeypatch.setattr(archive_table, "LARGEST_ARCHIVE_BYTES", 2**20)
    archive.write_csv(PLAYED)
    archive.file = archive.file.with_suffix(".csv.gz")
    archive.file.write_bytes(gzip.compress(bytes(2 * 2**20)))

    with pytest.raises(FeedRefusedError, match="is larger than 1 MB, unpacked; split it"):
        archive.fetch()


def test_quotation_mark_that_stays_open_costs_its_line_alone(archive):
    """In the first row, in the middle and in the last one; a line break in a closed pair costs nothing."""
    rows = [PLAYED | {"match_id": f"m{number}"} for number in range(4_000)]
    rows[7]["source"] = "two\nlines"
    archive.write_csv(*rows)
    lines = (
        archive.file.read_text().replace("m0,", '"m0,').replace("m9,", '"m9,').replace("m3999,", '"m3999,')
    )
    archive.file.write_text(lines)

    found = archive.fetch()

    assert len(found) == 4_000
    rejected = [row for row in found if isinstance(row, Rejection)]
    assert [row.payload["line"][:4] for row in rejected] == ['"m0,', '"m9,', '"m39']
    assert {row.reason for row in rejected} == {
        "the line has a quotation mark that is not closed; close it, or remove it"
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_file_that_another_program_saved_says_the_same(archive, delimiter, encoding):
    """Semicolons and tabs come with decimal commas, and Excel writes UTF-16."""
    archive.write_csv(PLAYED | {"home_team": "Alavés"})
    text = archive.file.read_text(encoding="utf-8")
    if delimiter != ",":
        text = (
            text.replace(",", delimiter)
            .replace(".", ",")
            .replace("co,uk", "co.uk")
            .replace("data,co", "data.co")
        )
    archive.file.write_bytes(text.encode(encoding))

    (match,) = archive.fetch()

    assert (match.home_team, match.home_goals, match.away_goals) == ("Alavés", 1, 2)
    assert match.odds == MatchOdds("avg_closing", 3.07, 3.57, 2.3)


@pytest.mark.parametrize("kept", [5, 40, 120])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_file_that_ends_inside_a_row_is_reported_in_every_window(archive, kept, quote):
    """The rows before it are read; nobody learns of it only in the window of the first match."""
    archive.write_csv(PLAYED | {"date": "2024-08-01", "kickoff_utc": "2024-08-01T13:00:00Z"}, PLAYED)
    text = archive.file.read_text()
    cut = text.splitlines()[-1].replace("00c0ffee", f"{quote}11c0ffee", 1)[:kept]
    archive.file.write_text(text + cut)

    match, report = sorted(archive.fetch(), key=lambda row: isinstance(row, Rejection))

    assert match.home_team == "Fulham"
    assert isinstance(report, UnreadableFile)
    assert report.reason.startswith(f"file ends early: {archive.file}: its last row is cut")


def test_names_of_a_spreadsheet_keep_their_letters(archive):
    """Windows-1252 and UTF-8, also in one file."""
    archive.write_csv(PLAYED | {"home_team": "Alavés"}, PLAYED | {"match_id": "2", "home_team": "Cádiz"})
    text = archive.file.read_bytes()
    archive.file.write_bytes(text.replace("Alavés".encode(), "Alavés".encode("cp1252")))

    assert [row.home_team for row in archive.fetch() if isinstance(row, RawMatch)] == ["Alavés", "Cádiz"]


@pytest.mark.parametrize("url", ["{}/missing.csv", "{}", "nosuchscheme://x/y.csv"])
def test_address_without_a_file_is_refused(archive, url):
    """No file, a folder and an unknown scheme are refused."""
    with pytest.raises(FeedRefusedError, match="SOCCER_FEED_URL"):
        list(archive.feed(url.format(archive.file.parent)).fetch(SPRING, FixedClock(NOW)))


@pytest.mark.parametrize("scheme", ["nosuchscheme://user:s3cret@host", "http"])
def test_signature_of_a_link_is_not_shown(archive, httpserver, scheme):
    """Neither query nor user of an address is repeated in an error."""
    httpserver.expect_request("/y.csv").respond_with_data("no", status=403)
    base = httpserver.url_for("").rstrip("/") if scheme == "http" else scheme
    with pytest.raises(FeedRefusedError) as refusal:
        archive.feed(f"{base}/y.csv?signature=s3cret").first_month()

    assert "s3cret" not in f"{refusal.value}"
    assert "/y.csv" in f"{refusal.value}"


@contextlib.contextmanager
def s3_server(answer: bytes, drop: bytes = b"") -> Iterator[str]:
    """A server that begins an answer and then sends a drop of it now and then, or nothing; its address."""

    class Server(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                self.request.sendall(answer)
                while drop:
                    self.request.sendall(drop)
                    time.sleep(0.05)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def _s3_login(monkeypatch):
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("DEFAULT_REGION", "eu")):
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.usefixtures("_s3_login")
@pytest.mark.parametrize(
    ("answer", "drop"),
    [
        pytest.param(b"", b"", id="silent"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nETag: x\r\n", b"X: y\r\n", id="drops"),
        pytest.param(None, b"", id="nobody"),
        pytest.param(b"no HTTP at all\r\n\r\n", b"", id="nonsense"),
    ],
)
def test_an_s3_server_that_hangs_costs_seconds(archive, monkeypatch, answer, drop):
    """The run fails with one sentence; boto's and s3fs's own bounds add up to half an hour."""
    monkeypatch.setattr(archive_table, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(archive_table, "_LONGEST_SECONDS", 30.0 if answer == b"" else 1.0)
    with s3_server(answer or b"", drop) as url:
        address = "http://127.0.0.1:1" if answer is None else url
        with pytest.raises(FeedUnavailableError, match=r"cannot read s3://bucket/matches\.csv"):
            archive.feed("s3://bucket/matches.csv", s3_endpoint_url=address).first_month()


@pytest.mark.usefixtures("_s3_login")
def test_an_archive_in_a_bucket_is_read(archive, moto_endpoint):
    """With bounds as without."""
    archive.write_csv(PLAYED)
    client = services.s3_client(moto_endpoint)
    client.create_bucket(Bucket="archive")
    client.upload_file(str(archive.file), "archive", "matches.csv")

    feed = archive.feed("s3://archive/matches.csv", s3_endpoint_url=moto_endpoint)
    assert list(feed.fetch(SPRING, FixedClock(NOW))) == archive.fetch()


def test_empty_setting_is_refused(tmp_path):
    """The archive has no address of its own."""
    with pytest.raises(FeedRefusedError, match="set SOCCER_FEED_URL"):
        ArchiveFeed.from_settings(Settings.from_env({"SOCCER_HOME": str(tmp_path)}))


def test_real_archive_is_accounted_for(shared_data, tmp_path):
    """Every real row since 2018 comes out as a match, in 379 competitions, but for one copied season."""
    feed = real_archive(shared_data, tmp_path)
    assert feed.first_month() == dt.date(1998, 1, 1)
    assert len(feed.competitions()) == 379

    kinds = kinds_since_2018(feed)

    copied = [reason for reason in kinds if reason.startswith("the season has the results of Premier League")]
    assert {kinds.pop(reason) for reason in copied} == {240}
    assert kinds == {MatchStatus.FINISHED: 145_253, MatchStatus.CANCELLED: 1}


@pytest.mark.trial
def test_real_archive_is_read_quickly(shared_data, tmp_path):
    """60,000 rows a second at least."""
    feed = real_archive(shared_data, tmp_path)
    feed.competitions()
    started = time.process_time()

    kinds = kinds_since_2018(feed)

    assert kinds.total() / (time.process_time() - started) > 60_000


def real_archive(shared_data, tmp_path):
    """The feed of the real archive."""
    return ArchiveFeed(str(shared_data / "matches_1998_2025-06.parquet"), FileClient("X", tmp_path))


def kinds_since_2018(feed):
    """How many rows of each status, and rejections of each reason."""
    window = Window(dt.date(2018, 1, 1), dt.date(2026, 1, 1))
    items = feed.fetch(window, FixedClock(parse_instant("2025-07-10T00:00:00Z")))
    return Counter(item.status if isinstance(item, RawMatch) else item.reason for item in items)
