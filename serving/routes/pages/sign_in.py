"""`/sign-in`: a form that takes an API key or a one-time code and gives a session; `/sign-out` ends it."""

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery

from serving.http.auth import READ, has_scope
from serving.http.page_access import KEYED, PageGate
from serving.http.session import FORM_SECONDS, SESSION_SECONDS, Sessions
from serving.pages.rendering import render, url_of
from serving.problems import ProblemError, unavailable
from serving.release.key_ring import KeyRing
from serving.release.page_secrets import take_code
from serving.release.reader import ReleaseReader, StoreUnavailableError
from soccer_assets.contract.api_keys import ApiKey
from soccer_assets.contract.page_access import CODE_LENGTH

_LONGEST_FORM = 4_000
# A token has 43 characters; what is typed from `soccer pages open` is shorter.
_LONGEST_CODE = CODE_LENGTH + 4
_UNKNOWN = "That is neither a key that may read nor a code that is still good. Codes end after a minute."
_STALE_FORM = "The form was too old or came from elsewhere. Please try again."


@get("/sign-in", sync_to_thread=True, opt={"is_page": True})
def show_form(request: Request[Any, Any, Any], next: FromQuery[str] = "/") -> Response[bytes]:  # noqa: A002 - its name in links
    """The form; for someone who is signed in, the button that signs out."""
    return _form(request, _gate(request), _own_path(next))


@post("/sign-in", opt={"is_page": True})
async def sign_in(request: Request[Any, Any, Any], reader: NamedDependency[ReleaseReader]) -> Response[bytes]:
    """Give a session to the owner of a key or a code, and lead to the page that was asked for."""
    gate = _gate(request)
    fields = await _own_form(request, gate.require_sessions())
    path = _own_path(fields.get("next", "/"))
    if fields is _FOREIGN:
        return await asyncio.to_thread(_form, request, gate, path, _STALE_FORM)
    key = await asyncio.to_thread(_key_of, request, fields.get("key", "").strip(), reader)
    if key is None:
        _count_failure(request)
        return await asyncio.to_thread(_form, request, gate, path, _UNKNOWN)
    sessions = gate.require_sessions()
    cookie = _cookie(sessions, sessions.cookie, sessions.issue(key.id), SESSION_SECONDS)
    return _redirect(request, path, cookie)


@post("/sign-out", opt={"is_page": True})
async def sign_out(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Delete the session's cookie in this browser; revoking the key ends it everywhere."""
    sessions = _gate(request).require_sessions()
    if await _own_form(request, sessions) is _FOREIGN:
        return _redirect(request, "/sign-in")
    return _redirect(request, "/sign-in", _cookie(sessions, sessions.cookie, "", 0))


handlers = [show_form, sign_in, sign_out]

_FOREIGN: dict[str, str] = {}


def _gate(request: Request[Any, Any, Any]) -> PageGate:
    gate: PageGate = request.app.state["page_gate"]
    if gate.mode != KEYED:
        raise NotFoundException
    return gate


def _form(request: Request[Any, Any, Any], gate: PageGate, path: str, fault: str = "") -> Response[bytes]:
    sessions = gate.require_sessions()
    nonce, field = sessions.new_form()
    page = render(
        request,
        "sign_in.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
        is_form=True,
        next=path,
        form_token=field,
        fault=fault,
        key=gate.key_of(request),
    )
    page.set_cookie(_cookie(sessions, sessions.form_cookie, nonce, FORM_SECONDS))
    return page


async def _own_form(request: Request[Any, Any, Any], sessions: Sessions) -> dict[str, str]:
    """The fields of a form that this sidecar gave to this browser; `_FOREIGN` for any other.

    Raises:
        ProblemError: 413, it is far too large.
    """
    # Browsers send an origin with every form; "null" hides one that is not ours.
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    is_same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_same or site != "same-origin":
        return _FOREIGN
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "form", "The form is too large.")
    parsed = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True, max_num_fields=10)
    fields = {name: values[0] for name, values in parsed.items()}
    cookie = request.cookies.get(sessions.form_cookie)
    return fields if sessions.is_own_form(cookie, fields.get("form_token", "")) else _FOREIGN


def _key_of(request: Request[Any, Any, Any], text: str, reader: ReleaseReader) -> ApiKey | None:
    ring: KeyRing = request.app.state["key_ring"]
    if len(text) <= _LONGEST_CODE:
        try:
            key_id = take_code(reader.store(), text)
        except StoreUnavailableError as error:
            raise unavailable("store", "The store does not answer; sign in with a key.") from error
        key = None if key_id is None else ring.by_id(key_id)
    else:
        key = ring.identify(text.encode())
    return key if key is not None and has_scope(key, READ) else None


def _count_failure(request: Request[Any, Any, Any]) -> None:
    """Count a wrong key.

    Raises:
        ProblemError: 429, too many came from this address in this minute.
    """
    request.app.state["metrics"].auth_failures.labels("unknown").inc()
    wait = request.app.state["failed_keys"].count_sender(request)
    if wait:
        detail = f"Too many wrong keys came from this address; try again in {wait} s."
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "failed-keys", detail, {"Retry-After": str(wait)})


def _own_path(path: str) -> str:
    """A path of this sidecar: anything else, such as `//elsewhere`, leads to the first page."""
    parts = urlsplit(path)
    is_own = not parts.scheme and not parts.netloc and path.startswith("/") and "\\" not in path
    is_plain = path.isprintable() and not path.startswith("//") and not path.startswith("/sign-")
    return path if is_own and is_plain else "/"


def _redirect(request: Request[Any, Any, Any], path: str, cookie: Cookie | None = None) -> Response[bytes]:
    headers = {"Location": url_of(request)(path), "Cache-Control": "no-store"}
    return Response(
        b"",
        status_code=HTTPStatus.SEE_OTHER,
        headers=headers,
        cookies=[] if cookie is None else [cookie],
        media_type="text/html",
    )


def _cookie(sessions: Sessions, name: str, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path="/",
        max_age=seconds,
        httponly=True,
        secure=sessions.is_https,
        samesite="lax",
    )
