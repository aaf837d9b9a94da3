"""Plots of the asset pages: what is drawn can be read."""

import numpy as np
import pytest

from soccer_assets.contract.reports import ColumnDrift
from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.graph.pages.plots import (
    DPI,
    Plot,
    differences_plot,
    drift_plot,
    gains_plot,
    learning_curve_plot,
    reliability_plot,
    slices_plot,
    weeks_plot,
)
from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.scorecard import Scorecard, SliceScore

# Measured in Chromium with Dagster 1.13: a wider image is cut at the dialog's edge.
PIXELS_OF_A_DIALOG = 468
GAP = Difference(mean=-0.0004, low=-0.0061, high=0.0057, rows=1_214)
CARD = Scorecard(
    rows=1_214,
    rows_with_odds=1_214,
    first_kickoff=0,
    last_kickoff=10**7,
    forecasters={},
    forecasters_with_odds={},
    differences={"prior": GAP, "elo_textbook": GAP},
    differences_with_odds={"prior": GAP, "elo_textbook": GAP, "book": GAP},
    ece_15_noise=0.042,
    draw_rate=0.25,
    slices=tuple(
        SliceScore(
            dimension="competition", name=name, rows=rows, log_losses={}, differences={"elo_textbook": GAP}
        )
        for name, rows in (("SIM-1", 620), ("international", 375))
    ),
)
LONGEST = max(FEATURE_NAMES, key=len)
DRIFTED = ColumnDrift(
    name=LONGEST, kind="feature", psi=0.4, ks=0.3, shift=1.0, p_value=0.0, p_corrected=0.0, has_drifted=True
)
PLOTS = {
    "drift": drift_plot([DRIFTED] * 15, 0.2),
    "one drifted column": drift_plot([DRIFTED], 0.2),
    "gains": gains_plot({f"{LONGEST}{number}": 0.05 for number in range(20)}),
    "learning curve": learning_curve_plot({"training": [(0, 1.0), (500, 0.9)], "calibration": [(0, 1.1)]}),
    "reliability": reliability_plot(np.full((50, 3), 1 / 3), np.zeros(50, np.int8)),
    "differences": differences_plot(CARD),
    "slices": slices_plot(CARD, "elo_textbook"),
    "weeks": weeks_plot(
        np.arange(20, dtype=np.int64) * 7 * 86_400,
        {"textbook Elo": np.zeros(20), "closing price": np.ones(20)},
    ),
}


def _cut_off(plot: Plot) -> list[str]:
    """Titles, labels and ticks that reach beyond the edge of their figure by more than a pixel."""
    figure = plot.figure
    figure.canvas.draw()
    (axes,) = figure.axes
    edge = figure.bbox.padded(1)
    ticks = [
        label
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
        if low <= place <= high  # one beyond the axes is not drawn
    ]
    legend = axes.get_legend().get_texts() if axes.get_legend() else []
    labels = [
        text
        for text in (*figure.texts, axes.title, axes.xaxis.label, axes.yaxis.label, *ticks, *legend)
        if text.get_text() and text.get_visible()
    ]
    assert labels
    boxes = [(text.get_text(), text.get_window_extent()) for text in labels]
    return [
        text
        for text, box in boxes
        if box.x0 < edge.x0 or box.x1 > edge.x1 or box.y0 < edge.y0 or box.y1 > edge.y1
    ]


@pytest.mark.parametrize("name", PLOTS)
def test_no_label_is_cut_off(name):
    """Title, axis labels, ticks and legend fit into the picture, and the picture into the page's dialog."""
    assert _cut_off(PLOTS[name]) == []
    width, _ = PLOTS[name].figure.canvas.get_width_height()
    assert width * DPI / PLOTS[name].figure.dpi <= PIXELS_OF_A_DIALOG
