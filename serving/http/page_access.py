"""Who may look at the pages: nobody (`off`), everybody (`public`), who has signed in with a key (`keyed`).

A session admits to pages and to the event stream only, with the scope ``read``: every other route asks for
the key itself, which no foreign page can make a browser send.
"""

from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from serving.errors import ServingError
from serving.http.auth import ALLOWANCE, READ, asks_for_methods, has_scope, take_allowance
from serving.http.session import Sessions
from serving.problems import ProblemError, unavailable
from soccer_assets.contract.api_keys import ApiKey

OFF = "off"
PUBLIC = "public"
KEYED = "keyed"


class SignInNeededError(ServingError):
    """The page is for people who have signed in."""


class PageGate:
    """The mode of the pages, and the sessions once the store has told the installation's secret.

    Attributes:
        mode: `off`, `public` or `keyed`.
        secret: of the installation; None until it is read.
        sessions: where pages are keyed; None until the secret is read.
    """

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.secret: bytes | None = None
        self.sessions: Sessions | None = None

    def require_sessions(self) -> Sessions:
        """The sessions.

        Raises:
            ProblemError: 503, the secret has not been read yet.
        """
        if self.sessions is None:
            raise unavailable("sessions-unread", "Sign-in is not ready yet; try again shortly.")
        return self.sessions

    def key_of(self, connection: ASGIConnection[Any, Any, Any, Any]) -> ApiKey | None:
        """The key that the sender of a request has signed in with; None without a session that holds.

        A browser says where a request comes from: another site, or this host's other ports, use no session.
        """
        site = connection.headers.get("sec-fetch-site", "none")
        is_link = connection.headers.get("sec-fetch-mode") == "navigate"
        if self.sessions is None or not (site in {"none", "same-origin"} or is_link):
            return None
        session = self.sessions.read(connection.cookies.get(self.sessions.cookie))
        key = None if session is None else connection.app.state["key_ring"].by_id(session.key_id)
        return key if key is not None and has_scope(key, READ) else None


async def admit_page(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of every page. A coroutine, so that it runs on the event loop and not in a thread.

    Raises:
        NotFoundException: pages are off.
        SignInNeededError: pages are keyed, and the request has no session.
        ProblemError: 429 over the key's rate limit, or over that of an address where pages are public.
    """
    gate: PageGate = connection.app.state["page_gate"]
    if gate.mode == OFF:
        raise NotFoundException
    if asks_for_methods(connection):
        return
    if gate.mode == KEYED:
        admit_session(connection)
    else:
        _count_view(connection)


async def admit_link(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of calendars and feeds, which programs read without a cookie.

    Where pages are keyed, the link's token stands for the session: it reads one team's matches ahead, and
    dies with the key that it was made with.

    Raises:
        SignInNeededError: there is neither a session nor a token that holds; others as `admit_page`.
    """
    gate: PageGate = connection.app.state["page_gate"]
    token = connection.query_params.get("token", "")
    if gate.mode != KEYED or not token or gate.sessions is None or asks_for_methods(connection):
        await admit_page(connection, handler)
        return
    key_id = gate.sessions.read_link(token, connection.path_params.get("team_id", ""))
    key = None if key_id is None else connection.app.state["key_ring"].by_id(key_id)
    _admit(connection, key if key is not None and has_scope(key, READ) else None)


def admit_session(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Admit a request by its session, and count it against the key's limit.

    Raises:
        SignInNeededError: it has none.
        ProblemError: 429 over the limit.
    """
    _admit(connection, connection.app.state["page_gate"].key_of(connection))


def _admit(connection: ASGIConnection[Any, Any, Any, Any], key: ApiKey | None) -> None:
    """Count a request of a key; errors as `admit_session`."""
    if key is None:
        raise SignInNeededError
    state = connection.app.state
    allowance = take_allowance(key, state["rate_limiter"], state["metrics"])
    connection.scope["auth"] = key
    connection.scope["state"][ALLOWANCE] = allowance


def _count_view(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    wait = connection.app.state["page_views"].count_sender(connection)
    if wait:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-pages",
            f"Too many pages were asked for from this address; try again in {wait} s.",
            {"Retry-After": str(wait)},
        )
