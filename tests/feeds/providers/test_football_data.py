"""football-data.co.uk's files, and what may be known of them when."""

import datetime as dt
import re
import shutil
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from werkzeug import Request, Response

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.audit import audit
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.football_data.csv_file import CsvFormatError, read_csv
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import (
    GoalOdds,
    MatchOdds,
    MatchStats,
    RawMatch,
    Rejection,
    Repeat,
    UnreadableFile,
)
from soccer_assets.settings import Settings

NOW = parse_instant("2025-04-25T09:00:00Z")
APRIL = Window(dt.date(2025, 4, 1), dt.date(2025, 5, 1))
SPRING = Window(dt.date(2025, 3, 1), dt.date(2025, 6, 1))

MAIN = "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,HST,AST,AvgH,AvgD,AvgA,AvgCH,AvgCD,AvgCA"
PLAYED = "E0,20/04/2025,14:00,Fulham,Chelsea,1,2,A,1,0,H,1,8,3,3.5,2.4,3.07,3.57,2.3"
AHEAD = "E0,26/04/2025,15:00,Chelsea,Everton,1,0,H,1,0,H,4,5,1.5,4,6,1.5,4.1,6.2"
EXTRA = "Country,League,Season,Date,Time,Home,Away,HG,AG,Res,PSCH,PSCD,PSCA,AvgCH,AvgCD,AvgCA"


SAVED = (
    "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,AvgH,AvgD,AvgA\n"
    "E0,20/04/2025,14:00,Fulham,Chelsea,1,2,A,3.1,3.5,2.4\n"
)


class Mirror:
    """A folder laid out like the provider's site, read through ``file://``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, *lines: str, encoding: str = "utf-8") -> None:
        """Put a file there, with the provider's line ends."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes("\r\n".join([*lines, ""]).encode(encoding))

    def feed(self, **environ: str) -> FootballDataFeed:
        """A feed of the folder; settings beside its address as keywords."""
        environ = {
            "SOCCER_HOME": str(self.folder / "home"),
            "SOCCER_FEED_URL": self.folder.as_uri(),
            **environ,
        }
        return FootballDataFeed.from_settings(Settings.from_env(environ))

    def fetch(self, window: Window = SPRING, now: dt.datetime = NOW) -> list[RawMatch | Rejection]:
        """All rows of a window."""
        return list(self.feed().fetch(window, FixedClock(now)))


@pytest.fixture
def mirror(tmp_path) -> Mirror:
    return Mirror(tmp_path)


def cell(line: str, column: str, text: str) -> str:
    """The line with another text in one column."""
    cells = line.split(",")
    cells[MAIN.split(",").index(column)] = text
    return ",".join(cells)


def test_played_match_has_score_prices_and_shots(mirror):
    """A finished row carries all it says, at the UK's time in UTC."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)

    (match,) = mirror.fetch()

    assert match == RawMatch(
        source="football-data",
        source_match_id=None,
        payload=dict(zip(MAIN.split(",")[:13], PLAYED.split(",")[:13], strict=True))
        | {"AvgCH": "3.07", "AvgCD": "3.57", "AvgCA": "2.3"},
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham",
        away_team="Chelsea",
        status=MatchStatus.FINISHED,
        home_goals=1,
        away_goals=2,
        home_goals_half_time=1,
        away_goals_half_time=0,
        odds=MatchOdds("avg_closing", 3.07, 3.57, 2.3),
        stats=MatchStats(1, 8),
    )


GOALS = "AvgC>2.5,AvgC<2.5,AHCh,AvgCAHH,AvgCAHA"
EARLIER = "Avg>2.5,Avg<2.5,AHh,AvgAHH,AvgAHA"


@pytest.mark.parametrize(
    ("columns", "cells", "odds"),
    [
        (GOALS, "1.8,2.0,-0.75,1.95,1.9", GoalOdds("avg_closing", 1.8, 2.0, -0.75, 1.95, 1.9)),
        (EARLIER, "1.8,2.0,0.25,1.95,1.9", GoalOdds("avg", 1.8, 2.0, 0.25, 1.95, 1.9)),
        (f"{EARLIER},{GOALS}", "3,1.4,1,1.9,1.9,1.8,2,0,2,1.8", GoalOdds("avg_closing", 1.8, 2, 0, 2, 1.8)),
        (GOALS, "1.8,,-0.75,1.95,1.9", GoalOdds("avg_closing", None, None, -0.75, 1.95, 1.9)),
        (GOALS, "1.8,2.0,-0.7,1.95,1.9", GoalOdds("avg_closing", 1.8, 2.0)),
        (GOALS, "1.8,2.0,-1,1.95,19", GoalOdds("avg_closing", 1.8, 2.0)),
        (f"{EARLIER},{GOALS}", "1.8,2,,,,nan,2,x,1.9,1.9", GoalOdds("avg", 1.8, 2.0)),
        (GOALS, "1.0,2.0,9,1.95,1.9", None),
    ],
)
def test_prices_of_goals_and_handicaps_are_read_where_they_are_credible(mirror, columns, cells, odds):
    """Closing averages before earlier ones, which are not called closing; each market for itself."""
    mirror.write("mmz4281/2425/E0.csv", f"{MAIN},{columns}", f"{PLAYED},{cells}")

    (match,) = mirror.fetch()

    assert (match.goal_odds or None) == odds
    told = match.payload.keys() & set(columns.split(","))
    assert told == (set() if odds is None else told)


def test_all_shots_and_corners_are_read_where_they_are_whole_numbers(mirror):
    """What stands beside the shots on target is kept; a cell that is no count is unknown."""
    mirror.write("mmz4281/2425/E0.csv", f"{MAIN},HS,AS,HC,AC", f"{PLAYED},14,9,x,3")

    (match,) = mirror.fetch()

    assert match.stats == MatchStats(1, 8, home_shots=14, away_shots=9, away_corners=3)


def test_match_ahead_is_a_fixture_whatever_its_row_says(mirror):
    """Before the match is over only a fixture list's columns are there, and a broken score is not seen."""
    broken = cell(cell(AHEAD, "FTHG", "many"), "AvgCH", "?")
    mirror.write("mmz4281/2425/E0.csv", MAIN, broken)

    (match,) = mirror.fetch()

    assert match.status is MatchStatus.SCHEDULED
    assert match.payload.keys() == {"Div", "Date", "Time", "HomeTeam", "AwayTeam"}
    assert (match.home_goals, match.home_goals_half_time, match.odds, match.stats) == (None, None, None, None)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED),
        ("2025-04-20T13:00:00Z", MatchStatus.LIVE),
        ("2025-04-20T14:59:59Z", MatchStatus.LIVE),
        ("2025-04-20T15:00:00Z", MatchStatus.FINISHED),
    ],
)
def test_match_is_over_two_hours_after_kickoff(mirror, now, status):
    """Scheduled, live from kickoff, finished two hours later; a score only then."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)

    (match,) = mirror.fetch(now=parse_instant(now))

    assert match.status is status
    assert (match.home_goals is not None) == (status is MatchStatus.FINISHED)


@pytest.mark.parametrize(
    ("now", "status"),
    [("2025-04-21T01:59:00Z", MatchStatus.SCHEDULED), ("2025-04-21T02:00:00Z", MatchStatus.FINISHED)],
)
def test_match_without_time_is_over_after_its_day(mirror, now, status):
    """Where only the day is known the kickoff is its 12:00, and it is over two hours after midnight."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(PLAYED, "Time", ""))

    (match,) = mirror.fetch(now=parse_instant(now))

    assert match.kickoff == parse_instant("2025-04-20T12:00:00Z")
    assert match.kickoff_precision is KickoffPrecision.DAY
    assert match.status is status


