"""Live scores beside forecasts: of which matches, whether they may be shown, and what is said without them.

A live score is no forecast and changes none: the forecast beside it was made before the kickoff.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request

from serving.backends.live_scores import LONGEST_MATCH, LiveScore, LiveScores
from serving.pages.match_list import DayList, Group, Listed
from serving.pages.pinned import public_terms
from soccer_assets.clock import isoformat
from soccer_assets.contract.release import Prediction

GONE = "Live scores are not available right now."
WITHHELD = "Live scores are left out: a provider of the data does not allow to show them to the public."
# Of a match that is not played now, whatever its kickoff says.
_NOT_PLAYED = frozenset({"postponed", "abandoned", "cancelled", "awarded", "withdrawn", "finished"})


# Notes that a live score says better.
_SAID_BY_SCORE = frozenset({"live", "result not in yet", "kicked off"})


class LiveView(msgspec.Struct, frozen=True):
    """What a page shows of matches under way.

    Attributes:
        scores: by match id; those that are known and may be shown.
        missing: why scores are left out; empty where none is.
    """

    scores: Mapping[str, LiveScore] = {}
    missing: str = ""


def is_under_way(match: Listed | Prediction, now: dt.datetime) -> bool:
    """Whether a match may be being played: it kicked off, and nothing says that it is over."""
    if match.result is not None or match.status in _NOT_PLAYED or match.kickoff_precision != "minute":
        return False
    return isoformat(now - LONGEST_MATCH) < match.kickoff <= isoformat(now)


def live_view(
    request: Request[Any, Any, Any], scores: LiveScores, matches: Sequence[Listed | Prediction]
) -> LiveView:
    """The scores of these matches; the database is asked only where one of them is under way."""
    now = request.app.state["snapshots"].clock.now()
    wanted = {match.match_id for match in matches if is_under_way(match, now)}
    if not wanted:
        return LiveView()
    terms = public_terms(request)
    feeds = None if terms is None else {term.feed for term in terms if term.may_publish_live}
    if feeds is not None and not feeds:
        return LiveView(missing=WITHHELD)
    found = scores.read(now)
    if found is None:
        return LiveView(missing=GONE)
    own = {match_id: score for match_id, score in found.items() if match_id in wanted}
    allowed = {match_id: score for match_id, score in own.items() if feeds is None or score.source in feeds}
    return LiveView(allowed, WITHHELD if len(allowed) < len(own) else "")


def matches_of(day: DayList | None) -> list[Listed]:
    """The matches of a list of a day."""
    return [] if day is None else [line.match for group in day.groups for line in group.lines]


def with_scores(day: DayList, live: LiveView) -> DayList:
    """The list with its scores."""
    return msgspec.structs.replace(day, groups=tuple(_group(group, live) for group in day.groups))


def _group(group: Group, live: LiveView) -> Group:
    lines = tuple(
        msgspec.structs.replace(
            line, live=score, notes=tuple(note for note in line.notes if note not in _SAID_BY_SCORE)
        )
        if (score := live.scores.get(line.match.match_id)) is not None
        else line
        for line in group.lines
    )
    return msgspec.structs.replace(group, lines=lines)
