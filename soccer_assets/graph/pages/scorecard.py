"""A scorecard as Markdown tables for an asset's page, and as flat metrics for an MLflow run."""

from collections.abc import Sequence

import msgspec

from soccer_assets.graph.pages.values import finite, markdown
from soccer_assets.modelling.promotion import Gate
from soccer_assets.modelling.scorecard import CANDIDATE, ELO, Metrics, Scorecard

SCORES = ("forecaster", "log loss", "RPS", "Brier")
CALIBRATION = ("forecaster", "accuracy", "ece_15")


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
    return scores | shares | bands


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
    return tables


def scorecard_markdown(scorecard: Scorecard) -> str:
    """The tables of a scorecard one below the other, for a terminal or a file."""
    titles = {
        "scores": f"{scorecard.rows} matches",
        "scores_with_prices": f"{scorecard.rows_with_odds} matches with prices",
        "candidate_minus": "log loss of the candidate minus each other forecaster",
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
        text = f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]" if gap else ""
        rows.append((f"{part.dimension} {part.name}", str(part.rows), text))
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
