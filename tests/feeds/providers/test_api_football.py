"""API-Football's answers, and what may be known of them when."""

import copy
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from werkzeug import Request, Response

from soccer_assets.clock import FixedClock, SystemClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.providers.api_football import ApiFootballFeed
from soccer_assets.feeds.unreadable import GIVE_UP_AFTER
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import (
    AfterNinety,
    RawMatch,
    Rejection,
    UndrawnFixture,
    UnreadableFile,
    Venue,
)
from soccer_assets.settings import Settings
from soccer_assets.stores.matches.grounds import ground_columns

NOW = parse_instant("2025-04-25T09:00:00Z")
DAY = Window(dt.date(2025, 4, 20), dt.date(2025, 4, 21))
KEY = "k3y-of-nobody"

PLAYED: dict[str, Any] = {
    "fixture": {
        "id": 1208000,
        "referee": "A. Nobody",
        "timezone": "UTC",
        "date": "2025-04-20T13:00:00+00:00",
        "timestamp": 1745154000,
        "status": {"long": "Match Finished", "short": "FT", "elapsed": 90, "extra": 5},
    },
    "league": {
        "id": 39,
        "name": "Premier League",
        "country": "England",
        "season": 2024,
        "round": "Regular Season - 33",
    },
    "teams": {
        "home": {"id": 36, "name": "Fulham", "winner": False},
        "away": {"id": 49, "name": "Chelsea", "winner": True},
    },
    "goals": {"home": 1, "away": 2},
    "score": {
        "halftime": {"home": 1, "away": 0},
        "fulltime": {"home": 1, "away": 2},
        "extratime": {"home": None, "away": None},
        "penalty": {"home": None, "away": None},
    },
}


CONTRADICTS = "contradicts the one at the end"
MEND = "one of them is wrong"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The played match with another value at a dotted path."""
    row = copy.deepcopy(PLAYED)
    *outer, last = path.split(".")
    place = row
    for name in outer:
        place = place[name]
    place[last] = value
    return row


class Server:
    """A server that answers with some matches for 20 April, and with none for other days."""

    def __init__(self, httpserver, folder) -> None:
        self._httpserver = httpserver
        self.answer: dict[str, Any] = {}
        self.client = FileClient("SOCCER_FEED_URL", folder / "cache", headers={"x-apisports-key": KEY})
        httpserver.expect_request("/fixtures", headers={"x-apisports-key": KEY}).respond_with_handler(
            self._answer
        )

    def _answer(self, _: Request) -> Response:
        return Response(json.dumps(self.answer), content_type="application/json")

    def ask(self, window: Window = DAY, clock: Any = None) -> list[RawMatch | Rejection]:
        """All items of a window."""
        clock = clock or FixedClock(NOW)
        feed = ApiFootballFeed(self._httpserver.url_for(""), self.client, None, clock)
        return list(feed.fetch(window, clock))

    def fetch(self, *rows: Any, **more: Any) -> list[RawMatch | Rejection]:
        """All items of a window, where the provider has these rows."""
        self.answer = {
            "errors": [],
            "results": len(rows),
            "paging": {"current": 1, "total": 1},
            "response": rows,
        }
        return self.ask(**more)


@pytest.fixture
def server(httpserver, tmp_path) -> Server:
    return Server(httpserver, tmp_path)


def test_played_match_has_its_score(server):
    """A finished match carries full-time and half-time scores, and the provider's id."""
    (match,) = server.fetch(PLAYED)

    assert match == RawMatch(
        source="api-football",
        source_match_id="1208000",
        payload=match.payload,
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham",
        away_team="Chelsea",
        status=MatchStatus.FINISHED,
        round="Regular Season - 33",
        home_goals=1,
        away_goals=2,
        home_goals_half_time=1,
        away_goals_half_time=0,
        team_ids=("36", "49"),
    )
    assert match.payload["goals"] == PLAYED["goals"]
    assert "winner" not in match.payload["teams"]["home"]


