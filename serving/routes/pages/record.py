"""`/record`: every forecast that was scored, how good they were, and how to verify that none was changed."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.params import FromQuery

from serving.pages.pinned import read_past, require_current
from serving.pages.record_charts import Panel, loss_chart, reliability_panels
from serving.pages.record_view import competitions, duels, periods
from serving.pages.rendering import render
from serving.release.current import SnapshotHolder
from serving.release.history import HistoryView
from serving.release.history_rows import PastMatch, RecordSum, SettledFilter
from soccer_assets.contract.release import OUTCOMES

_ROWS = 40
_NO_DAY = "A day is written as 2025-04-26; this one, or the link, is not right."
_LONGEST = 120


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the form and the links of the page say; empty texts where nothing is asked."""

    competition: str = ""
    team: str = ""
    first: str = ""
    last: str = ""
    outcome: str = ""
    p_from: float = 0.0
    p_before: float = 2.0

    def link(self, **changes: str | float) -> str:
        """The query of the page with changes; without what is not asked for."""
        asked = msgspec.structs.asdict(msgspec.structs.replace(self, **changes))
        known = {name: value for name, value in asked.items() if value != getattr(_NOTHING, name)}
        return urlencode(known)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the history has of what was asked.

    Attributes:
        panels: the reliability diagrams.
        months: sums of the competition's months; empty where none was asked for.
        matches: a page of scored forecasts.
        next_cursor: of the next page; None on the last.
        team_name: the team that was found; None where none was asked for.
        fault: why nothing is listed; empty otherwise.
    """

    panels: tuple[Panel, ...]
    months: Sequence[RecordSum]
    matches: tuple[PastMatch, ...]
    next_cursor: str | None
    team_name: str | None
    fault: str = ""


@get("/record", sync_to_thread=True)
def read_record(
    request: Request[Any, Any, Any],
    competition: FromQuery[str] = "",
    team: FromQuery[str] = "",
    first: FromQuery[str] = "",
    last: FromQuery[str] = "",
    outcome: FromQuery[str] = "",
    p_from: FromQuery[float] = 0.0,
    p_before: FromQuery[float] = 2.0,
    cursor: FromQuery[str] = "",
) -> Response[bytes]:
    """The track record; a form finds past forecasts."""
    holder: SnapshotHolder = request.app.state["snapshots"]
    current, report = require_current(request), holder.quality
    asked = Asked(
        competition=competition[:_LONGEST].strip(),
        team=team[:_LONGEST].strip(),
        first=first[:10],
        last=last[:10],
        outcome=outcome if outcome in OUTCOMES else "",
        p_from=p_from if math.isfinite(p_from) else 0.0,
        p_before=p_before if math.isfinite(p_before) else 2.0,
    )
    found = read_past(request, lambda view: _find(view, asked, cursor))
    over_time = () if report is None else periods(report)
    times = [period.name for period in over_time]
    losses = {
        key: [period.losses[key] for period in over_time]
        for key in (over_time[0].losses if over_time else ())
    }
    return render(
        request,
        "record.html",
        asked=asked,
        found=found,
        report=report,
        duels=() if report is None else duels(report.overall),
        over_time=over_time,
        chart=loss_chart(times, losses),
        competitions=() if report is None else competitions(report),
        ledger_head=current.snapshot.manifest.ledger_head,
        outcome_names={"home": "home win", "draw": "draw", "away": "away win"},
    )


def _find(view: HistoryView, asked: Asked, cursor: str) -> Found:
    panels = reliability_panels(view.reliability(asked.competition or None))
    months = view.record_by_month(asked.competition) if asked.competition else []
    found_team = view.team(asked.team) if asked.team else None
    team_id, team_name = (None, None) if found_team is None else (found_team.id, found_team.name)
    if asked.team and found_team is None:
        likest = view.search_teams(asked.team, 1)
        if not likest:
            return _nothing(panels, months, f"No team has a name like “{asked.team}”.")
        team_id, team_name = likest[0].id, likest[0].name
    try:
        wanted = SettledFilter(
            competition=asked.competition or None,
            team_id=team_id,
            first=dt.date.fromisoformat(asked.first) if asked.first else None,
            last=dt.date.fromisoformat(asked.last) if asked.last else None,
            outcome=asked.outcome or None,
            p_from=asked.p_from,
            p_before=asked.p_before,
        )
        page = view.settled(wanted, cursor or None, _ROWS)
    except (ValueError, OverflowError):
        return _nothing(panels, months, _NO_DAY)
    return Found(
        panels=panels,
        months=months,
        matches=page.matches,
        next_cursor=page.cursor,
        team_name=team_name,
        fault="" if page.matches else "No forecast that was scored is like this.",
    )


def _nothing(panels: tuple[Panel, ...], months: Sequence[RecordSum], fault: str) -> Found:
    return Found(panels=panels, months=months, matches=(), next_cursor=None, team_name=None, fault=fault)


_NOTHING = Asked()
