"""A line of time: which version was champion when, promotions and rollbacks at their beginnings."""

import datetime as dt
from collections.abc import Sequence

import msgspec

_WIDTH = 640.0
_LEAST_LABEL = 64.0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A version from when to when, and how it became champion."""

    name: str
    how: str
    start: dt.datetime
    end: dt.datetime


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A span on the picture; its label is empty where it has no room."""

    x: float
    width: float
    label: str
    title: str
    kind: str


class ReignsChart(msgspec.Struct, frozen=True, kw_only=True):
    """The picture's numbers; the template draws them."""

    width: float
    bars: tuple[Bar, ...]
    first: dt.datetime
    last: dt.datetime
    title: str


def reigns_chart(spans: Sequence[Span]) -> ReignsChart | None:
    """The chart; None with fewer than two spans, which say nothing more than the table."""
    if len(spans) < 2:  # noqa: PLR2004
        return None
    first, last = spans[0].start, spans[-1].end
    whole = max((last - first).total_seconds(), 1.0)
    bars = []
    for index, span in enumerate(spans):
        x = (span.start - first).total_seconds() / whole * _WIDTH
        width = (span.end - span.start).total_seconds() / whole * _WIDTH
        bars.append(
            Bar(
                x=round(x, 1),
                width=round(max(width - 1.0, 1.0), 1),
                label=span.name if width >= _LEAST_LABEL else "",
                title=f"{span.name}: {span.how} at {span.start:%Y-%m-%d %H:%M}",
                kind="even" if index % 2 else "odd",
            )
        )
    title = f"{len(spans)} reigns from {first:%Y-%m-%d} to {last:%Y-%m-%d}; the table below has each"
    return ReignsChart(width=_WIDTH, bars=tuple(bars), first=first, last=last, title=title)
