"""Which feed a person trusts in a competition, and in which of its months: the table `feed_trust`.

Without a decision the first feed of the home that has a competition provides its matches. A trusted feed
takes its place: its row of a match gets the id of the other's row, so the match keeps its id and history.
What only the other feed reports stays; it teaches nothing where the two disagree. Decisions can be withdrawn.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from soccer_assets.football.feed_agreement import (
    FEEDS_DISAGREE,
    NEITHER_IS_TRUSTED,
    NOT_TOLD,
    end_of,
    month_of,
    start_of,
)
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list, upsert
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.stores.matches.unread import mark_rows_unread, mark_unread_where
from soccer_assets.stores.store_error import StoreError
from soccer_assets.tables import feed_agreement, feed_trust, match, match_raw, match_source_id

NEITHER = ""
EVERY_MONTH = ""
Scope = tuple[str, str]  # competition, month


class TrustError(StoreError):
    """A decision cannot be made or withdrawn; the message says why."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision.

    Attributes:
        month: such as ``2025-04``; `EVERY_MONTH` where it is about the whole competition.
        feed: the feed that is right; `NEITHER` where none is.
    """

    competition: str
    month: str
    feed: str
    decided_at: dt.datetime


def decisions(database: Database) -> list[Decision]:
    """The decisions that hold, by competition and month."""
    query = sa.select(feed_trust).where(feed_trust.c.is_valid)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(feed_trust.c.competition, feed_trust.c.month))
        return [
            Decision(competition=row.competition, month=row.month, feed=row.feed, decided_at=row.decided_at)
            for row in rows
        ]


def decide(database: Database, *, competition: str, feed: str, month: str, now: dt.datetime) -> int:
    """Trust a feed, or `NEITHER`; returns how many stored rows the next refresh reads again.

    Args:
        database: where the tables are.
        competition: its code.
        feed: name of the feed that is right from now on.
        month: such as ``2025-04``, or `EVERY_MONTH`.
        now: time stamp of the decision.

    Raises:
        TrustError: no stored row of the competition and month is of that feed.
    """
    rows = _rows_of(database, competition, month)
    when = f" in {month}" if month else ""
    if not rows:
        raise TrustError(f"no feed reports a match of {competition}{when}")
    if feed not in {*rows, NEITHER}:
        raise TrustError(
            f"{feed} reports no match of {competition}{when}; {' and '.join(sorted(rows))} report some"
        )
    decision = {"competition": competition, "month": month, "feed": feed}
    with database.writing() as connection:
        upsert(connection, feed_trust, [{**decision, "is_valid": True, "decided_at": now}])
        return mark_rows_unread(connection, rows)


def withdraw(database: Database, *, competition: str, month: str, now: dt.datetime) -> int:
    """Withdraw a decision; returns how many stored rows the next refresh reads again.

    Raises:
        TrustError: there is none.
    """
    rows = _rows_of(database, competition, month)
    with database.writing() as connection:
        theirs = (feed_trust.c.competition == competition) & (feed_trust.c.month == month)
        done = connection.execute(
            sa.update(feed_trust).where(theirs, feed_trust.c.is_valid).values(is_valid=False, decided_at=now)
        )
        if not done.rowcount:
            raise TrustError(
                f"nothing was decided about {competition}{f' in {month}' if month else ''}; "
                "`soccer feeds agreement` lists the decisions"
            )
        return mark_rows_unread(connection, rows)


def mark_scopes_unread(connection: sa.Connection, scopes: Iterable[Scope]) -> int:
    """Mark the raw rows of these competitions and months as unread; returns how many."""
    marked, sources = 0, stored_feeds(connection)
    for competition, month in sorted(scopes):
        marked += mark_unread_where(connection, _theirs(connection, competition, month, sources))
    return marked


def rows_that_count(
    connection: sa.Connection, records: Sequence[RawMatch], owners: Mapping[str, str] | None
) -> list[RawMatch]:
    """The rows that become matches: those of the trusted feed, and what only the home's first feed reports.

    A feed that is trusted no longer keeps the matches that it alone reports, so that they can be marked.

    Args:
        connection: a transaction.
        records: rows with their ids.
        owners: by competition, the home's first feed that has it; None where a home has one feed.
    """
    if owners is None:
        return list(records)
    trust, decided = decided_feeds(connection), decided_competitions(connection)
    counted, others, alone = [], defaultdict(list), []
    for record in records:
        owner = owners.get(record.competition, record.source)
        trusted = (trusted_feed(trust, record.competition, record.kickoff) if trust else None) or owner
        if record.source == trusted:
            counted.append(record)
        elif record.source == owner:
            others[trusted].append(record)
        elif record.competition in decided:
            alone.append(record)
    for trusted, rows in others.items():
        reported = _also_told_by(connection, trusted, rows)
        counted += [row for row in rows if (row.source, row.source_match_id) not in reported]
    kept = _of_stored_matches(connection, alone)
    return counted + [row for row in alone if (row.source, row.source_match_id) in kept]


def mark_disagreeing(connection: sa.Connection, batch: MatchBatch, *, are_feeds_compared: bool) -> None:
    """Set ``quarantine`` of results that are about to be written and that no trusted feed reports.

    A home with one feed compares none, yet a person may trust `NEITHER`.
    """
    disputed = _disputed(connection) if are_feeds_compared else set()
    trust = decided_feeds(connection)
    if not disputed and NEITHER not in trust.values():
        return
    marks = batch.columns["quarantine"]
    competitions, kickoffs, sources = (batch.columns[name] for name in ("competition", "kickoff", "source"))
    for place in batch.settled:
        if marks[place] is None:
            trusted = trusted_feed(trust, competitions[place], kickoffs[place])
            if trusted == NEITHER:
                marks[place] = NEITHER_IS_TRUSTED
            elif trusted != sources[place] and (competitions[place], month_of(kickoffs[place])) in disputed:
                marks[place] = NOT_TOLD if trusted else FEEDS_DISAGREE


def trusted_feed(trust: Mapping[Scope, str], competition: str, kickoff: dt.datetime) -> str | None:
    """The feed that a person trusts for a match, `NEITHER`, or None without a decision: the month's first."""
    of_month = trust.get((competition, month_of(kickoff)))
    return trust.get((competition, EVERY_MONTH)) if of_month is None else of_month


