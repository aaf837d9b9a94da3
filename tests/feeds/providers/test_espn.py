"""ESPN's scoreboard, and what may be known of it when."""

import copy
import datetime as dt
import json
import re
from typing import Any

import pytest
from werkzeug import Request, Response

from soccer_assets.clock import FixedClock, SystemClock, parse_instant
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers import espn
from soccer_assets.feeds.providers.espn import EspnFeed
from soccer_assets.feeds.unreadable import GIVE_UP_AFTER
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, MatchOdds, RawMatch, UnreadableFile, Venue
from soccer_assets.stores.matches.grounds import ground_columns

NOW = parse_instant("2025-04-25T09:00:00Z")
APRIL = Window(dt.date(2025, 4, 2), dt.date(2025, 5, 1))


def played(**game: Any) -> dict[str, Any]:
    """A finished match, with other fields of its inner ``competitions[0]``."""
    event = {
        "id": "704600",
        "uid": "s:600~l:700~e:704600",
        "date": "2025-04-20T13:00Z",
        "name": "Chelsea at Fulham",
        "season": {"year": 2024, "slug": "2024-25-english-premier-league"},
        "links": [{"href": "https://www.example.org/a"}],
        "competitions": [
            {
                "neutralSite": False,
                "status": {"clock": 5400.0, "type": {"name": "STATUS_FULL_TIME", "state": "post"}},
                "competitors": [
                    {"homeAway": "away", "score": "2", "team": {"id": "363", "displayName": "Chelsea"}},
                    {"homeAway": "home", "score": "1", "team": {"id": "370", "displayName": "Fulham"}},
                ],
                "odds": [
                    {
                        "moneyline": {
                            "home": {"close": {"odds": "+220"}},
                            "away": {"close": {"odds": "+125"}},
                        },
                        "drawOdds": {"moneyLine": 250.0},
                    }
                ],
            }
        ],
    }
    event["competitions"][0].update(game)
    return copy.deepcopy(event)


def status(name: str, state: str = "post") -> dict[str, Any]:
    return {"type": {"name": name, "state": state}}


class Server:
    """A server that has some matches in April 2025 of one league, and none elsewhere."""

    def __init__(self, httpserver, folder) -> None:
        self._httpserver = httpserver
        self._slug = ""
        self._rows: list[Any] = []
        self.month = "202504"
        self.client = FileClient("SOCCER_FEED_URL", folder / "cache")
        httpserver.expect_request(
            re.compile("/apis/site/v2/sports/soccer/.*/scoreboard")
        ).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        is_asked = f"/{self._slug}/" in request.path and request.args["dates"] in {"202504", self.month}
        return Response(json.dumps({"events": self._rows if is_asked else []}))

    def fetch(self, *rows: Any, slug: str = "eng.1", window: Window = APRIL, clock: Any = None) -> list[Any]:
        """All items of a window, where a league has these rows."""
        self._slug, self._rows = slug, list(rows)
        feed = EspnFeed(self._httpserver.url_for(""), self.client)
        return list(feed.fetch(window, clock or FixedClock(NOW)))


@pytest.fixture
def server(httpserver, tmp_path) -> Server:
    return Server(httpserver, tmp_path)


def test_played_match_has_score_and_price(server):
    """A finished match carries its score by side, not by position, and American prices as decimal ones."""
    (match,) = server.fetch(played())

    assert match == RawMatch(
        source="espn",
        source_match_id="704600",
        payload=match.payload,
        competition="ENG-1",
        season="2024/2025",
        kickoff=parse_instant("2025-04-20T13:00:00Z"),
        kickoff_precision=KickoffPrecision.MINUTE,
        home_team="Fulham",
        away_team="Chelsea",
        status=MatchStatus.FINISHED,
        home_goals=1,
        away_goals=2,
        odds=MatchOdds("espn_closing", 3.2, 3.5, 2.25),
        team_ids=("370", "363"),
    )
    assert match.payload["scores"] == [{"homeAway": "home", "score": "1"}, {"homeAway": "away", "score": "2"}]
    assert "links" not in match.payload


