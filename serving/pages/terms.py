"""What the feeds' providers allow to be shown: public pages leave the rest out and say so."""

from typing import Any

from litestar import Request

from serving.http.page_access import PUBLIC
from serving.release.current import SnapshotHolder
from serving.release.history import History
from soccer_assets.contract.release import Manifest


def attribution_of(manifest: Manifest | None) -> str:
    """The line that names the sources; the feeds' names where a release of an earlier version has none."""
    if manifest is None:
        return ""
    lines = dict.fromkeys(term.attribution for term in manifest.terms if term.attribution)
    return "; ".join(lines) or manifest.feed


def shows_results(request: Request[Any, Any, Any]) -> bool:
    """Whether a page may show results: to the public only where every feed's provider allows it.

    A match may have come from any of several feeds, so the strictest decides. A release of an earlier version
    tells no terms: simulated matches are ours.
    """
    state = request.app.state
    holder: SnapshotHolder = state["snapshots"]
    if state["page_gate"].mode != PUBLIC or holder.current is None:
        return True
    manifest = holder.current.snapshot.manifest
    allowed = [term.may_publish_results for term in manifest.terms]
    return all(allowed) if allowed else manifest.is_simulated


def history_of(request: Request[Any, Any, Any]) -> History | None:
    """The history; None while it is not loaded, or where its results may not be shown."""
    holder: SnapshotHolder = request.app.state["snapshots"]
    return holder.history if shows_results(request) else None
