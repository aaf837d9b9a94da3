"""Tables and numbers of the two monitoring reports, as an asset's page shows them.

A page cuts a table that is wider than its column: each of these has few columns.
"""

from collections.abc import Mapping, Sequence

from soccer_assets.contract.reports import ColumnDrift, QualityScore
from soccer_assets.graph.pages.values import finite, markdown

_OPPONENTS = {"elo_textbook": "minus Elo", "book": "minus book"}


def drift_table(columns: Sequence[ColumnDrift]) -> str:
    """One row a column in Markdown: its effect size, corrected p-value and shift; drifted ones are marked."""
    return markdown(
        ("column", "PSI", "p", "shift"),
        (
            (
                f"**{column.name}** drifted" if column.has_drifted else column.name,
                f"{column.psi:.3f}",
                f"{column.p_corrected:.2g}",
                f"{column.shift:+.2f}",
            )
            for column in columns
        ),
    )


def score_tables(scores: Mapping[str, QualityScore]) -> dict[str, str]:
    """Tables in Markdown by name, a row a score: counts, scores, differences to Elo and closing prices."""
    return {
        "matches": markdown(
            ("", "finished", "scored", "void", "due", "coverage"),
            (
                (
                    name,
                    *map(str, (score.finished, score.scored, score.void, score.due)),
                    _text(score.coverage),
                )
                for name, score in scores.items()
            ),
        ),
        "scores": markdown(
            ("", "log loss", "RPS", "Brier", "ece_15", "hit rate"),
            (
                (
                    name,
                    *map(_text, (score.log_loss, score.rps, score.brier_score, score.ece_15, score.hit_rate)),
                )
                for name, score in scores.items()
            ),
        ),
        "against": markdown(
            ("", *_OPPONENTS.values()),
            ((name, *(_gap(score, opponent) for opponent in _OPPONENTS)) for name, score in scores.items()),
        ),
    }


def score_numbers(score: QualityScore) -> dict[str, float]:
    """The scores as numbers, which an asset's page plots over its materialisations; none without a match."""
    numbers: dict[str, float | None] = {
        "coverage": score.coverage,
        "log_loss": score.log_loss,
        "expected_log_loss": score.expected_log_loss,
        "rps": score.rps,
        "brier_score": score.brier_score,
        "ece_15": score.ece_15,
        "hit_rate": score.hit_rate,
        **{f"log_loss_minus_{name}": gap.difference for name, gap in score.against.items()},
    }
    return finite(numbers)


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"


def _gap(score: QualityScore, opponent: str) -> str:
    if opponent not in score.against:
        return ""
    return f"{score.against[opponent].difference:+.4f} (n={score.against[opponent].rows})"
