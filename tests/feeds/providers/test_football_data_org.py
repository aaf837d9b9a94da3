"""football-data.org's answers, and what may be known of them when."""

import datetime as dt
import json
from typing import Any

import msgspec
import pytest
import stamina
from werkzeug import Request, Response

from soccer_assets.clock import FixedClock, SystemClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.providers.football_data_org import FootballDataOrgFeed
from soccer_assets.feeds.validation import validate_rows
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
DAYS = Window(dt.date(2025, 4, 18), dt.date(2025, 4, 24))
KEY = "k3y-of-nobody"

PLAYED: dict[str, Any] = {
    "id": 498001,
    "utcDate": "2025-04-20T13:00:00Z",
    "status": "FINISHED",
    "matchday": 33,
    "stage": "REGULAR_SEASON",
    "group": None,
    "lastUpdated": "2025-04-20T20:20:41Z",
    "area": {"id": 2072, "name": "England"},
    "competition": {"id": 2021, "name": "Premier League", "code": "PL", "type": "LEAGUE"},
    "season": {"id": 2287, "startDate": "2024-08-16", "endDate": "2025-05-25", "currentMatchday": 34},
    "homeTeam": {"id": 63, "name": "Fulham FC", "tla": "FUL"},
    "awayTeam": {"id": 61, "name": "Chelsea FC", "tla": "CHE"},
    "score": {
        "winner": "AWAY_TEAM",
        "duration": "REGULAR",
        "fullTime": {"home": 1, "away": 2},
        "halfTime": {"home": 1, "away": 0},
    },
}


class Server:
    """A server that answers with some matches."""

    def __init__(self, httpserver, folder) -> None:
        self._httpserver = httpserver
        self._rows: list[Any] = []
        self.client = FileClient("SOCCER_FEED_URL", folder / "cache", headers={"X-Auth-Token": KEY})
        httpserver.expect_request("/v4/matches", headers={"X-Auth-Token": KEY}).respond_with_handler(
            self._answer
        )

    def _answer(self, _: Request) -> Response:
        return Response(json.dumps({"matches": self._rows}), content_type="application/json")

    def fetch(
        self, *rows: Any, now: dt.datetime = NOW, window: Window = DAYS, clock: Any = None
    ) -> list[Any]:
        """All items of a window, where the provider has these rows."""
        self._rows = list(rows)
        clock = clock or FixedClock(now)
        feed = FootballDataOrgFeed(self._httpserver.url_for(""), self.client, None, clock)
        return list(feed.fetch(window, clock))


@pytest.fixture
def server(httpserver, tmp_path) -> Server:
    stamina.set_testing(True, attempts=2)
    yield Server(httpserver, tmp_path)
    stamina.set_testing(False)


def test_played_match_has_its_score(server):
    """A finished match carries full-time and half-time scores, and the provider's id."""
    (match,) = server.fetch(PLAYED)

    assert match == RawMatch(
        source="football-data-org",
        source_match_id="498001",
        payload=match.payload,
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham FC",
        away_team="Chelsea FC",
        status=MatchStatus.FINISHED,
        round="33",
        home_goals=1,
        away_goals=2,
        home_goals_half_time=1,
        away_goals_half_time=0,
        team_ids=("63", "61"),
    )
    assert match.payload["score"] == PLAYED["score"]
    assert "currentMatchday" not in match.payload["season"]


def test_a_team_without_id_and_name_is_not_known_yet(server):
    """Before the draw both fields of a team are null; the same with an id is a fault."""
    open_ = {**PLAYED, "homeTeam": {"id": None, "name": None}, "status": "TIMED"}

    undrawn, fault = validate_rows(server.fetch(open_, {**open_, "homeTeam": {"id": 63, "name": None}}), NOW)

    assert isinstance(undrawn, UndrawnFixture)
    assert undrawn.reason == (
        "the home team has neither id nor name: the fixture is read once its teams are known"
    )
    assert (type(fault), fault.reason) == (Rejection, "the home team is missing; add it at the source")


