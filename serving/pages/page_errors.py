"""Errors of pages: as a page for people, as a problem for programs."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.exceptions import HTTPException

from serving.http.page_access import SignInNeededError
from serving.pages.rendering import render, url_of, wants_page
from serving.problems import ProblemError, handle_http

_TEXTS = {
    HTTPStatus.NOT_FOUND: ("Not found", "There is no such page. The link may be mistyped or out of date."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Not possible", "This page cannot be asked for in this way."),
}


def is_page(request: Request[Any, Any, Any]) -> bool:
    """Whether the route that was asked for is a page, or no route while the sender wants a page."""
    handler = request.scope.get("route_handler")
    return bool(handler.opt.get("is_page")) if handler is not None else wants_page(request)


def handle_page_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Render an error raised on purpose, as a page where a page was asked for."""
    if not is_page(request) or not wants_page(request):
        return handle_http(request, error)
    status = HTTPStatus(error.status_code)
    title, text = _TEXTS.get(status, (status.phrase, ""))
    if isinstance(error, ProblemError) or not text:
        text = error.detail
    page = render(request, "error.html", status=status, title=title, text=text)
    for name, value in (error.headers or {}).items():
        page.headers[name] = value
    return page


def handle_sign_in(request: Request[Any, Any, Any], error: SignInNeededError) -> Response[bytes]:
    """Send the browser to the form, and from there back to the page; a program gets 401."""
    if not wants_page(request):
        detail = "This page needs a session: sign in at /sign-in. Programs use the API with a key."
        return handle_http(request, ProblemError(HTTPStatus.UNAUTHORIZED, "session", detail))
    del error
    query = request.scope["query_string"].decode("latin-1")
    asked = request.url.path + (f"?{query}" if query else "")
    location = f"{url_of(request)('/sign-in')}?{urlencode({'next': asked})}"
    headers = {"Location": location, "Cache-Control": "no-store", "Vary": "Cookie, Accept"}
    return Response(b"", status_code=HTTPStatus.SEE_OTHER, headers=headers, media_type="text/html")
