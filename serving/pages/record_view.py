"""What the page ``/record`` shows of the quality report and of the history."""

from collections.abc import Sequence

import msgspec

from serving.pages.record_charts import FORECASTERS
from soccer_assets.contract.reports import Comparison, QualityReport, QualityScore, QualityWeek

# With fewer months, weeks are shown.
_LEAST_MONTHS = 3
_OTHERS = ("elo_textbook", "prior", "book")


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of a month, a week or a competition.

    Attributes:
        name: such as ``2025-04``, or the competition's code.
        scored: forecasts with a result.
        coverage: their share of the matches that should have one; None without such a match.
        losses: log loss by key of `FORECASTERS`, each on the matches that it covers; None where it has none.
    """

    name: str
    scored: int
    coverage: float | None
    losses: dict[str, float | None]


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """These forecasts against another's on the same matches."""

    name: str
    comparison: Comparison


def duels(score: QualityScore) -> tuple[Duel, ...]:
    """Every comparison of a score, in the order of the page."""
    return tuple(
        Duel(name=FORECASTERS[key][0], comparison=score.against[key])
        for key in _OTHERS
        if key in score.against
    )


def periods(report: QualityReport) -> tuple[Period, ...]:
    """Months, or weeks where there are few months, oldest first."""
    months: dict[str, list[QualityWeek]] = {}
    for week in report.weeks:
        months.setdefault(week.first_day[:7], []).append(week)
    if len(months) < _LEAST_MONTHS:
        return tuple(_period(week.week, [week.score]) for week in report.weeks)
    return tuple(_period(month, [week.score for week in weeks]) for month, weeks in months.items())


def competitions(report: QualityReport) -> tuple[Period, ...]:
    """Competitions, the one with the most forecasts first."""
    found = [_period(part.value, [part.score]) for part in report.slices if part.dimension == "competition"]
    return tuple(sorted(found, key=lambda period: (-period.scored, period.name)))


def _period(name: str, scores: Sequence[QualityScore]) -> Period:
    """Scores of several weeks as one: means weighted by their matches."""
    due = sum(score.finished + score.due for score in scores)
    scored = sum(score.scored for score in scores)
    own = [(score.scored, score.log_loss) for score in scores if score.log_loss is not None]
    losses = {"own": _mean(own)}
    for key in _OTHERS:
        compared = [score.against[key] for score in scores if key in score.against]
        losses[key] = _mean([(each.rows, each.other_log_loss) for each in compared])
    return Period(name=name, scored=scored, coverage=scored / due if due else None, losses=losses)


def _mean(weighted: Sequence[tuple[int, float]]) -> float | None:
    rows = sum(count for count, _ in weighted)
    return sum(count * value for count, value in weighted) / rows if rows else None
