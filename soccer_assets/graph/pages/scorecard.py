"""A scorecard as Markdown tables for an asset's page, and as flat metrics for an MLflow run."""

from collections.abc import Mapping, Sequence

import msgspec

from soccer_assets.graph.pages.values import finite, markdown
from soccer_assets.modelling.calibration import ClassCalibration
from soccer_assets.modelling.forecasters import CANDIDATE, ELO
from soccer_assets.modelling.market_scores import MarketCard, MarketScore
from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.promotion_policy import Gate
from soccer_assets.modelling.scorecard import Metrics, Scorecard

SCORES = ("forecaster", "log loss", "RPS", "Brier")
CALIBRATION = ("forecaster", "accuracy", "ece_15")
CLASSES = ("matches", "outcome", "ECE, 20 bins", "slope")
MARKETS = ("market", "matches", "forecaster", "log loss", "candidate minus (95 %)")
LINES = ("market", "line", "matches", "mean p", "came", "p (Holm)")


def flat_metrics(scorecard: Scorecard) -> dict[str, float]:
    """Every score by a flat name such as ``odds.candidate.log_loss``."""
    rows = {"all": scorecard.forecasters, "odds": scorecard.forecasters_with_odds}
    scores = {
        f"{row_set}.{forecaster}.{name}": float(value)
        for row_set, forecasters in rows.items()
        for forecaster, metrics in forecasters.items()
        for name, value in msgspec.structs.asdict(metrics).items()
    }
    shares = {f"odds.{name}.skill_share": share for name, share in scorecard.skill_share.items()}
    bands = {
        "all.ece_15_noise": scorecard.ece_15_noise,
        "odds.ece_15_noise": scorecard.ece_15_noise_with_odds,
    }
    return scores | shares | bands | _class_metrics(scorecard) | _market_metrics(scorecard.markets)


def _class_metrics(scorecard: Scorecard) -> dict[str, float]:
    rows = {"all": scorecard.calibration, "odds": scorecard.calibration_with_odds}
    return {
        f"{row_set}.{CANDIDATE}.{outcome}.{name}": float(value)
        for row_set, outcomes in rows.items()
        for outcome, found in outcomes.items()
        for name, value in msgspec.structs.asdict(found).items()
    }


def _market_metrics(card: MarketCard | None) -> dict[str, float]:
    if card is None:
        return {}
    losses = {
        f"market.{score.market}.{row_set}.{name}.log_loss": loss
        for score in card.scores
        for row_set, found in (("all", score.log_losses), ("odds", score.log_losses_with_odds))
        for name, loss in found.items()
    }
    return losses | {
        f"market.{market}.least_p": min(line.p_corrected for line in card.lines if line.market == market)
        for market in {line.market for line in card.lines}
    }


def scorecard_tables(scorecard: Scorecard) -> dict[str, str]:
    """Tables in Markdown by name, each narrow enough for an asset's page: a wider one is cut at its edge.

    All forecasters on all test matches and on those with prices, and the candidate against each.
    """
    tables = {
        "scores": markdown(SCORES, (_scores(*item) for item in scorecard.forecasters.items())),
        "calibration": markdown(CALIBRATION, (_calibration(*item) for item in scorecard.forecasters.items())),
    }
    if scorecard.forecasters_with_odds:
        with_odds = scorecard.forecasters_with_odds.items()
        tables |= {
            "scores_with_prices": markdown(SCORES, (_scores(*item) for item in with_odds)),
            "calibration_with_prices": markdown(
                (*CALIBRATION, "skill share"),
                (
                    (*_calibration(name, row), _or_empty(scorecard.skill_share.get(name), ".3f"))
                    for name, row in with_odds
                ),
            ),
        }
    rows = [("all", *item) for item in scorecard.differences.items()]
    rows += [("prices", *item) for item in scorecard.differences_with_odds.items()]
    tables["candidate_minus"] = markdown(
        ("matches", "forecaster", "log loss", "from", "to (95 %)"),
        (
            (where, name, *(f"{number:+.4f}" for number in (gap.mean, gap.low, gap.high)))
            for where, name, gap in rows
        ),
    )
    if scorecard.calibration:
        tables["calibration_of_outcomes"] = markdown(
            CLASSES,
            (
                *_classes("all", scorecard.calibration),
                *_classes("prices", scorecard.calibration_with_odds),
            ),
        )
    if scorecard.markets is not None:
        tables["markets"] = markdown(
            MARKETS, (row for score in scorecard.markets.scores for row in _market_rows(score))
        )
        tables["market_lines"] = markdown(
            LINES,
            (
                (
                    *(line.market, line.line, str(line.rows)),
                    *(f"{number:.3f}" for number in (line.mean_p, line.frequency, line.p_corrected)),
                )
                for line in scorecard.markets.lines
            ),
        )
    return tables


