"""ESPN's scoreboard: many leagues without a key; undocumented, changes without notice.

One answer holds a month of one league (``dates=YYYYMM``; ranges of days answer HTTP 400 since September
2026). The score is the one after extra time, so a match with extra time is finished without a score, also a
second leg won 1-0 at 90. A shoot-out that is filled in counts, whatever the status says. A winner that
contradicts the score is rejected. There is no half-time score.
"""

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, SiteFeed
from soccer_assets.feeds.fields import (
    FieldError,
    book_odds,
    brief,
    id_of,
    instant_of,
    json_object,
    noon_of,
    score_of,
    score_or_none,
    teams_of,
    unknown_status,
)
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.json_rows import (
    ParsedMatch,
    Provider,
    Score,
    check_clocks,
    check_winner,
    pick,
    season_label,
    shoot_out_of,
    venue_of,
    visible_matches,
    winner_of,
)
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.unreadable import (
    Answers,
    JsonFile,
    UnreadFile,
    read_json_rows,
    unreadable_file,
)
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Outcome, Window
from soccer_assets.football.records import AfterNinety, MatchOdds, RawMatch, Rejection, after_ninety

SOURCE = "espn"
FIRST_DAY = dt.date(2015, 7, 1)
# The default of 100 cuts answers silently; a limit of 600 was seen to be cut to 25.
LIMIT = 500
ANSWERS_IN_MEMORY = 100

_SHOOT_OUT = "STATUS_FINAL_PEN"
_WENT_ON = frozenset({"STATUS_FINAL_AET", _SHOOT_OUT})
_STATUSES = {
    "STATUS_SCHEDULED": MatchStatus.SCHEDULED,
    **dict.fromkeys(("STATUS_DELAYED", "STATUS_RAIN_DELAY"), MatchStatus.SCHEDULED),
    "STATUS_TBD": MatchStatus.TBD,
    **dict.fromkeys(("STATUS_FULL_TIME", "STATUS_FINAL", *_WENT_ON), MatchStatus.FINISHED),
    "STATUS_POSTPONED": MatchStatus.POSTPONED,
    # Stopped; if it goes on, the provider reports it again.
    "STATUS_SUSPENDED": MatchStatus.ABANDONED,
    "STATUS_ABANDONED": MatchStatus.ABANDONED,
    **dict.fromkeys(("STATUS_CANCELED", "STATUS_CANCELLED"), MatchStatus.CANCELLED),
    **dict.fromkeys(("STATUS_FORFEIT", "STATUS_WALKOVER"), MatchStatus.AWARDED),
}
# ``status.period`` of the second half; 3 and 4 are extra time, 5 is the shoot-out.
_SECOND_HALF, _SHOOT_OUT_PERIOD = 2, 5
_GOALS = re.compile(r"\d{1,2}", re.ASCII)


