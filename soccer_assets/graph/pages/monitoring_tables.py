"""Tables of the two monitoring reports, as an asset's page shows them."""

from collections.abc import Mapping, Sequence

from soccer_assets.contract.reports import ColumnDrift, QualityScore

_OPPONENTS = ("elo_textbook", "book")


def drift_table(columns: Sequence[ColumnDrift]) -> str:
    """One row a column in Markdown: effect sizes, corrected p-value, verdict."""
    lines = ["| column | kind | PSI | KS | shift | p corrected | drifted |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {column.name} | {column.kind} | {column.psi:.3f} | {column.ks:.3f} | {column.shift:+.2f} "
        f"| {column.p_corrected:.2g} | {'yes' if column.has_drifted else ''} |"
        for column in columns
    ]
    return "\n".join(lines)


def score_table(scores: Mapping[str, QualityScore]) -> str:
    """One row a score in Markdown: counts, scores, and the differences to textbook Elo and closing prices."""
    counts = ("", "scored", "finished", "void", "due", "coverage")
    columns = (*counts, "log_loss", "rps", "brier", "ece_15", "hit rate", "minus Elo", "minus book")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for name, score in scores.items():
        numbers = (
            *(score.coverage, score.log_loss, score.rps),
            *(score.brier_score, score.ece_15, score.hit_rate),
        )
        cells = " | ".join("" if number is None else f"{number:.4f}" for number in numbers)
        gaps = " | ".join(
            f"{score.against[opponent].difference:+.4f} (n={score.against[opponent].rows})"
            if opponent in score.against
            else ""
            for opponent in _OPPONENTS
        )
        numbered = " | ".join(map(str, (score.scored, score.finished, score.void, score.due)))
        lines.append(f"| {name} | {numbered} | {cells} | {gaps} |")
    return "\n".join(lines)
