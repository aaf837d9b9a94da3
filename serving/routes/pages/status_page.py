"""`/status`: how fresh everything is, what is missing, and what is wrong."""

from typing import Any

from litestar import Request, Response, get

from serving.http.page_access import PUBLIC
from serving.pages.pinned import require_current
from serving.pages.rendering import render
from serving.pages.status_view import status_board
from serving.release.current import SnapshotHolder
from soccer_assets.clock import SystemClock


@get("/status", sync_to_thread=True)
def read_status(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The freshness board; where pages are public, without alerts: they name hosts and runs."""
    holder: SnapshotHolder = request.app.state["snapshots"]
    current = require_current(request)
    is_public = request.app.state["page_gate"].mode == PUBLIC
    board = status_board(holder, current, SystemClock().now(), is_public=is_public)
    return render(request, "status.html", board=board)
