"""A scorecard as Markdown tables for an asset's page, and as flat metrics for an MLflow run."""

from collections.abc import Sequence

import msgspec

from soccer_assets.modelling.promotion import Gate
from soccer_assets.modelling.scorecard import CANDIDATE, ELO, Scorecard


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


def scorecard_markdown(scorecard: Scorecard) -> str:
    """All forecasters on all test matches, and on those with odds."""
    columns = ("rows", "forecaster", "n", "log_loss", "rps", "brier", "accuracy", "ece_15", "skill share")
    lines = [f"| {' | '.join(columns)} | candidate minus it |", "|---" * (len(columns) + 1) + "|"]
    row_sets = {
        "all": (scorecard.forecasters, scorecard.differences),
        "odds": (scorecard.forecasters_with_odds, scorecard.differences_with_odds),
    }
    for row_set, (forecasters, differences) in row_sets.items():
        for name, row in forecasters.items():
            gap = differences.get(name)
            text = f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]" if gap else ""
            share = scorecard.skill_share.get(name) if row_set == "odds" else None
            skill = "" if share is None else f"{share:.3f}"
            lines.append(
                f"| {row_set} | {name} | {row.rows} | {row.log_loss:.4f} | {row.rps:.4f} "
                f"| {row.brier_score:.4f} | {row.accuracy:.4f} | {row.ece_15:.4f} | {skill} | {text} |"
            )
    lines.append(
        f"\nA perfect forecaster shows an ece_15 of up to {scorecard.ece_15_noise:.4f} on all rows and "
        f"{scorecard.ece_15_noise_with_odds:.4f} on those with odds (95 %)."
    )
    return "\n".join(lines)


def slices_markdown(scorecard: Scorecard) -> str:
    """The candidate on each slice, compared with textbook Elo."""
    lines = ["| slice | n | candidate | candidate minus Elo |", "|---|---|---|---|"]
    for part in scorecard.slices:
        gap = part.differences.get(ELO)
        text = f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]" if gap else ""
        loss = part.log_losses[CANDIDATE]
        lines.append(f"| {part.dimension} {part.name} | {part.rows} | {loss:.4f} | {text} |")
    return "\n".join(lines)


def gates_markdown(gates: Sequence[Gate]) -> str:
    """Each gate's sentence after a tick or a cross."""
    return "\n".join(f"- {'✓' if gate.passed else '✗'} {gate.text}" for gate in gates)
