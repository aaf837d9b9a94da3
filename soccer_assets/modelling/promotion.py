"""Whether a candidate takes over: gates, each with its number, its bound and its sentence."""

import math

import msgspec

from soccer_assets.modelling.forecasters import BOOK, CANDIDATE, CHAMPION, ELO, PRIOR
from soccer_assets.modelling.leaks import OwnFacts
from soccer_assets.modelling.market_gates import market_gates
from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK
from soccer_assets.modelling.promotion_policy import DEFAULT_POLICY, Gate, PromotionPolicy
from soccer_assets.modelling.scorecard import Scorecard

# Half-width of a 95 % interval, in standard errors.
INTERVAL_ERRORS = 1.96
_NAMES = {ELO: "textbook Elo", CHAMPION: "the champion"}


SIMULATED = "simulated"


GATES = {
    "signature": "The candidate reads the features as they are now.",
    "plausible_dates": "Few sides also played the day before: more mean that day and month are swapped.",
    "enough_weeks": "The test matches span several weeks; those of one cannot rank two forecasters.",
    "better_than_prior": "Log loss is below the class prior's, with the upper end of the interval.",
    "better_than_elo": "Log loss is below textbook Elo's, with the upper end of the interval.",
    "gain_over_elo": "The mean gain over textbook Elo is worth a change of the champion.",
    "not_worse_than_champion": "Log loss is not above the champion's by more than the tolerance.",
    "calibrated": "The calibration error is one that a perfect forecaster, or the champion, also shows.",
    "draw_rate": "The mean draw probability is near the frequency of draws.",
    "no_slice_collapses": "On no slice is it significantly worse than the champion, or textbook Elo.",
    "markets_know_more": "No goal market's forecasts are worse than the shares of the training matches.",
    "markets_calibrated": "No line of a goal market is off by more than chance and the tolerance.",
    "scaling_keeps_totals": "Keeping the served home, draw and away does not make over 2.5 goals worse.",
    "no_leak_markets": "No goal market beats its closing prices so far that features must have leaked.",
    "no_leak_log_loss": "Log loss is not so far below the closing prices' that features must have leaked.",
    "no_leak_accuracy": "Accuracy is not so high beside prices that features must have leaked.",
    "no_leak_skill_share": "The share of the market's knowledge is one that past matches can give.",
    "no_leak_market_pull": "The market's own price adds news to the candidate, which has not read it.",
    "no_leak_own_facts": "Its own price, score and statistics move no bit of a match's features.",
}
"""Every gate by name: what holds where it is passed. Which of them apply depends on the evaluation."""


class PromotionDecision(msgspec.Struct, frozen=True):
    """Whether the candidate takes over, the sentence shown to operators, and what it rests on."""

    promote: bool
    reason: str
    gates: tuple[Gate, ...]


class PromotionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision is made from.

    Attributes:
        scorecard: holds the candidate, the class prior, textbook Elo, and the champion if there is one.
        champion_recipe: None before the first champion.
        feature_names: the candidate's columns.
        expected_feature_names: the columns the features have now.
        own_facts: whether what a match tells of itself reaches its features; None where it was not tried.
        feed: the feeds' names; `SIMULATED` is the one whose truth a model may nearly reach.
        back_to_back_share: sides that had played on the day before, in the worst year; NaN for too few.
    """

    scorecard: Scorecard
    champion_recipe: str | None
    feature_names: tuple[str, ...]
    expected_feature_names: tuple[str, ...]
    back_to_back_share: float
    own_facts: OwnFacts | None = None
    feed: str = ""


def decide_promotion(facts: PromotionFacts, policy: PromotionPolicy = DEFAULT_POLICY) -> PromotionDecision:
    """Promote where every gate holds.

    Raises:
        KeyError: the scorecard lacks a forecaster that the gates compare with.
    """
    gates = (
        _signature(facts),
        *_plausible_dates(facts, policy),
        *_better_than_baselines(facts.scorecard, policy),
        *_not_worse_than_champion(facts, policy),
        _calibrated(facts, policy),
        _draws(facts.scorecard, policy),
        *_no_slice_collapses(facts, policy),
        *market_gates(facts.scorecard.markets, policy),
        *_no_leak(facts.scorecard, policy),
        *_no_own_price(facts, policy),
        *_no_own_facts(facts),
    )
    failed = [gate.text for gate in gates if not gate.passed]
    if failed:
        return PromotionDecision(promote=False, reason="not promoted: " + "; ".join(failed), gates=gates)
    rows = facts.scorecard.rows
    return PromotionDecision(
        promote=True, reason=f"promoted: all {len(gates)} gates hold on {rows} matches", gates=gates
    )


def _signature(facts: PromotionFacts) -> Gate:
    strangers = set(facts.feature_names).symmetric_difference(facts.expected_feature_names)
    passed = facts.feature_names == facts.expected_feature_names
    text = "the candidate reads the features as they are"
    if not passed:
        text = f"the candidate reads other features: {', '.join(sorted(strangers)) or 'another order'}"
    return Gate("signature", passed, float(len(strangers)), 0.0, text)


def _plausible_dates(facts: PromotionFacts, policy: PromotionPolicy) -> tuple[Gate, ...]:
    """Misread dates make a model worse, yet not always so much that another gate sees it."""
    share = facts.back_to_back_share
    if math.isnan(share):
        return ()
    text = (
        f"{share:.2%} of the sides also played the day before, at most {policy.back_to_back:.2%} is "
        f"credible; are day and month swapped?"
    )
    return (Gate("plausible_dates", share <= policy.back_to_back, share, policy.back_to_back, text),)


def _better_than_baselines(scorecard: Scorecard, policy: PromotionPolicy) -> tuple[Gate, ...]:
    if not scorecard.differences:
        text = f"{scorecard.rows} matches of one week cannot rank two forecasters"
        return (Gate("enough_weeks", passed=False, value=1.0, bound=2.0, text=text),)
    prior, elo = scorecard.differences[PRIOR], scorecard.differences[ELO]
    return (
        _upper_bound("better_than_prior", "the class prior", prior, 0.0),
        _upper_bound("better_than_elo", "textbook Elo", elo, 0.0),
        Gate(
            "gain_over_elo",
            elo.mean <= -policy.elo_gain,
            elo.mean,
            -policy.elo_gain,
            f"log loss against textbook Elo {elo.mean:+.4f}, must be {-policy.elo_gain:+.4f} or lower",
        ),
    )


def _not_worse_than_champion(facts: PromotionFacts, policy: PromotionPolicy) -> tuple[Gate, ...]:
    if facts.champion_recipe in (None, ELO_TEXTBOOK) or not facts.scorecard.differences:
        return ()
    difference = facts.scorecard.differences[CHAMPION]
    return (_upper_bound("not_worse_than_champion", "the champion", difference, policy.champion_loss),)


def _upper_bound(name: str, opponent: str, difference: Difference, bound: float) -> Gate:
    text = (
        f"log loss against {opponent} {difference.mean:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}], the upper end must be below {bound:+.4f}"
    )
    return Gate(name, difference.high < bound, difference.high, bound, text)


def _calibrated(facts: PromotionFacts, policy: PromotionPolicy) -> Gate:
    scorecard = facts.scorecard
    bound = scorecard.ece_15_noise
    if facts.champion_recipe is not None:
        bound = max(bound, scorecard.forecasters[CHAMPION].ece_15 + policy.champion_ece)
    value = scorecard.forecasters[CANDIDATE].ece_15
    return Gate(
        "calibrated", value <= bound, value, bound, f"ece_15 {value:.4f}, must be {bound:.4f} or lower"
    )


def _draws(scorecard: Scorecard, policy: PromotionPolicy) -> Gate:
    """Draws are the hardest to price; in a small window chance alone may exceed the tolerance."""
    value = abs(scorecard.forecasters[CANDIDATE].mean_p_draw - scorecard.draw_rate)
    standard_error = math.sqrt(scorecard.draw_rate * (1.0 - scorecard.draw_rate) / scorecard.rows)
    bound = max(policy.draw_rate, policy.standard_errors * standard_error)
    text = f"mean draw probability is {value:.4f} off the frequency, must be {bound:.4f} or less"
    return Gate("draw_rate", value <= bound, value, bound, text)


def _no_slice_collapses(facts: PromotionFacts, policy: PromotionPolicy) -> tuple[Gate, ...]:
    """No part of the rows may pay for the rest: against the champion, or Elo where it is the champion."""
    opponent = ELO if facts.champion_recipe in (None, ELO_TEXTBOOK) else CHAMPION
    slices = [part for part in facts.scorecard.slices if opponent in part.differences]
    if not slices:
        return ()
    by_chance = [_p_worse(part.differences[opponent]) for part in slices]
    collapsed = []
    for rank, place in enumerate(sorted(range(len(slices)), key=by_chance.__getitem__)):
        if by_chance[place] > policy.slice_level / (len(slices) - rank):
            break
        if slices[place].differences[opponent].mean > policy.slice_loss:
            collapsed.append(slices[place])
    worst = max(slices, key=lambda part: part.differences[opponent].low)
    text = f"no slice of {len(slices)} is worse than {_NAMES[opponent]}"
    if collapsed:
        worst = collapsed[0]
        parts = ", ".join(
            f"{part.dimension} {part.name} {part.differences[opponent].mean:+.4f} on {part.rows}"
            for part in collapsed
        )
        text = f"slices that are worse than {_NAMES[opponent]}: {parts}"
    value = worst.differences[opponent].mean
    return (Gate("no_slice_collapses", not collapsed, value, policy.slice_loss, text),)


def _p_worse(difference: Difference) -> float:
    """The chance of a mean so high where none is: part side of a normal with the interval's width."""
    error = (difference.high - difference.low) / (2.0 * INTERVAL_ERRORS)
    if error <= 0.0:
        return 1.0 if difference.mean <= 0.0 else 0.0
    return 0.5 * math.erfc(difference.mean / error / math.sqrt(2.0))


