"""`/matches/{match_id}`: one match: its forecast, what it is made of, and the past of both sides."""

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from serving.backends.live_scores import LiveScores
from serving.pages.live_view import live_view
from serving.pages.match_view import (
    MatchHead,
    MatchPast,
    head_of_past,
    head_of_prediction,
    importance_of,
    information_text,
    market_tables,
    past_of,
    score_map,
    waterfall,
)
from serving.pages.pinned import read_past, require_current, shows_results, unknown
from serving.pages.rendering import render
from serving.pages.zones import Zones
from serving.release.current import Current
from serving.release.history import HistoryView
from soccer_assets.contract.release import CHAMPION, Prediction

_MOVED = "the kickoff moved since this was said"


@get("/matches/{match_id:str}", sync_to_thread=True)
def read_match(
    request: Request[Any, Any, Any], live_scores: NamedDependency[LiveScores], match_id: FromPath[str]
) -> Response[bytes]:
    """One match of the release, or one that only the history has."""
    current = require_current(request)
    zones = Zones(None, current.snapshot.names)
    stored = current.snapshot.find(match_id, CHAMPION)
    if stored is None:
        head, told = _from_history(request, match_id, zones)
        return render(request, "match.html", **_frame(current, head), **_without_forecast(), past=told)
    one = msgspec.json.decode(stored, type=Prediction)
    if not shows_results(request):
        one = msgspec.structs.replace(one, result=None)
    head = head_of_prediction(one, zones.of(one.competition))
    live = live_view(request, live_scores, [one])
    values = _without_forecast() | {
        "live": live.scores.get(match_id),
        "live_missing": live.missing,
        "one": one,
        "read": information_text(one.information),
        "steps": waterfall(one.reasons),
        "importance": importance_of(current.projections.competitions.get(one.competition), match_id),
        "notes": [_MOVED] if match_id in current.view.status.moved_match_ids else [],
    }
    if one.goal_model is not None and head.chances is not None:
        values |= {
            "scores": score_map(one.goal_model, head.chances),
            "markets": market_tables(one.goal_model, head.chances, head.home.name, head.away.name),
        }
    past = read_past(request, lambda view: past_of(view, head))
    return render(request, "match.html", **_frame(current, head), **values, past=past)


def _frame(current: Current, head: MatchHead) -> dict[str, Any]:
    names = current.snapshot.names
    entry = None if names is None else names.competitions.get(head.competition)
    return {
        "head": head,
        "competition_name": head.competition if entry is None else entry.name,
        "is_cup": entry is not None and entry.tier == 0,
    }


def _without_forecast() -> dict[str, Any]:
    return {
        "one": None,
        "read": "",
        "steps": None,
        "importance": None,
        "notes": [],
        "scores": None,
        "markets": [],
        "live": None,
        "live_missing": "",
    }


def _from_history(
    request: Request[Any, Any, Any], match_id: str, zones: Zones
) -> tuple[MatchHead, MatchPast]:
    """A match that the release no longer has.

    Raises:
        HTTPException: neither has the history, as `unknown`.
    """

    def ask(view: HistoryView) -> tuple[MatchHead, MatchPast] | None:
        found = view.match(match_id)
        if found is None:
            return None
        head = head_of_past(found, zones.of(found.competition))
        return head, past_of(view, head)

    found = read_past(request, ask)
    if found is None:
        raise unknown(request)
    return found
