"""A team's attack and defence over the years with their uncertainty, as numbers that a template draws."""

import datetime as dt
from collections.abc import Callable, Sequence

import msgspec

from serving.release.history_rows import PastStrength, StrengthPoint

_WIDTH, _HEIGHT, _MARGIN = 640.0, 190.0, 40.0
# Half-width of a 95 % interval, in standard errors.
_ERRORS = 1.96


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One curve: points of its line, and of the outline of its band, as SVG writes them."""

    key: str
    name: str
    dash: str
    line: str
    band: str


class StrengthChart(msgspec.Struct, frozen=True, kw_only=True):
    """Attack and defence in goals a match, from the first day to the last."""

    width: float
    height: float
    curves: tuple[Curve, ...]
    least: float
    most: float
    first: dt.date
    last: dt.date
    title: str


class YearRow(msgspec.Struct, frozen=True, kw_only=True):
    """The strength before the last match of a year."""

    year: int
    strength: PastStrength


def strength_chart(points: Sequence[StrengthPoint]) -> StrengthChart | None:
    """The chart; None with points of fewer than two days."""
    first, last = (points[0].day, points[-1].day) if points else (dt.date.min, dt.date.min)
    if first == last:
        return None
    sides: tuple[tuple[str, str, str, Callable[[PastStrength], tuple[float, float]]], ...] = (
        ("attack", "Attack: goals scored", "", lambda at: (at.attack, at.attack_sd)),
        ("defence", "Defence: goals let in", "6 4", lambda at: (at.defence, at.defence_sd)),
    )
    ends = [
        mean + sign * _ERRORS * error
        for _, _, _, side in sides
        for mean, error in map(side, (point.strength for point in points))
        for sign in (-1, 1)
    ]
    least, most = min(ends), max(ends)

    day_width = (_WIDTH - _MARGIN) / (last - first).days
    across = [f"{_MARGIN + (point.day - first).days * day_width:.1f}" for point in points]
    goal_height = (_HEIGHT - 40) / max(most - least, 1e-6)

    def places(goals: Sequence[float]) -> list[str]:
        return [
            f"{x},{10 + (most - value) * goal_height:.1f}" for x, value in zip(across, goals, strict=True)
        ]

    curves = []
    for key, name, dash, side in sides:
        values = [side(point.strength) for point in points]
        upper = places([mean + _ERRORS * error for mean, error in values])
        lower = places([mean - _ERRORS * error for mean, error in values])
        line = " ".join(places([mean for mean, _ in values]))
        curves.append(Curve(key=key, name=name, dash=dash, line=line, band=" ".join(upper + lower[::-1])))
    title = f"Attack and defence from {first} to {last} with 95 % bands; the table has the numbers"
    return StrengthChart(
        width=_WIDTH,
        height=_HEIGHT,
        curves=tuple(curves),
        least=least,
        most=most,
        first=first,
        last=last,
        title=title,
    )


def by_year(points: Sequence[StrengthPoint]) -> tuple[YearRow, ...]:
    """The last point of each year, the newest first."""
    years = {point.day.year: point.strength for point in points}
    return tuple(YearRow(year=year, strength=years[year]) for year in sorted(years, reverse=True))
