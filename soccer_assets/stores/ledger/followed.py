"""What the ledger says of matches that people follow: every forecast, and how it was settled."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.scores import is_newest_score
from soccer_assets.stores.matches.teams import redirects
from soccer_assets.tables import ledger_entry, ledger_score, match, team

# The ledger has forecasts of the next 15 days; a settled match is news for two.
_AHEAD = dt.timedelta(days=16)
_BEHIND = dt.timedelta(days=2)


class Said(msgspec.Struct, frozen=True):
    """One forecast: its number in the ledger, when it was said, and home, draw, away."""

    sequence: int
    at: dt.datetime
    chances: tuple[float, float, float]


class FollowedMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match of a followed team, or one that is followed itself.

    Attributes:
        said: its forecasts, the first first.
        goals: of home and away after 90 minutes, once the match is scored in the ledger; else None.
        official: number of the forecast that counts; None before it is scored.
        settled_at: when it was scored.
    """

    match_id: str
    home_id: str
    away_id: str
    home: str
    away: str
    kickoff: dt.datetime
    said: tuple[Said, ...]
    goals: tuple[int, int] | None = None
    official: int | None = None
    settled_at: dt.datetime | None = None


def followed_matches(
    database: Database, teams: Collection[str], matches: Collection[str], now: dt.datetime
) -> list[FollowedMatch]:
    """The followed matches from two days ago to the last one that is forecast, by kickoff."""
    with database.reading() as connection:
        merged = redirects(connection)  # a followed team may have been merged into another
        current = [merged.get(one, one) for one in teams]
        found = connection.execute(_matches_of(current, matches, now)).all()
        ids = [row.match_id for row in found]
        said = defaultdict(list)
        entries = sa.select(ledger_entry).where(ledger_entry.c.match_id.in_(ids))
        for entry in connection.execute(entries.order_by(ledger_entry.c.sequence)):
            chances = (entry.p_home, entry.p_draw, entry.p_away)
            said[entry.match_id].append(Said(entry.sequence, entry.recorded_at, chances))
        is_scored = (ledger_score.c.match_id.in_(ids), ledger_score.c.sequence >= 0, is_newest_score())
        scores = {row.match_id: row for row in connection.execute(sa.select(ledger_score).where(*is_scored))}
    return [
        FollowedMatch(
            match_id=row.match_id,
            home_id=row.home_team_id,
            away_id=row.away_team_id,
            home=row.home,
            away=row.away,
            kickoff=row.kickoff,
            said=tuple(said[row.match_id]),
            goals=(row.home_goals, row.away_goals) if row.match_id in scores else None,
            official=scores[row.match_id].sequence if row.match_id in scores else None,
            settled_at=scores[row.match_id].scored_at if row.match_id in scores else None,
        )
        for row in found
    ]


def _matches_of(teams: Collection[str], matches: Collection[str], now: dt.datetime) -> sa.Select[Any]:
    home, away = team.alias("home"), team.alias("away")
    is_followed = sa.or_(
        match.c.home_team_id.in_(teams), match.c.away_team_id.in_(teams), match.c.match_id.in_(matches)
    )
    return (
        sa.select(match, home.c.name.label("home"), away.c.name.label("away"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .where(is_followed, match.c.kickoff.between(now - _BEHIND, now + _AHEAD))
        .order_by(match.c.kickoff, match.c.match_id)
    )
