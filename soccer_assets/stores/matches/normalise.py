"""Normalises raw rows into matches: resolves teams, assigns ids, keeps replaced versions in the history."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.awarded_results import as_awarded
from soccer_assets.football.competitions import INTERNATIONAL, Competition, club_and_pool
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import MatchStats, RawMatch, Rejection
from soccer_assets.football.text_folding import fold
from soccer_assets.football.validity import (
    LEAST_GOALS,
    MOST_GOALS,
    contradiction,
    is_goal_count,
    same_team_fault,
)
from soccer_assets.resources.bulk_rows import (
    IDS_PER_QUERY,
    ROWS_PER_TRANSACTION,
    batches,
    in_list,
    infrequent_gc,
    insert,
    upsert,
)
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import next_change_no, read_watermark, set_watermark
from soccer_assets.stores.matches.competitions import mark_rows_of_changed_competitions, store_competitions
from soccer_assets.stores.matches.feed_trust import mark_disagreeing, rows_that_count
from soccer_assets.stores.matches.filled_matchdays import mark_filled_matchdays
from soccer_assets.stores.matches.grounds import (
    PLAYED_AT_HOME,
    ground_columns,
    mark_finals_with_another_host,
    mark_rows_of_changed_rules,
    put_finalists_at_home,
)
from soccer_assets.stores.matches.meetings import bring_together, give_ids, row_key
from soccer_assets.stores.matches.quarantine import mark_same_day, release_lone_results
from soccer_assets.stores.matches.raw import store_rejections
from soccer_assets.stores.matches.removals import count_written
from soccer_assets.stores.matches.shared_match_ids import RowKey, share_match_ids
from soccer_assets.stores.matches.source_teams import SourceTeams
from soccer_assets.stores.matches.teams import redirects
from soccer_assets.tables import (
    match,
    match_history,
    match_raw,
    odds,
    team,
    team_alias,
)

_READ_SO_FAR = "match_raw read by match"
_BOOKKEEPING = frozenset({"match_id", "version", "updated_at", "change_no"})
# A column of `match` with the name of a field of the record, or of its competition, holds that field.
FROM_RECORD = tuple(column.name for column in match.columns if column.name in RawMatch.__struct_fields__)
FROM_COMPETITION = tuple(
    column.name
    for column in match.columns
    if column.name in Competition.__struct_fields__ and column.name not in FROM_RECORD
)
# A row takes these whole: most matches of an archive have no statistics and end after 90 minutes.
_AFTER_90: dict[str | None, dict[str, str | None]] = {
    decided_by: {"decided_by": decided_by}
    | dict.fromkeys(("home_goals_et", "away_goals_et", "home_pens", "away_pens"))
    for decided_by in (None, "awarded", "regular", "unknown")
}
_NO_STATS: dict[str, None] = dict.fromkeys(MatchStats.__struct_fields__)
PRICE_COLUMNS = ("price_kind", "home_price", "draw_price", "away_price")
GOAL_PRICE_COLUMNS = (
    *("goal_price_kind", "over_price", "under_price"),
    *("handicap", "home_handicap_price", "away_handicap_price"),
)
_NO_PRICE: dict[str, None] = dict.fromkeys((*PRICE_COLUMNS, *GOAL_PRICE_COLUMNS))
# A look-up of an enum's member is one of Python's slower operations.
_FINISHED, _AWARDED = MatchStatus.FINISHED, MatchStatus.AWARDED
_of_record, _of_competition = attrgetter(*FROM_RECORD), attrgetter(*FROM_COMPETITION)


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
            raw = _unread(connection)
            if not raw:
                return total
            total += _update_batch(connection, raw, competitions, now, owners)
            set_watermark(connection, _READ_SO_FAR, raw[-1].change_no)


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
        match_raw.c.source, match_raw.c.source_match_id, match_raw.c.record, match_raw.c.change_no
    )
    return connection.execute(query.where(unread).order_by(match_raw.c.change_no)).all()


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
    teams, teams_added = _place_teams(connection, records, competitions, now)
    match_ids, removed = give_ids(connection, meetings.matches, now)
    rows = _match_rows(records, match_ids, competitions, teams)
    for key, mark in meetings.marks.items():
        if (row := rows.get(match_ids.get(key, ""))) is not None and row["quarantine"] is None:
            row["quarantine"] = mark
    put_finalists_at_home(connection, rows)
    mark_disagreeing(connection, rows.values(), are_feeds_compared=owners is not None)
    added, changed = _write_matches(connection, rows, removed, now)
    mark_finals_with_another_host(connection, rows)
    prices = [
        {
            "match_id": match_ids[row_key(record)],
            **msgspec.structs.asdict(record.odds),
            "updated_at": now,
        }
        for record in records
        if record.odds is not None
    ]
    upsert(connection, odds, list({price["match_id"]: price for price in prices}.values()))
    return MatchCounts(
        read=len(raw),
        added=added,
        changed=changed,
        merged=len(removed),
        rejected=len(rejections),
        owned_by_another_feed=len(decoded) - len(faultless) - len(rejections),
        teams_added=teams_added,
        odds_written=len(prices),
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


_TeamKey = tuple[str, str, str, str]  # source, competition, name as the source spells it, its own id or ""


def _team_keys(record: RawMatch) -> tuple[_TeamKey, _TeamKey]:
    home_id, away_id = ("", "") if record.team_ids is msgspec.UNSET else record.team_ids
    return (
        (record.source, record.competition, record.home_team, home_id),
        (record.source, record.competition, record.away_team, away_id),
    )


def _place_teams(
    connection: sa.Connection,
    records: Sequence[RawMatch],
    competitions: Mapping[str, Competition],
    now: dt.datetime,
) -> tuple[dict[_TeamKey, str], int]:
    """Team id by key, and how many teams are new.

    Where the source has an id of its own for the team, that decides; a name is placed within its pool.
    """
    placed: dict[_TeamKey, str] = {}
    teams: dict[str, dict[str, Any]] = {}
    aliases: dict[tuple[str, str], dict[str, Any]] = {}
    merged_into = redirects(connection)
    own_ids = SourceTeams(connection, {record.source for record in records})
    # Leagues first: they tell the country of a club that an international cup only names.
    cups = {code for code, place in competitions.items() if place.country == INTERNATIONAL}
    in_order = sorted(records, key=lambda record: record.competition in cups)
    for record in in_order:
        if record.team_ids is msgspec.UNSET:
            continue
        place = competitions[record.competition]
        for _, _, name, own_id in _team_keys(record):
            if own_id:
                club, pool = club_and_pool(name, place)
                own_ids.see(record.source, own_id, pool, club, record.kickoff.date())
    # Each once: a batch of 10,000 rows names 2,000.
    for key in dict.fromkeys(key for record in in_order for key in _team_keys(record)):
        source, code, name, own_id = key
        place = competitions[code]
        club, pool = club_and_pool(name, place)
        minted = pool.team_id(club)
        team_id = own_ids.place(source, own_id, pool, minted, club) if own_id else minted
        placed[key] = merged_into.get(team_id, team_id)
        if team_id == minted:
            teams.setdefault(
                team_id,
                {
                    "team_id": team_id,
                    "name": club,
                    "folded_name": fold(club),
                    "country": pool.country,
                    "sex": place.sex,
                    "age_group": place.age_group,
                    "first_seen_at": now,
                    "squad": place.squad,
                },
            )
        alias = f"{pool}|{fold(club)}"
        aliases[source, alias] = {"source": source, "alias": alias, "team_id": placed[key]}
    known: set[str] = set()
    for ids in batches(teams, IDS_PER_QUERY):
        known.update(
            connection.execute(
                sa.select(team.c.team_id).where(in_list(connection, team.c.team_id, ids))
            ).scalars()
        )
    new = [row for team_id, row in teams.items() if team_id not in known]
    insert(connection, team, new)
    upsert(connection, team_alias, list(aliases.values()))
    own_ids.write(now)
    return placed, len(new)


def _match_rows(
    records: Sequence[RawMatch],
    match_ids: Mapping[RowKey, str],
    competitions: Mapping[str, Competition],
    teams: Mapping[_TeamKey, str],
) -> dict[str, dict[str, Any]]:
    """The rows of `match`, by id, but for version and quarantine by other rows."""
    # Most matches of a competition share most of their row: a copy of it is made in a third of the time.
    plain = {
        code: {"match_id": "", **dict.fromkeys(FROM_RECORD)}
        | dict(zip(FROM_COMPETITION, _of_competition(competitions[code]), strict=True))
        | _AFTER_90["regular"]
        | _NO_STATS
        | _NO_PRICE
        | PLAYED_AT_HOME
        for code in {record.competition for record in records}
    }
    rows = {}
    for told in records:
        match_id, record = match_ids[row_key(told)], as_awarded(told)
        home, away = _team_keys(record)
        row = plain[record.competition].copy()
        row.update(zip(FROM_RECORD, _of_record(record), strict=True))
        row["match_id"] = match_id
        row["home_team_id"], row["away_team_id"] = teams[home], teams[away]
        row["kickoff_precision"], row["status"] = str(record.kickoff_precision), str(record.status)
        if (ground := ground_columns(record, competitions[record.competition])) is not PLAYED_AT_HOME:
            row.update(ground)
        if (decision := _decision(record)) is not _AFTER_90["regular"]:
            row.update(decision)
        if record.stats is not None:
            row.update(msgspec.structs.asdict(record.stats))
        if (price := record.odds) is not None:
            row.update(zip(PRICE_COLUMNS, (price.kind, price.home, price.draw, price.away), strict=True))
        if (goals := record.goal_odds) is not msgspec.UNSET:
            row.update(zip(GOAL_PRICE_COLUMNS, msgspec.structs.astuple(goals), strict=True))
        row["quarantine"] = _contradiction(record)
        rows[match_id] = row
    return rows


def _contradiction(record: RawMatch) -> str | None:
    """The mark of a match that is told with several scores; None of any other."""
    if record.other_scores is msgspec.UNSET or record.home_goals is None or record.away_goals is None:
        return None
    return contradiction([(record.home_goals, record.away_goals), *record.other_scores])


def _decision(record: RawMatch) -> Mapping[str, Any]:
    """How the match was decided; ``unknown`` where it is over and the feed does not tell its 90 minutes.

    A match with extra time is not taken for a draw after 90 minutes: two legs go there on aggregate.
    """
    if after := record.after_90:
        return {
            "decided_by": after.decided_by,
            "home_goals_et": after.home_goals,
            "away_goals_et": after.away_goals,
            "home_pens": after.home_penalties,
            "away_pens": after.away_penalties,
        }
    decided_by = "awarded" if record.status is _AWARDED else None
    if record.status is _FINISHED:
        decided_by = "unknown" if record.home_goals is None or record.away_goals is None else "regular"
    return _AFTER_90[decided_by]


def _write_matches(
    connection: sa.Connection,
    rows: dict[str, dict[str, Any]],
    removed: Sequence[sa.Row[Any]],
    now: dt.datetime,
) -> tuple[int, int]:
    known: dict[str, sa.Row[Any]] = {}
    for ids in batches(rows, IDS_PER_QUERY):
        query = sa.select(match).where(in_list(connection, match.c.match_id, ids))
        known.update({row.match_id: row for row in connection.execute(query)})
    release_lone_results(connection, rows, known, removed)
    mark_same_day(connection, rows, known, removed)
    mark_filled_matchdays(connection, rows, known, removed)
    compared = [column.name for column in match.columns if column.name not in _BOOKKEEPING]
    added = [row for match_id, row in rows.items() if match_id not in known]
    changed = [
        row
        for match_id, row in rows.items()
        if match_id in known and any(row[name] != getattr(known[match_id], name) for name in compared)
    ]
    if not added and not changed:
        return 0, 0
    change_no = next_change_no(connection)
    replaced = []
    for row in added:
        row.update(version=1, updated_at=now, change_no=change_no)
    for row in changed:
        old = known[row["match_id"]]
        row.update(version=old.version + 1, updated_at=now, change_no=change_no)
        kept = old._asdict()
        kept.pop("change_no")
        replaced.append(kept | {"replaced_by_change_no": change_no})
    upsert(connection, match_history, replaced)
    insert(connection, match, added)
    upsert(connection, match, changed)
    count_written(connection, added, changed, known, now, change_no)
    return len(added), len(changed)
