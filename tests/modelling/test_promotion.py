"""Each gate fails for its own reason, and for no other."""

import msgspec
import pytest

from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.promotion import PromotionFacts, decide_promotion
from soccer_assets.modelling.promotion_policy import PromotionPolicy
from soccer_assets.modelling.scorecard import Metrics, Scorecard, SliceScore

NAMES = ("elo_textbook_gap", "form")


def scores(**changes):
    good = {
        "rows": 10_000,
        "log_loss": 1.018,
        "rps": 0.209,
        "brier_score": 0.610,
        "accuracy": 0.494,
        "ece_15": 0.006,
        "mean_p_draw": 0.255,
    }
    return Metrics(**good | changes)


def facts(candidate=None, champion=None, differences=None, book=None, book_accuracy=0.506, **changes):
    """A candidate that passes every gate, but for what is given."""
    forecasters = {name: scores() for name in ("prior", "elo_textbook")}
    forecasters |= {"candidate": scores(**candidate or {}), "champion": scores(**champion or {})}
    card = Scorecard(
        rows=10_000,
        rows_with_odds=10_000,
        first_kickoff=0,
        last_kickoff=10**7,
        forecasters=forecasters,
        forecasters_with_odds=forecasters | {"book": scores(accuracy=book_accuracy)},
        differences={
            "prior": Difference(-0.055, -0.060, -0.050, 10_000),
            "elo_textbook": Difference(-0.0045, -0.0070, -0.0020, 10_000),
            "champion": Difference(-0.0001, -0.0005, 0.0003, 10_000),
        }
        | (differences or {}),
        differences_with_odds={"book": book or Difference(0.018, 0.014, 0.022, 10_000)},
        ece_15_noise=0.010,
        draw_rate=0.26,
    )
    base = PromotionFacts(
        scorecard=card,
        champion_recipe="xgboost_on_logit",
        feature_names=NAMES,
        expected_feature_names=NAMES,
        back_to_back_share=0.005,
    )
    return msgspec.structs.replace(base, **changes)


def failed(decision):
    return [gate.name for gate in decision.gates if not gate.passed]


def test_a_candidate_that_passes_every_gate_is_promoted():
    """All gates hold, and the reason counts them."""
    decision = decide_promotion(facts())

    assert decision.promote
    assert failed(decision) == []
    assert decision.reason == "promoted: all 10 gates hold on 10000 matches"


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"feature_names": ("elo_textbook_gap",)}, "signature"),
        ({"feature_names": NAMES[::-1]}, "signature"),
        ({"differences": {"prior": Difference(-0.01, -0.03, 0.001, 9)}}, "better_than_prior"),
        ({"differences": {"elo_textbook": Difference(-0.004, -0.009, 0.001, 9)}}, "better_than_elo"),
        ({"differences": {"elo_textbook": Difference(-0.0002, -0.0003, -0.0001, 9)}}, "gain_over_elo"),
        ({"differences": {"champion": Difference(0.0001, -0.0004, 0.0006, 9)}}, "not_worse_than_champion"),
        ({"back_to_back_share": 0.0201}, "plausible_dates"),
        ({"candidate": {"ece_15": 0.0101}}, "calibrated"),
        ({"candidate": {"mean_p_draw": 0.2449}}, "draw_rate"),
        ({"candidate": {"mean_p_draw": 0.2751}}, "draw_rate"),
        ({"book": Difference(-0.0051, -0.01, 0.0, 9)}, "no_leak_log_loss"),
        ({"candidate": {"accuracy": 0.5301}}, "no_leak_accuracy"),
    ],
)
def test_each_gate_fails_alone(change, gate):
    """One fault fails one gate, and the reason says its numbers."""
    decision = decide_promotion(facts(**change))

    assert not decision.promote
    assert failed(decision) == [gate]
    assert decision.reason == "not promoted: " + next(g.text for g in decision.gates if g.name == gate)


def test_against_the_textbook_champion_the_elo_gate_decides():
    """Not being worse than a champion is too little where the champion is the baseline itself."""
    worse = {"champion": Difference(0.0001, -0.0004, 0.0006, 9)}

    decision = decide_promotion(facts(differences=worse, champion_recipe="elo_textbook"))

    assert decision.promote
    assert "not_worse_than_champion" not in {gate.name for gate in decision.gates}