def ended(short: str, goals: Any, **parts: Any) -> dict[str, Any]:
    """The match with another end: a status, the goals and the parts of the score as pairs."""
    row = changed("fixture.status.short", short)
    names = ("halftime", "fulltime", "extratime", "penalty")
    pairs = {name: parts.get(name, (None, None)) for name in names} | {"goals": goals}
    found = {name: {"home": pair[0], "away": pair[1]} for name, pair in pairs.items()}
    teams = {"home": {"id": 36, "name": "Fulham"}, "away": {"id": 49, "name": "Chelsea"}}
    return {**row, "teams": teams, "goals": found.pop("goals"), "score": found}


@pytest.mark.parametrize(
    ("row", "score", "decided_by"),
    [
        (ended("FT", (2, 1)), (2, 1), None),
        (ended("FT", ("2", "1"), fulltime=("2", "1")), (2, 1), None),
        (ended("FT", (None, None), fulltime=(2, 1)), (2, 1), None),
        (ended("FT", (1, 1), fulltime=(1, 1), extratime=(0, 0)), (1, 1), None),
        (ended("FT", (1, 1), fulltime=(1, 1), penalty=(5, 4)), (1, 1), "penalties"),
        (ended("FT", (2, 1), fulltime=(1, 1), extratime=(1, 0)), (1, 1), "extra_time"),
        (ended("PEN", (1, 1), fulltime=(1, 1)), (1, 1), "penalties"),
        (ended("PEN", (1, 1)), (None, None), "penalties"),
        (ended("PEN", (0, 1), fulltime=(0, 1), extratime=(0, 0), penalty=(1, 4)), (0, 1), "penalties"),
        (ended("AET", (2, 1)), (None, None), "extra_time"),
        (ended("AET", (2, 1), fulltime=(2, 1), extratime=(1, 0)), (None, None), "extra_time"),
        (ended("AET", (None, None), fulltime=(1, 1)), (1, 1), "extra_time"),
    ],
)
def test_a_finished_match_has_its_90_minutes_or_says_why_not(server, row, score, decided_by):
    """Whichever parts of the result are missing: the right label, or unknown with how the match went on."""
    (match,) = server.fetch(row)

    assert (match.status, match.home_goals, match.away_goals) == (MatchStatus.FINISHED, *score)
    assert (match.after_90.decided_by if match.after_90 else None) == decided_by


@pytest.mark.parametrize("short", ["AWD", "WO"])
def test_a_match_that_was_awarded_is_no_label(server, short):
    """A walk-over of 3-0 was not played."""
    (match,) = server.fetch(ended(short, (3, 0), fulltime=(3, 0)))

    assert (match.status, match.home_goals, match.away_goals) == (MatchStatus.AWARDED, None, None)


@pytest.mark.parametrize(
    ("goals", "extra", "after_extra_time"),
    [
        ((6, 5), (0, 0), (1, 1)),
        ((7, 6), (1, 1), (2, 2)),
        ((7, 6), (None, None), (2, 2)),
        ((6, 5), (None, None), (1, 1)),
        ((2, 2), (1, 1), (2, 2)),
        ((2, 2), (None, None), (2, 2)),
    ],
)
def test_a_total_with_the_shoot_out_is_told_without_it(server, goals, extra, after_extra_time):
    """With or without the goals of the extra time, 5-4 on penalties after 1-1."""
    row = ended("PEN", goals, fulltime=(1, 1), extratime=extra, penalty=(5, 4))
    (found,) = server.fetch(row)

    assert (found.home_goals, found.away_goals) == (1, 1)
    after = found.after_90
    assert (after.home_goals, after.away_goals) == after_extra_time
    assert (after.decided_by, after.home_penalties, after.away_penalties) == ("penalties", 5, 4)


@pytest.mark.parametrize("penalty", [(4, 3), (3, 4)])
def test_a_shoot_out_is_held_against_its_winner(server, penalty):
    """The mark is the winner of the shoot-out, not of the level match."""
    row = ended("PEN", (1, 1), fulltime=(1, 1), penalty=penalty)
    row["teams"]["home"]["winner"] = True

    (found,) = server.fetch(row)

    assert isinstance(found, RawMatch) is (penalty == (4, 3))


