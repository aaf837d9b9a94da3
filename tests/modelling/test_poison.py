"""A poisoned archive never becomes a champion: a gate or the leak alarm refuses it and says so."""

import datetime as dt
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from soccer_assets.football.features import FEATURE_NAMES, RESULT_FEATURES, compute_features, run_from
from soccer_assets.football.match_table import RESULT_DELAY_SECONDS, SECONDS_A_DAY, MatchTable
from soccer_assets.football.misread_dates import back_to_back_share
from soccer_assets.football.prices import PriceKind
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.modelling.dataset import Boundaries, Split, TrainingData, outcomes, weighted
from soccer_assets.modelling.forecasters import CANDIDATE, CHAMPION, ELO, PRIOR
from soccer_assets.modelling.leaks import market_pull, own_facts
from soccer_assets.modelling.metrics import class_prior
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.promotion import PromotionFacts, decide_promotion
from soccer_assets.modelling.scorecard import score
from soccer_assets.modelling.training import Parameters, fit_candidate, fit_elo_textbook, refit
from tests.modelling.test_calibration import JUDGED, poisson_grid, world

SATURDAY = 10_957 + 7 * 30  # 2000-07-29, in days since 1970
# A leak is fitted in a few large steps as well as in 1,000 small ones, and twenty times as fast.
fit_fast = partial(fit_candidate, parameters=Parameters(learning_rate=0.3), seeds=1)


def leagues(seed):
    """Twenty leagues over five seasons, with closing prices of a book that nearly knows the truth."""
    matches, truth, season = world(poisson_grid, seed=seed)
    late = season >= JUDGED - 4
    matches, truth, season = matches.take(late), truth[late], season[late]
    matches = changed(matches, kickoff=rested(matches, season))
    rng = np.random.default_rng(3)
    book = np.exp(np.log(truth) + rng.normal(0, 0.1, truth.shape))
    odds = np.maximum(0.95 * book.sum(axis=1, keepdims=True) / book, 1.01)
    return matches, season, odds


@pytest.fixture(scope="module")
def league():
    """Leagues whose last season lies within its noise band: of seeds 0 to 5 without a share two do not."""
    return leagues(seed=3)


def judged(matches, season, odds, *, values=None, names=RESULT_FEATURES, champion=None, **facts):
    """What the gates say of a candidate trained on these matches; ``odds`` are the market's."""
    if values is None:
        values = compute_features(matches)[0].values[:, [FEATURE_NAMES.index(name) for name in names]]
    labels = outcomes(matches)
    split = weighted(Split(season < JUDGED - 1, season == JUDGED - 1, season == JUDGED), matches)
    test = split.test
    model = fit_fast(values, labels, split, names)
    forecasts = {
        PRIOR: np.tile(class_prior(labels[split.train]), (int(test.sum()), 1)),
        ELO: fit_elo_textbook(values, labels, split.train, names).predict_proba(values[test]),
        CANDIDATE: forecast(model, values[test], matches.is_neutral[test]),
    }
    if champion is not None:
        forecasts[CHAMPION] = champion(model, values, labels, split).predict_proba(values[test])
    card = score(labels[test], matches.kickoff[test], forecasts, odds[test])
    return decide_promotion(
        PromotionFacts(
            scorecard=card,
            champion_recipe=None if champion is None else model.recipe,
            feature_names=names,
            expected_feature_names=FEATURE_NAMES if facts else RESULT_FEATURES,
            back_to_back_share=back_to_back_share(matches),
            **facts,
        )
    )


