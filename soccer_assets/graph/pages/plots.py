"""Plots for asset pages and MLflow: one figure, as an image in the metadata and as an artefact of the run."""

import base64
import contextlib
import functools
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES
from soccer_assets.contract.reports import ColumnDrift, QualityWeek
from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.modelling.metrics import EPOCH_WEEKDAY, iso_week_number
from soccer_assets.modelling.scorecard import Scorecard
from soccer_assets.modelling.tuning import Search, completed_trials

P = ParamSpec("P")

_BLUE = "#1b6ca8"
_COLOURS = {"home": _BLUE, "draw": "#8a8a8a", "away": "#c8553d"}
# Inches. A page shows a plot in a dialog of 470 pixels and cuts what is wider; see `DPI`.
_WIDTH = 5.2
DPI = 90
_HAS_PAGES = ContextVar("has_pages", default=True)


@contextlib.contextmanager
def without_pages() -> Iterator[None]:
    """Draw no images: a replay has no pages, and each image costs a third of a second."""
    token = _HAS_PAGES.set(False)
    try:
        yield
    finally:
        _HAS_PAGES.reset(token)


def has_pages() -> bool:
    """Whether images are drawn."""
    return _HAS_PAGES.get()


@functools.cache
def drawing_version() -> str:
    """Changes with the code that draws."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Plot:
    """A figure that is drawn on first use."""

    draw: Callable[[], Any]

    @functools.cached_property
    def figure(self) -> Any:
        """Matplotlib's figure."""
        return self.draw()

    @functools.cached_property
    def png(self) -> bytes:
        """The figure as an image, drawn once: a third of a second."""
        sink = io.BytesIO()
        self.figure.savefig(sink, format="png", dpi=DPI)
        return sink.getvalue()

    @property
    def metadata(self) -> dg.MarkdownMetadataValue:
        """The figure as an image in Markdown for an asset's page."""
        if not has_pages():
            return dg.MetadataValue.md("not drawn: this run has no page")
        return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(self.png).decode()})")


def _drawn_on_demand(draw: Callable[P, Any]) -> Callable[P, Plot]:
    """Turn a function that draws a figure into one that returns a lazy `Plot`."""

    @functools.wraps(draw)
    def plot(*args: P.args, **kwargs: P.kwargs) -> Plot:
        return Plot(functools.partial(draw, *args, **kwargs))

    return plot


@_drawn_on_demand
def reliability_plot(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8], bins: int = 15) -> Any:
    """Probability against observed frequency, a line a class; dot area is the number of matches."""
    figure, axes = _figure(4.6)
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=1)
    edges = np.linspace(0, 1, bins + 1)
    for column, name in enumerate(OUTCOMES):
        forecast, occurred = probabilities[:, column], outcomes == column
        number = np.clip(np.digitize(forecast, edges) - 1, 0, bins - 1)
        counts = np.bincount(number, minlength=bins)
        used = counts > 0
        mean = np.bincount(number, forecast, bins)[used] / counts[used]
        rate = np.bincount(number, occurred, bins)[used] / counts[used]
        axes.plot(mean, rate, color=_COLOURS[name], linewidth=1.2, label=name)
        axes.scatter(mean, rate, s=6 + 90 * counts[used] / counts.max(), color=_COLOURS[name])
    axes.set(
        xlabel="forecast probability", ylabel="observed frequency", title=f"{len(outcomes)} test matches"
    )
    axes.legend(frameon=False)
    return figure