@pytest.mark.parametrize(("regular", "goals"), [({"home": 1, "away": 0}, (1, 0)), (None, (None, None))])
def test_second_leg_decided_on_penalties_counts_at_90(server, regular, goals):
    """1-0 at 90, then extra time, then penalties is a home win; without ``regularTime`` it is unknown."""
    score = {
        "winner": "AWAY_TEAM",
        "duration": "PENALTY_SHOOTOUT",
        "fullTime": {"home": 5, "away": 6},
        "halfTime": {"home": 0, "away": 0},
        "regularTime": regular,
        "extraTime": {"home": 1, "away": 1},
        "penalties": {"home": 3, "away": 5},
    }

    (match,) = server.fetch({**PLAYED, "competition": {"code": "CL"}, "score": score})

    assert (match.status, match.competition) == (MatchStatus.FINISHED, "UEFA-CL")
    assert (match.home_goals, match.away_goals) == goals
    extra = {"home_goals": 2, "away_goals": 1} if regular else {}
    assert match.after_90 == AfterNinety(decided_by="penalties", home_penalties=3, away_penalties=5, **extra)


SHOOT_OUT: dict[str, Any] = {
    "winner": "AWAY_TEAM",
    "duration": "PENALTY_SHOOTOUT",
    "fullTime": {"home": 3, "away": 5},
    "halfTime": {"home": 0, "away": 0},
}


@pytest.mark.parametrize(
    ("more", "goals"),
    [
        ({"penalties": {"home": None, "away": None}}, (None, None)),
        ({}, (None, None)),
        ({"regularTime": {"home": 1, "away": 1}, "penalties": {"home": None, "away": None}}, (1, 1)),
        (
            {
                "duration": "REGULAR",
                "regularTime": {"home": 1, "away": 1},
                "penalties": {"home": 2, "away": 4},
            },
            (1, 1),
        ),
        ({"duration": "REGULAR", "penalties": {"home": 2, "away": 4}}, (None, None)),
    ],
)
def test_a_shoot_out_is_one_however_it_is_filled_in(server, more, goals):
    """Null penalties, no 90-minute score, or a duration that calls it regular: never the total as a label."""
    (match,) = server.fetch({**PLAYED, "competition": {"code": "CL"}, "score": SHOOT_OUT | more})

    assert (match.home_goals, match.away_goals) == goals
    assert match.after_90.decided_by == "penalties"


@pytest.mark.parametrize(
    ("more", "goals", "decided_by"),
    [
        ({"penalties": {"home": 0, "away": 0}}, (2, 1), None),
        ({"penalties": {"home": 3, "away": 3}}, (2, 1), None),
        ({"extraTime": {"home": 0, "away": 0}}, (2, 1), None),
        ({"regularTime": {"home": 2, "away": 1}}, (2, 1), None),
        ({"extraTime": {"home": 1, "away": 0}}, (None, None), "extra_time"),
        (
            {"regularTime": {"home": 1, "away": 1}, "extraTime": {"home": 1, "away": 0}},
            (1, 1),
            "extra_time",
        ),
        ({"regularTime": {"home": 1, "away": 1}}, (1, 1), "extra_time"),
    ],
)
def test_what_is_filled_in_beside_a_regular_duration(server, more, goals, decided_by):
    """Defaults of 0-0 change nothing; goals after 90 minutes are never part of a label."""
    score = {"winner": "HOME_TEAM", "duration": "REGULAR", "fullTime": {"home": 2, "away": 1}, **more}

    (match,) = server.fetch({**PLAYED, "competition": {"code": "CL"}, "score": score})

    assert (match.home_goals, match.away_goals) == goals
    assert (match.after_90.decided_by if match.after_90 else None) == decided_by


def test_goals_that_were_lost_after_90_minutes_are_rejected(server):
    """2-1 after 90 minutes and 1-1 at the end: one of them is wrong."""
    score = {
        "winner": "DRAW",
        "duration": "EXTRA_TIME",
        "fullTime": {"home": 1, "away": 1},
        "regularTime": {"home": 2, "away": 1},
    }

    (rejection,) = server.fetch({**PLAYED, "competition": {"code": "CL"}, "score": score})

    assert rejection.reason.startswith("the score after 90 minutes 2-1 contradicts the one at the end 1-1")


@pytest.mark.parametrize(
    ("winner", "home", "away"),
    [("HOME_TEAM", 0, 2), ("AWAY_TEAM", 1, 1), ("DRAW", 1, 0), ("AWAY_TEAM", 2, 1)],
)
def test_a_winner_that_the_score_contradicts_is_rejected(server, winner, home, away):
    """Which of the two is wrong nobody can tell: neither is a label."""
    score = PLAYED["score"] | {"winner": winner, "fullTime": {"home": home, "away": away}, "halfTime": None}

    (rejection,) = server.fetch({**PLAYED, "score": score})

    marked = {"HOME_TEAM": "a win of the home team", "AWAY_TEAM": "a win of the away team", "DRAW": "a draw"}
    assert rejection.reason == (
        f"the provider marks {marked[winner]}, which contradicts the score {home}-{away}: "
        f"one of them is wrong; correct it at the source"
    )