def rested(matches, season):
    """Kickoffs in the same order for each club, on Saturdays and Tuesdays of its season."""
    slots, kickoff = {}, np.empty(len(matches), np.int64)
    for place in np.argsort(matches.kickoff, kind="stable").tolist():
        sides = [(season[place], matches.home_team[place]), (season[place], matches.away_team[place])]
        slot = max(slots.get(side, 0) for side in sides)
        slots |= dict.fromkeys(sides, slot + 1)
        day = SATURDAY + 364 * int(season[place]) + 7 * (slot // 2) + 3 * (slot % 2)
        kickoff[place] = day * SECONDS_A_DAY + 15 * 3600
    return kickoff


def failed(decision):
    return {gate.name for gate in decision.gates if not gate.passed}


def changed(matches, **columns):
    old = {name: getattr(matches, name) for name in matches.__dataclass_fields__}
    return MatchTable.from_columns(**old | columns)


def test_clean_archive_is_promoted(league):
    """The measure of the others: the same leagues untouched pass every gate."""
    decision = judged(*league)

    assert failed(decision) == set()
    assert decision.promote


def test_score_column_shifted_by_a_row_trips_the_gates(league):
    """Home goals of the row above are noise: no fit on them beats the class prior significantly."""
    matches, season, odds = league
    shifted = changed(matches, home_goals=np.roll(matches.home_goals, 1))

    assert failed(judged(shifted, season, odds)) & {"better_than_prior", "better_than_elo", "calibrated"}


def test_swapped_day_and_month_trip_a_gate(league):
    """Read as month and day, 37 % of the matches move: clubs seem to play two days running."""
    matches, season, odds = league
    moved = changed(matches, kickoff=np.array([swapped(kickoff) for kickoff in matches.kickoff]))

    decision = judged(moved, season, odds)

    assert (moved.kickoff != matches.kickoff).mean() > 0.3
    assert "plausible_dates" in failed(decision)
    assert "day and month" in decision.reason


def swapped(kickoff):
    """The kickoff with day and month swapped where that is a date."""
    moment = dt.datetime.fromtimestamp(int(kickoff), dt.UTC)
    if moment.day > 12:
        return int(kickoff)
    return int(moment.replace(month=moment.day, day=moment.month).timestamp())


def test_a_table_that_counts_the_match_itself_trips_the_alarm(league):
    """A result that is known at its own kickoff: the candidate beats the closing price."""
    matches, season, odds = league
    values = compute_features(matches)[0].values[:, : len(RESULT_FEATURES)]
    # What a season's table says once the match itself is in it.
    own = np.sign(matches.home_goals - matches.away_goals).astype(float)
    column = RESULT_FEATURES.index("home_goal_difference_per_match_season")
    values[:, column] += 0.25 * own

    decision = judged(matches, season, odds, values=values)

    assert failed(decision) >= {"no_leak_log_loss"}
    assert "leak alarm" in decision.reason


def test_odds_as_a_feature_break_the_signature(league):
    """A column that the features do not have is named, however good the model is with it."""
    matches, season, odds = league
    values = np.column_stack([compute_features(matches)[0].values[:, : len(RESULT_FEATURES)], odds])

    decision = judged(
        matches, season, odds, values=values, names=(*RESULT_FEATURES, "odds_home", "odds_draw", "odds_away")
    )

    assert "signature" in failed(decision)
    assert "odds_draw, odds_home" in decision.reason or "odds_away" in decision.reason


def priced(matches, odds):
    """The matches with these prices, as averages at kickoff."""
    home, draw, away = odds.T
    kinds = np.full(len(matches), PriceKind.CLOSING_AVERAGE)
    return changed(matches, home_price=home, draw_price=draw, away_price=away, price_kind=kinds)


def judged_with_prices(matches, season, odds, **more):
    """What the gates say of a candidate that reads prices; the feed is no simulated one."""
    return judged(matches, season, odds, names=FEATURE_NAMES, feed="archive", **more)


def test_clean_prices_of_past_matches_are_promoted(league):
    """The measure of the next three: prices that enter with their results trip no gate."""
    matches, season, odds = league

    decision = judged_with_prices(priced(matches, odds), season, odds)

    assert {"no_leak_market_pull", "no_leak_skill_share"} <= {gate.name for gate in decision.gates}
    assert failed(decision) == set()


def test_the_price_of_the_next_match_of_the_home_team_trips_a_gate(league):
    """Each row carries the price of the same home team's next match, which the market's column has too."""
    matches, season, odds = league
    following = np.arange(len(matches))
    for rows in rows_by_team(matches).values():
        following[rows[:-1]] = rows[1:]

    decision = judged_with_prices(priced(matches, odds[following]), season, odds[following])

    assert leaks(decision)


def test_its_own_price_a_second_before_kickoff_trips_a_gate(league):
    """What the market knows of the match is in its features: the share is the market's own."""
    matches, season, odds = league
    before = replace(
        priced(matches, odds),
        match_id=matches.match_id + " before",
        kickoff=matches.kickoff - RESULT_DELAY_SECONDS - 1,
    )
    both = MatchTable.concat([matches, before])
    asked = np.arange(len(both)) < len(matches)
    values = run_from(both, TeamState.initial(), asked, both.moves_ratings)[0].values

    decision = judged_with_prices(matches, season, odds, values=values)

    assert leaks(decision)


def test_its_own_result_in_the_price_of_the_match_before_trips_a_gate(league):
    """The price of a home team's match tells how its next one ends."""
    matches, season, odds = league
    told = odds.copy()
    ends = outcomes(matches)
    for rows in rows_by_team(matches).values():
        told[rows[:-1]] = np.array([[1.2, 6.5, 15.0], [4.0, 1.7, 4.0], [15.0, 6.5, 1.2]])[ends[rows[1:]]]

    decision = judged_with_prices(priced(matches, told), season, odds)

    assert leaks(decision)


def test_the_market_itself_as_a_forecast_trips_both_alarms():
    """A model that says what the price says, give or take: the share is near 1, the slope near 0."""
    rng = np.random.default_rng(0)
    book = rng.dirichlet([4.0, 2.6, 3.0], 6_000)
    ends = (rng.random((6_000, 1)) > book.cumsum(axis=1)).sum(axis=1)
    other = np.exp(np.log(book) + rng.normal(0.0, 0.02, book.shape))
    copied = market_pull(other / other.sum(axis=1, keepdims=True), book, ends)
    blurred = np.exp(np.log(book) + rng.normal(0.0, 0.2, book.shape))
    honest = market_pull(blurred / blurred.sum(axis=1, keepdims=True), book, ends)

    assert honest.slope > 0.3 + honest.error
    assert honest.slope == pytest.approx(1.0, abs=3 * honest.error)
    assert copied.error > 5 * honest.error


def rows_by_team(matches):
    """The rows of each team's home matches in order of time."""
    found = {}
    for row in np.argsort(matches.kickoff, kind="stable").tolist():
        found.setdefault(matches.home_team[row], []).append(row)
    return found


def leaks(decision):
    """The alarms that went off."""
    return {name for name in failed(decision) if name.startswith("no_leak")}


def test_what_a_match_tells_of_itself_moves_no_feature(league):
    """Features as they are pass; features that were made with the match's own price do not."""
    matches, season, odds = league
    matches = priced(matches, odds)
    values = compute_features(matches)[0].values
    split = Split(season < JUDGED - 1, season == JUDGED - 1, season == JUDGED)
    data = TrainingData(
        matches, values, outcomes(matches), odds, split, Boundaries(0, 0, 0, 0), FEATURE_NAMES, "s"
    )
    poisoned = values.copy()
    poisoned[:, FEATURE_NAMES.index("priced_log_odds")] += 1e-9 * odds[:, 0]

    honest, leaking = own_facts(data), own_facts(replace(data, values=poisoned))

    assert honest.rows > 1
    assert (honest.changed, leaking.changed) == (0, leaking.rows)
    decision = judged_with_prices(matches, season, odds, values=values, own_facts=leaking)
    assert "no_leak_own_facts" in failed(decision)


def test_same_recipe_refresh_is_promotable_though_the_champion_has_seen_the_rows(league):
    """Refitted on the test rows the champion wins unfairly; its recipe at the candidate's cut is level."""
    matches, season, odds = league

    def saw_everything(model, values, labels, split):
        every = np.ones(len(labels), np.bool_)
        return refit(model, values, labels, Split(every, ~every, ~every))

    def at_the_same_cut(model, values, labels, split):
        return fit_fast(values, labels, split, model.feature_names, recipe=model.recipe)

    unfair = judged(matches, season, odds, champion=saw_everything)
    fair = judged(matches, season, odds, champion=at_the_same_cut)

    gaps = [
        next(gate for gate in decision.gates if gate.name == "not_worse_than_champion").value
        for decision in (unfair, fair)
    ]
    assert gaps[0] > 0.0005 > gaps[1]
    assert failed(unfair) == {"not_worse_than_champion"}
    assert fair.promote
