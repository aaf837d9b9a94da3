"""The bounds of the promotion gates, and a gate's verdict.

The gates are in ``promotion.py`` and ``market_gates.py``.
"""

import msgspec


class PromotionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of the gates. Log losses are in nats a match.

    Attributes:
        elo_gain: mean log loss below textbook Elo's that a candidate must reach. From tuned Elo to the best
            known model it is .0026, so .0003 is the smallest step worth a promotion.
        champion_loss: bound on the upper end of the interval against the champion. Two fits of one recipe
            differ by -.0001 [-.0004, +.0001] on 10,246 matches (`benchmarks/walk_forward.py --refit-weeks 1
            4`), so an equal candidate stays below .0005, and each promotion can cost at most that.
        champion_ece: expected calibration error above the champion's. Between two equally good forecasters
            that difference has a standard deviation of .003 on 10,000 matches (simulated), so .002 is
            within chance.
        draw_rate: distance of the mean draw probability from the frequency of draws. At 26 % draws an error
            of .015 costs .0006 log loss (d^2 / 2p(1 - p)), about as much as the champion may be missed by.
        slice_loss: mean log loss above the opponent's from which a slice has collapsed: most of the .0026
            that lie between tuned Elo and the best known model.
        slice_level: level of the test whether that is chance, shared among all slices after Holm (1979).
        standard_errors: chance allowed to a share (draw rate, accuracy); 2 is passed by chance in 5 %.
        market_gain: mean log loss below the closing odds' from which a leak is assumed. No backtest has
            beaten them (`docs/benchmarks.md`); .005 is twice the half-width of the interval on 12,041
            matches.
        market_accuracy: accuracy beside closing odds from which a leak is assumed. Their own is .505 on
            102,806 matches of 2012-2025 and at most .523 in a year.
        leak_rows: rows with closing prices from which the next two are held.
        skill_share: share of the market's knowledge from which a match's own price is assumed to be read. The
            best model known has .88 to .94 in a season. Not held against simulated leagues.
        market_pull: least slope of `leaks.MarketPull`: about 1 for a model that has not read the market's
            price (.3 is three standard errors below it on 2,000 matches), 0 for one that has.
        market_rows: matches from which a goal market is held to the next three, and to the closing prices.
        scaling_loss: bound on the upper end of the interval of over 2.5 by the served grid against the grid
            of the goal rates alone.
        market_level: level of the test whether a line is calibrated, after Holm over the lines of all
            markets.
        market_ece: calibration error of a line in ten bins that is tolerated even where it is no chance.
        back_to_back: share of sides that also played the day before, in the worst year. Real years have
            .0121 at most, those with day and month swapped .0288 at least.
    """

    elo_gain: float = 0.0003
    champion_loss: float = 0.0005
    champion_ece: float = 0.002
    draw_rate: float = 0.015
    slice_loss: float = 0.002
    slice_level: float = 0.05
    standard_errors: float = 2.0
    market_gain: float = 0.005
    market_accuracy: float = 0.53
    back_to_back: float = 0.02
    leak_rows: int = 2_000
    skill_share: float = 0.97
    market_pull: float = 0.3
    market_rows: int = 2_000
    scaling_loss: float = 0.0005
    market_level: float = 0.01
    market_ece: float = 0.02


DEFAULT_POLICY = PromotionPolicy()


class Gate(msgspec.Struct, frozen=True):
    """One condition: passed when ``value`` is at most ``bound``."""

    name: str
    passed: bool
    value: float
    bound: float
    text: str
