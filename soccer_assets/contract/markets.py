"""Markets of one match: how a bet on each ends, with which probability, and at which price it is fair.

Every market is about the score after 90 minutes plus stoppage time. Not here: the arithmetic
(``football/markets.py``).
"""

import msgspec

SETTLED = "after 90 minutes and stoppage time; extra time and penalties do not count"


class GoalModel(msgspec.Struct, frozen=True):
    """What the score grid of a match is made of, beside its probabilities of home, draw and away.

    Attributes:
        home_rate: goals of the home side by the joint goal model, before the grid keeps the probabilities.
        away_rate: likewise.
        draw_correlation: Dixon and Coles' rho of the kind of match.
        first_half_share: share of the goals that fall in the first half, in the competition.
    """

    home_rate: float
    away_rate: float
    draw_correlation: float
    first_half_share: float


class Settlement(msgspec.Struct, frozen=True):
    """How a bet ends, five probabilities that add up to 1, and its fair decimal price.

    Attributes:
        win: the stake is paid at the price.
        half_win: half the stake is paid at the price, half is returned.
        push: the stake is returned.
        half_lose: half the stake is returned, half is lost.
        lose: the stake is lost.
        fair_odds: 1 + (lose + half_lose / 2) / (win + half_win / 2): no side gains; null where the bet cannot
            win, since no price is fair then.
    """

    win: float
    half_win: float
    push: float
    half_lose: float
    lose: float
    fair_odds: float | None


class OutcomeMarket(msgspec.Struct, frozen=True):
    """Home, draw and away."""

    home: Settlement
    draw: Settlement
    away: Settlement


class DoubleChance(msgspec.Struct, frozen=True):
    """Two of the three outcomes."""

    home_or_draw: Settlement
    home_or_away: Settlement
    draw_or_away: Settlement


class SidesMarket(msgspec.Struct, frozen=True):
    """A bet on each side."""

    home: Settlement
    away: Settlement


class YesNo(msgspec.Struct, frozen=True):
    """A statement and its contrary."""

    yes: Settlement
    no: Settlement


class SidesYesNo(msgspec.Struct, frozen=True):
    """A statement about each side, and its contrary."""

    home: YesNo
    away: YesNo


class TotalLine(msgspec.Struct, frozen=True):
    """More goals than the line, and fewer."""

    line: float
    over: Settlement
    under: Settlement


class TeamTotals(msgspec.Struct, frozen=True):
    """Lines of the goals of each side alone."""

    home: tuple[TotalLine, ...]
    away: tuple[TotalLine, ...]


class HandicapLine(msgspec.Struct, frozen=True):
    """A bet that a side wins after ``line`` goals were added to its own."""

    line: float
    bet: Settlement


class Handicaps(msgspec.Struct, frozen=True):
    """Lines of each side; home at a line is the contrary of away at minus that line."""

    home: tuple[HandicapLine, ...]
    away: tuple[HandicapLine, ...]


class ExactScore(msgspec.Struct, frozen=True):
    """A score."""

    home: int
    away: int
    bet: Settlement


class Markets(msgspec.Struct, frozen=True, kw_only=True):
    """Every market of one match, from one grid of scores that keeps the forecast's three probabilities.

    Attributes:
        settled: when the score is read, which decides every market; also those of cup ties that go on.
        outcome: home, draw and away.
        double_chance: two of the three.
        draw_no_bet: the side wins, the stake is returned in a draw: the handicap of 0.
        both_to_score: both sides score.
        totals: goals of both sides, .5 to 6.5 in quarters.
        team_totals: goals of one side, .5 to 6.5.
        asian_handicap: -3 to +3 goals in quarters, added to the side named.
        clean_sheet: the side concedes no goal.
        win_to_nil: the side wins and concedes no goal.
        exact_scores: scores of up to 5 goals a side.
        other_score: any other score.
        half_time: home, draw and away at half-time; null in the second half of a match under way.
    """

    settled: str = SETTLED
    outcome: OutcomeMarket
    double_chance: DoubleChance
    draw_no_bet: SidesMarket
    both_to_score: YesNo
    totals: tuple[TotalLine, ...]
    team_totals: TeamTotals
    asian_handicap: Handicaps
    clean_sheet: SidesYesNo
    win_to_nil: SidesYesNo
    exact_scores: tuple[ExactScore, ...]
    other_score: Settlement
    half_time: OutcomeMarket | None
