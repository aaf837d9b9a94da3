"""`/matches/{match_id}`: one match: its forecast, what it is made of, and the past of both sides."""

import sqlite3
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

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
from serving.pages.rendering import render
from serving.pages.terms import history_of, shows_results
from serving.pages.zones import Zones
from serving.release.current import Current, SnapshotHolder, require_release
from serving.release.history import History
from soccer_assets.contract.release import CHAMPION, Prediction

_MOVED = "the kickoff moved since this was said"


@get("/matches/{match_id:str}", sync_to_thread=True)
def read_match(
    request: Request[Any, Any, Any],
    snapshots: NamedDependency[SnapshotHolder],
    match_id: FromPath[str],
) -> Response[bytes]:
    """One match of the release, or one that only the history has."""
    current, history = require_release(snapshots), history_of(request)
    zones = Zones(None, current.snapshot.names)
    stored = current.snapshot.find(match_id, CHAMPION)
    if stored is None:
        head, told = _from_history(history, match_id, zones)
        return render(request, "match.html", **_frame(current, head), **_without_forecast(), past=told)
    one = msgspec.json.decode(stored, type=Prediction)
    if not shows_results(request):
        one = msgspec.structs.replace(one, result=None)
    head = head_of_prediction(one, zones.of(one.competition))
    values = _without_forecast() | {
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
    past = _past(history, head)
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
    }


def _past(history: History | None, head: MatchHead) -> MatchPast | None:
    """The past of both sides; None while it is loading or cannot be read."""
    if history is None:
        return None
    try:
        with history.reading() as view:
            return past_of(view, head)
    except sqlite3.Error:
        return None


def _from_history(history: History | None, match_id: str, zones: Zones) -> tuple[MatchHead, MatchPast]:
    """A match that the release no longer has.

    Raises:
        NotFoundException: neither has the history.
    """
    if history is None:
        raise NotFoundException
    try:
        with history.reading() as view:
            found = view.match(match_id)
            if found is not None:
                head = head_of_past(found, zones.of(found.competition))
                return head, past_of(view, head)
    except sqlite3.Error as error:
        raise NotFoundException from error
    raise NotFoundException