@pytest.mark.parametrize(
    ("date", "time", "kickoff"),
    [
        ("14/08/93", "", "1993-08-14T12:00:00Z"),
        ("01/01/2024", "15:00", "2024-01-01T15:00:00Z"),
        ("1/4/2024", "15:00", "2024-04-01T14:00:00Z"),
        ("02/07/2024", "00:30", "2024-07-01T23:30:00Z"),
    ],
)
def test_dates_and_times_are_british(date, time, kickoff):
    """Day before month, two or four digits of the year, clock time of London."""
    (row,) = read_csv(f"Div,Date,Time,HomeTeam,AwayTeam\nE0,{date},{time},A,B".encode()).rows

    assert row.kickoff == parse_instant(kickoff)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2025-04-23T14:59:00Z", MatchStatus.SCHEDULED),
        ("2025-04-23T15:00:00Z", MatchStatus.POSTPONED),
        ("2030-01-01T00:00:00Z", MatchStatus.POSTPONED),
    ],
)
def test_match_without_result_counts_as_postponed_after_the_lag(mirror, now, status):
    """A past match without a score waits for three days, then it was postponed."""
    fixture = ",".join([*PLAYED.split(",")[:5], *[""] * 14])
    mirror.write("mmz4281/2425/E0.csv", MAIN, fixture)

    (match,) = mirror.fetch(now=parse_instant(now))

    assert match.status is status
    assert match.home_goals is None


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("Date", "2025.04.20", "the date '2025.04.20' is not dd/mm/yyyy; write it so"),
        ("Date", "31/04/2025", "the date '31/04/2025' is not in the calendar; correct it"),
        ("Date", "", "the date '' is not dd/mm/yyyy; write it so"),
        (
            "Date",
            "20/04/2024",
            "the date '20/04/2024' lies outside the file's season; correct it, or put the row elsewhere",
        ),
        ("Date", "20/04/1066", "the date '20/04/1066' is not of this time; correct it"),
        ("Time", "25:00", "the time '25:00' is not hh:mm; write it so, or leave it empty"),
        ("HomeTeam", "", "the home team is missing; add it at the source"),
        ("AwayTeam", " ", "the away team is missing; add it at the source"),
        ("AwayTeam", "Fulham", "Fulham cannot play itself; correct it at the source"),
        ("Div", "E9", "the competition 'E9' is not in competitions.toml; correct it, or add it there"),
        ("FTHG", "-1", "the score '-1'-'2' is not two numbers from 0 to 36; correct it"),
        ("FTHG", "37", "the score '37'-'2' is not two numbers from 0 to 36; correct it"),
        ("FTHG", "", "the score ''-'2' is not two numbers from 0 to 36; correct it"),
        ("FTHG", "9" * 5000, f"the score '{'9' * 36}...-'2' is not two numbers from 0 to 36; correct it"),
        ("FTAG", "1.5", "the score '1'-'1.5' is not two numbers from 0 to 36; correct it"),
        ("FTHG", "3", "the score 3-2 contradicts the result 'A'; correct one of them"),
        ("FTR", "X", "the score 1-2 contradicts the result 'X'; correct one of them"),
    ],
)
def test_row_that_cannot_be_understood_is_set_aside(mirror, column, text, reason):
    """One bad cell rejects its row with the reason, and the rest goes on."""
    other = cell(cell(PLAYED, "HomeTeam", "Leeds"), "AwayTeam", "Derby")
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(PLAYED, column, text), other)

    rows = mirror.fetch()

    assert [row.reason for row in rows if isinstance(row, Rejection)] == [reason]
    assert [row.home_team for row in rows if isinstance(row, RawMatch)] == ["Leeds"]


