"""Plots of the asset pages: what is drawn can be read."""

import numpy as np
import pytest

from soccer_assets.graph.pages.plots import Plot, differences_plot, slices_plot, weeks_plot
from soccer_assets.modelling.metrics import Difference
from soccer_assets.modelling.scorecard import Scorecard, SliceScore

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
PLOTS = {
    "differences": differences_plot(CARD),
    "slices": slices_plot(CARD, "elo_textbook"),
    "weeks": weeks_plot(
        np.arange(20, dtype=np.int64) * 7 * 86_400,
        {"textbook Elo": np.zeros(20), "closing price": np.ones(20)},
    ),
}


def _cut_off(plot: Plot) -> list[str]:
    """Titles and axis labels that reach beyond the edge of their figure by more than a pixel."""
    figure = plot.figure
    figure.canvas.draw()
    (axes,) = figure.axes
    edge = figure.bbox.padded(1)
    labels = [text for text in (axes.title, axes.xaxis.label, axes.yaxis.label) if text.get_text()]
    assert labels
    boxes = [(text.get_text(), text.get_window_extent()) for text in labels]
    return [
        text
        for text, box in boxes
        if box.x0 < edge.x0 or box.x1 > edge.x1 or box.y0 < edge.y0 or box.y1 > edge.y1
    ]


@pytest.mark.parametrize("name", PLOTS)
def test_no_label_is_cut_off(name):
    """Title and axis labels fit into the picture."""
    assert _cut_off(PLOTS[name]) == []
