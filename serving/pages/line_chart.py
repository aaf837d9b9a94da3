"""Line charts as inline SVG: where lines, ticks and labels stand; templates draw them."""

import datetime as dt
from collections.abc import Callable, Sequence

import msgspec

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 24
_MOST_X_TICKS = 6
_Y_TICKS = 4


class Series(msgspec.Struct, frozen=True):
    """A line: ``name`` is also its class in the style sheet; the points are in order of time."""

    name: str
    label: str
    points: tuple[tuple[dt.datetime, float], ...]


class Tick(msgspec.Struct, frozen=True):
    """A place on an axis with its text."""

    at: float
    text: str


class DrawnLine(msgspec.Struct, frozen=True):
    """A line as path data; ``end_x`` and ``end_y`` are its last point."""

    name: str
    label: str
    path: str
    end_x: float
    end_y: float


class LineChart(msgspec.Struct, frozen=True):
    """A chart of `WIDTH` by `HEIGHT`."""

    lines: tuple[DrawnLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def signed(value: float) -> str:
    """A difference with its sign, to one decimal."""
    return f"{value:+.1f}"


def as_percent(value: float) -> str:
    """A share in percent."""
    return f"{value * 100:.0f} %"


def whole(value: float) -> str:
    """A number without decimals."""
    return f"{value:.0f}"


def line_chart(
    series: Sequence[Series],
    *,
    low: float | None = None,
    high: float | None = None,
    y_text: Callable[[float], str] = signed,
    is_stepped: bool = False,
) -> LineChart | None:
    """The chart of these lines; None without two instants to draw between.

    Args:
        series: the lines.
        low: of the axis; by default the lowest value.
        high: likewise.
        y_text: writes a value of the axis.
        is_stepped: a value holds until the next one.
    """
    seconds_of = [[at.timestamp() for at, _ in one.points] for one in series]
    times = [at for own in seconds_of for at in own]
    values = [value for one in series for _, value in one.points]
    if not times or min(times) == max(times):
        return None
    first, last = min(times), max(times)
    low = min(values) if low is None else low
    high = max(values) if high is None else high
    if high - low < 1e-9:  # noqa: PLR2004 - a flat line stands in the middle
        low, high = low - 0.5, high + 0.5

    def x_of(seconds: float) -> float:
        return round(LEFT + (seconds - first) / (last - first) * (WIDTH - LEFT - RIGHT), 1)

    def y_of(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for one, own in zip(series, seconds_of, strict=True):
        if not one.points:
            continue
        places = [(x_of(at), y_of(value)) for at, (_, value) in zip(own, one.points, strict=True)]
        lines.append(DrawnLine(one.name, one.label, _path(places, is_stepped=is_stepped), *places[-1]))
    steps = [low + (high - low) * number / _Y_TICKS for number in range(_Y_TICKS + 1)]
    y_ticks = tuple(Tick(y_of(value), y_text(value)) for value in steps)
    return LineChart(tuple(lines), tuple(Tick(x_of(at), text) for at, text in _dates(first, last)), y_ticks)


def _path(places: Sequence[tuple[float, float]], *, is_stepped: bool) -> str:
    begin, *rest = places
    parts = [f"M{begin[0]} {begin[1]}"]
    parts += [f"H{x}V{y}" if is_stepped else f"L{x} {y}" for x, y in rest]
    return "".join(parts)


def _dates(first: float, last: float) -> list[tuple[float, str]]:
    """Years where there are several, otherwise days."""
    begin, end = (dt.datetime.fromtimestamp(at, dt.UTC) for at in (first, last))
    years = range(begin.year + 1, end.year + 1)
    if len(years) > 1:
        step = -(-len(years) // _MOST_X_TICKS)
        return [(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp(), str(year)) for year in years[::step]]
    return [(at.timestamp(), f"{at.day} {at:%b}") for at in (begin, end)]
