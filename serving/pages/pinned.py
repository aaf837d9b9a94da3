"""What a page is of: one release and one history, looked up once and kept to the end of the page.

A swap may come while a page is made. Whatever a page shows of the release or of the past it takes from here,
so that no page mixes two of them.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import structlog
from litestar import Request
from litestar.exceptions import HTTPException, NotFoundException

from serving.http.page_access import PUBLIC
from serving.problems import not_loaded, unavailable
from serving.release.current import Current, SnapshotHolder
from serving.release.history import History, HistoryView
from soccer_assets.contract.release import FeedTerms

# Why a page has no past, or that it has it.
READ, OLDER, LOADING, WITHHELD, UNREADABLE = "read", "older", "loading", "withheld", "unreadable"

_KEY = "page_pin"
_T = TypeVar("_T")
_log = structlog.get_logger()


class Pin:
    """What one page is of.

    Attributes:
        current: release and status; None before the first.
        history: None until it is loaded.
        due: the index of the history that belongs to the release; None where it has none.
        past: whether the page has its past: `READ`, or `OLDER`, of a release before; or why it has not.
    """

    def __init__(self, holder: SnapshotHolder) -> None:
        self.current: Current | None = holder.current
        self.history: History | None = holder.history
        self.due = None if self.current is None else self.current.history_due
        self.past = LOADING if self.history is None else READ


def pin_of(request: Request[Any, Any, Any]) -> Pin:
    """What the page of this request is of: the same at each call."""
    kept = request.scope["state"]
    if _KEY not in kept:
        kept[_KEY] = Pin(request.app.state["snapshots"])
    found: Pin = kept[_KEY]
    return found


def require_current(request: Request[Any, Any, Any]) -> Current:
    """The release and status of this page.

    Raises:
        ProblemError: 503, no release is loaded.
    """
    current = pin_of(request).current
    if current is None:
        raise not_loaded(request.app.state["snapshots"].reason)
    return current


def public_terms(request: Request[Any, Any, Any]) -> tuple[FeedTerms, ...] | None:
    """What the feeds' providers allow to show to the public; None where a page may show everything.

    Those who signed in may see everything. A release of an earlier version tells no terms: nothing of it is
    allowed, but that simulated matches are ours.
    """
    current = pin_of(request).current
    if request.app.state["page_gate"].mode != PUBLIC or current is None:
        return None
    manifest = current.snapshot.manifest
    return None if not manifest.terms and manifest.is_simulated else manifest.terms


def shows_results(request: Request[Any, Any, Any]) -> bool:
    """Whether a page may show results: to the public only where every feed's provider allows it.

    A match may have come from any of several feeds, so the strictest decides.
    """
    terms = public_terms(request)
    return terms is None or (bool(terms) and all(term.may_publish_results for term in terms))


def read_past(request: Request[Any, Any, Any], ask: Callable[[HistoryView], _T]) -> _T | None:
    """What the history answers; None where the page has no past: `Pin.past` says why.

    Args:
        request: of the page.
        ask: gets a view of one index.
    """
    pin = pin_of(request)
    if not shows_results(request):
        pin.past = WITHHELD
        return None
    if pin.history is None:
        pin.past = LOADING
        return None
    try:
        with pin.history.reading() as view:
            answer = ask(view)
            pin.past = READ if pin.due in (None, view.index_sha256) else OLDER
            return answer
    except (sqlite3.Error, msgspec.DecodeError) as error:
        pin.past = UNREADABLE
        request.app.state["metrics"].history_failures.labels("read").inc()
        _log.warning("history cannot be read", file=pin.history.file.name, error=str(error))
        return None


def has_past(request: Request[Any, Any, Any]) -> bool:
    """Whether the last `read_past` of this page could read."""
    return pin_of(request).past in {READ, OLDER}


def unknown(request: Request[Any, Any, Any]) -> HTTPException:
    """The error for an id that nobody knows: 404, or 503 where the history that may know it is not there."""
    pin = pin_of(request)
    if pin.past == UNREADABLE or (pin.past == LOADING and pin.due is not None):
        return unavailable(
            "history-unread", "History is not there right now, and the release has no such id."
        )
    return NotFoundException()