def _classes(rows: str, found: Mapping[str, ClassCalibration]) -> list[tuple[str, ...]]:
    return [
        (
            rows,
            outcome,
            f"{own.ece_20:.4f} (chance {own.ece_20_noise:.4f})",
            f"{own.slope:.3f} ± {own.slope_error:.3f}",
        )
        for outcome, own in found.items()
    ]


def _market_rows(score: MarketScore) -> list[tuple[str, ...]]:
    """All matches, then those with closing prices."""
    parts = [(score.rows, score.log_losses, score.differences)]
    if score.rows_with_odds:
        parts.append((score.rows_with_odds, score.log_losses_with_odds, score.differences_with_odds))
    return [
        (score.market, str(rows), name, f"{loss:.4f}", _interval(gaps.get(name)))
        for rows, losses, gaps in parts
        for name, loss in losses.items()
    ]


def _interval(gap: Difference | None) -> str:
    return f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]" if gap else ""


def scorecard_markdown(scorecard: Scorecard) -> str:
    """The tables of a scorecard one below the other, for a terminal or a file."""
    titles = {
        "scores": f"{scorecard.rows} matches",
        "scores_with_prices": f"{scorecard.rows_with_odds} matches with prices",
        "candidate_minus": "log loss of the candidate minus each other forecaster",
        "calibration_of_outcomes": "the candidate by outcome",
        "markets": "markets of the score grid",
        "market_lines": "calibration of each line",
    }
    parts = [
        (f"{titles[name]}\n\n" if name in titles else "") + table
        for name, table in scorecard_tables(scorecard).items()
    ]
    noise = (
        f"A perfect forecaster shows an ece_15 of up to {scorecard.ece_15_noise:.4f} on all rows and "
        f"{scorecard.ece_15_noise_with_odds:.4f} on those with odds (95 %)."
    )
    return "\n\n".join([*parts, noise])


def _scores(name: str, row: Metrics) -> tuple[str, ...]:
    return (name, f"{row.log_loss:.4f}", f"{row.rps:.4f}", f"{row.brier_score:.4f}")


def _calibration(name: str, row: Metrics) -> tuple[str, ...]:
    return (name, f"{row.accuracy:.4f}", f"{row.ece_15:.4f}")


def _or_empty(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def slices_markdown(scorecard: Scorecard) -> str:
    """The candidate on each slice, compared with textbook Elo."""
    rows = []
    for part in scorecard.slices:
        gap = part.differences.get(ELO)
        rows.append((f"{part.dimension} {part.name}", str(part.rows), _interval(gap)))
    return markdown(("slice", "n", "candidate minus Elo"), rows)


def scorecard_numbers(scorecard: Scorecard) -> dict[str, float]:
    """The candidate's scores as numbers, which an asset's page plots over its materialisations."""
    candidate = scorecard.forecasters[CANDIDATE]
    numbers = {
        "log_loss": candidate.log_loss,
        "rps": candidate.rps,
        "brier_score": candidate.brier_score,
        "accuracy": candidate.accuracy,
        "ece_15": candidate.ece_15,
        "ece_15_noise": scorecard.ece_15_noise,
    }
    gaps = {**scorecard.differences_with_odds, **scorecard.differences}
    numbers |= {f"log_loss_minus_{name}": gap.mean for name, gap in gaps.items()}
    return finite(numbers)


def gates_markdown(gates: Sequence[Gate]) -> str:
    """Each gate's sentence after a tick or a cross."""
    return "\n".join(f"- {'✓' if gate.passed else '✗'} {gate.text}" for gate in gates)