def test_result_without_score_is_set_aside(mirror):
    """A row that says who won, but not how, is rejected."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(cell(PLAYED, "FTHG", ""), "FTAG", ""))

    assert [row.reason for row in mirror.fetch()] == ["the result is 'A', but there is no score; add it"]


def test_undated_row_is_told_once_and_shows_no_result(mirror):
    """A row without a date belongs to the day of the row before it, and may lie ahead."""
    lines = [PLAYED, cell(AHEAD, "Date", "soon"), cell(AHEAD, "Date", "26/05/2025")]
    mirror.write("mmz4281/2425/E0.csv", MAIN, *lines)
    months = [Window(dt.date(2025, month, 1), dt.date(2025, month + 1, 1)) for month in range(3, 7)]

    (rejection,) = [row for month in months for row in mirror.fetch(month) if isinstance(row, Rejection)]

    assert rejection.payload == {
        "Div": "E0",
        "Date": "soon",
        "Time": "15:00",
        "HomeTeam": "Chelsea",
        "AwayTeam": "Everton",
    }
    assert rejection in mirror.fetch(APRIL)


@pytest.mark.parametrize(
    ("cells", "odds"),
    [
        ({}, MatchOdds("avg_closing", 3.07, 3.57, 2.3)),
        ({"AvgCD": ""}, MatchOdds("avg", 3.0, 3.5, 2.4)),
        ({"AvgCD": "x"}, MatchOdds("avg", 3.0, 3.5, 2.4)),
        ({"AvgCH": "30.7"}, MatchOdds("avg", 3.0, 3.5, 2.4)),
        ({"AvgCH": "nan"}, MatchOdds("avg", 3.0, 3.5, 2.4)),
        ({"AvgCD": "", "AvgD": "0"}, None),
    ],
)
def test_first_complete_and_credible_price_is_taken(mirror, cells, odds):
    """Closing average before average; a price with a hole or an impossible sum is passed over."""
    line = PLAYED
    for column, text in cells.items():
        line = cell(line, column, text)
    mirror.write("mmz4281/2425/E0.csv", MAIN, line)

    (match,) = mirror.fetch()

    assert match.odds == odds


def test_impossible_half_time_score_is_left_out(mirror):
    """More goals at half-time than at the end is a slip in the half-time score; the match stands."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(PLAYED, "HTHG", "2"))

    (match,) = mirror.fetch()

    assert (match.home_goals, match.home_goals_half_time, match.away_goals_half_time) == (1, None, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings(mirror, encoding):
    """With or without byte order mark, in UTF-8 or Windows-1252, a name reads the same."""
    row = PLAYED.replace("Fulham", "Málaga").replace("E0", "SP1")
    mirror.write("mmz4281/2425/SP1.csv", MAIN, row, encoding=encoding)

    (match,) = mirror.fetch()

    assert match.home_team == "Málaga"


def test_trailing_blanks_and_empty_lines_do_not_matter(mirror):
    """Names are stripped; rows of commas, as old files end in, are no rows; a short row lacks prices only."""
    line = ",".join(PLAYED.replace("Fulham", " Fulham ").split(",")[:8])
    mirror.write("mmz4281/2425/E0.csv", MAIN + ",,", line, ",,,,,", "")

    (match,) = mirror.fetch()

    assert (match.home_team, match.home_goals, match.odds) == ("Fulham", 1, None)


def test_stray_quotation_mark_stays_in_its_line(mirror):
    """A quotation mark does not swallow the lines below it."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED.replace("Fulham", '"Fulham'), AHEAD)

    assert [match.home_team for match in mirror.fetch()] == ['"Fulham', "Chelsea"]


def test_greek_columns_of_old_files():
    """HT and AT are other words for the two teams."""
    file = read_csv(b"Div,Date,HT,AT,FTHG,FTAG,FTR\nG1,20/08/00,Aris,PAOK,1,1,D")

    assert file.columns[2:4] == ("HomeTeam", "AwayTeam")


def test_extra_league(mirror):
    """A file of new/ has all seasons; its labels are kept, blanks around league names do not matter."""
    mirror.write(
        "new/DNK.csv",
        EXTRA,
        "Denmark ,Superliga ,2024/2025,20/04/2025,15:00,Brondby,Vejle,2,0,H,1.5,4,6,,,",
        "Denmark,Superliga,2019/2020,29/07/2020,18:00,Vejle,Brondby,0,0,D,1.5,4,6,,,",
        "Denmark,Unknown Cup,2024/2025,20/04/2025,15:00,Vejle,Odense,2,0,H,,,,,,",
        encoding="utf-8-sig",
    )

    match, rejection = mirror.fetch()
    (old,) = mirror.fetch(Window(dt.date(2020, 7, 1), dt.date(2020, 8, 1)))

    assert (match.competition, match.season, match.odds.kind) == ("DEN-1", "2024/2025", "pinnacle_closing")
    assert "Denmark/Unknown Cup" in rejection.reason
    assert (old.season, old.home_goals) == ("2019/2020", 0)


def test_fixture_lists_add_what_the_season_file_lacks(mirror):
    """A fixture that the season file holds too comes once; seasons come from the calendar."""
    extra = "Country,League,Date,Time,Home,Away"
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED, AHEAD)
    mirror.write("fixtures.csv", MAIN, AHEAD, cell(AHEAD, "HomeTeam", "Arsenal"), encoding="utf-8-sig")
    mirror.write("new_league_fixtures.csv", extra, "Brazil,Serie A,27/04/2025,22:30,Santos,Bahia")

    rows = mirror.fetch()

    matches = [row for row in rows if isinstance(row, RawMatch)]
    assert [row.home_team for row in matches] == ["Fulham", "Chelsea", "Arsenal", "Santos"]
    assert [row.season for row in matches] == ["2024/2025"] * 3 + ["2025"]
    assert [row.match for row in rows if isinstance(row, Repeat)] == [matches[1]]
    assert len(mirror.fetch(Window(dt.date(2025, 4, 1), dt.date(2025, 4, 25)))) == 1


def test_window_is_half_open_in_utc_days(mirror):
    """The first day of a window is in it, its end is not; British summer midnight is the UTC day before."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(PLAYED, "Time", "00:30"))

    assert len(mirror.fetch(Window(dt.date(2025, 4, 19), dt.date(2025, 4, 20)))) == 1
    assert not mirror.fetch(Window(dt.date(2025, 4, 20), dt.date(2025, 4, 21)))


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ((PLAYED, PLAYED.replace("Fulham", "Leeds")), "its rows are of the division 'E0', not 'E1'"),
    ],
)
def test_a_file_without_matches_of_its_division_is_reported(mirror, lines, what):
    """The header alone, or another division's file under its name; a list of fixtures may be empty."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)
    mirror.write("mmz4281/2425/E1.csv", MAIN, *lines)
    mirror.write("fixtures.csv", MAIN)

    match, report = mirror.fetch()

    assert isinstance(match, RawMatch)
    assert isinstance(report, UnreadableFile)
    assert what in report.reason


def test_two_equal_columns_of_one_name_are_one(mirror):
    """The same cells twice."""
    header, row = MAIN.replace("FTHG", "FTHG,FTHG"), PLAYED.replace(",1,2,A", ",1,1,2,A")
    mirror.write("mmz4281/2425/E0.csv", header, row)

    (match,) = mirror.fetch()

    assert (match.home_goals, match.away_goals) == (1, 2)


@pytest.mark.parametrize(
    ("start", "end", "folders"),
    [
        ("2025-04-01", "2025-05-01", {"2425"}),
        ("2025-06-30", "2025-07-02", {"2425", "2526"}),
        ("2020-08-05", "2020-08-06", {"1920", "2021"}),
        ("1999-12-01", "2000-01-01", {"9900"}),
        ("2022-07-01", "2025-07-01", {"2223", "2324", "2425"}),
    ],
)
def test_only_files_that_can_touch_the_window_are_read(tmp_path, start, end, folders):
    """A month needs its season's 22 files, and the extra leagues from 2012 on; each is read once."""
    asked = []

    class Door:
        def read(self, url: str) -> bytes:
            asked.append(url)
            division = url.rpartition("/")[2].removesuffix(".csv")
            return f"Div,Date,HomeTeam,AwayTeam,FTHG,FTAG\n{division},01/01/1990,A,B\n".encode()

    feed = FootballDataFeed("file:///mirror/", Door())
    window = Window(dt.date.fromisoformat(start), dt.date.fromisoformat(end))

    for _ in range(2):
        list(feed.fetch(window, FixedClock(parse_instant("2026-01-01T00:00:00Z"))))

    seasons = Counter(found[1] for url in asked if (found := re.search(r"mmz4281/(\d+)/", url)))
    extra_leagues = [url for url in asked if "/new/" in url]
    assert seasons == dict.fromkeys(folders, 22)
    assert len(extra_leagues) == (16 if window.end.year >= 2012 else 0)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "starting with 'Div,' or 'Country,' was expected, not ''"),
        (b"\xef\xbb\xbf", "was expected"),
        (b"<!DOCTYPE html><html>", "not '<!DOCTYPE html>"),
        (b"Div,Date,HomeTeam\n", "has no column AwayTeam"),
        (b"Div,Date,HomeTeam,AwayTeam E0,17/08/2024,Fulham,Leeds", "header and rows are one line"),
        (b"Div;Date;HomeTeam;AwayTeam\nE0;17/08/2024;Fulham;Leeds;2;1", "more of them than the header"),
        (b"Div|Date|HomeTeam|AwayTeam\n", "was expected"),
        (b"Div,Date,HomeTeam,AwayTeam,FTHG,FTHG\nE1,17/08/2024,A,B,2,1\n", "two columns FTHG that differ"),
    ],
)
def test_file_that_cannot_be_read_is_reported_and_the_others_are_read(mirror, data, what):
    """A page, an empty file or other columns cost that file; where no file can be read the feed is."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)
    bad = mirror.folder / "mmz4281/2425/E1.csv"
    bad.write_bytes(data)

    with pytest.raises(CsvFormatError, match=re.escape(what)):
        read_csv(data)
    match, report = mirror.fetch()
    (mirror.folder / "mmz4281/2425/E0.csv").unlink()
    with pytest.raises(FeedRefusedError, match=r"SOCCER_FEED_URL: none of the 1 files .*/2425/E1\.csv"):
        mirror.fetch()

    assert match.home_team == "Fulham"
    assert isinstance(report, UnreadableFile)
    assert report.reason.startswith(f"file passed over: {bad.as_uri()}: ")
    assert what in report.reason
    assert (report.payload["file"], report.payload["competition"]) == (bad.as_uri(), "ENG-2")
    assert report.payload["found"].startswith(repr(data[:20].decode("utf-8", "replace"))[:-1])


@pytest.mark.parametrize(
    ("path", "header", "row", "what"),
    [
        (
            "mmz4281/2425/E1.csv",
            "Div,Date,HomeTeam,AwayTeam,HomeGoals,AwayGoals,FTR",
            "E1,19/04/2025,Leeds,Derby,2,1,H",
            "the file has no column FTHG and FTAG, but HomeGoals, AwayGoals; name the columns",
        ),
        (
            "mmz4281/2425/E1.csv",
            "Div,Date,HomeTeam,AwayTeam,FTHG",
            "E1,19/04/2025,Leeds,Derby,2",
            "the file has no column FTAG; name the columns",
        ),
        (
            "new/ARG.csv",
            "Country,League,Season,Date,Home,Away,GH,GA,Res",
            "Argentina,Liga Profesional,2025,19/04/2025,Lanus,Tigre,2,1,H",
            "the file has no column HG and AG, but GH, GA; name the columns",
        ),
    ],
)
def test_renamed_columns_of_goals_cost_their_file_alone(mirror, path, header, row, what):
    """The file is reported once, with what is missing and what was found; other files are read."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)
    mirror.write(path, header, row, row.replace("19/04", "20/04"))

    match, report = mirror.fetch()

    assert (match.home_team, match.home_goals) == ("Fulham", 1)
    assert isinstance(report, UnreadableFile)
    assert what in report.reason


