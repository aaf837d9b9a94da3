"""The plot of a replay: cumulative log loss of champion and market minus textbook Elo's, and trainings."""

import datetime as dt
from pathlib import Path

from soccer_assets.backtesting.report import Report, running_difference

_COLOURS = {"champion": "#1b6ca8", "market": "#8a8a8a"}


def write_plot(report: Report, file: Path) -> None:
    """Draw the plot as a PNG; a training is a vertical line, thick where the candidate was promoted."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only the plot pays for it
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(0, color="#cccccc", linewidth=1)
    kickoffs, lines = running_difference(report.settled)
    for name, values in lines.items():
        axes.plot(kickoffs, values, color=_COLOURS[name], linewidth=1.4, label=name)  # type: ignore[arg-type]
    for training in report.retrains:
        at, width = dt.datetime.fromisoformat(training.at), 1.6 if training.promoted else 0.6
        axes.axvline(at, color="#c8553d", linewidth=width, alpha=0.5)  # type: ignore[arg-type]
    axes.set(
        ylabel="summed log loss minus textbook Elo's (lower is better)",
        title=f"{report.total.scored} matches, {report.first_day} to {report.last_day}; "
        f"{len(report.retrains)} trainings, {report.total.promotions} promotions",
    )
    axes.legend(frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, format="png", dpi=110)