def test_without_a_champion_calibration_is_bound_by_noise_alone():
    """The first champion has no predecessor to lean on."""
    decision = decide_promotion(
        facts(candidate={"ece_15": 0.011}, champion={"ece_15": 0.020}, champion_recipe=None)
    )

    assert failed(decision) == ["calibrated"]
    assert decide_promotion(facts(candidate={"ece_15": 0.011}, champion={"ece_15": 0.020})).promote


def test_chance_is_allowed_in_a_small_window():
    """Among 100 matches a draw rate that is 6 points off, or an accuracy of 60 %, proves nothing."""
    start = facts(candidate={"mean_p_draw": 0.20, "accuracy": 0.60, "rows": 100})
    card = msgspec.structs.replace(start.scorecard, rows=100)

    decision = decide_promotion(msgspec.structs.replace(start, scorecard=card))

    assert decision.promote


def test_easy_leagues_are_not_a_leak():
    """Where the book itself hits 60 %, a candidate at 59 % has not seen the future."""
    assert decide_promotion(facts(candidate={"accuracy": 0.59}, book_accuracy=0.60)).promote


def cut(*gaps, opponent="champion"):
    """A scorecard's slices with these differences to an opponent, each with a standard error of .001."""
    return tuple(
        SliceScore(
            dimension="tier",
            name=str(number),
            rows=2_000,
            log_losses={},
            differences={opponent: Difference(gap, gap - 0.00196, gap + 0.00196, 2_000)},
        )
        for number, gap in enumerate(gaps, start=1)
    )


def with_slices(slices, **changes):
    start = facts(**changes)
    return msgspec.structs.replace(start, scorecard=msgspec.structs.replace(start.scorecard, slices=slices))


def test_a_slice_that_collapses_stops_a_promotion():
    """A tier that is worse by .005, five standard errors, is named; the others do not make up for it."""
    decision = decide_promotion(with_slices(cut(-0.004, 0.005, -0.003)))

    assert failed(decision) == ["no_slice_collapses"]
    assert decision.reason == "not promoted: slices that are worse than the champion: tier 2 +0.0050 on 2000"


def test_slices_within_chance_stop_nobody():
    """Of forty slices one is two standard errors worse by chance; a sure but tiny loss is none."""
    assert decide_promotion(with_slices(cut(0.0021, *[-0.001] * 39))).promote
    assert decide_promotion(with_slices(cut(0.0019, -0.001))).promote


def test_without_a_trained_champion_slices_are_compared_with_elo():
    """The first candidate may not lose to the textbook anywhere."""
    collapsed = cut(0.02, opponent="elo_textbook")

    assert failed(decide_promotion(with_slices(collapsed, champion_recipe=None))) == ["no_slice_collapses"]
    assert failed(decide_promotion(with_slices(collapsed, champion_recipe="elo_textbook"))) == [
        "no_slice_collapses"
    ]


def test_one_week_of_matches_promotes_nobody():
    """Without intervals there is no verdict, and the reason says so."""
    start = facts()
    card = msgspec.structs.replace(start.scorecard, differences={})

    decision = decide_promotion(msgspec.structs.replace(start, scorecard=card))

    assert failed(decision) == ["enough_weeks"]


@pytest.mark.parametrize(
    ("policy", "gate"),
    [
        (PromotionPolicy(elo_gain=0.5), "gain_over_elo"),
        (PromotionPolicy(champion_loss=-0.5), "not_worse_than_champion"),
        (PromotionPolicy(back_to_back=0.0), "plausible_dates"),
        (PromotionPolicy(market_gain=-0.5), "no_leak_log_loss"),
        (PromotionPolicy(market_accuracy=0.0, standard_errors=-1e3), "no_leak_accuracy"),
    ],
)
def test_every_bound_is_the_policys(policy, gate):
    """A gate reads its bound from the policy that is handed in."""
    assert decide_promotion(facts()).promote

    assert gate in failed(decide_promotion(facts(), policy))