def is_decided(made: Iterable[Decision], competition: str, months: Iterable[str]) -> bool:
    """Whether a person decided about all these months of a competition."""
    scopes = {(decision.competition, decision.month) for decision in made}
    return (competition, EVERY_MONTH) in scopes or all((competition, month) in scopes for month in months)


def decided_competitions(connection: sa.Connection) -> set[str]:
    """Competitions with a decision, those withdrawn too."""
    return set(connection.execute(sa.select(feed_trust.c.competition)).scalars())


def decided_feeds(connection: sa.Connection) -> dict[Scope, str]:
    """The feed that a person trusts by competition and month, or `NEITHER`."""
    query = sa.select(feed_trust).where(feed_trust.c.is_valid)
    return {(row.competition, row.month): row.feed for row in connection.execute(query)}


def stored_feeds(connection: sa.Connection) -> list[str]:
    """Names of the feeds that stored rows."""
    return sorted(connection.execute(sa.select(match_raw.c.source).distinct()).scalars())


def _disputed(connection: sa.Connection) -> set[Scope]:
    query = sa.select(feed_agreement.c.competition, feed_agreement.c.month)
    rows = connection.execute(query.where(feed_agreement.c.is_disputed))
    return {(row.competition, row.month) for row in rows}


def _also_told_by(
    connection: sa.Connection, trusted: str, rows: Sequence[RawMatch]
) -> set[tuple[str, str | None]]:
    """Rows of another feed whose match the trusted feed reports too."""
    own, theirs = match_source_id, match_source_id.alias()
    is_told = sa.exists().where(theirs.c.match_id == own.c.match_id, theirs.c.source == trusted)
    return _rows_for_which(connection, is_told, rows)


def _of_stored_matches(connection: sa.Connection, rows: Sequence[RawMatch]) -> set[tuple[str, str | None]]:
    """Rows that stand for a stored match which no other feed reports."""
    own, others = match_source_id, match_source_id.alias()
    is_shared = sa.exists().where(others.c.match_id == own.c.match_id, others.c.source != own.c.source)
    stands = sa.exists().where(
        match.c.match_id == own.c.match_id,
        match.c.source == own.c.source,
        match.c.source_match_id == own.c.source_match_id,
    )
    return _rows_for_which(connection, stands & ~is_shared, rows)


def _rows_for_which(
    connection: sa.Connection, condition: sa.ColumnElement[bool], rows: Sequence[RawMatch]
) -> set[tuple[str, str | None]]:
    """Keys of the rows for whose `match_source_id` a condition holds."""
    found: set[tuple[str, str | None]] = set()
    own = match_source_id
    for source in {row.source for row in rows}:
        ids = [row.source_match_id or "" for row in rows if row.source == source]
        for part in batches(ids, IDS_PER_QUERY):
            theirs = (own.c.source == source) & in_list(connection, own.c.source_match_id, part)
            query = sa.select(own.c.source, own.c.source_match_id).where(theirs, condition)
            found.update((row.source, row.source_match_id) for row in connection.execute(query))
    return found


def _rows_of(database: Database, competition: str, month: str) -> dict[str, list[str]]:
    """Ids of the raw rows of a competition and month by feed; read without a lock."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with database.reading() as connection:
        theirs = _theirs(connection, competition, month, stored_feeds(connection))
        query = sa.select(match_raw.c.source, match_raw.c.source_match_id).where(theirs)
        for source, row_id in connection.execute(query):
            found[source].append(row_id)
    return dict(found)


def _theirs(
    connection: sa.Connection, competition: str, month: str, sources: Sequence[str]
) -> sa.ColumnElement[bool]:
    """The condition for the raw rows of a competition and month; it names the sources, for the index."""
    theirs = match_raw.c.competition == competition
    if month == EVERY_MONTH:
        return theirs
    return sa.and_(
        theirs,
        in_list(connection, match_raw.c.source, sources),
        match_raw.c.kickoff >= start_of(month),
        match_raw.c.kickoff < end_of(month),
    )