@pytest.mark.parametrize(
    "page", ["<html><head><title>502 Bad Gateway</title></head></html>", "<!DOCTYPE html><html>\r\n<p>,,,"]
)
def test_a_page_in_place_of_the_rest_of_a_file_is_reported(mirror, page):
    """A server that fails while it sends: the rows before it are read, and no line of it is a row."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED, page)

    match, report = mirror.fetch()

    assert match.home_team == "Fulham"
    assert isinstance(report, UnreadableFile)
    assert "E0.csv: its last row is cut" in report.reason


def test_a_file_of_another_season_is_reported(mirror):
    """All its rows lie outside the season of its address, where no look at these days finds them."""
    rows = [PLAYED.replace("2025", "2024").replace("Fulham", club) for club in ("A", "B", "C", "D", "E")]
    mirror.write("mmz4281/2425/E0.csv", MAIN, *rows)
    mirror.write("mmz4281/2425/E1.csv", MAIN, PLAYED.replace("E0", "E1"))

    match, report = mirror.fetch()

    assert match.competition == "ENG-2"
    assert isinstance(report, UnreadableFile)
    assert "E0.csv: no row has a date of the season 2024/2025; the first: the date" in report.reason


@pytest.mark.parametrize("kept", [5, 60, 70])
@pytest.mark.parametrize("end", [b"", b"\0" * 4096])
def test_a_file_that_ends_inside_a_row_is_reported_and_read_so_far(mirror, kept, end):
    """The row says nothing, wherever it is cut, also where zeros fill the rest; those before it do."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)
    bad = mirror.folder / "mmz4281/2425/E0.csv"
    second = cell(cell(PLAYED, "HomeTeam", "Leeds"), "AwayTeam", "Derby")
    bad.write_bytes(bad.read_bytes() + second.encode()[: min(kept, len(second) - 8)] + end)

    match, report = mirror.fetch()

    assert match.home_team == "Fulham"
    assert isinstance(report, UnreadableFile)
    assert report.reason.startswith(f"file ends early: {bad.as_uri()}: its last row is cut")
    assert report.payload["competition"] == "ENG-1"