def sides(home: dict[str, Any], away: dict[str, Any]) -> list[dict[str, Any]]:
    """Both sides with their fields."""
    return [
        {"homeAway": "home", "team": {"id": "370", "displayName": "Fulham"}, **home},
        {"homeAway": "away", "team": {"id": "363", "displayName": "Chelsea"}, **away},
    ]


@pytest.mark.parametrize(
    ("marks", "slug", "reason"),
    [
        ((True, False), "eng.1", "a win of the home team, which contradicts the score 1-2"),
        ((False, False), "eng.1", "a draw, which contradicts the score 1-2"),
        ((True, True), "eng.1", "both teams are marked as the winner"),
        ((True, False), "uefa.champions", "a win of the home team, which contradicts the score 1-2"),
    ],
)
def test_a_winner_that_the_score_contradicts_is_rejected(server, marks, slug, reason):
    """Which of the two is wrong nobody can tell: neither is a label."""
    competitors = sides({"score": "1", "winner": marks[0]}, {"score": "2", "winner": marks[1]})

    (rejection,) = server.fetch(played(competitors=competitors), slug=slug)

    assert reason in rejection.reason


@pytest.mark.parametrize("marks", [(None, None), (False, True)])
def test_a_winner_that_the_score_confirms_changes_nothing(server, marks):
    """Also a match without marks."""
    competitors = sides({"score": "1", "winner": marks[0]}, {"score": "2", "winner": marks[1]})

    (match,) = server.fetch(played(competitors=competitors))

    assert (match.home_goals, match.away_goals) == (1, 2)


def test_a_shoot_out_counts_whatever_the_status_says(server):
    """A level match with goals of a shoot-out went on: its 90 minutes are not known."""
    competitors = sides(
        {"score": "1", "shootoutScore": 4, "winner": True},
        {"score": "1", "shootoutScore": 3, "winner": False},
    )

    (match,) = server.fetch(played(competitors=competitors), slug="eng.fa")

    assert (match.home_goals, match.away_goals) == (None, None)
    assert match.after_90 == AfterNinety(
        decided_by="penalties", home_goals=1, away_goals=1, home_penalties=4, away_penalties=3
    )


@pytest.mark.parametrize(
    ("status", "decided_by"),
    [
        ({"period": 4}, "extra_time"),
        ({"period": 5}, "penalties"),
        ({"type": {"detail": "AET"}}, "extra_time"),
        ({"type": {"detail": "FT-Pens"}}, "penalties"),
    ],
)
def test_a_match_that_went_on_has_no_score_whatever_its_status(server, status, decided_by):
    """Period and detail tell what the status leaves out: the score is the one at the end."""
    ended = {
        "period": 2,
        **status,
        "type": {"name": "STATUS_FULL_TIME", "state": "post", **status.get("type", {})},
    }

    (match,) = server.fetch(played(status=ended), slug="uefa.champions")

    assert (match.home_goals, match.after_90.decided_by) == (None, decided_by)


@pytest.mark.parametrize(
    ("marks", "is_kept"), [((True, False), True), ((False, False), True), ((False, True), False)]
)
def test_a_shoot_out_is_held_against_the_winner(server, marks, is_kept):
    """The side with fewer penalties did not win; two marks of no winner say nothing."""
    competitors = sides(
        {"score": "1", "shootoutScore": 4, "winner": marks[0]},
        {"score": "1", "shootoutScore": 3, "winner": marks[1]},
    )

    (row,) = server.fetch(played(competitors=competitors), slug="eng.fa")

    assert isinstance(row, RawMatch) is is_kept
    assert is_kept or "contradicts the shoot-out 4-3" in row.reason


def test_two_dates_a_week_apart_are_rejected(server):
    """Nobody knows which of event and match is wrong."""
    (rejection,) = server.fetch(played(date="2025-04-27T13:00Z"))

    assert (
        "competitions.date '2025-04-27T13:00Z' and date 2025-04-20T13:00:00Z are 7 days apart"
        in rejection.reason
    )


