"""Promotion gates of the goal markets: over 2.5, Asian handicap, both to score, half-time."""

from collections.abc import Sequence

from soccer_assets.modelling.forecasters import BOOK, PRIOR, RATES
from soccer_assets.modelling.market_scores import OVER, MarketCard, MarketScore
from soccer_assets.modelling.promotion_policy import Gate, PromotionPolicy


def market_gates(card: MarketCard | None, policy: PromotionPolicy) -> tuple[Gate, ...]:
    """The gates of the goal markets; each applies to markets of `PromotionPolicy.market_rows` matches."""
    scores = [score for score in (card.scores if card else ()) if score.rows >= policy.market_rows]
    return (
        *_markets_know_more(scores),
        *_markets_calibrated(card, policy),
        *_scaling_keeps_totals(scores, policy),
        *_no_leak_markets(scores, policy),
    )


def _markets_know_more(scores: Sequence[MarketScore]) -> tuple[Gate, ...]:
    """Shown to be worse than knowing nothing of the teams: few matches cannot show that it is better."""
    gaps = {score.market: score.differences[PRIOR] for score in scores if PRIOR in score.differences}
    if not gaps:
        return ()
    worst = max(gaps, key=lambda market: gaps[market].low)
    gap = gaps[worst]
    text = (
        f"log loss of {worst} against the class prior {gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], the "
        "lower end must not be above 0"
    )
    return (Gate("markets_know_more", gap.low <= 0.0, gap.low, 0.0, text),)


def _markets_calibrated(card: MarketCard | None, policy: PromotionPolicy) -> tuple[Gate, ...]:
    lines = [line for line in (card.lines if card else ()) if line.rows >= policy.market_rows]
    if not lines:
        return ()
    off = [line for line in lines if line.p_corrected < policy.market_level]
    if not off:
        text = f"no line of {len(lines)} is off by more than chance"
        return (Gate("markets_calibrated", passed=True, value=0.0, bound=policy.market_ece, text=text),)
    worst = max(off, key=lambda line: line.ece_10)
    text = (
        f"{worst.market} {worst.line}: mean probability {worst.mean_p:.3f}, came {worst.frequency:.3f}, "
        f"calibration error {worst.ece_10:.4f} is no chance, must be {policy.market_ece:.4f} or lower"
    )
    passed = worst.ece_10 <= policy.market_ece
    return (Gate("markets_calibrated", passed, worst.ece_10, policy.market_ece, text),)


def _scaling_keeps_totals(scores: Sequence[MarketScore], policy: PromotionPolicy) -> tuple[Gate, ...]:
    gaps = [score.differences[RATES] for score in scores if score.market == OVER and score.differences]
    return tuple(
        Gate(
            "scaling_keeps_totals",
            gap.high < policy.scaling_loss,
            gap.high,
            policy.scaling_loss,
            f"log loss of over 2.5 against the goal rates alone {gap.mean:+.4f} [{gap.low:+.4f}, "
            f"{gap.high:+.4f}], the upper end must be below {policy.scaling_loss:+.4f}",
        )
        for gap in gaps
    )


def _no_leak_markets(scores: Sequence[MarketScore], policy: PromotionPolicy) -> tuple[Gate, ...]:
    gains = {
        score.market: -score.differences_with_odds[BOOK].mean
        for score in scores
        if score.rows_with_odds >= policy.market_rows and BOOK in score.differences_with_odds
    }
    if not gains:
        return ()
    best = max(gains, key=gains.__getitem__)
    text = (
        f"leak alarm: {best} {gains[best]:+.4f} better than the closing price in log loss, at most "
        f"{policy.market_gain:+.4f} is credible"
    )
    return (
        Gate("no_leak_markets", gains[best] <= policy.market_gain, gains[best], policy.market_gain, text),
    )