@pytest.mark.parametrize(
    ("code", "stage", "matchday", "round_"),
    [
        ("CL", "LAST_16", 1, "Last 16"),
        ("CL", "QUARTER_FINALS", None, "Quarter finals"),
        ("CL", "LEAGUE_STAGE", 7, "7"),
        ("CL", None, 2, "2"),
        ("PL", "REGULAR_SEASON", 33, "33"),
    ],
)
def test_a_cups_round_is_its_stage(server, code, stage, matchday, round_):
    """Legs of a tie are found by it; in a group and in a league the matchday says more."""
    row = PLAYED | {
        "stage": stage,
        "matchday": matchday,
        "competition": PLAYED["competition"] | {"code": code},
    }

    assert server.fetch(row)[0].round == round_


def test_a_one_leg_final_is_on_neutral_ground(server):
    """The final of a cup, and nothing else of it; the row itself says what the provider said."""
    final, last_16 = (
        {**PLAYED, "id": number, "competition": {"code": "CL"}, "stage": stage, "venue": " Allianz  Arena "}
        for number, stage in enumerate(("FINAL", "LAST_16"), 1)
    )

    rows = server.fetch(final, last_16)
    grounds = [ground_columns(row, load_competitions()[row.competition]) for row in rows]

    assert [ground["neutral"] for ground in grounds] == [True, False]
    assert [(row.neutral, row.venue) for row in rows] == [(False, Venue("Allianz Arena"))] * 2


@pytest.mark.parametrize(
    ("status_code", "status", "has_score"),
    [
        ("TIMED", MatchStatus.SCHEDULED, False),
        ("SCHEDULED", MatchStatus.SCHEDULED, False),
        ("FINISHED", MatchStatus.FINISHED, True),
        ("POSTPONED", MatchStatus.POSTPONED, False),
        ("SUSPENDED", MatchStatus.ABANDONED, False),
        ("CANCELLED", MatchStatus.CANCELLED, False),
        ("AWARDED", MatchStatus.AWARDED, False),
        ("IN_PLAY", MatchStatus.LIVE, False),
    ],
)
def test_status_of_the_provider(server, status_code, status, has_score):
    """Every status has its counterpart; only a finished match has a score in a replay."""
    (match,) = server.fetch({**PLAYED, "status": status_code})

    assert (match.status, match.home_goals is not None) == (status, has_score)


def test_live_match_has_the_score_so_far_in_real_time(server):
    """During a match real time sees the score, and no half-time score; a replay sees neither."""
    kickoff = SystemClock().now() - dt.timedelta(minutes=50)
    row = {**PLAYED, "utcDate": kickoff.isoformat(), "status": "IN_PLAY", "season": None}
    window = Window(kickoff.date(), kickoff.date() + dt.timedelta(days=1))

    (live,) = server.fetch(row, window=window, clock=SystemClock())
    (replayed,) = server.fetch(row, window=window, now=SystemClock().now())

    assert (live.status, live.home_goals, live.away_goals, live.home_goals_half_time) == ("live", 1, 2, None)
    assert (replayed.status, replayed.home_goals) == ("live", None)