def test_rows_of_other_leagues_are_counted(server, httpserver):
    """A league outside the catalogue is left out, and an audit can name it."""
    server.answer = {"errors": [], "results": 2, "response": [PLAYED, changed("league.id", 44)]}
    feed = ApiFootballFeed(httpserver.url_for(""), server.client, None, FixedClock(NOW))

    rows = list(feed.fetch(Window(dt.date(2025, 4, 20), dt.date(2025, 4, 21)), FixedClock(NOW)))

    assert len(rows) == 1
    assert feed.outside_catalogue == {"England/Premier League (league 44)": 1}


def test_a_country_may_go_by_another_name(server):
    """The league's id decides; Turkey and Türkiye are one country."""
    row = changed("league", {"id": 203, "name": "Süper Lig", "country": "Türkiye", "season": 2024})

    (match,) = server.fetch(row)

    assert match.competition == "TUR-1"


@pytest.mark.parametrize("short", ["AET", "PEN"])
def test_second_leg_decided_later_counts_at_90(server, short):
    """1-0 at 90, then extra time, then penalties is a home win: ``score.fulltime``, not ``goals``."""
    row = changed("fixture.status.short", short)
    row["goals"] = {"home": 2, "away": 1}
    row["score"] = {
        "halftime": {"home": 0, "away": 0},
        "fulltime": {"home": 1, "away": 0},
        "extratime": {"home": 1, "away": 1},
        "penalty": {"home": 3, "away": 4},
    }

    (match,) = server.fetch(row)

    assert (match.status, match.home_goals, match.away_goals) == (MatchStatus.FINISHED, 1, 0)
    assert match.after_90 == AfterNinety(
        decided_by="penalties", home_goals=2, away_goals=1, home_penalties=3, away_penalties=4
    )


@pytest.mark.parametrize(
    ("short", "status"),
    [
        ("TBD", MatchStatus.TBD),
        ("NS", MatchStatus.SCHEDULED),
        *((short, MatchStatus.LIVE) for short in ("1H", "HT", "2H", "ET", "BT", "P", "LIVE", "INT")),
        *((short, MatchStatus.FINISHED) for short in ("FT", "AET", "PEN")),
        ("PST", MatchStatus.POSTPONED),
        ("CANC", MatchStatus.CANCELLED),
        ("SUSP", MatchStatus.ABANDONED),
        ("ABD", MatchStatus.ABANDONED),
        ("AWD", MatchStatus.AWARDED),
        ("WO", MatchStatus.AWARDED),
    ],
)
def test_status_of_the_provider(server, short, status):
    """Every status has its counterpart; only a finished match has a score in a replay."""
    (match,) = server.fetch(changed("fixture.status.short", short))

    assert (match.status, match.home_goals is not None) == (status, status is MatchStatus.FINISHED)
    assert (match.kickoff_precision is KickoffPrecision.DAY) == (status is MatchStatus.TBD)


