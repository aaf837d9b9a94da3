"""Normalises raw rows into matches: resolves teams, assigns ids, keeps replaced versions in the history."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.awarded_results import as_awarded
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.football.records import MatchOdds, RawMatch, Rejection
from soccer_assets.football.validity import (
    LEAST_GOALS,
    MOST_GOALS,
    is_goal_count,
    same_team_fault,
)
from soccer_assets.resources.bulk_rows import (
    IDS_PER_QUERY,
    ROWS_PER_TRANSACTION,
    batches,
    in_list,
    infrequent_gc,
    insert_columns,
    upsert,
    upsert_columns,
)
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import next_change_no, read_watermark, set_watermark
from soccer_assets.stores.matches.competitions import mark_rows_of_changed_competitions, store_competitions
from soccer_assets.stores.matches.feed_trust import mark_disagreeing, rows_that_count
from soccer_assets.stores.matches.filled_matchdays import mark_filled_matchdays
from soccer_assets.stores.matches.grounds import (
    mark_finals_with_another_host,
    mark_rows_of_changed_rules,
    put_finalists_at_home,
)
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.stores.matches.match_columns import match_batch
from soccer_assets.stores.matches.meeting_rows import row_key
from soccer_assets.stores.matches.meetings import bring_together, give_ids
from soccer_assets.stores.matches.named_teams import place_teams
from soccer_assets.stores.matches.quarantine import mark_same_day, release_lone_results
from soccer_assets.stores.matches.raw import store_rejections
from soccer_assets.stores.matches.removals import count_written
from soccer_assets.stores.matches.shared_match_ids import share_match_ids
from soccer_assets.stores.matches.unread import DAYS_PER_TRANSACTION
from soccer_assets.tables import match, match_history, match_raw, odds

_READ_SO_FAR = "match_raw read by match"
_BOOKKEEPING = frozenset({"match_id", "version", "updated_at", "change_no"})
_PRICES = MatchOdds.__struct_fields__
# A match whose row differs in one of these has a new version.
_COMPARED = [column.name for column in match.columns if column.name not in _BOOKKEEPING]


class MatchCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over new raw rows did.

    Attributes:
        merged: matches that turned out to be one with another.
        owned_by_another_feed: rows of competitions whose matches another feed provides.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    merged: int = 0
    rejected: int = 0
    owned_by_another_feed: int = 0
    teams_added: int = 0
    odds_written: int = 0

    def __add__(self, other: "MatchCounts") -> "MatchCounts":
        sums = {name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        return MatchCounts(**sums)


@infrequent_gc()
def update_matches(
    database: Database,
    competitions: Mapping[str, Competition],
    now: dt.datetime,
    owners: Mapping[str, str] | None = None,
) -> MatchCounts:
    """Bring `match`, `odds` and `team` up to date with every raw row that changed since the last pass.

    Args:
        database: where the tables are.
        competitions: the whole catalogue, by code.
        now: time stamp of the rows written.
        owners: by competition, the feed whose rows count; None where a home has one feed.
    """
    total = MatchCounts()
    mark_rows_of_changed_rules(database)
    with database.writing() as connection:
        read_so_far = read_watermark(connection, _READ_SO_FAR)
        mark_rows_of_changed_competitions(connection, competitions, owners, read_so_far)
        if owners is not None:
            share_match_ids(connection, competitions, owners, read_so_far)
    while True:
        with database.writing() as connection:
            unread = _unread(connection)
            raw = _of_few_days(unread)
            if not raw:
                return total
            total += _update_batch(connection, raw, competitions, now, owners)
            set_watermark(connection, _READ_SO_FAR, raw[-1].change_no)
        if len(raw) < len(unread):
            database.let_others_write()


def _unread(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Raw rows of the next changes: whole transactions of the raw store, at least one."""
    seen = read_watermark(connection, _READ_SO_FAR)
    unread = match_raw.c.change_no > seen
    last = connection.execute(
        sa.select(match_raw.c.change_no)
        .where(unread)
        .order_by(match_raw.c.change_no)
        .offset(ROWS_PER_TRANSACTION - 1)
        .limit(1)
    ).scalar()
    if last is not None:
        unread &= match_raw.c.change_no <= last
    query: sa.Select[Any] = sa.select(
        match_raw.c.source,
        match_raw.c.source_match_id,
        match_raw.c.kickoff,
        match_raw.c.record,
        match_raw.c.change_no,
    )
    return connection.execute(query.where(unread).order_by(match_raw.c.change_no)).all()


def _of_few_days(rows: Sequence[sa.Row[Any]]) -> Sequence[sa.Row[Any]]:
    """The first changes among rows in the order of their change numbers: at least one, and few days.

    Each day takes time under the write lock, for the results beside the row.
    """
    days: set[dt.date] = set()
    end = 0
    for _, change in itertools.groupby(rows, key=attrgetter("change_no")):
        of_change = [row.kickoff.date() for row in change]
        days.update(of_change)
        if end and len(days) > DAYS_PER_TRANSACTION:
            break
        end += len(of_change)
    return rows[:end]


