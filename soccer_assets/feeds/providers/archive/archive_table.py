"""Reads an archive, one Parquet or CSV file in the documented schema, into dictionary-encoded columns.

Each distinct value of a column is parsed once, so that 800,000 rows take seconds.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import FieldError, brief, day_of, goals_of, instant_of, name_of
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedError, FeedRefusedError, FeedUnavailableError

STATUSES = frozenset({"FT", "AET", "PEN", "SCHEDULED", "VOID"})
_PARQUET = b"PAR1"
_LOWEST_TIER = 20


class Column(msgspec.Struct, frozen=True):
    """One encoded column: row i is ``shown[codes[i]]``, parsed ``values[codes[i]]``; code -1 is null.

    Attributes:
        shown: the distinct values as in the file, in types that JSON has; None at the end, for null.
        values: the parsed values; None for null and for an invalid value.
        faults: by code, why a value is invalid.
    """

    codes: NDArray[np.int32]
    shown: NDArray[np.object_]
    values: NDArray[np.object_]
    faults: dict[int, str]


class ArchiveTable(msgspec.Struct, frozen=True):
    """The rows of an archive, in the order of the file.

    Attributes:
        columns: by name, all columns of the schema.
        broken: the reason and the text of each line that is no row.
    """

    columns: dict[str, Column]
    broken: list[tuple[str, str]]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.columns["date"].codes)


def _integer_of(value: Any) -> int | None:
    """A whole number, also where the file keeps it as a float or as text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:  # noqa: PLR2004 an int32
        return int(value)
    if type(value) is int:
        return value
    raise FieldError(f"{brief(value)} is no whole number")


def _tier_of(value: Any) -> int:
    tier = _integer_of(value)
    if tier is None or not 1 <= tier <= _LOWEST_TIER:
        raise FieldError(f"the tier {brief(value)} is no number from 1 to {_LOWEST_TIER}")
    return tier


def _goals(value: Any) -> int | None:
    return goals_of(_integer_of(value))


