"""Shares of the goals before half-time: counted at each training, read by forecasts and releases."""

import msgspec
import sqlalchemy as sa

from soccer_assets.football.first_half import FirstHalfShares, first_half_shares
from soccer_assets.football.matches import MatchStatus
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import decoded_or_none
from soccer_assets.tables import match

KEY = "model/first_half_shares.json"


def update_first_half_shares(database: Database, store: ObjectStore) -> FirstHalfShares:
    """Count the finished matches with a half-time score, store the shares, and return them."""
    first = match.c.home_goals_half_time + match.c.away_goals_half_time
    both = match.c.home_goals + match.c.away_goals
    counted = (
        sa.select(match.c.competition, sa.func.sum(first), sa.func.sum(both))
        .where(
            match.c.status == MatchStatus.FINISHED.value,
            match.c.quarantine.is_(None),
            # Null where a score is unknown; a half-time score above the full one is a fault of its source.
            match.c.home_goals_half_time <= match.c.home_goals,
            match.c.away_goals_half_time <= match.c.away_goals,
        )
        .group_by(match.c.competition)
        .order_by(match.c.competition)
    )
    with database.reading() as connection:
        rows = [(code, int(half), int(full)) for code, half, full in connection.execute(counted)]
    shares = first_half_shares(rows)
    store.write(KEY, msgspec.json.encode(shares))
    return shares


def read_first_half_shares(store: ObjectStore) -> FirstHalfShares:
    """The shares of the last training; the usual one for all before the first, and where they are damaged."""
    return decoded_or_none(store.read(KEY), FirstHalfShares) or FirstHalfShares()
