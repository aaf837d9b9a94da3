"""What the page of a match shows beside its forecast: score grid, markets, reasons, and the past of both."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from serving.pages.days import clock_text, day_of
from serving.pages.line_chart import LineChart, Series, as_percent, line_chart
from serving.pages.shares import percent, whole_percentages
from serving.release.history import HistoryView
from serving.release.history_rows import PastForecast, PastMatch
from soccer_assets.clock import isoformat
from soccer_assets.contract.markets import GoalModel, Markets, Settlement
from soccer_assets.contract.release import Prediction, Reason, Team
from soccer_assets.football.markets import markets_of
from soccer_assets.football.match_scores import grid_of

# Goals a side that the grid shows; the rest is one number.
SHOWN_GOALS = 5
_SHADES = 10
_MEETINGS = 8
# Of each side's line, in a chart of 640 pixels; to read twice as many takes a sixth of the page's time.
_CHART_POINTS = 100
_HOME_GROUND = "home ground"
_READ = {
    "results": "results",
    "results+statistics": "results and match statistics",
    "results+statistics+prices": "results, match statistics, and the prices of matches already played",
}


class MatchHead(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays whom, where and when, what was said and what came; of a release or of the history.

    Attributes:
        clock: empty where only the day is known.
        chances: of home, draw and away; None where nothing was said before kickoff.
        goals: after 90 minutes.
        told: how the match went on after them; empty where it did not.
    """

    match_id: str
    competition: str
    season: str
    round: str
    home: Team
    away: Team
    kickoff: str
    day: dt.date
    clock: str
    zone: ZoneInfo
    status: str
    ground: str
    chances: tuple[float, float, float] | None
    said_at: str
    goals: tuple[int, int] | None
    told: str = ""

    @property
    def outcome(self) -> str:
        """What came: home, draw or away; empty before."""
        if self.goals is None:
            return ""
        lead = self.goals[0] - self.goals[1]
        return "home" if lead > 0 else "away" if lead < 0 else "draw"


class Cell(msgspec.Struct, frozen=True):
    """A score of the heat map: its probability, and its shade from 0 to 10."""

    p: float
    shade: int


class ScoreMap(msgspec.Struct, frozen=True):
    """Scores of up to `SHOWN_GOALS` a side, home goals by row; ``rest`` is the probability of all others."""

    rows: tuple[tuple[Cell, ...], ...]
    rest: float


class Step(msgspec.Struct, frozen=True):
    """A step of the waterfall, in log-odds of home against away; places in percent of the chart's width."""

    group: str
    log_odds: float
    text: str
    start: float
    width: float
    side: str


class Waterfall(msgspec.Struct, frozen=True):
    """From the home ground to the forecast; ``zero`` is where both sides are as likely to win."""

    steps: tuple[Step, ...]
    zero: float


class MarketRow(msgspec.Struct, frozen=True):
    """A bet: its name, its probability to win, exact and as it is shown, and its fair price."""

    name: str
    p: float
    shown: str
    odds: float | None


class MarketTable(msgspec.Struct, frozen=True):
    """Bets of one kind."""

    title: str
    rows: tuple[MarketRow, ...]


class MatchPast(msgspec.Struct, frozen=True, kw_only=True):
    """What the history tells of a match and its sides.

    Attributes:
        strengths: chart of attack minus defence of both, in goals a match.
        moves: chart of the forecasts that were recorded.
        forecasts: the same as numbers, oldest first.
        meetings: of the two, the newest first.
    """

    strengths: LineChart | None
    moves: LineChart | None
    forecasts: tuple[PastForecast, ...]
    meetings: tuple[PastMatch, ...]


def head_of_prediction(one: Prediction, zone: ZoneInfo) -> MatchHead:
    """The head of a match of the release."""
    return MatchHead(
        match_id=one.match_id,
        competition=one.competition,
        season=one.season,
        round=one.round or "",
        home=one.home_team,
        away=one.away_team,
        kickoff=one.kickoff,
        day=day_of(one.kickoff, one.kickoff_precision, zone),
        clock=clock_text(one.kickoff, one.kickoff_precision, zone),
        zone=zone,
        status=one.status,
        ground=_ground(is_neutral=one.neutral, away_is_host=one.away_is_host, away=one.away_team),
        chances=(one.p_home, one.p_draw, one.p_away),
        said_at=one.predicted_at,
        goals=None if one.result is None else (one.result.home_goals, one.result.away_goals),
    )


def head_of_past(one: PastMatch, zone: ZoneInfo) -> MatchHead:
    """The head of a match that only the history has."""
    kickoff, said = isoformat(one.kickoff), one.forecast
    return MatchHead(
        match_id=one.id,
        competition=one.competition,
        season=one.season,
        round=one.round or "",
        home=one.home,
        away=one.away,
        kickoff=kickoff,
        day=day_of(kickoff, one.precision, zone),
        clock=clock_text(kickoff, one.precision, zone),
        zone=zone,
        status=one.status,
        ground=_ground(is_neutral=one.neutral, away_is_host=one.away_is_host, away=one.away),
        chances=None if said is None else (said.home, said.draw, said.away),
        said_at="" if said is None else isoformat(said.at),
        goals=one.goals,
        told=after_ninety(one),
    )


def after_ninety(one: PastMatch) -> str:
    """How a match went on after 90 minutes, such as ``2:1 after extra time``; empty where it did not."""
    if one.decided_by == "awarded":
        return "awarded by a committee"
    parts = []
    if one.extra_time is not None:
        parts.append("{}:{} after extra time".format(*one.extra_time))
    if one.penalties is not None:
        parts.append("{}:{} on penalties".format(*one.penalties))
    return ", ".join(parts)