def _update_batch(
    connection: sa.Connection,
    raw: Sequence[sa.Row[Any]],
    competitions: Mapping[str, Competition],
    now: dt.datetime,
    owners: Mapping[str, str] | None,
) -> MatchCounts:
    decoder = msgspec.json.Decoder(RawMatch)
    decoded = [decoder.decode(row.record) for row in raw]
    records = rows_that_count(connection, decoded, owners)
    faultless, rejections = _without_faults(records, competitions)
    if rejections:
        store_rejections(connection, rejections, now)
    store_competitions(connection, {record.competition for record in faultless}, competitions)
    meetings = bring_together(
        connection, faultless, competitions, now, lambda record: not _fault(record, competitions)
    )
    # Again: meetings bring rows of the same feed along.
    records = rows_that_count(connection, meetings.records, owners)
    teams, teams_added = place_teams(connection, records, competitions, now)
    match_ids, removed = give_ids(connection, meetings.matches, now)
    own_ids = [match_ids[row_key(record)] for record in records]
    batch = match_batch(list(map(as_awarded, records)), own_ids, competitions, teams)
    for key, mark in meetings.marks.items():
        batch.mark(match_ids.get(key, ""), mark)
    put_finalists_at_home(connection, batch)
    mark_disagreeing(connection, batch, are_feeds_compared=owners is not None)
    added, changed = _write_matches(connection, batch, removed, now)
    mark_finals_with_another_host(connection, batch)
    priced = {
        match_id: record.odds
        for match_id, record in zip(own_ids, records, strict=True)
        if record.odds is not None
    }
    prices = {name: [getattr(price, name) for price in priced.values()] for name in _PRICES}
    written_at = [now] * len(priced)
    upsert_columns(connection, odds, {"match_id": list(priced), **prices, "updated_at": written_at})
    return MatchCounts(
        read=len(raw),
        added=added,
        changed=changed,
        merged=len(removed),
        rejected=len(rejections),
        owned_by_another_feed=len(decoded) - len(faultless) - len(rejections),
        teams_added=teams_added,
        odds_written=sum(record.odds is not None for record in records),
    )


def _without_faults(
    records: Iterable[RawMatch], competitions: Mapping[str, Competition]
) -> tuple[list[RawMatch], list[Rejection]]:
    """The records that can be stored as matches, and the others, with the reason of each."""
    faultless, rejections = [], []
    for record in records:
        if fault := _fault(record, competitions):
            payload = {"competition": record.competition, "source_match_id": record.source_match_id}
            rejections.append(Rejection(source=record.source, reason=fault, payload=payload))
        else:
            faultless.append(record)
    return faultless, rejections


def _fault(record: RawMatch, competitions: Mapping[str, Competition]) -> str:
    """Why a record cannot be stored as a match; empty where it can."""
    if record.competition not in competitions:
        return f"competition {record.competition!r} is not in competitions.toml; add it there"
    if fault := same_team_fault(record.home_team, record.away_team):
        return f"{fault}; correct it at the source"
    home, away = record.home_goals, record.away_goals
    if (home is not None and not is_goal_count(home)) or (away is not None and not is_goal_count(away)):
        score = f"{record.home_goals}-{record.away_goals}"
        return f"the score {score} is not two numbers from {LEAST_GOALS} to {MOST_GOALS}; correct it"
    return ""


def _write_matches(
    connection: sa.Connection, batch: MatchBatch, removed: Sequence[sa.Row[Any]], now: dt.datetime
) -> tuple[int, int]:
    known: dict[str, sa.Row[Any]] = {}
    for ids in batches(batch.places, IDS_PER_QUERY):
        query = sa.select(match).where(in_list(connection, match.c.match_id, ids))
        known.update({row.match_id: row for row in connection.execute(query)})
    release_lone_results(connection, batch, known, removed)
    mark_same_day(connection, batch, known, removed)
    mark_filled_matchdays(connection, batch, known, removed)
    added = batch.new(known)
    changed = [
        batch.row(match_id, ("match_id", *_COMPARED)) for match_id in batch.differing(known, _COMPARED)
    ]
    new = len(added["match_id"])
    if not new and not changed:
        return 0, 0
    change_no = next_change_no(connection)
    replaced = []
    stamps = {"version": 1, "updated_at": now, "change_no": change_no}
    added.update((name, [value] * new) for name, value in stamps.items())
    for row in changed:
        old = known[row["match_id"]]
        row.update(version=old.version + 1, updated_at=now, change_no=change_no)
        kept = old._asdict()
        kept.pop("change_no")
        replaced.append(kept | {"replaced_by_change_no": change_no})
    upsert(connection, match_history, replaced)
    insert_columns(connection, match, added)
    upsert(connection, match, changed)
    settled = sum(map(SETTLED_STATUSES.__contains__, added["status"]))
    count_written(connection, settled, changed, known, now, change_no)
    return new, len(changed)