@pytest.mark.parametrize(
    ("name", "decided_by"), [("STATUS_FINAL_AET", "extra_time"), ("STATUS_FINAL_PEN", "penalties")]
)
def test_second_leg_decided_later_has_no_score(server, name, decided_by):
    """A second leg won 1-0 at 90 and settled later has no goals: the provider has the final score only."""
    (match,) = server.fetch(played(status=status(name)), slug="uefa.champions")

    assert (match.competition, match.status) == ("UEFA-CL", MatchStatus.FINISHED)
    assert (match.home_goals, match.away_goals) == (None, None)
    assert match.payload["scores"][0]["score"] == "1"
    assert match.after_90 == AfterNinety(decided_by=decided_by, home_goals=1, away_goals=2)


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        ("STATUS_SCHEDULED", "pre", MatchStatus.SCHEDULED),
        ("STATUS_DELAYED", "pre", MatchStatus.SCHEDULED),
        ("STATUS_TBD", "pre", MatchStatus.TBD),
        ("STATUS_FULL_TIME", "post", MatchStatus.FINISHED),
        ("STATUS_POSTPONED", "post", MatchStatus.POSTPONED),
        ("STATUS_SUSPENDED", "post", MatchStatus.ABANDONED),
        ("STATUS_ABANDONED", "post", MatchStatus.ABANDONED),
        ("STATUS_CANCELED", "post", MatchStatus.CANCELLED),
        ("STATUS_FORFEIT", "post", MatchStatus.AWARDED),
        ("STATUS_FIRST_HALF", "in", MatchStatus.LIVE),
        ("STATUS_HALFTIME", "in", MatchStatus.LIVE),
        ("STATUS_SOMETHING_NEW", "in", MatchStatus.LIVE),
    ],
)
def test_status_goes_by_its_name(server, name, state, expected):
    """A postponed match carries the state ``post`` and is not finished."""
    (match,) = server.fetch(played(status=status(name, state)))

    assert (match.status, match.home_goals is not None) == (expected, expected is MatchStatus.FINISHED)


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2025-04-20T12:59:59Z", MatchStatus.SCHEDULED), ("2025-04-20T14:59:59Z", MatchStatus.LIVE)],
)
def test_nothing_is_known_before_it_happened(server, now, expected):
    """Before the match is over neither score nor price is shown."""
    (match,) = server.fetch(played(), clock=FixedClock(parse_instant(now)))

    assert (match.status, match.home_goals, match.odds) == (expected, None, None)
    assert not match.payload.keys() & {"status", "scores"}


def test_live_match_has_the_score_so_far_in_real_time(server):
    """During a match real time sees its score, and no price."""
    kickoff = SystemClock().now() - dt.timedelta(minutes=50)
    row = {**played(status=status("STATUS_SECOND_HALF", "in")), "date": f"{kickoff:%Y-%m-%dT%H:%MZ}"}
    row["season"] = None
    server.month = f"{kickoff:%Y%m}"
    window = Window(kickoff.date(), kickoff.date() + dt.timedelta(days=1))

    (match,) = server.fetch(row, window=window, clock=SystemClock())

    assert (match.status, match.home_goals, match.away_goals, match.odds) == (MatchStatus.LIVE, 1, 2, None)


def test_unknown_time_is_a_day(server):
    """``timeValid: false`` stands for a day without a time."""
    (match,) = server.fetch(played(timeValid=False))

    assert (match.kickoff, match.kickoff_precision) == (
        parse_instant("2025-04-20T12:00:00Z"),
        KickoffPrecision.DAY,
    )


def test_months_are_asked_for_with_a_limit(server, httpserver):
    """A window that begins on the first asks for the month before too: ESPN's days are American."""
    server.fetch(window=Window(dt.date(2025, 4, 1), dt.date(2025, 4, 3)))

    asked = [request.args for request, _ in httpserver.log if "/eng.1/" in request.path]
    assert [(args["dates"], args["limit"]) for args in asked] == [("202503", "500"), ("202504", "500")]


def test_match_of_two_months_comes_once(server):
    """A match in both months is one match."""
    server.month = "202503"

    assert len(server.fetch(played(), window=Window(dt.date(2025, 4, 1), dt.date(2025, 5, 1)))) == 1


