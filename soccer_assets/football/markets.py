"""Markets read off one score grid: totals, handicaps, both to score, exact scores and their like.

Every market with a line is a number of goals that a bet adds to it: a side's lead, a total, or minus one. A
quarter line is two half stakes on its neighbours. Plain Python on one grid, so that the sidecar's own process
answers. Markets are settled on the score after 90 minutes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from soccer_assets.contract.markets import (
    DoubleChance,
    ExactScore,
    GoalModel,
    HandicapLine,
    Handicaps,
    Markets,
    OutcomeMarket,
    Settlement,
    SidesMarket,
    SidesYesNo,
    TeamTotals,
    TotalLine,
    YesNo,
)
from soccer_assets.football.match_scores import Grid, Outcome, grid_of, half_time_outcome

TOTAL_LINES = tuple(quarters / 4 for quarters in range(2, 27))  # .5 to 6.5
TEAM_TOTAL_LINES = tuple(goals + 0.5 for goals in range(7))
HANDICAP_LINES = tuple(quarters / 4 for quarters in range(-12, 13))
EXACT_SCORE_GOALS = 5
# Beyond a price of 1e12 a bet counts as one that cannot win: what is left is rounding.
LEAST_CHANCE = 1e-12

Distribution = Mapping[int, float]
"""Probability of each whole number of goals."""


def settle(goals: Distribution, line: float) -> Settlement:
    """How a bet ends that wins where goals plus ``line`` are above 0, and is returned where they are 0.

    Args:
        goals: distribution of a number of goals, such as the lead of the side that the bet is on.
        line: in quarters of a goal. A line of .25 or .75 is two half stakes, on the lines a quarter below and
            above: of these at most one is returned, and never one wins while the other loses.

    Raises:
        ValueError: the line is no number of quarters.
    """
    quarters = round(line * 4)
    if quarters != line * 4:
        raise ValueError(f"a line is in quarters of a goal, not {line}")
    win = half_win = push = half_lose = lose = 0.0
    for count, p in goals.items():
        lead = 4 * count + quarters
        if lead > 1:
            win += p
        elif lead == 1:
            half_win += p
        elif lead == 0:
            push += p
        elif lead == -1:
            half_lose += p
        else:
            lose += p
    return Settlement(win, half_win, push, half_lose, lose, fair_odds(win, half_win, half_lose, lose))


def fair_odds(win: float, half_win: float, half_lose: float, lose: float) -> float | None:
    """The decimal price at which a bet gains nothing on average; None where it cannot win.

    A stake of 1 at price o gains o - 1 with a win and (o - 1) / 2 with half a win; a defeat costs 1, half a
    defeat 1/2.
    """
    gain = win + half_win / 2.0
    return None if gain < LEAST_CHANCE else 1.0 + (lose + half_lose / 2.0) / gain


def markets_of(goals: GoalModel, probabilities: Sequence[float]) -> Markets:
    """Every market of a match that has not begun.

    Args:
        goals: what the score grid is made of.
        probabilities: of home, draw and away, which the markets keep.

    Raises:
        ValueError: a rate is not above 0, or the probabilities do not add up to 1.
    """
    home, draw, away = probabilities
    grid = grid_of(goals, (home, draw, away))
    return all_markets(grid, half_time_outcome(grid, goals.first_half_share))


def all_markets(grid: Grid, half_time: Outcome | None, home_goals: int = 0, away_goals: int = 0) -> Markets:
    """Every market of a match.

    Args:
        grid: probability of each score of the goals to come.
        half_time: home, draw and away at half-time; None after it.
        home_goals: scored by the home side so far.
        away_goals: likewise.
    """
    cells = [
        (home_goals + i, away_goals + j, p)
        for i, row in enumerate(grid)
        for j, p in enumerate(row)
        if p > 0.0
    ]
    lead = _distribution((home - away, p) for home, away, p in cells)
    trail = _negative(lead)
    home_total = _distribution((home, p) for home, _, p in cells)
    away_total = _distribution((away, p) for _, away, p in cells)
    both = _distribution((home + away, p) for home, away, p in cells)
    home, draw, away = (_statement(p) for p in (_above(lead, 0), lead.get(0, 0.0), _above(trail, 0)))
    scores = _exact_scores(cells, home_goals, away_goals)
    return Markets(
        outcome=OutcomeMarket(home.yes, draw.yes, away.yes),
        double_chance=DoubleChance(home_or_draw=away.no, home_or_away=draw.no, draw_or_away=home.no),
        draw_no_bet=SidesMarket(settle(lead, 0.0), settle(trail, 0.0)),
        both_to_score=_statement(sum(p for home, away, p in cells if home and away)),
        totals=_totals(both, TOTAL_LINES),
        team_totals=TeamTotals(_totals(home_total, TEAM_TOTAL_LINES), _totals(away_total, TEAM_TOTAL_LINES)),
        asian_handicap=Handicaps(
            tuple(HandicapLine(line, settle(lead, line)) for line in HANDICAP_LINES),
            tuple(HandicapLine(line, settle(trail, line)) for line in HANDICAP_LINES),
        ),
        clean_sheet=SidesYesNo(_statement(away_total.get(0, 0.0)), _statement(home_total.get(0, 0.0))),
        win_to_nil=SidesYesNo(
            _statement(sum(p for home, away, p in cells if home and not away)),
            _statement(sum(p for home, away, p in cells if away and not home)),
        ),
        exact_scores=scores,
        other_score=_bet(max(1.0 - sum(score.bet.win for score in scores), 0.0)),
        half_time=None if half_time is None else OutcomeMarket(*(_bet(p) for p in half_time)),
    )


def _distribution(goals: Iterable[tuple[int, float]]) -> dict[int, float]:
    added: defaultdict[int, float] = defaultdict(float)
    for count, p in goals:
        added[count] += p
    return dict(added)


def _above(goals: Distribution, least: int) -> float:
    return sum(p for count, p in goals.items() if count > least)


def _negative(goals: Distribution) -> Distribution:
    return {-count: p for count, p in goals.items()}


def _totals(goals: Distribution, lines: tuple[float, ...]) -> tuple[TotalLine, ...]:
    short = _negative(goals)
    return tuple(TotalLine(line, settle(goals, -line), settle(short, line)) for line in lines)


def _exact_scores(
    cells: Iterable[tuple[int, int, float]], home_goals: int, away_goals: int
) -> tuple[ExactScore, ...]:
    """Scores of up to five goals a side that can still come."""
    chance = {(home, away): p for home, away, p in cells}
    return tuple(
        ExactScore(home, away, _bet(chance.get((home, away), 0.0)))
        for home in range(home_goals, EXACT_SCORE_GOALS + 1)
        for away in range(away_goals, EXACT_SCORE_GOALS + 1)
    )


def _statement(p: float) -> YesNo:
    return YesNo(_bet(p), settle({-1: p, 1: max(1.0 - p, 0.0)}, 0.0))


def _bet(p: float) -> Settlement:
    return settle({1: p, -1: max(1.0 - p, 0.0)}, 0.0)