class EspnFeed(SiteFeed):
    """Matches of ESPN's scoreboard.

    Requests go below the address to ``apis/site/v2/``. Each month of a league is read once by an object.
    """

    name = SOURCE
    # An undocumented service without a licence for its data.
    attribution = "Data: ESPN"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    default_url = "https://site.api.espn.com"
    first_day = FIRST_DAY
    result_lag = dt.timedelta(hours=6)
    # None is published.
    requests_per_minute = 60
    # A month of each league; February's days.
    days_a_request = 28

    def __init__(self, base_url: str, client: FileClient, history_start: dt.date | None = None) -> None:
        super().__init__(base_url, client, history_start)
        self._load = lru_cache(maxsize=ANSWERS_IN_MEMORY)(self._read)

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Raises:
            FeedUnavailableError: the provider does not answer.
            FeedRefusedError: there is no answer, or not one can be read.
        """
        answers = Answers()
        months = _months(window)
        for competition in self._competitions.values():
            provider = Provider(SOURCE, self.result_lag, _reader(competition), _fixture_of)
            seen_ids: set[str | None] = set()
            for month in months:
                rows = answers.rows(self._load(competition.code, month))
                items = list(visible_matches(rows, provider, window, clock))
                # A match near midnight may be in two months.
                yield from (
                    item
                    for item in items
                    if isinstance(item, Rejection) or item.source_match_id not in seen_ids
                )
                seen_ids |= {item.source_match_id for item in items if isinstance(item, RawMatch)}
        yield from answers.reports()

    def _read(self, code: str, month: str) -> list[Any] | UnreadFile:
        slug = self._competitions[code].feeds[SOURCE]
        url = f"{self._base_url}/apis/site/v2/sports/soccer/{slug}/scoreboard?dates={month}&limit={LIMIT}"
        asked = JsonFile(SOURCE, url, code, "an object with a list 'events'")
        events = read_json_rows(self._client, asked, _events_of)
        if events is None:
            fault = f"there is no such page; the league's name {slug!r} in competitions.toml may be another"
            refusal = f"{SETTING}: {url} does not exist; set it to the address that has apis/ below it"
        elif not isinstance(events, UnreadFile) and len(events) >= LIMIT:
            fault = f"{len(events)} matches is the limit, so some may be cut off; report it as a fault"
            refusal = f"{SETTING}: {url}: {fault}"
        else:
            return events
        report = unreadable_file(SOURCE, url, code, b"", fault)
        return UnreadFile(report, FeedRefusedError(refusal))


def _events_of(document: Any) -> list[Any] | None:
    events = document.get("events") if isinstance(document, dict) else None
    return events if isinstance(events, list) else None


def _months(window: Window) -> list[str]:
    """The months of the window's days and of the day before: ESPN's days are in American time zones."""
    days = ((window.end - window.start).days + 1) if window.start < window.end else 0
    first = window.start - dt.timedelta(days=1)
    return sorted({f"{first + dt.timedelta(days=number):%Y%m}" for number in range(days)})


def _reader(competition: Competition) -> Any:
    def read(event: dict[str, Any]) -> ParsedMatch:
        game = _game(event)
        sides = _sides(game)
        type_ = pick(game, "status.type.name", "status.type.state").get("status", {}).get("type", {})
        name = type_.get("name")
        reported_status = _STATUSES.get(name) if isinstance(name, str) else None
        if reported_status is None and type_.get("state") == "in":
            reported_status = MatchStatus.LIVE
        if reported_status is None:
            raise unknown_status(name)
        ending = _ending(str(name), pick(game, "status.period", "status.type.detail").get("status", {}))
        kickoff, precision = instant_of(event.get("date")), KickoffPrecision.MINUTE
        if game.get("timeValid") is False or reported_status is MatchStatus.TBD:
            kickoff, precision = noon_of(kickoff.date()), KickoffPrecision.DAY
        check_clocks(kickoff, "date", game.get("date"), "competitions.date")
        home, away = teams_of(
            *(pick(side, "team.displayName").get("team", {}).get("displayName") for side in sides)
        )
        return ParsedMatch(
            source_match_id=id_of(event.get("id"), "id"),
            competition=competition,
            season=season_label(
                competition, pick(event, "season.year").get("season", {}).get("year"), kickoff.date()
            ),
            kickoff=kickoff,
            precision=precision,
            home_team=home,
            away_team=away,
            team_ids=(_team_id(sides[0]), _team_id(sides[1])),
            reported_status=reported_status,
            neutral=game.get("neutralSite") is True,
            venue=venue_of(game.get("venue"), "fullName", "address.city", "address.country"),
            score=lambda: (
                _final_score(sides, ending, is_cup=not competition.tier)
                if reported_status is MatchStatus.FINISHED
                else score_of(*(_number(side.get("score")) for side in sides))
            ),
            odds=lambda: _odds(game),
            after_90=lambda: _after_90(sides, ending),
            fixture=_fixture_of(event),
            result={
                "status": type_,
                "scores": [pick(side, "homeAway", "score", "shootoutScore") for side in sides],
            },
        )

    return read


def _ending(name: str, status: dict[str, Any]) -> str:
    """The name of the status, by period and detail where it says no more than that the match is over."""
    if _STATUSES.get(name) is not MatchStatus.FINISHED or name in _WENT_ON:
        return name
    period, detail = status.get("period"), str(status.get("type", {}).get("detail")).casefold()
    if period == _SHOOT_OUT_PERIOD or "pen" in detail:
        return _SHOOT_OUT
    is_longer = (type(period) is int and period > _SECOND_HALF) or "aet" in detail
    return "STATUS_FINAL_AET" if is_longer else name


def _game(event: dict[str, Any]) -> dict[str, Any]:
    games = event.get("competitions")
    if not isinstance(games, list) or len(games) != 1:
        raise FieldError(f"competitions {brief(games)} is not one match")
    return json_object(games[0], "the match")


def _sides(game: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The home and the away side, by their field ``homeAway`` and not by position."""
    sides = game.get("competitors")
    found = {
        side.get("homeAway"): side
        for side in (sides if isinstance(sides, list) else [])
        if isinstance(side, dict) and isinstance(side.get("homeAway"), str)
    }
    if not isinstance(sides, list) or len(sides) != 2 or found.keys() != {"home", "away"}:  # noqa: PLR2004
        raise FieldError("the competitors are not one at home and one away")
    return found["home"], found["away"]