def test_full_list_is_not_trusted(server, monkeypatch):
    """As many matches as the limit allows may be a list cut off."""
    monkeypatch.setattr(espn, "LIMIT", 3)

    assert len(server.fetch(played(), {**played(), "id": "2"})) == 2
    (report,) = server.fetch(played(), played(), played())
    assert isinstance(report, UnreadableFile)
    assert "3 matches is the limit" in report.reason
    assert report.payload["competition"] == "ENG-1"


@pytest.mark.parametrize(
    ("game", "reason"),
    [
        ({"competitors": []}, "the competitors are not one at home and one away"),
        ({"status": status("STATUS_UNKNOWN")}, "the status 'STATUS_UNKNOWN' is not known"),
        (
            {
                "competitors": [
                    {"homeAway": side, "score": "x", "team": {"displayName": side}}
                    for side in ("home", "away")
                ]
            },
            "the score 'x' is not a number",
        ),
    ],
)
def test_row_that_cannot_be_understood_is_rejected(server, game, reason):
    """A bad row is rejected with its reason, and its neighbour is read."""
    match, rejection = server.fetch({**played(), "id": "1"}, played(**game))

    assert isinstance(match, RawMatch)
    assert rejection.reason.startswith(f"{reason};")


BAD_ANSWERS = [
    (b"<html>blocked</html>", "the file is a page of a website"),
    (b"", "the file is empty"),
    (b'{"events": [{"id": "7', "the JSON is cut or broken"),
    (b'{"message": "no"}', "an object with a list 'events' was expected"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_ANSWERS)
def test_a_bad_answer_costs_its_league_and_month(server, httpserver, body, reason):
    """It is reported with its competition, and every other league is read."""
    httpserver.expect_oneshot_request("/apis/site/v2/sports/soccer/ger.1/scoreboard").respond_with_data(body)

    match, report = server.fetch(played())

    assert (match.competition, match.home_goals) == ("ENG-1", 1)
    assert isinstance(report, UnreadableFile)
    assert reason in report.reason
    assert report.payload["competition"] == "GER-1"


def test_a_league_without_a_page_is_reported(server, httpserver):
    """A slug that the provider does not know costs its league."""
    httpserver.expect_oneshot_request("/apis/site/v2/sports/soccer/ger.1/scoreboard").respond_with_data(
        "no", status=404
    )

    _, report = server.fetch(played())

    assert "the league's name 'ger.1' in competitions.toml" in report.reason


def test_a_server_that_blocks_is_left_alone(server, httpserver):
    """After five answers without data, and none with some, no more are asked for."""
    httpserver.clear()
    httpserver.expect_request(re.compile(".*")).respond_with_data("<html>blocked</html>", status=403)

    with pytest.raises(FeedRefusedError):
        server.fetch()
    assert len(httpserver.log) == GIVE_UP_AFTER


def test_other_answer_is_refused(server, httpserver):
    """A page in place of JSON, or JSON without events, is refused."""
    httpserver.clear()
    httpserver.expect_request(re.compile(".*")).respond_with_data("<html>blocked</html>", status=200)

    with pytest.raises(FeedRefusedError, match="JSON was expected, not '<html>"):
        server.fetch()


def test_a_flag_a_ground_and_a_stage_are_read(server):
    """The provider's flag is the row's; the slug of the season and the note tell the stage."""
    venue = {"id": "1", "fullName": "Allianz Arena", "address": {"city": "Munich", "country": "Germany"}}
    event = played(neutralSite=False, venue=venue)
    event["season"] = {"year": 2024, "slug": "final"}

    (flagged,) = server.fetch(played(neutralSite=True))
    (final,) = server.fetch(event, slug="uefa.champions")
    ground = ground_columns(final, load_competitions()["UEFA-CL"])

    assert flagged.neutral
    assert (final.neutral, final.venue) == (False, Venue("Allianz Arena", "Munich", "Germany"))
    assert (ground["neutral"], ground["ground"]) == (True, "Allianz Arena, Munich")
