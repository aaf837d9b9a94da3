"""Renders pages: Jinja2 templates with every value escaped, and the headers that a page is sent with."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from litestar import Request, Response
from litestar.connection import ASGIConnection
from markupsafe import Markup

from serving.http.compression import compress, negotiate_encoding
from serving.http.page_access import PUBLIC, PageGate
from serving.http.prefix import prefix_of
from serving.pages import days, shares
from serving.pages.forecast_bar import forecast_bar
from serving.pages.match_list import Line
from serving.pages.pinned import pin_of, shows_results
from serving.pages.terms import attribution_of
from serving.release.current import SnapshotHolder
from soccer_assets.contract.status import stale_reasons

HTML = "text/html"  # Litestar adds the charset
FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
STATIC_PATH = "/assets"

# Nothing from elsewhere, no inline scripts or styles, no frames.
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

_PUBLIC_SECONDS = 30
# Cards of matches that are kept: 2 kB each, 20 to 30 days of all leagues.
_CARDS = 4096


@functools.cache
def environment() -> jinja2.Environment:
    """The templates; a name that is not passed is an error, and every value is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= {
        "percent": shares.percent,
        "number": shares.number,
        "day": days.day_text,
        "moment": days.moment_text,
        "clock": days.clock_text,
        "age": days.age_text,
        "instants": days.with_moments,
        "short_day": days.short_day_text,
        "date": days.date_text,
        "short_moment": days.short_moment_text,
        "zone": days.zone_text,
        "plain_day": days.plain_day_text,
        "minus": shares.with_minus,
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "query": query_of,
    }
    found.globals |= {
        "shares": shares.whole_percentages,
        "forecast_bar": forecast_bar,
        "match_card": lambda line, url: _match_card(line, url("")),
    }
    return found


@functools.lru_cache(maxsize=_CARDS)
def _match_card(line: Line, prefix: str) -> Markup:
    """A match of a list as HTML, the same for everybody who may see what is in the line.

    A list has a hundred, most of which the next reader of the day sees too: kept, one takes a twentieth of
    the time.
    """
    card = getattr(environment().get_template("match_card.html").module, "match_card")  # noqa: B009 - a macro
    html: Markup = card(line, lambda path: f"{prefix}{path}")
    return html


@functools.cache
def static_version() -> str:
    """Changes with the style sheet and the script: browsers keep a version for a year."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def wants_page(request: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether a browser asks: it names HTML before any other type; programs name JSON or take all."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept and request.app.state["page_gate"].mode != "off"


def render(
    request: Request[Any, Any, Any],
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    is_form: bool = False,
    vary: str = "",
    **values: Any,
) -> Response[bytes]:
    """A page. Call this from a thread: it may take milliseconds.

    Args:
        request: for its path prefix, encodings, conditional headers and session.
        template: file name below ``templates``.
        status: of the response.
        is_form: the page holds a form's token: it is kept by nobody and not compressed, so that its length
            tells nothing about the token.
        vary: request headers, beside the usual ones, that the page depends on.
        values: what the template shows, beside what `_frame` gives every page.
    """
    gate: PageGate = request.app.state["page_gate"]
    text = environment().get_template(template).render(_frame(request, gate) | values)
    body = text.encode()
    is_public = gate.mode == PUBLIC and not is_form and status is HTTPStatus.OK
    headers = {"Content-Security-Policy": POLICY} | _caching(is_public, vary)
    coding = None if is_form else negotiate_encoding(request.headers.get("accept-encoding", ""))
    if coding is not None:
        body = compress(body, coding)
        headers["Content-Encoding"] = coding
    if is_public:
        headers["ETag"] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        if request.headers.get("if-none-match", "") == headers["ETag"]:
            return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers, media_type=HTML)
    return Response(body, status_code=status, headers=headers, media_type=HTML)


def query_of(values: Mapping[str, Any]) -> str:
    """A query string of the values that are not empty."""
    return urlencode({name: value for name, value in values.items() if value not in (None, "")})


def _caching(is_public: bool, vary: str) -> dict[str, str]:
    if is_public:
        return {
            "Cache-Control": f"public, max-age={_PUBLIC_SECONDS}",
            "Vary": ", ".join(filter(None, ("Accept-Encoding", vary))),
        }
    return {
        "Cache-Control": "private, no-store",
        "Vary": ", ".join(filter(None, ("Cookie, Accept-Encoding", vary))),
    }


def url_of(request: Request[Any, Any, Any]) -> Callable[[str], str]:
    """Makes a path of this sidecar a link: below a proxy's prefix.

    A cache keeps a public page for all: what a stranger says in a header must not be in its links.
    """
    state = request.app.state
    peer = request.client.host if request.client else ""
    is_told_by_proxy = state["page_gate"].mode != PUBLIC or state["page_views"].is_trusted(peer)
    prefix = prefix_of(request) if is_told_by_proxy else state["root_path"]
    return lambda path: f"{prefix}{path}"


def _frame(request: Request[Any, Any, Any], gate: PageGate) -> dict[str, Any]:
    """What the frame of every page shows."""
    holder: SnapshotHolder = request.app.state["snapshots"]
    pin, now = pin_of(request), holder.clock.now()
    current = pin.current
    url = url_of(request)
    return {
        "url": url,
        "asset": lambda name: f"{url(STATIC_PATH)}/{static_version()}/{name}",
        "path": request.url.path,
        "mode": gate.mode,
        "is_public": gate.mode == PUBLIC,
        "now": now,
        "manifest": None if current is None else current.snapshot.manifest,
        "address": request.app.state["pages_url"],
        "pages": request.app.state["page_paths"],
        "attribution": attribution_of(None if current is None else current.snapshot.manifest),
        "shows_results": shows_results(request),
        "stale_reasons": () if current is None else stale_reasons(current.view.status, now),
        "past_state": pin.past,
    }