def _fixture_of(event: dict[str, Any]) -> dict[str, Any]:
    fixture = pick(event, "id", "date", "season.year", "season.slug", "name")
    games = event.get("competitions")
    game = games[0] if isinstance(games, list) and games else {}
    sides = game.get("competitors") if isinstance(game, dict) else None
    teams = [
        pick(side, "homeAway", "team.id", "team.displayName")
        for side in (sides if isinstance(sides, list) else [])
    ]
    return fixture | {"competitors": teams} | pick(game, "neutralSite", "timeValid", "altGameNote")


def _final_score(sides: tuple[dict[str, Any], dict[str, Any]], status: Any, *, is_cup: bool) -> Score:
    """The score after 90 minutes; None after extra time, because the provider's is the one at the end."""
    shoot_out = _shoot_out(sides)
    if shoot_out is not None:
        marked = winner_of(*(side.get("winner") for side in sides))
        # Both false where nobody has marked the winner.
        if marked is not Outcome.DRAW:
            check_winner(shoot_out, marked, has_shoot_out=True, what="the shoot-out")
    if status in _WENT_ON or shoot_out is not None:
        return None
    found = score_of(*(_number(side.get("score")) for side in sides))
    if found is None:
        raise FieldError("the match is finished, but has no score", "add it at the source")
    # Of a level match in a cup the mark may be that of two legs.
    check_winner(found, winner_of(*(side.get("winner") for side in sides)), has_shoot_out=is_cup)
    return found


def _shoot_out(sides: tuple[dict[str, Any], dict[str, Any]]) -> Score:
    return shoot_out_of(*(_number(side.get("shootoutScore")) for side in sides))


def _number(text: Any) -> Any:
    return int(text) if isinstance(text, str) and _GOALS.fullmatch(text) else text


def _after_90(sides: tuple[dict[str, Any], dict[str, Any]], status: Any) -> AfterNinety | None:
    """``score`` is the one after extra time, ``shootoutScore`` the shoot-out."""
    total = score_or_none(*(_number(side.get("score")) for side in sides))
    shoot_out = _shoot_out(sides)
    has_shoot_out = status == _SHOOT_OUT or shoot_out is not None
    went_on = has_shoot_out or status in _WENT_ON
    return after_ninety(total, shoot_out, went_on=went_on, has_shoot_out=has_shoot_out)


def _odds(game: dict[str, Any]) -> MatchOdds | None:
    """Closing prices of the first book; None where one is missing or is no price."""
    books = game.get("odds")
    book = books[0] if isinstance(books, list) and books else None
    closing = pick(book, "moneyline.home.close.odds", "moneyline.away.close.odds").get("moneyline", {})
    home, away = (closing.get(side, {}).get("close", {}).get("odds") for side in ("home", "away"))
    draw = pick(book, "drawOdds.moneyLine").get("drawOdds", {}).get("moneyLine")
    prices = [_decimal(american) for american in (home, draw, away)]
    if any(price is None for price in prices):
        return None
    return book_odds("espn_closing", *(price or 0.0 for price in prices))


def _decimal(american: Any) -> float | None:
    """A decimal price of an American one: +150 pays 2.5, -200 pays 1.5."""
    try:
        price = float(american)
    except (TypeError, ValueError, OverflowError):
        return None
    if not 100.0 <= abs(price) <= 100_000.0:  # noqa: PLR2004 American prices begin at 100
        return None
    return round(1.0 + (price / 100.0 if price > 0 else -100.0 / price), 4)


def _team_id(side: Any) -> Any:
    return pick(side, "team.id").get("team", {}).get("id")