def _no_leak(scorecard: Scorecard, policy: PromotionPolicy) -> tuple[Gate, ...]:
    """Too good against the closing prices is an alarm, not a success."""
    if BOOK not in scorecard.differences_with_odds:
        return ()
    book = scorecard.differences_with_odds[BOOK]
    candidate = scorecard.forecasters_with_odds[CANDIDATE]
    # Above it only where the book itself comes near: in few rows by chance, in simulated leagues by nature.
    known = scorecard.forecasters_with_odds[BOOK].accuracy
    chance = policy.standard_errors * math.sqrt(known * (1.0 - known) / candidate.rows)
    bound = max(policy.market_accuracy, known + chance)
    return (
        Gate(
            "no_leak_log_loss",
            book.mean >= -policy.market_gain,
            -book.mean,
            policy.market_gain,
            f"leak alarm: {-book.mean:+.4f} better than the closing price in log loss, at most "
            f"{policy.market_gain:+.4f} is credible",
        ),
        Gate(
            "no_leak_accuracy",
            candidate.accuracy <= bound,
            candidate.accuracy,
            bound,
            f"leak alarm: accuracy {candidate.accuracy:.4f} beside prices, at most {bound:.4f} is credible",
        ),
    )


def _no_own_price(facts: PromotionFacts, policy: PromotionPolicy) -> tuple[Gate, ...]:
    """A model that reads the matches' own prices beats nothing: it knows just what the market knows."""
    scorecard = facts.scorecard
    pull, share = scorecard.market_pull, scorecard.skill_share.get(CANDIDATE)
    if scorecard.rows_with_odds < policy.leak_rows or pull is None or share is None:
        return ()
    gates = [
        Gate(
            "no_leak_market_pull",
            pull.slope >= policy.market_pull,
            -pull.slope,
            -policy.market_pull,
            f"leak alarm: residuals follow the market's own price with a slope of {pull.slope:.2f}, must be "
            f"{policy.market_pull:.2f} or higher",
        )
    ]
    if facts.feed != SIMULATED:
        gates.append(
            Gate(
                "no_leak_skill_share",
                share <= policy.skill_share,
                share,
                policy.skill_share,
                f"leak alarm: {share:.3f} of the market's knowledge, at most {policy.skill_share:.2f} is "
                "credible",
            )
        )
    return tuple(gates)


def _no_own_facts(facts: PromotionFacts) -> tuple[Gate, ...]:
    found = facts.own_facts
    if found is None or not found.rows:
        return ()
    text = f"own price, score and statistics move no feature of {found.rows} matches"
    if found.changed:
        text = f"leak alarm: own price, score or statistics move features of {found.changed} of {found.rows}"
    return (Gate("no_leak_own_facts", not found.changed, float(found.changed), 0.0, text),)
