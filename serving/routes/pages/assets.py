"""`/assets/{version}/{name}`: the style sheet and the script, kept by browsers for a year."""

import functools
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from serving.http.compression import compress, negotiate_encoding
from serving.pages.rendering import STATIC

_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@get("/assets/{version:str}/{name:str}", sync_to_thread=True)
def read_asset(
    request: Request[Any, Any, Any], version: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """A file of the pages; ``version`` changes with its content and is not compared."""
    del version
    known = {file.name for file in STATIC.iterdir()}
    if name not in known:
        raise NotFoundException
    coding = negotiate_encoding(request.headers.get("accept-encoding", ""))
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if coding is not None:
        headers["Content-Encoding"] = coding
    return Response(_content(name, coding), headers=headers, media_type=_TYPES[f".{name.rsplit('.')[-1]}"])


@functools.lru_cache(maxsize=32)
def _content(name: str, coding: str | None) -> bytes:
    content = (STATIC / name).read_bytes()
    return content if coding is None else compress(content, coding)