@pytest.mark.parametrize(
    ("now", "status"),
    [("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED), ("2025-04-20T14:59:59Z", MatchStatus.LIVE)],
)
def test_nothing_is_known_before_it_happened(server, now, status):
    """Before the match is over its result is neither shown nor read."""
    (match,) = server.fetch(changed("score", "many"), clock=FixedClock(parse_instant(now)))

    assert (match.status, match.home_goals) == (status, None)
    assert not match.payload.keys() & {"score", "goals", "status"}


def test_live_match_has_the_score_so_far_in_real_time(server):
    """During a match real time sees ``goals``."""
    kickoff = SystemClock().now() - dt.timedelta(minutes=50)
    row = changed("fixture.status.short", "2H")
    row["fixture"] |= {"date": kickoff.isoformat(), "timestamp": int(kickoff.timestamp())}
    row["league"]["season"] = None

    (match,) = server.fetch(
        row, window=Window(kickoff.date(), kickoff.date() + dt.timedelta(days=1)), clock=SystemClock()
    )

    assert (match.status, match.home_goals, match.away_goals) == (MatchStatus.LIVE, 1, 2)
    assert match.home_goals_half_time is None


def test_every_day_is_asked_for_once(server, httpserver):
    """A window is one request a day; a match comes with its own day."""
    window = Window(dt.date(2025, 4, 19), dt.date(2025, 4, 22))

    assert len(server.fetch(PLAYED, window=window)) == 1
    assert [request.args["date"] for request, _ in httpserver.log] == [
        "2025-04-19",
        "2025-04-20",
        "2025-04-21",
    ]


def test_other_leagues_are_left_alone(server):
    """Of a thousand leagues those without a block in the catalogue are neither matches nor rejections."""
    assert server.fetch(changed("league.id", 999_999)) == []


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("league.id", "39x", "the league '39x' is no id of a league"),
        ("league.country", "Egypt", "league 39 is ENG-1, but lies in 'Egypt'"),
        ("fixture.status.short", "??", "the status '??' is not known"),
        ("fixture.date", "2025-04-20", "the kickoff '2025-04-20' has no time zone"),
        ("fixture.id", True, "fixture.id is True, not an id"),
        ("score.fulltime.home", None, "the score None-2 has one side alone"),
        (
            "score.fulltime",
            {"home": 1, "away": 1},
            f"the score after 90 minutes 1-1 {CONTRADICTS} 1-2: {MEND}",
        ),
        ("teams.home.winner", True, "both teams are marked as the winner"),
        ("teams.away.winner", False, f"the provider marks a draw, which contradicts the score 1-2: {MEND}"),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(server, path, value, reason):
    """A bad row is rejected with its reason, and its neighbour is read."""
    match, rejection = server.fetch(changed("fixture.id", 1), changed(path, value))

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")


@pytest.mark.parametrize(
    ("errors", "error"),
    [
        ({"token": f"Error/Missing application key {KEY}."}, FeedRefusedError),
        (
            {"plan": "Free plans do not have access to this date, try from 2025-04-24 to 2025-04-26."},
            FeedRefusedError,
        ),
        (["something"], FeedRefusedError),
        ({"rateLimit": "Too many requests."}, FeedUnavailableError),
        ({"requests": "You have reached the request limit for the day"}, FeedUnavailableError),
    ],
)
def test_errors_with_http_200_are_errors(server, httpserver, errors, error):
    """A 200 with errors is refused, or unavailable where a quota is used up; asked once, no key shown."""
    server.answer = {"errors": errors, "results": 0, "response": []}

    with pytest.raises(error, match="answers with errors") as refusal:
        server.ask()
    assert KEY not in str(refusal.value)
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        ({"results": 3, "response": [], "errors": []}, FeedUnavailableError, "are not all"),
        ({"results": 0, "response": [], "paging": {"total": 2}}, FeedUnavailableError, "are not all"),
        ({"message": "hello"}, FeedRefusedError, "a list 'response' was expected"),
    ],
)
def test_incomplete_answer_is_not_taken(server, answer, error, reason):
    """Fewer rows than announced, more pages, or another document are errors."""
    server.answer = answer

    with pytest.raises(error, match=reason):
        server.ask()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"<html>blocked, {KEY}</html>", "the file is a page of a website"),
        ("", "the file is empty"),
        ('{"response": [{"fixture"', "the JSON is cut or broken"),
        (json.dumps({"message": KEY}), "an object with a list 'response' was expected"),
        (json.dumps({"results": 2, "response": []}), "0 rows are not all"),
    ],
)
def test_a_bad_answer_costs_its_day(server, httpserver, body, reason):
    """It is reported without the key, and the other days are read."""
    httpserver.expect_oneshot_request("/fixtures").respond_with_data(body)

    match, report = server.fetch(PLAYED, window=Window(DAY.start - dt.timedelta(days=1), DAY.end))

    assert isinstance(match, RawMatch)
    assert isinstance(report, UnreadableFile)
    assert reason in report.reason
    assert KEY not in str(msgspec.structs.asdict(report))


