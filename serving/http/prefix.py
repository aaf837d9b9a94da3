"""The path prefix under which a proxy publishes the sidecar, for links, redirects and the documentation."""

import re
from typing import Any

from litestar.connection import ASGIConnection

HEADER = "x-forwarded-prefix"

# Plain segments only: `//host` in front of a path would lead to another host.
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,64}){1,8}/?")


def prefix_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The prefix without its last slash: `SOCCER_ROOT_PATH`, else what the proxy says; or nothing."""
    configured: str = connection.app.state["root_path"]
    if configured:
        return configured
    prefix = connection.headers.get(HEADER, "")
    return prefix.rstrip("/") if _PREFIX.fullmatch(prefix) else ""
