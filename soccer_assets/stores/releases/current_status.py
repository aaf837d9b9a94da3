"""Computes the status beside the pointer: freshness of the data, from the database and Dagster."""

import datetime as dt
from collections.abc import Mapping

import dagster as dg
import sqlalchemy as sa

from soccer_assets.clock import Clock, isoformat
from soccer_assets.contract.release import SCHEMA_VERSION
from soccer_assets.contract.status import AssetState, Status
from soccer_assets.feeds.protocol import Feed
from soccer_assets.football.matches import SETTLED_STATUSES, MatchStatus
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import result_due_at
from soccer_assets.tables import ingest, ledger_entry, match

# A fixture that vanished from its feed is expected for this long; without a limit answers would stay stale.
GIVEN_UP_AFTER = dt.timedelta(days=30)

_AWAITED = [MatchStatus.SCHEDULED.value, MatchStatus.LIVE.value]


def data_as_of(database: Database) -> dt.datetime | None:
    """Kickoff of the newest known result; None before the first."""
    # Walks the index of kickoffs from its end: upcoming fixtures, then the newest result.
    newest = (
        sa.select(match.c.kickoff)
        .where(match.c.status.in_(SETTLED_STATUSES))
        .order_by(match.c.kickoff.desc())
        .limit(1)
    )
    with database.reading() as connection:
        return connection.execute(newest).scalar()


def next_expected_at(database: Database, feed: Feed, now: dt.datetime) -> dt.datetime | None:
    """When the result of the earliest unfinished match is due: kickoff + 3 h + the feed's lag.

    A match of which only the day is known counts from the end of that day.
    """
    with database.reading() as connection:
        earliest = connection.execute(
            sa.select(match.c.kickoff_precision, sa.func.min(match.c.kickoff, type_=match.c.kickoff.type))
            .where(match.c.status.in_(_AWAITED), match.c.kickoff > now - GIVEN_UP_AFTER)
            .group_by(match.c.kickoff_precision)
        ).all()
    due = [result_due_at(kickoff, precision, feed.result_lag) for precision, kickoff in earliest]
    return min(due, default=None)


def current_status(
    database: Database,
    feed: Feed,
    clock: Clock,
    instance: dg.DagsterInstance,
    watched: Mapping[dg.AssetKey, str],
) -> Status:
    """The status as of now.

    Args:
        database: the match tables.
        feed: its lag decides when a result is due.
        clock: the current time.
        instance: has the assets' materialisations and freshness states.
        watched: asset key -> its freshness promise in words.
    """
    with database.reading() as connection:
        checked_at = connection.execute(
            # Backfills of past seasons do not count as a check.
            sa.select(sa.func.max(ingest.c.checked_at, type_=ingest.c.checked_at.type)).where(
                ingest.c.asset == "livescores/recent"
            )
        ).scalar()
    newest, due = data_as_of(database), next_expected_at(database, feed, clock.now())
    return Status(
        schema_version=SCHEMA_VERSION,
        feed=feed.name,
        checked_at=isoformat(checked_at or clock.now()),
        data_as_of=isoformat(newest) if newest else None,
        next_expected_at=isoformat(due) if due else None,
        moved_match_ids=_moved_since_predicted(database, clock.now()),
        assets=_asset_states(instance, watched),
    )


def _moved_since_predicted(database: Database, now: dt.datetime) -> tuple[str, ...]:
    """Fixtures whose kickoff differs from the one in their newest ledger entry."""
    # One look-up per upcoming fixture instead of a scan of the ledger.
    predicted_for = (
        sa.select(ledger_entry.c.kickoff)
        .where(ledger_entry.c.match_id == match.c.match_id)
        .order_by(ledger_entry.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(match.c.match_id).where(match.c.kickoff > now, match.c.kickoff != predicted_for)
    with database.reading() as connection:
        # Sorted here: with ORDER BY match_id SQLite scans all matches instead of the index of kickoffs.
        return tuple(sorted(connection.execute(query).scalars()))


def _asset_states(instance: dg.DagsterInstance, watched: Mapping[dg.AssetKey, str]) -> tuple[AssetState, ...]:
    records = instance.get_freshness_state_records(list(watched))
    # One query for all assets: a query per asset takes nine times as long, every minute.
    newest = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization
        for record in instance.get_asset_records(list(watched))
    }
    states = []
    for key, promise in watched.items():
        event = newest.get(key)
        record = records.get(key)
        seen = dt.datetime.fromtimestamp(event.timestamp, dt.UTC) if event else None
        states.append(
            AssetState(
                key=key.to_user_string(),
                state=record.freshness_state.value.lower() if record else "unknown",
                promise=promise,
                last_materialized_at=isoformat(seen) if seen else None,
            )
        )
    return tuple(states)