def test_a_last_row_without_line_end_or_blank_cells_is_whole(mirror):
    """Programs leave away the last line end, and empty cells at the end of every row."""
    fixture = "E0,26/04/2025,15:00,Chelsea,Everton"
    mirror.write("mmz4281/2425/E0.csv", MAIN, fixture, PLAYED)
    whole = mirror.folder / "mmz4281/2425/E0.csv"
    whole.write_bytes(whole.read_bytes().rstrip())
    mirror.write(
        "mmz4281/2425/E1.csv", MAIN, *[line.replace("E0", "E1") for line in (PLAYED, fixture, fixture)]
    )
    short = mirror.folder / "mmz4281/2425/E1.csv"
    short.write_bytes(short.read_bytes().rstrip())

    found = mirror.fetch()

    assert {type(row) for row in found} == {RawMatch}
    assert Counter(row.competition for row in found) == {"ENG-1": 2, "ENG-2": 3}


def test_saved_answer_of_a_missing_file_is_no_file(mirror):
    """The provider answers 300 with a page for a season that has not begun: there is nothing to report."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)
    page = "<!DOCTYPE HTML><html><head><title>300 Multiple Choices</title></head></html>"
    mirror.write("mmz4281/2425/E1.csv", page)
    mirror.write("new/BRA.csv", "<html><head><title>300 Multiple Choices</title></head></html>")

    assert [match.home_team for match in mirror.fetch()] == ["Fulham"]


@pytest.mark.parametrize(
    "data",
    [
        (
            b"Div;Date;Time;HomeTeam;AwayTeam;FTHG;FTAG;FTR;AvgH;AvgD;AvgA\n"
            b"E0;20/04/2025;14:00;Fulham;Chelsea;1;2;A;3,1;3,5;2,4\n"
        ),
        (
            b",Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,AvgH,AvgD,AvgA\n"
            b"0,E0,20/04/2025,14:00,Fulham,Chelsea,1,2,A,3.1,3.5,2.4\n"
        ),
        (
            b"Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,AvgH,AvgD,AvgA\r"
            b"E0,20/04/2025,14:00,Fulham,Chelsea,1,2,A,3.1,3.5,2.4\r"
        ),
        (
            "Div\tDate\tTime\tHomeTeam\tAwayTeam\tFTHG\tFTAG\tFTR\tAvgH\tAvgD\tAvgA\r\n"
            "E0\t20/04/2025\t14:00\tFulham\tChelsea\t1\t2\tA\t3,1\t3,5\t2,4\r\n"
        ).encode("utf-16"),
        (
            "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,AvgH,AvgD,AvgA\r\n"
            "E0,20/04/2025,14:00,Fulham,Chelsea,1,2,A,3.1,3.5,2.4\r\n"
        ).encode("utf-16-be"),
        SAVED.encode("utf-32"),
        b"\0\0\0" + SAVED.encode(),
        b"\xef\xbb\xbf" * 2 + SAVED.encode(),
        f"\u200b\xa0{SAVED}".encode(),
        SAVED.encode() + b"\xef\xbb\xbf" + SAVED.partition("\n")[0].encode(),
    ],
    ids=[
        *("semicolons", "row numbers", "old line ends", "tabs in UTF-16", "UTF-16 without a mark", "UTF-32"),
        *("zeros before", "two marks", "what nobody sees", "header twice"),
    ],
)
def test_file_that_another_program_saved_is_read(mirror, data):
    """Semicolons with decimal commas, a column of row numbers, and carriage returns alone say the same."""
    mirror.write("mmz4281/2425/E0.csv")
    (mirror.folder / "mmz4281/2425/E0.csv").write_bytes(data)

    (match,) = mirror.fetch()

    assert (match.home_team, match.away_team, match.home_goals, match.away_goals) == (
        "Fulham",
        "Chelsea",
        1,
        2,
    )
    assert match.kickoff == parse_instant("2025-04-20T13:00:00Z")
    assert match.odds == MatchOdds("avg", 3.1, 3.5, 2.4)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("Date", "45767"),
        ("Date", "2025-04-20"),
        ("Date", "2025-04-20 00:00:00"),
        ("Date", "20-04-2025"),
        ("Date", "20.04.2025"),
        ("Date", "20/04/25"),
        ("Date", "20/4/2025"),
        ("Time", "14.00"),
        ("Time", "14:00:00"),
        ("Time", "2:00 PM"),
        ("Time", "2:00pm"),
        ("FTR", "a"),
        ("FTAG", "2.0"),
        ("AwayTeam", "Chelsea  "),
        ("Div", "e0 "),
    ],
)
def test_cell_in_another_form_says_the_same(mirror, column, text):
    """Dates, times, scores, results and names as spreadsheets and people write them."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, PLAYED)
    (plain,) = mirror.fetch()
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(PLAYED, column, text))

    (match,) = mirror.fetch()

    assert msgspec.structs.replace(match, payload=plain.payload) == plain


