"""Reads an archive, one Parquet or CSV file in the documented schema, into dictionary-encoded columns.

Each distinct value of a column is parsed once, so that 800,000 rows take seconds.
"""

import datetime as dt
import decimal
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.bounded_call import BoundedCall
from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import FieldError, brief, day_of, goals_of, instant_of, name_of, team_of
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedError, FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.providers.archive.archive_csv import read_csv
from soccer_assets.football.records import MatchStats
from soccer_assets.football.season_labels import read_label
from soccer_assets.football.validity import is_handicap

STATUSES = frozenset({"FT", "AET", "PEN", "SCHEDULED", "VOID"})
_PARQUET = b"PAR1"
_INTEGER = re.compile(r"(-?\d{1,9})(?:\.0+)?", re.ASCII)
_LOWEST_TIER = 20
# The largest count of any statistic in the archive is 46 (shots).
_LARGEST_COUNT = 99
# Of S3: s3fs's defaults add up to minutes, and a server that sends a byte now and then is never given up.
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 20
_ATTEMPTS = 2
# Of a packed file unpacked: a small one can hold any number of zeros.
LARGEST_ARCHIVE_BYTES = 2 * 2**30
# The whole archive has 60 MB. Bounds every scheme that fsspec knows: few of its file systems have bounds.
_LONGEST_SECONDS = 600.0


class Column(msgspec.Struct, frozen=True):
    """One encoded column: row i is ``shown[codes[i]]``, and means ``parsed[codes[i]]``; code -1 is null.

    Attributes:
        shown: the distinct values as in the file, in types that JSON has; None at the end, for null.
        parsed: the parsed values; None for null and for an invalid value.
        faults: by code, why a value is invalid.
    """

    codes: NDArray[np.int32]
    shown: NDArray[np.object_]
    parsed: NDArray[np.object_]
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
        return len(self.columns["match_id"].codes)


def _integer_of(value: Any, what: str) -> int | None:
    """A whole number, also where the file has it as a float or as text, such as ``3`` or ``3.0``."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (number := _INTEGER.fullmatch(value)):
        return int(number[1])
    if type(value) is int:
        return value
    raise FieldError(f"{what} {brief(value)} is not a whole number")


def _tier_of(value: Any) -> int:
    tier = _integer_of(value, "the tier")
    if tier is None or not 1 <= tier <= _LOWEST_TIER:
        raise FieldError(f"the tier {brief(value)} is not from 1 to {_LOWEST_TIER}")
    return tier


def _goals(value: Any) -> int | None:
    return goals_of(_integer_of(value, "the score"))


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


def _count(value: Any) -> int | None:
    """A statistic; None where it is no whole number from 0 to 99."""
    try:
        count = _integer_of(value, "the count")
    except FieldError:
        return None
    return count if count is not None and 0 <= count <= _LARGEST_COUNT else None


def _price(value: Any) -> float | None:
    """A price to a thousandth; None where it is invalid: that drops the price, not the match."""
    try:
        # Prices have single precision in the file: 2.85 is read as 2.8499999.
        price = round(float(value), 3)
    except (TypeError, ValueError):
        return None
    return price if 1.0 < price <= 1000.0 else None  # noqa: PLR2004 dearer than any book's


def _handicap(value: Any) -> float | None:
    """Goals added to the home side; None where they are no quarters of a goal."""
    try:
        goals = float(value)
    except (TypeError, ValueError):
        return None
    return goals if is_handicap(goals) else None


def _season(value: Any) -> str:
    """A season's name; 2024/25 and 2024-2025 are 2024/2025, and the number 2024 is 2024."""
    name = name_of(str(value) if type(value) is int else value, "the season")
    label = read_label(name)
    return name if label is None else str(label)


def _name(what: str) -> Callable[[Any], str]:
    return lambda value: name_of(value, what)


def _team(what: str) -> Callable[[Any], str]:
    return lambda value: team_of(value, what)