def _ground(*, is_neutral: bool, away_is_host: bool, away: Team) -> str:
    if away_is_host:
        return f"{away.name} are at home"
    return "neutral ground" if is_neutral else ""


def information_text(information: str) -> str:
    """What a forecast had read, in words."""
    return _READ.get(information, information or "results")


def score_map(goals: GoalModel, chances: tuple[float, float, float]) -> ScoreMap:
    """The score grid as shades: the likeliest score is the darkest."""
    grid = grid_of(goals, chances)
    shown = [row[: SHOWN_GOALS + 1] for row in grid[: SHOWN_GOALS + 1]]
    most = max(map(max, shown))
    rows = tuple(tuple(Cell(p, round(p / most * _SHADES)) for p in row) for row in shown)
    return ScoreMap(rows, max(1.0 - sum(map(sum, shown)), 0.0))


def waterfall(reasons: Sequence[Reason]) -> Waterfall | None:
    """The reasons as steps from the home ground to the forecast; None without any."""
    if not reasons:
        return None
    first = [one for one in reasons if one.group == _HOME_GROUND]
    ordered = first + [one for one in reasons if one.group != _HOME_GROUND]
    ends = [0.0]
    for one in ordered:
        ends.append(ends[-1] + one.log_odds)
    low, high = min(ends), max(ends)
    span = max(high - low, 0.1)

    def step(group: str, begin: float, end: float, text: str) -> Step:
        start, width = (min(begin, end) - low) / span * 100, abs(end - begin) / span * 100
        side = "home" if end > begin else "away"
        return Step(group, end - begin, text, round(start, 2), round(max(width, 0.4), 2), side)

    steps = [
        step(one.group, begin, end, one.text.partition(": ")[2])
        for one, begin, end in zip(ordered, ends, ends[1:], strict=False)
    ]
    steps.append(step("forecast", 0.0, ends[-1], ""))
    return Waterfall(tuple(steps), round(-low / span * 100, 2))


def market_tables(
    goals: GoalModel, chances: tuple[float, float, float], home: str, away: str
) -> list[MarketTable]:
    """The markets that people ask for, as tables; the API has all lines."""
    markets: Markets = markets_of(goals, chances)
    result = markets.outcome
    chance, lines = markets.double_chance, (0.5, 1.5, 2.5, 3.5, 4.5)
    totals = [total for total in markets.totals if total.line in lines]
    handicaps = [line for line in markets.asian_handicap.home if line.line in (-1.5, -0.5, 0.5, 1.5)]
    tables = [
        MarketTable("Result", _shares((home, result.home), ("draw", result.draw), (away, result.away))),
        MarketTable(
            "Double chance",
            (
                _row(f"{home} or draw", chance.home_or_draw),
                _row(f"{home} or {away}", chance.home_or_away),
                _row(f"draw or {away}", chance.draw_or_away),
            ),
        ),
        MarketTable(
            "Goals",
            (
                *(_row(f"more than {total.line}", total.over) for total in totals),
                _row("both score", markets.both_to_score.yes),
                _row(f"{home} concede none", markets.clean_sheet.home.yes),
                _row(f"{away} concede none", markets.clean_sheet.away.yes),
            ),
        ),
        MarketTable(
            "With a handicap",
            tuple(
                _row(f"{home} {line.line:+.1f}".replace("-", "\N{MINUS SIGN}"), line.bet)
                for line in handicaps
            ),
        ),
    ]
    if markets.half_time is not None:
        half = markets.half_time
        rows = _shares((f"{home} lead", half.home), ("level", half.draw), (f"{away} lead", half.away))
        tables.append(MarketTable("At half-time", rows))
    return tables


def past_of(view: HistoryView, head: MatchHead) -> MatchPast:
    """What the history tells of the match and its sides before it."""
    begun = dt.datetime.fromisoformat(head.kickoff)
    series = []
    for name, team in (("home", head.home), ("away", head.away)):
        points = tuple(
            (
                dt.datetime.combine(point.day, dt.time(), dt.UTC),
                point.strength.attack - point.strength.defence,
            )
            for point in view.team_strength(team.id, _CHART_POINTS)
        )
        series.append(Series(name, team.name, tuple(point for point in points if point[0] <= begun)))
    said = view.forecast_history(head.match_id)
    moves = [
        Series(name, label, tuple((one.at, share) for one, share in zip(said, shares, strict=True)))
        for name, label, shares in (
            ("home", head.home.name, [one.home for one in said]),
            ("draw", "draw", [one.draw for one in said]),
            ("away", head.away.name, [one.away for one in said]),
        )
    ]
    meetings = view.meetings(head.home.id, head.away.id, _MEETINGS + 1)
    return MatchPast(
        strengths=line_chart(series),
        moves=line_chart(moves, low=0.0, high=1.0, y_text=as_percent, is_stepped=True),
        forecasts=tuple(said),
        meetings=tuple(one for one in meetings if one.id != head.match_id)[:_MEETINGS],
    )


def _row(name: str, bet: Settlement) -> MarketRow:
    return MarketRow(name, bet.win, percent(bet.win), bet.fair_odds)


def _shares(*bets: tuple[str, Settlement]) -> tuple[MarketRow, ...]:
    """The rows of a market of which one comes true: shares that add to 100, as in the bar above."""
    wholes = whole_percentages([bet.win for _, bet in bets])
    return tuple(
        MarketRow(name, bet.win, f"{whole} %" if whole else percent(bet.win), bet.fair_odds)
        for (name, bet), whole in zip(bets, wholes, strict=True)
    )


def importance_of(projection: Any, match_id: str) -> float | None:
    """How much the match decides, of a season's projection; None where it is not among the next ones."""
    if projection is None:
        return None
    return next((one.importance for one in projection.matches if one.match_id == match_id), None)
