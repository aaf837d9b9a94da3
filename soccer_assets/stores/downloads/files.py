"""Writes the downloads: each table as CSV and parquet under its hash, then the index.

A table whose sources are those of its last files is not made again.

Names come from providers: a cell that a spreadsheet would run as a formula gets an apostrophe in front.
"""

import datetime as dt
import functools
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from soccer_assets.clock import isoformat
from soccer_assets.contract import download_files
from soccer_assets.contract.download_files import (
    COUNT,
    CSV,
    DICTIONARY,
    DOWNLOADS_KEY,
    DOWNLOADS_SCHEMA_VERSION,
    FLAG,
    INSTANT,
    NUMBER,
    PARQUET,
    TEXT,
    DownloadFile,
    DownloadsIndex,
    download_key,
)
from soccer_assets.contract.release import FeedTerms, Pointer
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import encode_table
from soccer_assets.stores.downloads import rows
from soccer_assets.stores.downloads.rows import Restricted
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.ledger.parquet_copy import read_copy
from soccer_assets.stores.stored_json import decoded_or_none

_TYPES = {
    TEXT: pa.string(),
    NUMBER: pa.float64(),
    COUNT: pa.int64(),
    INSTANT: pa.timestamp("s", tz="UTC"),
    FLAG: pa.bool_(),
}
# Characters with which a spreadsheet begins a formula, and those that hide one.
_FORMULA = r"^([=+\-@\t\r])"


class DownloadSource(NamedTuple):
    """What the downloads are made from.

    Attributes:
        upcoming: rows of `predictions/upcoming`.
        pointer: the release, with its history and projections.
        owners: by competition, the feed whose matches count; None where there is one feed.
    """

    store: ObjectStore
    exports: Exports
    upcoming: pd.DataFrame
    pointer: Pointer
    feed: str
    is_simulated: bool
    terms: tuple[FeedTerms, ...]
    owners: Mapping[str, str] | None
    now: dt.datetime


def write_downloads(source: DownloadSource) -> DownloadsIndex:
    """Write the files that are not there yet, and the index."""
    restricted, left_out = _restricted(source)
    attribution = tuple(terms.attribution or terms.feed for terms in source.terms)
    before = decoded_or_none(source.store.read(DOWNLOADS_KEY), DownloadsIndex)
    made_from = _made_from(source, (attribution, left_out, restricted.every, sorted(restricted.codes)))
    files: list[DownloadFile] = []
    for name, found in _tables(source, restricted).items():
        last = _last_files(source.store, before, name, made_from.get(name))
        if last:
            files += last
            continue
        table = typed(name, found()).replace_schema_metadata(
            {"attribution": "; ".join(attribution), "left_out": " ".join(left_out)}
        )
        for kind, data in ((CSV, to_csv(table)), (PARQUET, encode_table(table))):
            files.append(_write(source.store, name, kind, data, table.num_rows))
    index = DownloadsIndex(
        schema_version=DOWNLOADS_SCHEMA_VERSION,
        made_at=isoformat(source.now),
        release_id=source.pointer.release_id,
        feed=source.feed,
        is_simulated=source.is_simulated,
        attribution=attribution,
        left_out=left_out,
        files=tuple(files),
        made_from=made_from,
    )
    source.store.write(DOWNLOADS_KEY, msgspec.json.encode(index))
    return index


def _tables(source: DownloadSource, restricted: Restricted) -> dict[str, Callable[[], pd.DataFrame]]:
    """What makes the rows of each table."""
    parts = functools.cache(lambda: rows.seasons(source.store, source.pointer))
    return {
        "predictions": lambda: rows.predictions(source.upcoming, restricted),
        "ledger": lambda: rows.ledger(source.store, source.exports, restricted),
        "ratings": lambda: rows.ratings(parts()),
        "tables": lambda: rows.tables(parts(), restricted),
        "projections": lambda: rows.projections(source.store, source.pointer),
    }


def _made_from(source: DownloadSource, common: tuple[object, ...]) -> dict[str, str]:
    """A hash of the sources of each table; none of the predictions, which are at hand.

    Args:
        source: what the downloads are made from.
        common: what else every file depends on.
    """
    history, projections = source.pointer.history, source.pointer.projections
    sources: dict[str, object] = {
        "ratings": history,
        "tables": history,
        "projections": projections,
        "ledger": (read_copy(source.store), rows.snapshot_id(source.exports)),
    }
    return {
        name: hashlib.sha256(repr((_code_hash(), common, read)).encode()).hexdigest()
        for name, read in sources.items()
    }


def _last_files(
    store: ObjectStore, before: DownloadsIndex | None, table: str, made_from: str | None
) -> list[DownloadFile]:
    """The files of a table whose sources are the same, where the store has them; else none."""
    if before is None or made_from is None or before.made_from.get(table) != made_from:
        return []
    files = [file for file in before.files if file.table == table]
    are_there = all(store.exists(download_key(file.sha256, file.format)) for file in files)
    return files if are_there else []


@functools.cache
def _code_hash() -> str:
    digest = hashlib.sha256()
    for file in (__file__, rows.__file__, download_files.__file__):
        digest.update(Path(str(file)).read_bytes())
    return digest.hexdigest()


def typed(name: str, found: pd.DataFrame) -> pa.Table:
    """The rows with the columns of the dictionary, in their order; a column that is missing is empty."""
    columns = DICTIONARY.tables[name].columns
    found = found.reindex(columns=[column.name for column in columns])
    return pa.table({column.name: _array(found[column.name], column.kind) for column in columns})


def _array(values: pd.Series, kind: str) -> pa.Array:
    """The values as the type of a column; a column of none may be of any type before."""
    if kind in (COUNT, NUMBER):
        values = pd.to_numeric(values).astype("Float64" if kind == NUMBER else "Int64")
    elif kind == INSTANT:
        values = pd.to_datetime(values, utc=True)
    else:
        values = values.astype(object).where(values.notna(), None)
    return pa.array(values, type=_TYPES[kind], from_pandas=True, safe=False)


def to_csv(table: pa.Table) -> bytes:
    """The table as CSV whose texts no spreadsheet takes for formulas; instants are ISO 8601 in UTC."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(
                place, field.name, pc.replace_substring_regex(table[field.name], _FORMULA, r"'\1")
            )
        elif pa.types.is_timestamp(field.type):
            table = table.set_column(
                place, field.name, pc.strftime(table[field.name], format="%Y-%m-%dT%H:%M:%SZ")
            )
    sink = io.BytesIO()
    pa_csv.write_csv(table, sink)
    return sink.getvalue()


def _restricted(source: DownloadSource) -> tuple[Restricted, tuple[str, ...]]:
    """The competitions whose rows are not handed on, and the sentences that say so."""
    closed = [terms.feed for terms in source.terms if not terms.may_redistribute]
    if not closed:
        return Restricted(every=False), ()
    said = tuple(
        f"Results, scores and tables of {feed} are left out: its terms do not allow to hand them on."
        for feed in closed
    )
    if source.owners is None:
        return Restricted(every=True), said
    return Restricted(False, {code for code, feed in source.owners.items() if feed in closed}), said


def _write(store: ObjectStore, table: str, kind: str, data: bytes, count: int) -> DownloadFile:
    digest = hashlib.sha256(data).hexdigest()
    key = download_key(digest, kind)
    if not store.exists(key):
        store.write(key, data)
    return DownloadFile(
        name=f"{table}.{kind}", table=table, format=kind, sha256=digest, bytes=len(data), rows=count
    )