@_drawn_on_demand
def differences_plot(scorecard: Scorecard) -> Any:
    """Log loss of the candidate minus each other forecaster, with 95 % intervals by week."""
    figure, axes = _figure(2.8)
    rows = [(f"{name} (all)", gap) for name, gap in scorecard.differences.items()]
    rows += [(f"{name} (odds)", gap) for name, gap in scorecard.differences_with_odds.items()]
    for position, (_, gap) in enumerate(rows):
        axes.plot([gap.low, gap.high], [position, position], color=_BLUE, linewidth=2)
        axes.scatter([gap.mean], [position], color=_BLUE)
    axes.axvline(0, color="#cccccc", linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(xlabel="log loss, candidate minus the other\n(left is better)")
    return figure


@_drawn_on_demand
def drift_plot(columns: Sequence[ColumnDrift], bound: float) -> Any:
    """Population stability index of the columns that moved most; drifted ones are red."""
    figure, axes = _figure(1.4 + 0.2 * len(columns))
    shown = list(reversed(columns))
    colours = [_COLOURS["away" if column.has_drifted else "home"] for column in shown]
    axes.barh([column.name for column in shown], [column.psi for column in shown], color=colours)
    axes.axvline(bound, color="#cccccc", linewidth=1)
    axes.tick_params(axis="y", labelsize=7)
    axes.set(xlabel="population stability index")
    # Of the figure, not of the axes: beside long names of columns these are narrower than the title.
    figure.suptitle("columns that moved most (red: drifted)", fontsize="medium")
    return figure


@_drawn_on_demand
def quality_plot(weeks: Sequence[QualityWeek]) -> Any:
    """Log loss by week: published, textbook Elo and closing prices, each on the matches it covers."""
    figure, axes = _figure(3.2)
    lines: dict[str, dict[str, float]] = {"published": {}, "elo_textbook": {}, "book": {}}
    for week in weeks:
        if week.score.log_loss is not None:
            lines["published"][week.week] = week.score.log_loss
        for name in lines.keys() & week.score.against.keys():
            lines[name][week.week] = week.score.against[name].other_log_loss
    names = [week.week for week in weeks]
    for (name, points), colour in zip(lines.items(), _COLOURS.values(), strict=True):
        if points:
            position = [names.index(name_of_week) for name_of_week in points]
            axes.plot(position, list(points.values()), color=colour, label=name, marker="o", markersize=3)
    step = max(1, len(names) // 8)
    axes.set_xticks(range(0, len(names), step), names[::step], fontsize=7)
    axes.set(ylabel="log loss", title="settled predictions by week")
    axes.legend(frameon=False)
    return figure


@_drawn_on_demand
def learning_curve_plot(curves: Mapping[str, Sequence[tuple[int, float]]]) -> Any:
    """Log loss by rounds of trees, one line per set of rows; round 0 is the logit alone."""
    figure, axes = _figure(3.2)
    for name, curve in curves.items():
        rounds, losses = zip(*curve, strict=True)
        axes.plot(rounds, losses, marker="o", markersize=3, linewidth=1.2, label=name)
    axes.set(xlabel="rounds of trees", ylabel="log loss")
    axes.legend(frameon=False)
    return figure


@_drawn_on_demand
def gains_plot(gains: Mapping[str, float], most: int = 20) -> Any:
    """Each feature's share of the gain of all splits, largest on top."""
    figure, axes = _figure(4.6)
    shown = list(gains.items())[:most][::-1]
    axes.barh([name for name, _ in shown], [gain for _, gain in shown], color=_BLUE)
    axes.set(xlabel="share of the trees' gain")
    axes.tick_params(labelsize=7)
    return figure


@_drawn_on_demand
def slices_plot(scorecard: Scorecard, opponent: str, most: int = 30) -> Any:
    """Log loss of the candidate minus an opponent on each slice, with 95 % intervals."""
    figure, axes = _figure(5.6)
    rows = [part for part in scorecard.slices if opponent in part.differences]
    rows = sorted(rows, key=lambda part: -part.rows)[:most][::-1]
    for position, part in enumerate(rows):
        gap = part.differences[opponent]
        axes.plot([gap.low, gap.high], [position, position], color=_BLUE, linewidth=1.5)
        axes.scatter([gap.mean], [position], color=_BLUE, s=12)
    axes.axvline(0, color="#cccccc", linewidth=1)
    labels = [f"{part.dimension} {part.name} ({part.rows})" for part in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=7)
    axes.set(xlabel=f"log loss, candidate minus {opponent}\n(left is better)")
    return figure


@_drawn_on_demand
def weeks_plot(kickoff: NDArray[np.int64], losses: Mapping[str, NDArray[np.float64]]) -> Any:
    """Mean difference in log loss by ISO week, one line per forecaster; NaN where there is no price.

    Args:
        kickoff: (n,) epoch seconds.
        losses: (n,) differences of the candidate, by the name of the other forecaster.
    """
    figure, axes = _figure(3.2)
    week, number = np.unique(iso_week_number(kickoff), return_inverse=True)
    monday = ((week * 7 - EPOCH_WEEKDAY) * SECONDS_A_DAY).astype("datetime64[s]")
    for name, difference in losses.items():
        known = np.isfinite(difference)
        counts = np.bincount(number[known], minlength=len(week))
        sums = np.bincount(number[known], difference[known], minlength=len(week))
        shown = counts > 0
        axes.plot(monday[shown], sums[shown] / counts[shown], marker="o", markersize=3, label=name)
    axes.axhline(0, color="#cccccc", linewidth=1)
    axes.set(ylabel="log loss by week,\ncandidate minus the other")
    axes.tick_params(axis="x", labelrotation=30, labelsize=7)
    axes.legend(frameon=False)
    return figure


@_drawn_on_demand
def projection_plot(title: str, clubs: Sequence[str], places: NDArray[np.float64]) -> Any:
    """Probability of each final place, (n, n), a row a club: a heat map."""
    figure, axes = _figure(1.0 + 0.2 * len(clubs))
    axes.imshow(places, cmap="Blues", vmin=0.0, vmax=max(float(places.max()), 0.2), aspect="auto")
    axes.set_yticks(range(len(clubs)), clubs, fontsize=7)
    axes.set_xticks(range(len(clubs)), range(1, len(clubs) + 1), fontsize=7)
    axes.set(xlabel="final place")
    figure.suptitle(f"{title}: probability of each final place", fontsize="medium")
    return figure


@_drawn_on_demand
def trials_plot(found: Search) -> Any:
    """Mean log loss of each completed trial over its folds, and the best so far."""
    figure, axes = _figure(3.2)
    whole = completed_trials(found)
    numbers, losses = zip(*whole, strict=True)
    axes.scatter(numbers, losses, color=_BLUE, s=14)
    axes.step(numbers, np.minimum.accumulate(losses), where="post", color="#c8553d", linewidth=1)
    axes.set(xlabel=f"trial ({len(found.trials) - len(whole)} pruned)", ylabel="mean log loss")
    return figure


def _figure(height: float) -> tuple[Any, Any]:
    """A figure of this height in inches, as wide as a page shows, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only plots pay for it
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