@pytest.mark.parametrize("text", ["13:00 PM", "0:30 AM", "0.25", "15", "25.00", "15:60", "noon"])
def test_time_that_is_none_is_rejected(mirror, text):
    """A fraction of a day and an hour that no clock has are no times."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, cell(PLAYED, "Time", text))

    window = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))
    assert [row.reason for row in mirror.fetch(window)] == [
        f"the time {text!r} is not hh:mm; write it so, or leave it empty"
    ]


@pytest.mark.parametrize(
    ("score", "status"),
    [("P-P", MatchStatus.POSTPONED), ("p-p", MatchStatus.POSTPONED), ("A-A", MatchStatus.ABANDONED)],
)
def test_score_of_letters_is_a_match_that_was_not_played(mirror, score, status):
    """As newspapers write it; a row that also has a winner contradicts itself."""
    line = cell(cell(cell(PLAYED, "FTHG", score), "FTAG", score), "FTR", "")
    mirror.write("mmz4281/2425/E0.csv", MAIN, line, cell(cell(line, "HomeTeam", "Leeds"), "FTR", "H"))

    match, contradiction = mirror.fetch()

    assert (match.status, match.home_goals, match.away_goals) == (status, None, None)
    assert "is not two numbers" in contradiction.reason


def season_of_dates(mirror, dates: list[str]) -> list[RawMatch | Rejection]:
    """What is read of a season file with a match on each date."""
    header = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR"
    rows = [f"E0,{date},Home {number},Away {number},1,1,D" for number, date in enumerate(dates)]
    mirror.write("mmz4281/2425/E0.csv", header, *rows)
    return mirror.fetch(Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1)))


@pytest.mark.parametrize("pattern", ["{d}/{m}/{y}", "{d:02}/{m:02}/{y}", "{m}/{d}/{y}", "{m:02}-{d:02}-{y}"])
def test_order_of_day_and_month_is_that_of_the_files_own_rows(mirror, pattern):
    """A season of every third day reads the same whether its dates have the day or the month first."""
    days = [dt.date(2024, 8, 1) + dt.timedelta(days=3 * number) for number in range(100)]

    rows = season_of_dates(mirror, [pattern.format(d=day.day, m=day.month, y=day.year) for day in days])

    assert [row.kickoff.date() for row in rows] == days


def test_dates_that_may_be_either_are_rejected_where_rows_contradict_each_other(mirror):
    """8/17 and 26/10 prove two orders in one file: what can be read in one way only is read."""
    rows = season_of_dates(
        mirror, ["17/8/2024", "8/9/2024", "8/31/2024", "5/5/2025", "2024-09-28", "12/10/24"]
    )

    read = {row.home_team: row.kickoff.date() for row in rows if isinstance(row, RawMatch)}
    rejected = [row for row in rows if isinstance(row, Rejection)]
    assert read == {
        "Home 0": dt.date(2024, 8, 17),
        "Home 2": dt.date(2024, 8, 31),
        "Home 3": dt.date(2025, 5, 5),
        "Home 4": dt.date(2024, 9, 28),
    }
    assert [row.payload["HomeTeam"] for row in rejected] == ["Home 1", "Home 5"]
    assert all("may be day/month or month/day" in row.reason for row in rejected)


@pytest.mark.parametrize(
    "label", ["2024", "2024/2025", "2024/25", "2024-25", "2024-2025", "2024.0", " 2024 ", "24/25", ""]
)
def test_league_year_has_one_season_however_it_is_labelled(mirror, label):
    """Brazil plays by the calendar year, Denmark over two."""
    mirror.write(
        "new/BRA.csv",
        EXTRA,
        "Brazil,Serie A,2024,08/12/2024,19:00,Santos,Bahia,1,1,D",
        f"brazil, Serie  a ,{label},01/12/2024,19:00,Bahia,Vasco,1,2,A",
    )
    mirror.write(
        "new/DNK.csv",
        EXTRA,
        "Denmark,Superliga,2024/2025,08/12/2024,19:00,Brondby,Vejle,1,1,D",
        f"DENMARK,Superliga ,{label},01/12/2024,19:00,Vejle,Odense,1,2,A",
    )

    rows = mirror.fetch(Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1)))

    assert [row.season for row in rows] == ["2024", "2024", "2024/2025", "2024/2025"]


def test_season_that_ran_into_the_next_year_keeps_its_label(mirror):
    """Brazil's 2020 ended in February 2021; Argentina's 2018/2019 ran over two years by its own rows."""
    mirror.write("new/BRA.csv", EXTRA, "Brazil,Serie A,2020/2021,25/02/2021,23:30,Santos,Bahia,1,1,D")
    mirror.write(
        "new/ARG.csv",
        EXTRA,
        "Argentina,Liga Profesional,2018/2019,11/08/2018,19:00,Huracan,Lanus,1,1,D",
        "Argentina,Liga Profesional,2018/2019,07/04/2019,19:00,Lanus,Huracan,1,1,D",
    )

    assert [row.season for row in mirror.fetch(Window(dt.date(2018, 7, 1), dt.date(2021, 7, 1)))] == [
        "2018/2019",
        "2018/2019",
        "2020",
    ]


@pytest.mark.parametrize("label", ["2042", "2022", "2042/2043", "2024/2026", "soon"])
def test_season_that_cannot_be_is_rejected(mirror, label):
    """A label that is none, or that the date cannot be of."""
    mirror.write(
        "new/BRA.csv",
        EXTRA,
        "Brazil,Serie A,2024,08/12/2024,19:00,Santos,Bahia,1,1,D",
        f"Brazil,Serie A,{label},01/12/2024,19:00,Bahia,Vasco,1,2,A",
    )

    match, rejection = mirror.fetch(Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1)))

    assert match.season == "2024"
    assert isinstance(rejection, Rejection)
    assert repr(label) in rejection.reason


def test_extra_leagues_without_a_date_are_refused():
    """A file of all seasons that has not one date is another file; one of a season has the season's days."""
    rows = b"Div,Date,HomeTeam,AwayTeam\nE0,soon,A,B"

    with pytest.raises(CsvFormatError, match="no row has a date"):
        read_csv(rows)
    (row,) = read_csv(rows, "2024/2025", (dt.date(2024, 7, 1), dt.date(2025, 7, 1))).rows
    assert (row.kickoff.date(), row.fault) == (
        dt.date(2024, 7, 1),
        "the date 'soon' is not dd/mm/yyyy; write it so",
    )


