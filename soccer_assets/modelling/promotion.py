"""Whether a candidate takes over: gates, each with its number, its bound and its sentence."""

import math

import msgspec

from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK
from soccer_assets.modelling.scorecard import BOOK, CANDIDATE, CHAMPION, ELO, PRIOR, Scorecard

# The whole way from tuned Elo to the best known model is .0026 log loss: .0003 is the least real step.
LEAST_GAIN_OVER_ELO = -0.0003
CHAMPION_TOLERANCE = 0.0005
ECE_TOLERANCE = 0.002
DRAW_TOLERANCE = 0.015
# A model from results alone has never beaten the closing price; one that does has seen the future.
LEAK_LOG_LOSS = -0.005
LEAK_ACCURACY = 0.53
# Real years have .0121 at most, those with day and month swapped .0288 at least.
BACK_TO_BACK = 0.02
# A slice collapses where it is worse by more than this and by more than chance; all slices are looked at, so
# chance is shared among them after Holm (1979).
SLICE_TOLERANCE = 0.002
SLICE_LEVEL = 0.05
STANDARD_ERRORS = 2.0
INTERVAL_ERRORS = 1.96
_NAMES = {ELO: "textbook Elo", CHAMPION: "the champion"}


class Gate(msgspec.Struct, frozen=True):
    """One condition: passed when ``value`` is at most ``bound``."""

    name: str
    passed: bool
    value: float
    bound: float
    text: str


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
        back_to_back_share: sides that had played on the day before, in the worst year; NaN for too few.
    """

    scorecard: Scorecard
    champion_recipe: str | None
    feature_names: tuple[str, ...]
    expected_feature_names: tuple[str, ...]
    back_to_back_share: float


def decide_promotion(facts: PromotionFacts) -> PromotionDecision:
    """Promote where every gate holds.

    Raises:
        KeyError: the scorecard lacks a forecaster that the gates compare with.
    """
    gates = (
        _signature(facts),
        *_plausible_dates(facts),
        *_better_than_baselines(facts.scorecard),
        *_not_worse_than_champion(facts),
        _calibrated(facts),
        _draws(facts.scorecard),
        *_no_slice_collapses(facts),
        *_no_leak(facts.scorecard),
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


def _plausible_dates(facts: PromotionFacts) -> tuple[Gate, ...]:
    """Misread dates make a model worse, yet not always so much that another gate sees it."""
    share = facts.back_to_back_share
    if math.isnan(share):
        return ()
    text = (
        f"{share:.2%} of the sides had played on the day before, at most {BACK_TO_BACK:.2%} is credible: "
        f"are day and month in each other's place?"
    )
    return (Gate("plausible_dates", share <= BACK_TO_BACK, share, BACK_TO_BACK, text),)


def _better_than_baselines(scorecard: Scorecard) -> tuple[Gate, ...]:
    if not scorecard.differences:
        text = f"{scorecard.rows} matches of one week cannot rank two forecasters"
        return (Gate("enough_weeks", passed=False, value=1.0, bound=2.0, text=text),)
    prior, elo = scorecard.differences[PRIOR], scorecard.differences[ELO]
    return (
        _upper_bound("better_than_prior", "the class prior", prior, 0.0),
        _upper_bound("better_than_elo", "textbook Elo", elo, 0.0),
        Gate(
            "gain_over_elo",
            elo.mean <= LEAST_GAIN_OVER_ELO,
            elo.mean,
            LEAST_GAIN_OVER_ELO,
            f"log loss against textbook Elo {elo.mean:+.4f}, must be {LEAST_GAIN_OVER_ELO:+.4f} or lower",
        ),
    )


def _not_worse_than_champion(facts: PromotionFacts) -> tuple[Gate, ...]:
    if facts.champion_recipe in (None, ELO_TEXTBOOK) or not facts.scorecard.differences:
        return ()
    difference = facts.scorecard.differences[CHAMPION]
    return (_upper_bound("not_worse_than_champion", "the champion", difference, CHAMPION_TOLERANCE),)


def _upper_bound(name: str, opponent: str, difference: Difference, bound: float) -> Gate:
    text = (
        f"log loss against {opponent} {difference.mean:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}], the upper end must be below {bound:+.4f}"
    )
    return Gate(name, difference.high < bound, difference.high, bound, text)


def _calibrated(facts: PromotionFacts) -> Gate:
    scorecard = facts.scorecard
    bound = scorecard.ece_15_noise
    if facts.champion_recipe is not None:
        bound = max(bound, scorecard.forecasters[CHAMPION].ece_15 + ECE_TOLERANCE)
    value = scorecard.forecasters[CANDIDATE].ece_15
    return Gate(
        "calibrated", value <= bound, value, bound, f"ece_15 {value:.4f}, must be {bound:.4f} or lower"
    )


def _draws(scorecard: Scorecard) -> Gate:
    """Draws are the hardest to price; in a small window chance alone may exceed the tolerance."""
    value = abs(scorecard.forecasters[CANDIDATE].mean_p_draw - scorecard.draw_rate)
    standard_error = math.sqrt(scorecard.draw_rate * (1.0 - scorecard.draw_rate) / scorecard.rows)
    bound = max(DRAW_TOLERANCE, STANDARD_ERRORS * standard_error)
    text = f"mean draw probability is {value:.4f} off the frequency, must be {bound:.4f} or less"
    return Gate("draw_rate", value <= bound, value, bound, text)


def _no_slice_collapses(facts: PromotionFacts) -> tuple[Gate, ...]:
    """No part of the rows may pay for the rest: against the champion, or Elo where it is the champion."""
    opponent = ELO if facts.champion_recipe in (None, ELO_TEXTBOOK) else CHAMPION
    slices = [one for one in facts.scorecard.slices if opponent in one.differences]
    if not slices:
        return ()
    by_chance = [_p_worse(one.differences[opponent]) for one in slices]
    collapsed = []
    for rank, place in enumerate(sorted(range(len(slices)), key=by_chance.__getitem__)):
        if by_chance[place] > SLICE_LEVEL / (len(slices) - rank):
            break
        if slices[place].differences[opponent].mean > SLICE_TOLERANCE:
            collapsed.append(slices[place])
    worst = max(slices, key=lambda one: one.differences[opponent].low)
    text = f"no slice of {len(slices)} is worse than {_NAMES[opponent]}"
    if collapsed:
        worst = collapsed[0]
        parts = ", ".join(
            f"{one.dimension} {one.name} {one.differences[opponent].mean:+.4f} on {one.rows}"
            for one in collapsed
        )
        text = f"slices that are worse than {_NAMES[opponent]}: {parts}"
    value = worst.differences[opponent].mean
    return (Gate("no_slice_collapses", not collapsed, value, SLICE_TOLERANCE, text),)


def _p_worse(difference: Difference) -> float:
    """The chance of a mean so high where none is: one side of a normal with the interval's width."""
    error = (difference.high - difference.low) / (2.0 * INTERVAL_ERRORS)
    if error <= 0.0:
        return 1.0 if difference.mean <= 0.0 else 0.0
    return 0.5 * math.erfc(difference.mean / error / math.sqrt(2.0))


def _no_leak(scorecard: Scorecard) -> tuple[Gate, ...]:
    """Too good against the closing prices is an alarm, not a success."""
    if BOOK not in scorecard.differences_with_odds:
        return ()
    book = scorecard.differences_with_odds[BOOK]
    candidate = scorecard.forecasters_with_odds[CANDIDATE]
    # Above it only where the book itself comes near: in few rows by chance, in simulated leagues by nature.
    known = scorecard.forecasters_with_odds[BOOK].accuracy
    chance = STANDARD_ERRORS * math.sqrt(known * (1.0 - known) / candidate.rows)
    bound = max(LEAK_ACCURACY, known + chance)
    return (
        Gate(
            "no_leak_log_loss",
            book.mean >= LEAK_LOG_LOSS,
            -book.mean,
            -LEAK_LOG_LOSS,
            f"leak alarm: {-book.mean:+.4f} better than the closing price in log loss, at most "
            f"{-LEAK_LOG_LOSS:+.4f} is credible",
        ),
        Gate(
            "no_leak_accuracy",
            candidate.accuracy <= bound,
            candidate.accuracy,
            bound,
            f"leak alarm: accuracy {candidate.accuracy:.4f} beside prices, at most {bound:.4f} is credible",
        ),
    )