def test_a_server_that_blocks_is_left_alone(server, httpserver):
    """After five answers without data, and none with some, no more are asked for; the key is not shown."""
    httpserver.clear()
    httpserver.expect_request("/fixtures").respond_with_data(f"<html>{KEY} is blocked</html>")

    with pytest.raises(FeedRefusedError, match="JSON was expected") as refusal:
        server.ask(Window(DAY.start - dt.timedelta(days=30), DAY.end))
    assert len(httpserver.log) == GIVE_UP_AFTER
    assert KEY not in str(refusal.value)


def test_missing_key_names_its_variable(tmp_path, monkeypatch):
    """Without a key the variable is named."""
    monkeypatch.delenv("SOCCER_API_FOOTBALL_KEY", raising=False)

    with pytest.raises(FeedRefusedError, match="set SOCCER_API_FOOTBALL_KEY"):
        ApiFootballFeed.from_settings(Settings.from_env({"SOCCER_HOME": str(tmp_path)}))


@pytest.mark.parametrize(
    ("venue", "read"),
    [
        ({"id": 556, "name": "Old Trafford", "city": "Manchester"}, Venue("Old Trafford", "Manchester")),
        ({"id": None, "name": "Wembley Stadium", "city": None}, Venue("Wembley Stadium")),
        ({"id": None, "name": None, "city": "London"}, None),
        (None, None),
        ("Old Trafford", None),
    ],
)
def test_the_ground_is_read_where_it_is_told(server, venue, read):
    """Name and city; a ground without a name is none, and the rows of before are stored as they were."""
    (match,) = server.fetch(changed("fixture.venue", venue))

    assert match.venue == (msgspec.UNSET if read is None else read)
    assert "venue" not in match.payload["fixture"]


def test_a_final_keeps_its_round_and_no_flag(server):
    """The provider has no flag: its round tells the stage, the rules decide later."""
    (match,) = server.fetch(
        {**PLAYED, "league": {"id": 2, "country": "World", "season": 2024, "round": "Final"}}
    )

    assert (match.round, match.neutral) == ("Final", False)
    assert ground_columns(match, load_competitions()["UEFA-CL"])["neutral"]


def test_a_side_without_id_and_name_is_not_known_yet(server):
    """Before the draw both are null; of a finished match the same is a fault."""
    row = changed("teams.home", {"id": None, "name": None, "winner": None})
    open_ = {**row, "fixture": {**row["fixture"], "status": {"short": "NS"}}}

    undrawn, fault = server.fetch(open_, row)

    assert isinstance(undrawn, UndrawnFixture)
    assert undrawn.reason.startswith("the home team has neither id nor name: ")
    assert fault.reason == "the home team is missing; add it at the source"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("fixture.timestamp", 1745154000 + 7 * 86_400, "fixture.timestamp 1745758800 and fixture.date"),
        ("league.name", "Women's Super League", "league 39 is ENG-1 of men, but is called"),
    ],
)
def test_fields_that_contradict_each_other_are_rejected(server, path, value, reason):
    """A week between date and timestamp, and women in a league of men: nobody knows which is wrong."""
    (rejection,) = server.fetch(changed(path, value))

    assert rejection.reason.startswith(reason)


@pytest.mark.parametrize("timestamp", [0, None, 1745154000 + 3600])
def test_a_timestamp_that_says_nothing_else_costs_no_match(server, timestamp):
    """Zero is a default, and an hour is a time zone."""
    (match,) = server.fetch(changed("fixture.timestamp", timestamp))

    assert match.home_goals == 1


@pytest.mark.parametrize(("sent", "read"), [(33, "33"), ("x" * 200, None), ([], None), ("R\u200b1", "R1")])
def test_a_round_costs_no_match(server, sent, read):
    """A number is a name; what is neither is left out."""
    (match,) = server.fetch(changed("league.round", sent))

    assert (match.round, match.home_goals) == (read, 1)
