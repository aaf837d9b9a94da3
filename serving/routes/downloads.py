"""Downloads: what the home has said and found as files, and what their columns mean."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from serving.http.auth import READ
from serving.http.ranges import ACCEPTED, range_headers, span_of
from serving.http.respond import CACHE_HEADERS, documented, is_known, respond
from serving.problems import ProblemError, unavailable
from serving.release.current import SnapshotHolder
from serving.release.reader import StoreUnavailableError, UnreadableObjectError
from serving.release.stored_downloads import Downloads
from soccer_assets.contract.download_files import CSV, DICTIONARY, PARQUET, Dictionary, DownloadsIndex

TableName = Literal["predictions", "ledger", "ratings", "tables", "projections"]

_STATUSES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
)
_CSV_TYPE = "text/csv"
_PARQUET_TYPE = "application/octet-stream"


@get(
    "/",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(DownloadsIndex, HTTPStatus.NOT_FOUND, is_conditional=True),
)
def list_downloads(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    downloads: NamedDependency[Downloads],
) -> Response[bytes]:
    """The files: rows, bytes and hash of each, the sources to name, and what is left out.

    A file is at `/downloads/csv/{dataset}` or `/downloads/parquet/{dataset}`.
    """
    return respond(request, msgspec.json.encode(_index(downloads)), None, snapshots.clock.now(), is_bulk=True)


@get(
    "/dictionary",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(Dictionary, is_conditional=True),
)
def read_dictionary(
    request: Request[Any, Any, Any], snapshots: NamedDependency[SnapshotHolder]
) -> Response[bytes]:
    """What a row of each table is, and what each column means."""
    return respond(request, msgspec.json.encode(DICTIONARY), None, snapshots.clock.now(), is_bulk=True)


@get(
    "/csv/{dataset:str}",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(str, *_STATUSES, media_type=_CSV_TYPE, is_conditional=True),
)
def download_csv(
    request: Request[Any, Any, Any], downloads: NamedDependency[Downloads], dataset: FromPath[TableName]
) -> Response[Any]:
    """A table as CSV in UTF-8; a text that a spreadsheet would run as a formula begins with an apostrophe.

    `Range` asks for a part, with `If-Range` as long as the file is the same.
    """
    return _send(request, downloads, dataset, CSV, _CSV_TYPE)


@get(
    "/parquet/{dataset:str}",
    sync_to_thread=True,
    opt={"scope": READ},
    responses=documented(bytes, *_STATUSES, media_type=_PARQUET_TYPE, is_conditional=True),
)
def download_parquet(
    request: Request[Any, Any, Any], downloads: NamedDependency[Downloads], dataset: FromPath[TableName]
) -> Response[Any]:
    """A table as Apache Parquet, compressed with zstd. `Range` as for the CSV."""
    return _send(request, downloads, dataset, PARQUET, _PARQUET_TYPE)


def _index(downloads: Downloads) -> DownloadsIndex:
    try:
        return downloads.index()
    except UnreadableObjectError as error:
        raise _nothing() from error
    except StoreUnavailableError as error:
        raise _away() from error


def _send(
    request: Request[Any, Any, Any], downloads: Downloads, table: str, kind: str, media_type: str
) -> Response[Any]:
    index = _index(downloads)
    file = next((one for one in index.files if (one.table, one.format) == (table, kind)), None)
    if file is None:
        raise _nothing()
    tag = f'"{file.sha256[:32]}"'
    headers = (
        CACHE_HEADERS
        | ACCEPTED
        | {
            "ETag": tag,
            "Content-Disposition": f'attachment; filename="{file.name}"',
            # Sources of other packages may be named in any alphabet; a header is ASCII.
            "X-Attribution": "; ".join(index.attribution).encode("ascii", "replace").decode(),
        }
    )
    if is_known(request, tag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers, media_type=media_type)
    span = span_of(request, tag, file.bytes)
    try:
        parts = downloads.open(file, span)
    except UnreadableObjectError as error:
        raise _nothing() from error
    except StoreUnavailableError as error:
        raise _away() from error
    if span is None:
        headers["Content-Length"] = str(file.bytes)
        return Stream(_in_threads(parts), headers=headers, media_type=media_type)
    headers |= range_headers(span, file.bytes)
    status = HTTPStatus.PARTIAL_CONTENT
    return Stream(_in_threads(parts), headers=headers, media_type=media_type, status_code=status)


async def _in_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts, each read in a thread when the last one is sent."""
    while part := await asyncio.to_thread(next, parts, b""):
        yield part


def _nothing() -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_FOUND,
        "no-download",
        "There is no such file yet; the hourly run writes it after a release.",
    )


def _away() -> ProblemError:
    return unavailable("no-downloads", "The files cannot be read now; try again shortly.")


router = Router(
    "/downloads",
    route_handlers=[list_downloads, read_dictionary, download_csv, download_parquet],
    tags=["downloads"],
)