@pytest.mark.parametrize(
    ("now", "status"),
    [("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED), ("2025-04-20T14:59:59Z", MatchStatus.LIVE)],
)
def test_nothing_is_known_before_it_happened(server, now, status):
    """Before the match is over its result is neither shown nor read."""
    (match,) = server.fetch({**PLAYED, "score": "many"}, now=parse_instant(now))

    assert (match.status, match.home_goals) == (status, None)
    assert not match.payload.keys() & {"score", "status", "lastUpdated"}


def test_time_that_is_not_set_is_a_day(server):
    """00:00 of a match that is SCHEDULED and not TIMED stands for an unknown time."""
    (match,) = server.fetch({**PLAYED, "status": "SCHEDULED", "utcDate": "2025-04-20T00:00:00Z"})

    assert match.kickoff == parse_instant("2025-04-20T12:00:00Z")
    assert match.kickoff_precision is KickoffPrecision.DAY


def test_windows_are_split_at_the_providers_limit(server, httpserver):
    """No request asks for more than ten days, their cores share no day, and a match comes once."""
    window = Window(dt.date(2025, 4, 1), dt.date(2025, 5, 1))

    (match,) = server.fetch(PLAYED, window=window)

    asked = [
        [dt.date.fromisoformat(request.args[name]) for name in ("dateFrom", "dateTo")]
        for request, _ in httpserver.log
    ]
    assert match.source_match_id == "498001"
    assert len(asked) == 4
    assert all((last - first).days <= 9 for first, last in asked)
    assert asked[0][0] < window.start
    assert asked[-1][1] >= window.end


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"competition": {"code": "XX"}},
            "the competition 'XX' is not in competitions.toml",
        ),
        ({"status": "WON"}, "the status 'WON' is not known"),
        ({"utcDate": "yesterday"}, "the kickoff 'yesterday' is not an ISO 8601 instant"),
        ({"awayTeam": {"id": None, "name": None}}, "the away team is missing"),
        (
            {"score": {"duration": "REGULAR", "fullTime": {"home": None, "away": None}}},
            "the match is finished, but has no score",
        ),
        ({"score": {"duration": "GOLDEN_GOAL"}}, "the duration 'GOLDEN_GOAL' is not known"),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(server, change, reason):
    """A bad row is rejected with its reason, and its neighbour is read."""
    match, rejection = server.fetch({**PLAYED, "id": 1}, {**PLAYED, **change})

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"<html>blocked, {KEY}</html>", "the file is a page of a website"),
        ("", "the file is empty"),
        ('{"matches": [{"id"', "the JSON is cut or broken"),
        (json.dumps({"message": KEY}), "an object with a list 'matches' was expected"),
    ],
)
def test_a_bad_answer_costs_its_days(server, httpserver, body, reason):
    """It is reported without the key, and the other days are read."""
    httpserver.expect_oneshot_request("/v4/matches").respond_with_data(body)

    match, report = server.fetch(PLAYED, window=Window(DAYS.start - dt.timedelta(days=8), DAYS.end))

    assert isinstance(match, RawMatch)
    assert isinstance(report, UnreadableFile)
    assert reason in report.reason
    assert KEY not in str(msgspec.structs.asdict(report))


def test_no_readable_answer_refuses_the_feed(server, httpserver):
    """Where not one answer can be read the look fails, and the error does not show the key."""
    httpserver.clear()
    httpserver.expect_request("/v4/matches").respond_with_data(f"<html>{KEY} is blocked</html>")

    with pytest.raises(FeedRefusedError, match="JSON was expected") as refusal:
        server.fetch(PLAYED)
    assert KEY not in str(refusal.value)


def test_key_is_never_shown(server, httpserver):
    """A wrong key is refused after one request, and neither error nor address shows it."""
    httpserver.clear()
    httpserver.expect_request("/v4/matches").respond_with_json({"message": f"bad token {KEY}"}, status=403)

    with pytest.raises(FeedRefusedError, match="HTTP 403; check the address and the key") as refusal:
        server.fetch(PLAYED)
    assert KEY not in str(refusal.value)
    assert [KEY in request.url for request, _ in httpserver.log] == [False]


def test_key_does_not_follow_a_redirect(server, httpserver):
    """An answer that sends us elsewhere is refused: the key would go with us."""
    httpserver.clear()
    httpserver.expect_request("/v4/matches").respond_with_data(status=302, headers={"Location": "/elsewhere"})

    with pytest.raises(FeedRefusedError, match="HTTP 302"):
        server.fetch(PLAYED)
    assert len(httpserver.log) == 1


def test_busy_provider_is_unavailable(server, httpserver):
    """429 is tried again, then left for later."""
    httpserver.clear()
    httpserver.expect_request("/v4/matches").respond_with_data(status=429, headers={"Retry-After": "0"})

    with pytest.raises(FeedUnavailableError, match="HTTP 429"):
        server.fetch(PLAYED)
    assert len(httpserver.log) == 2


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "schlüssel"])
def test_missing_or_broken_key_names_its_variable(tmp_path, monkeypatch, key):
    """Without a usable key the variable is named, and its content is not shown."""
    monkeypatch.setenv("SOCCER_FOOTBALL_DATA_ORG_KEY", key)

    with pytest.raises(FeedRefusedError, match="SOCCER_FOOTBALL_DATA_ORG_KEY") as refusal:
        FootballDataOrgFeed.from_settings(Settings.from_env({"SOCCER_HOME": str(tmp_path)}))
    assert not key.strip() or key.strip() not in str(refusal.value)
