"""Result latency: the time from the end of a match to its score in the ledger."""

import datetime as dt
import statistics
from collections import defaultdict

import msgspec
import sqlalchemy as sa

from soccer_assets.feeds.visibility import MATCH_LENGTH
from soccer_assets.football.matches import KickoffPrecision
from soccer_assets.modelling.ledger_rules import SCORED
from soccer_assets.resources.database import Database
from soccer_assets.tables import ledger_score, match

_LOOK_BACK = dt.timedelta(days=30)


class ResultLatency(msgspec.Struct, frozen=True, kw_only=True):
    """The latency of one feed's results, over its scored matches."""

    matches: int
    median_hours: float
    slowest_hours: float


def result_latency(database: Database, now: dt.datetime) -> dict[str, ResultLatency]:
    """By feed, over the last 30 days; only matches whose kickoff is known to the minute.

    A match ends two hours after its kickoff. Its first score counts; corrections do not.
    """
    query = (
        sa.select(match.c.source, match.c.kickoff, ledger_score.c.scored_at)
        .join(
            ledger_score, sa.and_(ledger_score.c.match_id == match.c.match_id, ledger_score.c.revision == 1)
        )
        .where(
            match.c.kickoff > now - _LOOK_BACK,
            match.c.kickoff <= now,
            match.c.kickoff_precision == KickoffPrecision.MINUTE.value,
            ledger_score.c.verdict == SCORED,
        )
    )
    took = defaultdict(list)
    with database.reading() as connection:
        for row in connection.execute(query):
            took[row.source].append((row.scored_at - row.kickoff - MATCH_LENGTH) / dt.timedelta(hours=1))
    return {
        feed: ResultLatency(
            matches=len(hours),
            median_hours=round(statistics.median(hours), 2),
            slowest_hours=round(max(hours), 2),
        )
        for feed, hours in sorted(took.items())
    }
