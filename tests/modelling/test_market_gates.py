"""Gates of the goal markets: each fails for its own reason, from 2,000 matches on."""

import msgspec
import pytest

from soccer_assets.modelling.market_gates import market_gates
from soccer_assets.modelling.market_scores import LineCalibration, MarketCard, MarketScore
from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.promotion_policy import DEFAULT_POLICY

GOOD = Difference(-0.01, -0.02, -0.001, 2_000)


def market(rows=2_000, prior=GOOD, rates=GOOD, book=None):
    return MarketScore(
        market="over_2_5",
        rows=rows,
        rows_with_odds=rows if book else 0,
        log_losses={},
        differences={"prior": prior, "rates_alone": rates},
        log_losses_with_odds={},
        differences_with_odds={"book": book} if book else {},
    )


def line(p=0.5, ece=0.01, rows=2_000):
    return LineCalibration(
        market="over",
        line="2.5",
        rows=rows,
        mean_p=0.5,
        frequency=0.5,
        ece_10=ece,
        p_value=p,
        p_corrected=p,
    )


def failed(score, *lines):
    gates = market_gates(MarketCard(scores=(score,), lines=lines), DEFAULT_POLICY)
    return {gate.name for gate in gates if not gate.passed}


def test_good_markets_pass():
    """Every gate applies, and holds."""
    card = MarketCard(scores=(market(book=Difference(0.01, 0.0, 0.02, 2_000)),), lines=(line(),))

    gates = market_gates(card, DEFAULT_POLICY)

    assert [gate.name for gate in gates] == [
        *("markets_know_more", "markets_calibrated", "scaling_keeps_totals", "no_leak_markets"),
    ]
    assert all(gate.passed for gate in gates)
    assert market_gates(None, DEFAULT_POLICY) == ()


@pytest.mark.parametrize(
    ("bad", "gate"),
    [
        ({"prior": Difference(0.01, 0.001, 0.02, 2_000)}, "markets_know_more"),
        ({"rates": Difference(0.0001, -0.0004, 0.0006, 2_000)}, "scaling_keeps_totals"),
        ({"book": Difference(-0.006, -0.02, 0.01, 2_000)}, "no_leak_markets"),
    ],
)
def test_a_bad_market_fails_its_gate_from_2000_matches(bad, gate):
    """With fewer matches nothing is held against it."""
    assert failed(market(**bad), line()) == {gate}
    assert failed(market(**bad, rows=1_999), line()) == set()


def test_a_line_fails_where_it_is_off_by_more_than_chance_and_the_tolerance():
    """Neither chance alone nor a tiny sure error stops a candidate."""
    assert failed(market(), line(p=0.001, ece=0.03)) == {"markets_calibrated"}
    assert failed(market(), line(p=0.2, ece=0.03)) == set()
    assert failed(market(), line(p=0.001, ece=0.01)) == set()
    assert failed(market(), line(p=0.001, ece=0.03, rows=1_999)) == set()
    (_, gate, _) = market_gates(
        MarketCard(scores=(market(),), lines=(line(p=0.001, ece=0.03), line())), DEFAULT_POLICY
    )
    assert "over 2.5" in gate.text
    assert msgspec.structs.astuple(gate)[2:4] == (0.03, 0.02)