def test_wrong_base_address_is_refused(mirror):
    """Where not one file is there the address is wrong; the message names the setting."""
    with pytest.raises(FeedRefusedError, match=r"SOCCER_FEED_URL: none of 38 files.*/mmz4281/2425/E0\.csv"):
        mirror.fetch()


def test_files_over_http(httpserver, tmp_path):
    """One season file is there, the others answer 300 with a page; nothing is asked for twice."""

    def answer(request: Request) -> Response:
        if request.path.endswith("E0.csv"):
            return Response(f"{MAIN}\n{PLAYED}\n{AHEAD}\n")
        return Response("<html>Multiple Choices</html>", status=300)

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    environ = {"SOCCER_HOME": str(tmp_path), "SOCCER_FEED_URL": httpserver.url_for("/")}
    feed = FootballDataFeed.from_settings(Settings.from_env(environ))

    found = [[*feed.fetch(window, FixedClock(NOW))] for window in (APRIL, APRIL)]

    assert [match.home_team for match in found[0]] == ["Fulham", "Chelsea"]
    assert found[0] == found[1]
    assert len(httpserver.log) == 22 + 16 + 2


@pytest.mark.parametrize(
    ("environ", "first"),
    [({}, dt.date(1993, 7, 1)), ({"SOCCER_HISTORY_START": "2022-07-15"}, dt.date(2022, 7, 1))],
)
def test_first_month(mirror, environ, first):
    """History starts with the provider's first season, or where the setting says."""
    assert mirror.feed(**environ).first_month() == first


def test_catalogue_is_the_providers_part():
    """The feed's competitions are those with a name for it."""
    feed = FootballDataFeed("file:///nowhere", client=None)

    assert feed.competitions()["ENG-1"].name == "Premier League"
    assert len(feed.competitions()) == 39


def test_later_results_change_nothing(shared_data, tmp_path):
    """Garbage in every score and price from now on leaves all rows known at now as they are."""
    source = shared_data / "mirror" / "www.football-data.co.uk"
    shutil.copytree(source / "mmz4281" / "2425", tmp_path / "true" / "mmz4281" / "2425")
    shutil.copytree(tmp_path / "true", tmp_path / "garbled")
    garbled = 0
    for file in (tmp_path / "garbled" / "mmz4281" / "2425").iterdir():
        lines = file.read_bytes().split(b"\r\n")
        for number, line in enumerate(lines[1:], start=1):
            cells = line.split(b",")
            if len(cells) > 1 and dt.datetime.strptime(cells[1].decode(), "%d/%m/%Y").date() >= NOW.date():  # noqa: DTZ007
                lines[number] = b",".join([*cells[:5], *[b'\xff"?'] * (len(cells) - 5)])
                garbled += 1
        file.write_bytes(b"\r\n".join(lines))
    window = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))

    true, changed = (Mirror(tmp_path / name).fetch(window) for name in ("true", "garbled"))

    assert garbled > 500
    assert changed == true
    assert sum(match.status is MatchStatus.SCHEDULED for match in true) == garbled


