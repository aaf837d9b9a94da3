"""`/models`: who forecasts, why it was let in, who did before, and whether the matches have drifted."""

from typing import Any

from litestar import Request, Response, get

from serving.pages.models_view import models_board
from serving.pages.pinned import require_current
from serving.pages.reigns_chart import reigns_chart
from serving.pages.rendering import render
from serving.release.current import SnapshotHolder


@get("/models", sync_to_thread=True)
def read_models(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Champion, candidate and previous model; the gates with their numbers; promotions, rollbacks, drift."""
    holder: SnapshotHolder = request.app.state["snapshots"]
    board = models_board(holder, require_current(request))
    return render(request, "models.html", board=board, chart=reigns_chart(board.spans))
