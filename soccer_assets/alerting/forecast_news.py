"""News of followed forecasts: one moved by five points, or its match was settled. Pure.

What is news follows from the ledger alone: from the first forecast on, each one that differs by five points
from the last that was news. So every follower hears the same, and nothing is remembered beside the outbox.
"""

import datetime as dt
from collections.abc import Sequence

from soccer_assets.alerting.faults import FORECAST, NOTICE, Condition
from soccer_assets.clock import isoformat
from soccer_assets.stores.ledger.followed import FollowedMatch, Said

TOPICS = ("team:", "match:")
POINTS = 0.05
# Rounding of stored probabilities must not hide a move of exactly five points.
_EPSILON = 1e-9


def topics_of(match: FollowedMatch) -> set[str]:
    """What a follower may have named to hear of a match."""
    return {f"match:{match.match_id}", f"team:{match.home_id}", f"team:{match.away_id}"}


def moves(said: Sequence[Said]) -> list[tuple[Said, Said]]:
    """The forecasts that are news, each with the one that it is compared with."""
    found: list[tuple[Said, Said]] = []
    last = said[0] if said else None
    for one in said[1:]:
        if last is not None and _distance(last, one) >= POINTS - _EPSILON:
            found.append((last, one))
            last = one
    return found


def news_of(match: FollowedMatch, since: dt.datetime) -> Condition | None:
    """The newest news of a match after ``since``; None if there is none.

    Older news is not told with it: after quiet hours one message says where the forecast stands.
    """
    if match.goals is not None and match.settled_at is not None:
        return _settled(match) if match.settled_at > since else None
    found = moves(match.said)
    if not found or found[-1][1].at <= since:
        return None
    before, after = found[-1]
    return _notice(match, f"moved {after.sequence}", after.at, f"{_text(after)}, was {_text(before)}")


def _settled(match: FollowedMatch) -> Condition:
    home, away = match.goals or (0, 0)
    official = next((one for one in match.said if one.sequence == match.official), None)
    forecast = "" if official is None else f"; the forecast was {_text(official)}"
    return _notice(
        match, "settled", match.settled_at or match.kickoff, f"ended {home}:{away} after 90 minutes{forecast}"
    )


def _notice(match: FollowedMatch, event: str, at: dt.datetime, text: str) -> Condition:
    name = f"{match.home} v {match.away}"
    return Condition(
        kind=FORECAST,
        subject=f"{match.match_id} {event}",
        severity=NOTICE,
        since=isoformat(at),
        what=text,
        headline=f"{name}: {text}",
        cause="a new forecast was said" if match.goals is None else "the match is settled in the ledger",
        path=f"/matches/{match.match_id}",
    )


def _text(said: Said) -> str:
    home, draw, away = (f"{chance * 100:.0f}" for chance in said.chances)
    return f"{home}/{draw}/{away} %"


def _distance(one: Said, other: Said) -> float:
    return max(abs(a - b) for a, b in zip(one.chances, other.chances, strict=True))