def _day(value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        value = value.date()
    return day_of(value.isoformat() if isinstance(value, dt.date) else value)


def _kickoff(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).isoformat()
    elif isinstance(value, str) and value.endswith("+00"):
        value = f"{value}:00"
    return instant_of(value, "kickoff_utc").replace(second=0, microsecond=0)


def _status(value: Any) -> str:
    if value not in STATUSES:
        raise FieldError(f"the status {brief(value)} is none of {', '.join(sorted(STATUSES))}")
    return str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise FieldError(f"neutral {brief(value)} is neither true nor false")


def _price(value: Any) -> float | None:
    """A price to a thousandth; None where it is invalid: that drops the price, not the match."""
    try:
        # Prices have single precision in the file: 2.85 is read as 2.8499999.
        price = round(float(value), 3)
    except (TypeError, ValueError):
        return None
    return price if 1.0 < price <= 1000.0 else None  # noqa: PLR2004 dearer than any book's


def _name(what: str) -> Callable[[Any], str]:
    return lambda value: name_of(value, what)


# Name of the column -> parser of one of its values.
SCHEMA: dict[str, Callable[[Any], Any]] = {
    "match_id": _name("match_id"),
    "kickoff_utc": _kickoff,
    "date": _day,
    "country": _name("the country"),
    "competition": _name("the competition"),
    "tier": _tier_of,
    "season": _name("the season"),
    "round": _name("the round"),
    "home_team": _name("the home team"),
    "away_team": _name("the away team"),
    "home_goals": _goals,
    "away_goals": _goals,
    "ht_home_goals": _goals,
    "ht_away_goals": _goals,
    "status": _status,
    "neutral": _boolean,
    "odds_home": _price,
    "odds_draw": _price,
    "odds_away": _price,
    "odds_type": _name("odds_type"),
    "source": _name("the source"),
}
_REQUIRED = frozenset(
    {
        "date",
        "country",
        "competition",
        "season",
        "home_team",
        "away_team",
        "home_goals",
        "away_goals",
        "status",
    }
)


def read_archive(url: str, client: FileClient, s3_endpoint_url: str = "") -> ArchiveTable:
    """Read and parse the whole archive.

    Args:
        url: a path, or an address with ``https://``, ``http://``, ``file://``, ``s3://`` or another scheme
            that fsspec knows; Parquet, or CSV with a header (also ``.gz``).
        client: reads HTTP addresses.
        s3_endpoint_url: address of an S3 server other than Amazon's.

    Raises:
        FeedUnavailableError: the store does not answer.
        FeedRefusedError: no such file, or not in the schema.
    """
    data = _read(url, client, s3_endpoint_url)
    broken: list[tuple[str, str]] = []
    table = _parquet(data, url) if data[:4] == _PARQUET else _csv(data, url, broken)
    missing = sorted(_REQUIRED - set(table.column_names))
    if missing:
        raise FeedRefusedError(
            f"{SETTING}: {shown(url)} has no column {', '.join(missing)}; it is no match archive"
        )
    return ArchiveTable(columns={name: _column(name, table) for name in SCHEMA}, broken=broken)


def shown(url: str) -> str:
    """The address without secrets: user, password, and the query, which may hold a signature."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _read(url: str, client: FileClient, s3_endpoint_url: str) -> bytes:
    import fsspec  # noqa: PLC0415 - only this feed needs it

    scheme = urlsplit(url).scheme
    if scheme in {"http", "https"}:
        try:
            found = client.read(url)
        except FeedError as error:
            # Without its cause, which repeats the address.
            raise type(error)(str(error).replace(url, shown(url))) from None
        if found is None:
            raise FeedRefusedError(f"{SETTING}: there is no file at {shown(url)}")
        return found
    options = {"endpoint_url": s3_endpoint_url} if scheme == "s3" and s3_endpoint_url else {}
    try:
        with fsspec.open(url, "rb", compression="infer", **options) as file:
            data: bytes = file.read()
    except FileNotFoundError as error:
        raise FeedRefusedError(f"{SETTING}: there is no file at {shown(url)}") from error
    except (ValueError, ImportError) as error:
        raise FeedRefusedError(
            f"{SETTING}: cannot read {shown(url)}; is its scheme one that fsspec knows?"
        ) from error
    except IsADirectoryError as error:
        raise FeedRefusedError(f"{SETTING}: {shown(url)} is a folder; name the file") from error
    except PermissionError as error:
        raise FeedRefusedError(f"{SETTING}: not allowed to read {shown(url)}") from error
    except OSError as error:
        raise FeedUnavailableError(f"{SETTING}: cannot read {shown(url)}: {type(error).__name__}") from error
    return data


def _parquet(data: bytes, url: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        schema = pq.read_metadata(pa.BufferReader(data)).schema
        there = {schema.column(number).path for number in range(len(schema))}
        # Text columns are read dictionary-encoded; ids are all distinct.
        repeated = [name for name in SCHEMA if name != "match_id" and name in there]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=repeated)
        return file.read(columns=[name for name in SCHEMA if name in file.schema_arrow.names])
    except (pa.ArrowException, OSError) as error:
        raise FeedRefusedError(f"{SETTING}: {shown(url)} is broken Parquet: {brief(str(error))}") from error


def _csv(data: bytes, url: str, broken: list[tuple[str, str]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it

    lines = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    try:
        header = [name.strip() for name in next(lines, [])]
        if "home_team" not in header:
            raise FeedRefusedError(
                f"{SETTING}: {shown(url)} is neither Parquet nor CSV with a column home_team"
            )
        rows = list(_whole_rows(lines, len(header), broken))
    except csv.Error as error:
        raise FeedRefusedError(f"{SETTING}: {shown(url)} is broken CSV: {error}") from error
    cells = list(zip(*rows, strict=True)) or [()] * len(header)
    columns = dict(zip(header, cells, strict=True))
    return pa.table(
        {
            name: pa.array((cell or None for cell in columns[name]), type=pa.string())
            for name in SCHEMA
            if name in columns
        }
    )


def _whole_rows(lines: Iterator[list[str]], width: int, broken: list[tuple[str, str]]) -> Iterator[list[str]]:
    for line in lines:
        if len(line) == width:
            yield line
        elif line:
            broken.append((f"the line has {len(line)} cells, not {width}", ",".join(line)[:1000]))


def _column(name: str, table: Any) -> Column:
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it

    if name not in table.column_names:
        return Column(np.full(table.num_rows, -1, np.int32), _objects([]), _objects([]), {})
    array = table[name].combine_chunks()
    if pa.types.is_timestamp(array.type):
        # Python's datetimes end at microseconds.
        array = array.cast(pa.timestamp("us", tz=array.type.tz), safe=False)
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    found = encoded.dictionary.to_pylist()
    values, faults = [], {}
    read = SCHEMA[name]
    for code, value in enumerate(found):
        try:
            values.append(read(value))
        except FieldError as error:
            values.append(None)
            faults[code] = str(error)
    is_text = pa.types.is_string(encoded.dictionary.type) or pa.types.is_large_string(encoded.dictionary.type)
    shown = found if is_text else [_json(value) for value in found]
    return Column(codes, _objects(shown), _objects(values), faults)


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, (str, int)) else str(value)


def _objects(values: list[Any]) -> NDArray[np.object_]:
    """The values and, at index -1, None."""
    array = np.empty(len(values) + 1, dtype=object)
    array[: len(values)] = values
    return array