def test_three_real_years(shared_data):
    """The provider's own files: every row is a match, all played ones have a score and nearly all a price."""
    mirror = Mirror(shared_data / "mirror" / "www.football-data.co.uk")
    window = Window(dt.date(2022, 8, 1), dt.date(2025, 5, 10))

    rows = mirror.fetch(window)

    statuses = Counter(row.status for row in rows if isinstance(row, RawMatch))
    finished = [row for row in rows if isinstance(row, RawMatch) and row.status is MatchStatus.FINISHED]
    assert len(rows) > 30_000
    assert sum(isinstance(row, Rejection) for row in rows) == 0
    assert statuses.keys() == {MatchStatus.FINISHED, MatchStatus.SCHEDULED}
    assert sum(row.odds is None for row in finished) < 50
    assert all(row.kickoff <= NOW for row in finished)
    assert len({row.competition for row in finished}) == 37


def test_second_leg_won_at_ninety_is_a_home_win(mirror):
    """Won 1-0 at 90, then extra time, then penalties: the file tells the 90 minutes and no more."""
    mirror.write(
        "new/MEX.csv",
        EXTRA,
        "Mexico,Liga MX,2024/2025,17/04/2025,01:30,Pachuca,Club America,0,1,A,,,,3,3.2,2.2",
        "Mexico,Liga MX,2024/2025,20/04/2025,01:30,Club America,Pachuca,1,0,H,,,,1.6,3.9,5.2",
    )

    first, second = mirror.fetch()

    assert (second.home_goals, second.away_goals, second.status) == (1, 0, MatchStatus.FINISHED)
    assert second.after_90 is msgspec.UNSET
    assert first.home_goals == 0


QUOTED = 'E0,"20/04/2025","14:00","Fulham","Chelsea",1,2,"A",1,0,H,1,8,3,3.5,2.4,3.07,3.57,2.3'


@pytest.mark.parametrize(
    ("line", "home"),
    [
        (QUOTED, "Fulham"),
        (QUOTED.replace("Fulham", "Fulham, FC"), "Fulham, FC"),
        (QUOTED.replace("Fulham", 'The ""Whites""'), 'The "Whites"'),
        (PLAYED.replace("Fulham", 'Fulham"'), 'Fulham"'),
        (PLAYED.replace("Fulham", '"Fulham'), '"Fulham'),
        (PLAYED.replace("Fulham", '"').replace("Chelsea", '"C'), '"'),
    ],
)
def test_quotes_are_quotes_where_they_fit(mirror, line, home):
    """A file saved by another program is read; a stray mark stays in its cell and swallows nothing."""
    mirror.write("mmz4281/2425/E0.csv", MAIN, line, AHEAD)

    match, other = mirror.fetch()

    assert (match.home_team, other.home_team) == (home, "Chelsea")
    assert (match.home_goals, match.odds) == (1, MatchOdds("avg_closing", 3.07, 3.57, 2.3))


def test_every_line_of_a_folder_of_other_years_is_accounted_for(mirror):
    """Old and new layouts, encodings, empty lines and repeated rows: the sums are those of the lines."""
    old = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR"
    mirror.write(
        "mmz4281/9394/SP1.csv",
        f"{old},",
        "SP1,05/09/93,La Coru\u00f1a,Celta,0,0,D,",
        "SP1,5/9/93,Sevilla,Ath Bilbao,2,1,H",
        ",,,,,,,",
        "",
        "SP1,soon,Betis,Oviedo,1,1,D,",
        encoding="cp1252",
    )
    mirror.write("mmz4281/0001/E0.csv", f"{old},Attendance", "E0,19/08/00,Charlton,Man City,4,0,H,20043")
    mirror.write("mmz4281/0102/E0.csv", old, "E0,not a day,Charlton,Everton,1,2,A")
    mirror.write("mmz4281/2526/E0.csv", MAIN, PLAYED.replace("/2025", "/2026"), PLAYED, encoding="utf-8-sig")
    mirror.write(
        "new/BRA.csv",
        EXTRA,
        "Brazil,Serie A,2025,30/03/2025,20:00,Santos,Bahia,2,2,D,,,,2,3,4",
        "Brazil,Serie A,2025,30/03/2095,20:00,Santos,Gremio,2,2,D,,,,2,3,4",
        "Brazil,Serie Z,2025,30/03/2025,20:00,Santos,Vasco,2,2,D,,,,2,3,4",
        "Brazil,Serie A,2025,30/03/2025,21:00,SANTOS,Bahia,2,2,D,,,,2,3,4",
        encoding="utf-8-sig",
    )
    mirror.write("fixtures.csv", MAIN, PLAYED.replace("/2025", "/2026"), encoding="utf-8-sig")

    found = audit(mirror.feed(), FixedClock(parse_instant("2026-07-01T00:00:00Z")))

    assert (found.rows, found.matches, len(found.duplicates), found.rejected) == (12, 5, 2, 5)
    assert found.rows == found.matches + len(found.duplicates) + found.rejected
    assert {one.twin[:27] for one in found.duplicates} == {
        "ENG-1 2025/2026 2026-04-20 ",
        "BRA-1 2025 2025-03-30 Santo",
    }
    assert set(found.reasons) == {
        "the date 'soon' is not dd/mm/yyyy; write it so",  # and another line's 'not a day'
        "the date '20/04/2025' lies outside the file's season; correct it, or put the row elsewhere",
        "the date '30/03/2095' lies outside the season '2025': correct one of them",
        "the competition 'Brazil/Serie Z' is not in competitions.toml; correct it, or add it there",
    }
    spanish, *_ = mirror.fetch(Window(dt.date(1993, 9, 1), dt.date(1993, 10, 1)))
    assert (spanish.home_team, spanish.kickoff) == ("La Coru\u00f1a", parse_instant("1993-09-05T12:00:00Z"))
