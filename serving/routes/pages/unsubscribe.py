"""`/unsubscribe/{token}`: ends a follower's messages; mail programs post to it with one click (RFC 8058).

The token in the link is all that is needed: it can end this one subscription and nothing else. A GET changes
nothing, because programs that look at links before people do would end subscriptions.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from serving.http.page_access import OFF, PageGate
from serving.pages.rendering import render
from serving.problems import unavailable
from serving.release.page_secrets import leave_unsubscribed
from serving.release.reader import ReleaseReader, StoreUnavailableError
from soccer_assets.contract.following import follower_of


@get("/unsubscribe/{token:str}", sync_to_thread=True, opt={"is_page": True})
def ask(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[bytes]:
    """A button that ends it."""
    _follower(request, token)
    return render(request, "unsubscribe.html", is_form=True, token=token, is_done=False)


@post("/unsubscribe/{token:str}", sync_to_thread=True, opt={"is_page": True}, status_code=200)
def end(
    request: Request[Any, Any, Any], token: FromPath[str], reader: NamedDependency[ReleaseReader]
) -> Response[bytes]:
    """Leave the wish in the store; the next check, within half a minute, removes the subscriber."""
    follower = _follower(request, token)
    try:
        leave_unsubscribed(reader.store(), follower)
    except StoreUnavailableError as error:
        raise unavailable("store", "The store does not answer; try again shortly.") from error
    return render(request, "unsubscribe.html", is_form=True, token=token, is_done=True)


handlers = [ask, end]


def _follower(request: Request[Any, Any, Any], token: str) -> str:
    gate: PageGate = request.app.state["page_gate"]
    if gate.mode == OFF:
        raise NotFoundException
    if gate.secret is None:
        raise unavailable("sessions-unread", "The secret of the pages is not read yet; try again shortly.")
    follower = follower_of(gate.secret, token)
    if follower is None:
        raise NotFoundException
    return follower
