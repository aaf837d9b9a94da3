"""The pictures of the track record as numbers: reliability of each outcome, and log loss over time."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from serving.release.history_rows import ReliabilityBin

_PANEL = 200.0
_PANEL_MARGIN = 30.0
_LINE_WIDTH, _LINE_HEIGHT, _LINE_MARGIN = 640.0, 200.0, 44.0
# Half-width of a 95 % interval, in standard errors.
_ERRORS = 1.96


class Dot(msgspec.Struct, frozen=True, kw_only=True):
    """A bin on the picture: its point, and the band in which 95 % of the points of a perfect forecaster are.

    Attributes:
        bin: its numbers.
        frequency: share of its matches that ended so, 0 to 1.
        low: of the band, 0 to 1; likewise ``high``.
        is_inside: whether the frequency is within the band.
        x: of the point on the picture; likewise ``y``.
        radius: of the point: its area grows with the number of matches.
    """

    bin: ReliabilityBin
    frequency: float
    low: float
    high: float
    is_inside: bool
    x: float
    y: float
    radius: float
    band_x: float
    band_width: float
    band_y: float
    band_height: float


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """The reliability of one outcome."""

    outcome: str
    size: float
    dots: tuple[Dot, ...]
    title: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One forecaster over time: points of the picture, and how its line is dashed."""

    key: str
    name: str
    dash: str
    points: tuple[tuple[float, float], ...]


class LossChart(msgspec.Struct, frozen=True, kw_only=True):
    """Log loss over time of several forecasters."""

    width: float
    height: float
    lines: tuple[Line, ...]
    least: float
    most: float
    first: str
    last: str
    title: str


def reliability_panels(bins: Sequence[ReliabilityBin]) -> tuple[Panel, ...]:
    """A panel for each outcome that has a bin."""
    panels = []
    for outcome, name in (("home", "Home wins"), ("draw", "Draws"), ("away", "Away wins")):
        own = [each for each in bins if each.outcome == outcome]
        if not own:
            continue
        most = max(each.matches for each in own)
        dots = tuple(_dot(each, most) for each in own)
        inside = sum(dot.is_inside for dot in dots)
        title = f"{name}: {inside} of {len(dots)} bins are where chance would put a perfect forecaster"
        panels.append(Panel(outcome=outcome, size=_PANEL + 2 * _PANEL_MARGIN, dots=dots, title=title))
    return tuple(panels)


def _dot(each: ReliabilityBin, most: int) -> Dot:
    error = _ERRORS * math.sqrt(each.mean * (1 - each.mean) / each.matches)
    low, high = max(each.mean - error, 0.0), min(each.mean + error, 1.0)
    frequency = each.happened / each.matches
    return Dot(
        bin=each,
        frequency=frequency,
        low=low,
        high=high,
        is_inside=low <= frequency <= high,
        x=_across(each.mean),
        y=_up(frequency),
        radius=round(3 + 5 * math.sqrt(each.matches / most), 1),
        band_x=_across(each.p_from),
        band_width=round((each.p_before - each.p_from) * _PANEL, 1),
        band_y=_up(high),
        band_height=round((high - low) * _PANEL, 1),
    )


def _across(share: float) -> float:
    return round(_PANEL_MARGIN + share * _PANEL, 1)


def _up(share: float) -> float:
    return round(_PANEL_MARGIN + (1 - share) * _PANEL, 1)


# By forecaster: what people call it, and its dashes, so that lines differ without colour.
FORECASTERS = {
    "own": ("These forecasts", ""),
    "elo_textbook": ("Textbook Elo", "6 4"),
    "prior": ("Class prior", "2 4"),
    "book": ("Closing price", "10 3 2 3"),
}


def loss_chart(times: Sequence[str], losses: Mapping[str, Sequence[float | None]]) -> LossChart | None:
    """The chart; None with fewer than two points in time.

    Args:
        times: names of the points, oldest first.
        losses: by key of `FORECASTERS`, a value for each time; None where there is none.
    """
    values = [value for line in losses.values() for value in line if value is not None]
    if len(times) < 2 or not values:  # noqa: PLR2004 - a line has two ends
        return None
    least, most = min(values), max(values)
    span = max(most - least, 1e-6)
    step = (_LINE_WIDTH - _LINE_MARGIN) / (len(times) - 1)

    def place(index: int, value: float) -> tuple[float, float]:
        height = 10 + (most - value) / span * (_LINE_HEIGHT - 40)
        return round(_LINE_MARGIN + index * step, 1), round(height, 1)

    lines = tuple(
        Line(
            key=key,
            name=name,
            dash=dash,
            points=tuple(place(i, value) for i, value in enumerate(losses[key]) if value is not None),
        )
        for key, (name, dash) in FORECASTERS.items()
        if any(value is not None for value in losses.get(key, ()))
    )
    title = f"Log loss from {times[0]} to {times[-1]}, less is better; the table has the numbers"
    return LossChart(
        width=_LINE_WIDTH,
        height=_LINE_HEIGHT,
        lines=lines,
        least=least,
        most=most,
        first=times[0],
        last=times[-1],
        title=title,
    )
