"""Metadata values that people can read: instants as timestamps, sizes with a unit, tables."""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000.0


def timestamp(instant: dt.datetime | str | None, otherwise: str) -> dg.MetadataValue[float | str | None]:
    """An instant as a timestamp, which pages show in the reader's time zone; else ``otherwise``.

    Args:
        instant: an aware datetime, or ISO 8601 with an offset.
        otherwise: text in place of a missing instant, such as "no result yet".
    """
    if instant is None:
        return dg.MetadataValue.text(otherwise)
    if isinstance(instant, str):
        instant = dt.datetime.fromisoformat(instant)
    return dg.MetadataValue.timestamp(instant)


def table(name: str, records: Sequence[Mapping[str, str | int]]) -> dict[str, dg.TableMetadataValue]:
    """Metadata of that name with a table; none without records."""
    rows = [dg.TableRecord(dict(record)) for record in records]
    return {name: dg.MetadataValue.table(rows)} if rows else {}


def short_hash(sha256: str) -> str:
    """The first 16 digits of a hash: all 64 make a page's table wider than the page, which cuts its texts."""
    return sha256[:16]


def finite(numbers: Mapping[str, float | None]) -> dict[str, float]:
    """The numbers that a page can plot, as floats: GraphQL knows no NaN and no infinity."""
    return {
        name: float(number)
        for name, number in numbers.items()
        if number is not None and math.isfinite(number)
    }


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def size(count: int) -> str:
    """A number of bytes with a unit of SI, such as "12.3 MB"."""
    if count < _STEP:
        return f"{count} bytes"
    value = float(count)
    for unit in _UNITS[:-1]:
        if round(value, 1) < _STEP:
            return f"{value:.1f} {unit}"
        value /= _STEP
    return f"{value:.1f} {_UNITS[-1]}"