# Name of the column -> parser of one of its values.
SCHEMA: dict[str, Callable[[Any], Any]] = {
    "match_id": _name("match_id"),
    "kickoff_utc": _kickoff,
    "date": _day,
    "country": _name("the country"),
    "competition": _name("the competition"),
    "tier": _tier_of,
    "season": _season,
    "round": _name("the round"),
    "home_team": _team("the home team"),
    "away_team": _team("the away team"),
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
    "odds_over": _price,
    "odds_under": _price,
    "handicap": _handicap,
    "odds_handicap_home": _price,
    "odds_handicap_away": _price,
    "goal_odds_type": _name("goal_odds_type"),
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


# Match statistics are in a file of their own, by match id; a count that is invalid is unknown.
STATISTICS = MatchStats.__struct_fields__
STATISTICS_SCHEMA: dict[str, Callable[[Any], Any]] = {
    "match_id": _name("match_id"),
    **dict.fromkeys(STATISTICS, _count),
}


def read_archive(
    url: str, client: FileClient, s3_endpoint_url: str = "", *, setting: str = SETTING
) -> ArchiveTable:
    """Read and parse the whole archive.

    Args:
        url: a path, or an address with ``https://``, ``http://``, ``file://``, ``s3://`` or another scheme
            that fsspec knows; Parquet, or CSV with a header (also ``.gz``).
        client: reads HTTP addresses.
        s3_endpoint_url: address of an S3 server other than Amazon's.
        setting: the setting or option that holds ``url``; every error names it.

    Raises:
        FeedUnavailableError: the store does not answer.
        FeedRefusedError: no such file, or not in the schema.
    """
    file = _File(url, setting)
    return _read_table(file, _read(file, client, s3_endpoint_url), SCHEMA, _REQUIRED)


def read_statistics(url: str, client: FileClient, *, setting: str) -> ArchiveTable:
    """Read and parse a file of match statistics: ``match_id`` and the columns of `STATISTICS` that it has.

    Raises:
        FeedUnavailableError: the store does not answer.
        FeedRefusedError: no such file, or without match ids.
    """
    file = _File(url, setting)
    return _read_table(file, _read(file, client, ""), STATISTICS_SCHEMA, frozenset({"match_id"}))


def concat_archives(tables: Sequence[ArchiveTable]) -> ArchiveTable:
    """The rows of several archives, one after the other; equal values of a column get one code."""
    if len(tables) == 1:
        return tables[0]
    columns = {name: _concat_columns([table.columns[name] for table in tables]) for name in SCHEMA}
    return ArchiveTable(columns, [line for table in tables for line in table.broken])


class _File(msgspec.Struct, frozen=True):
    """An address and the setting that holds it, as errors name them."""

    url: str
    setting: str

    def __str__(self) -> str:
        return f"{self.setting}: {shown(self.url)}"


def shown(url: str) -> str:
    """The address without secrets: user, password, and the query, which may hold a signature."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _read(file: _File, client: FileClient, s3_endpoint_url: str) -> bytes:
    if urlsplit(file.url).scheme not in {"http", "https"}:
        return _read_by_fsspec(file, s3_endpoint_url)
    place = shown(file.url)
    try:
        found = client.read(file.url)
    except FeedError as error:
        # Without its cause, which repeats the address.
        raise type(error)(str(error).replace(file.url, place)) from None
    if found is None:
        raise FeedRefusedError(f"{file.setting}: there is no file at {place}")
    return found


def _read_by_fsspec(file: _File, s3_endpoint_url: str) -> bytes:
    import fsspec  # noqa: PLC0415 - only this feed needs it

    url, place, scheme = file.url, shown(file.url), urlsplit(file.url).scheme
    options = _s3_options(s3_endpoint_url) if scheme in {"s3", "s3a"} else {}

    def read() -> bytes:
        filesystem, _ = fsspec.core.url_to_fs(url, **options)
        if options:
            filesystem.retries = _ATTEMPTS
        with fsspec.open(url, "rb", compression="infer", **options) as opened:
            data: bytes = opened.read(LARGEST_ARCHIVE_BYTES + 1)
            return data

    try:
        data = BoundedCall(read, _LONGEST_SECONDS)()
    except FileNotFoundError as error:
        raise FeedRefusedError(f"{file.setting}: there is no file at {place}") from error
    except (ValueError, ImportError) as error:
        raise FeedRefusedError(
            f"{file.setting}: cannot read {place}; is its scheme one that fsspec knows?"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FeedRefusedError(f"{file} is cut, or not packed as its name says; write it again") from error
    except IsADirectoryError as error:
        raise FeedRefusedError(f"{file} is a folder; name the file") from error
    except PermissionError as error:
        raise FeedRefusedError(f"{file.setting}: not allowed to read {place}") from error
    except Exception as error:
        # Every file system has exceptions of its own, some of them without a common base.
        raise FeedUnavailableError(f"{file.setting}: cannot read {place}: {type(error).__name__}") from error
    if len(data) > LARGEST_ARCHIVE_BYTES:
        limit = LARGEST_ARCHIVE_BYTES // 2**20
        raise FeedRefusedError(f"{file} is larger than {limit} MB, unpacked; split it")
    return data


def _s3_options(endpoint_url: str) -> dict[str, Any]:
    """How long an S3 server may take; s3fs repeats by itself, repetitions by both would multiply."""
    bounds = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _ANSWER_SECONDS}
    options: dict[str, Any] = {"config_kwargs": {**bounds, "retries": {"total_max_attempts": 1}}}
    return options | ({"endpoint_url": endpoint_url} if endpoint_url else {})


def _read_table(
    file: _File, data: bytes, schema: Mapping[str, Callable[[Any], Any]], required: Collection[str]
) -> ArchiveTable:
    broken: list[tuple[str, str]] = []
    table = _parquet(data, file, schema) if data[:4] == _PARQUET else _csv(data, file, schema, broken)
    missing = sorted(set(required) - set(table.column_names))
    if missing:
        raise FeedRefusedError(f"{file} has no column {', '.join(missing)}; it is no match archive")
    return ArchiveTable({name: _column(name, table, parse) for name, parse in schema.items()}, broken)


def _parquet(data: bytes, file: _File, schema: Collection[str]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        stored = pq.read_metadata(pa.BufferReader(data)).schema
        _refuse_doubles(file, stored.to_arrow_schema().names, schema)
        there = {stored.column(number).path for number in range(len(stored))}
        # Text columns are read dictionary-encoded; ids are all distinct.
        repeated = [name for name in schema if name != "match_id" and name in there]
        opened = pq.ParquetFile(pa.BufferReader(data), read_dictionary=repeated)
        return opened.read(columns=[name for name in schema if name in opened.schema_arrow.names])
    except (pa.ArrowException, OSError) as error:
        raise FeedRefusedError(f"{file} is broken Parquet: {brief(str(error))}") from error


def _csv(data: bytes, file: _File, schema: Collection[str], broken: list[tuple[str, str]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it

    header, columns = read_csv(data, schema, broken)
    wanted = "home_team" if "home_team" in schema else "match_id"
    if wanted not in header:
        raise FeedRefusedError(f"{file} is neither Parquet nor CSV with a column {wanted}")
    _refuse_doubles(file, header, schema)
    return pa.table({name: pa.array(columns[name], type=pa.string()) for name in schema if name in columns})


def _refuse_doubles(file: _File, header: Sequence[str], schema: Collection[str]) -> None:
    """Raise where a column is there twice: nothing says which of them is right."""
    counts = Counter(header)
    if doubled := [name for name in schema if counts[name] > 1]:
        raise FeedRefusedError(f"{file} has the column {doubled[0]} twice; remove one")


def _column(name: str, table: Any, parse: Callable[[Any], Any]) -> Column:
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it

    if name not in table.column_names:
        return Column(np.full(table.num_rows, -1, np.int32), _objects([]), _objects([]), {})
    encoded = _encoded(table[name].combine_chunks())
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    found = _values_of(encoded.dictionary)
    # Other programs write an empty text or NaN for a cell without a value.
    if blank := [code for code, value in enumerate(found) if value == "" or value != value]:  # noqa: PLR0124 NaN
        codes[np.isin(codes, blank)] = -1
    is_text = pa.types.is_string(encoded.dictionary.type) or pa.types.is_large_string(encoded.dictionary.type)
    values, faults = list(found), {}
    for code in _codes_to_parse(name, encoded.dictionary) if is_text else range(len(found)):
        try:
            values[code] = parse(found[code])
        except FieldError as error:
            values[code] = None
            faults[code] = str(error)
    shown = found if is_text else [_json(value) for value in found]
    return Column(codes, _objects(shown), _objects(values), faults)


def _encoded(array: Any) -> Any:
    """The column, dictionary-encoded; one of lists or objects as their texts, which no parser takes."""
    import pyarrow as pa  # noqa: PLC0415 - only this feed needs it

    if pa.types.is_dictionary(array.type):
        return array
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        # Python's datetimes end at microseconds.
        array = array.cast(pa.timestamp("us", tz=array.type.tz), safe=False)
    try:
        return array.dictionary_encode()
    except pa.ArrowNotImplementedError:
        texts = [None if value is None else str(value) for value in array.to_pylist()]
        return pa.array(texts, pa.string()).dictionary_encode()


def _values_of(dictionary: Any) -> list[Any]:
    """The distinct values in Python's types; text for bytes, and for an instant beyond Python's years."""
    try:
        values = dictionary.to_pylist()
    except (OverflowError, ValueError):
        values = [_value_or_text(scalar) for scalar in dictionary]
    return [_plain(value) if isinstance(value, bytes | decimal.Decimal) else value for value in values]


def _value_or_text(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return str(scalar.value)


def _plain(value: bytes | decimal.Decimal) -> str | float:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else float(value)


def _codes_to_parse(name: str, dictionary: Any) -> Iterable[int]:
    """The texts that need parsing: an id of visible ASCII is one already, and there is one a row."""
    import pyarrow.compute as pc  # noqa: PLC0415 - only this feed needs it

    if name != "match_id":
        return range(len(dictionary))
    is_plain = pc.match_substring_regex(dictionary, "^[!-~]{1,100}$").to_numpy(zero_copy_only=False)
    return np.flatnonzero(~is_plain.astype(bool)).tolist()


def _concat_columns(columns: Sequence[Column]) -> Column:
    shown_: list[Any] = []
    values: list[Any] = []
    faults: dict[int, str] = {}
    code_of: dict[Any, int] = {}
    codes = []
    for column in columns:
        new_codes = np.full(len(column.parsed), -1, np.int32)  # the last one stands for null
        for code, value in enumerate(column.parsed[:-1]):
            # A value that cannot be parsed is known by what the file shows.
            key = (column.shown[code],) if value is None else value
            if key not in code_of:
                code_of[key] = len(values)
                shown_.append(column.shown[code])
                values.append(value)
                if code in column.faults:
                    faults[code_of[key]] = column.faults[code]
            new_codes[code] = code_of[key]
        codes.append(new_codes[column.codes])
    return Column(np.concatenate(codes), _objects(shown_), _objects(values), faults)


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, (str, int)) else str(value)


def _objects(values: list[Any]) -> NDArray[np.object_]:
    """The values and, at index -1, None."""
    array = np.empty(len(values) + 1, dtype=object)
    array[: len(values)] = values
    return array
