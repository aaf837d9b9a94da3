"""Stores a feed's rows unchanged: `match_raw`, its history, and the rejected rows.

A pass over unchanged data writes one row to `ingest` and nothing else. A changed payload replaces the stored
one, which moves to `match_raw_history`. Fetching any windows in any order gives the same tables.
"""

import datetime as dt
import functools
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec
import sqlalchemy as sa

from soccer_assets.feeds.unreadable import shortened_file, stopped_list
from soccer_assets.football.identity import KnownMeeting, assign_ids
from soccer_assets.football.matches import STATUS_RULES, MatchStatus, Window, settled_score
from soccer_assets.football.records import RawMatch, Rejection, Row, UndrawnFixture, UnreadableFile
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import (
    IDS_PER_QUERY,
    ROWS_PER_TRANSACTION,
    batches,
    in_list,
    infrequent_gc,
    prefetch,
    upsert,
)
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.stores.matches.ended_lists import ended_lists
from soccer_assets.stores.matches.held_rows import digest_of, forget_unlisted
from soccer_assets.stores.matches.meeting_names import meeting_of
from soccer_assets.stores.matches.names import place_names
from soccer_assets.stores.matches.raw_rows import Content, encode, encode_rows, insert_rows, replace_rows
from soccer_assets.stores.matches.taken_back import with_taken_back
from soccer_assets.stores.matches.unread import mark_left_unread
from soccer_assets.stores.matches.vanished import cut_lists, mark_vanished, names_in
from soccer_assets.tables import ingest, match_raw, rejected_row


class IngestCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over a window found.

    Attributes:
        doubles: rows that repeat a match of the same pass.
        held: rows that wait until the names in them are decided.
        twice_a_day: results of a team that has another result in its competition on the same day.
        files_passed_over: files of the feed that could not be read, or not to their end; not among the rows.
        contradicted: matches that rows of one pass tell with several scores.
        undrawn: fixtures whose teams are not known yet; not among the rejected rows.
    """

    seen: int = 0
    added: int = 0
    changed: int = 0
    rejected: int = 0
    doubles: int = 0
    held: int = 0
    twice_a_day: int = 0
    files_passed_over: int = 0
    contradicted: int = 0
    undrawn: int = 0
    newest_result: dt.datetime | None = None

    @property
    def unchanged(self) -> int:
        """Rows that equal the stored ones, and repeats that the feed itself recognises."""
        kept = self.added + self.changed + self.held + self.undrawn
        return self.seen - self.rejected - self.doubles - kept

    def __add__(self, other: "IngestCounts") -> "IngestCounts":
        newest = [result for result in (self.newest_result, other.newest_result) if result is not None]
        return IngestCounts(
            seen=self.seen + other.seen,
            added=self.added + other.added,
            changed=self.changed + other.changed,
            rejected=self.rejected + other.rejected,
            doubles=self.doubles + other.doubles,
            held=self.held + other.held,
            twice_a_day=self.twice_a_day + other.twice_a_day,
            files_passed_over=self.files_passed_over + other.files_passed_over,
            contradicted=self.contradicted + other.contradicted,
            undrawn=self.undrawn + other.undrawn,
            newest_result=max(newest, default=None),
        )


class _Look(msgspec.Struct):
    """What the batches of one pass have had so far.

    Attributes:
        assumes_postponed: whether the feed knows no status of a match without a result.
        played: teams with a result, by competition and day.
        scores: the results of each match, by its id.
        listed: kickoff of each row, by its id.
        held: digests of the rows that are held back.
        doubtful_names: folded texts of rows that are not stored.
        encoded: content of rows of this batch, by identity.
        unread: codes of the competitions of unread files; empty text for a file that names none.
    """

    assumes_postponed: bool = False
    played: defaultdict[tuple[str, dt.date], set[str]] = msgspec.field(
        default_factory=functools.partial(defaultdict, set)
    )
    scores: dict[str, set[tuple[int, int]]] = msgspec.field(default_factory=dict)
    listed: dict[str, dt.datetime] = msgspec.field(default_factory=dict)
    held: set[str] = msgspec.field(default_factory=set)
    doubtful_names: set[str] = msgspec.field(default_factory=set)
    encoded: dict[int, Content] = msgspec.field(default_factory=dict)
    unread: set[str] = msgspec.field(default_factory=set)


@infrequent_gc()
def store_raw(
    database: Database,
    items: Iterable[Row],
    *,
    asset: str,
    source: str,
    window: Window,
    now: dt.datetime,
    assumes_postponed: bool = False,
) -> IngestCounts:
    """Store one pass over a window, a transaction per batch.

    Args:
        database: where the rows are stored.
        items: rows of the feed.
        asset: that asks for them.
        source: name of the feed.
        window: the days that were read.
        now: time stamp of the rows.
        assumes_postponed: whether the feed knows no status of a match without a result.

    Raises:
        FeedError: the feed failed; batches stored before stay, and the next pass finds them unchanged.
    """
    total, look = IngestCounts(), _Look(assumes_postponed=assumes_postponed)
    # Rows are encoded before the lock is taken.
    for batch, look.encoded in prefetch(items, ROWS_PER_TRANSACTION, encode_rows):
        with database.writing() as connection:
            total += _store_batch(connection, batch, source, window, now, look)
    with database.writing() as connection:
        if not total.files_passed_over:
            forget_unlisted(connection, source, window, look.held)
            cut = mark_vanished(connection, source, window, look.listed, look.doubtful_names, now).cut
        else:
            cut = _cut_beside(connection, source, window, look)
        reports = [shortened_file(source, code) for code in cut]
        reports += _stopped_beside(connection, source, window, {*cut, *look.unread}, now)
        total += IngestCounts(files_passed_over=len(reports))
        store_rejections(connection, reports, now)
        connection.execute(
            sa.insert(ingest).values(
                asset=asset,
                source=source,
                window_start=window.start,
                window_end=window.end,
                checked_at=now,
                seen=total.seen,
                added=total.added,
                changed=total.changed,
                rejected=total.rejected,
                doubles=total.doubles + total.twice_a_day,
            )
        )
    return total


def _cut_beside(connection: sa.Connection, source: str, window: Window, look: _Look) -> list[str]:
    """Competitions whose list was cut, of those that no report of an unread file may be about."""
    if "" in look.unread:
        return []
    return [code for code in cut_lists(connection, source, window, look.listed) if code not in look.unread]


def _stopped_beside(
    connection: sa.Connection, source: str, window: Window, reported: Collection[str], now: dt.datetime
) -> list[UnreadableFile]:
    """Reports of the newest seasons whose list stops too soon, at a look at these days; none told already."""
    if window.end < now.date() or "" in reported:
        return []
    return [
        stopped_list(source, one.competition, one.season, one.text)
        for one in ended_lists(connection, source, now.date())
        if one.competition not in reported
    ]


def store_rejections(connection: sa.Connection, rejections: Sequence[Rejection], now: dt.datetime) -> None:
    """Store rejected rows once each, with the reason and when they were first and last seen."""
    rows = {}
    for rejection in rejections:
        payload = msgspec.json.encode(rejection.payload, order="deterministic")
        digest = hashlib.sha256(payload + rejection.reason.encode()).hexdigest()
        rows[rejection.source, digest] = {
            "source": rejection.source,
            "sha256": digest,
            "reason": rejection.reason,
            "payload": payload.decode(),
            "first_seen_at": now,
            "last_seen_at": now,
        }
    for digests in batches(sorted(digest for _, digest in rows), IDS_PER_QUERY):
        found = connection.execute(
            sa.select(rejected_row.c.source, rejected_row.c.sha256, rejected_row.c.first_seen_at).where(
                rejected_row.c.sha256.in_(digests)
            )
        )
        for source, digest, first_seen_at in found:
            if (source, digest) in rows:
                rows[source, digest]["first_seen_at"] = first_seen_at
    upsert(connection, rejected_row, list(rows.values()))


def _store_batch(
    connection: sa.Connection,
    items: Sequence[Row],
    source: str,
    window: Window,
    now: dt.datetime,
    look: _Look,
) -> IngestCounts:
    rejections = [item for item in items if isinstance(item, Rejection)]
    files_passed_over = sum(isinstance(item, UnreadableFile) for item in rejections)
    undrawn = sum(isinstance(item, UndrawnFixture) for item in rejections)
    reported = [item for item in items if isinstance(item, RawMatch)]
    matches, held = place_names(connection, source, reported, now, window)
    by_id = _one_each(_identify(connection, source, _without_exchanged(matches)), look.scores)
    if look.assumes_postponed:
        by_id = with_taken_back(connection, source, by_id)
    look.listed.update((id_, match.kickoff) for id_, match in by_id.items())
    look.held.update(map(digest_of, held))
    look.unread.update(
        code
        for item in rejections
        if isinstance(item, UnreadableFile)
        for code in str(item.payload.get("competition", "")).split(", ")
    )
    look.doubtful_names |= names_in(rejection.payload for rejection in rejections)
    look.doubtful_names |= {fold(name) for row in held for name in (row.home_team, row.away_team)}
    contents = {id_: look.encoded.get(id(match)) or encode(id_, match) for id_, match in by_id.items()}
    digests = _known_digests(connection, source, list(contents))
    # An unchanged row costs a comparison of its digest, and no more.
    added = [(id_, by_id[id_], content) for id_, content in contents.items() if id_ not in digests]
    changed = [
        (id_, by_id[id_], content)
        for id_, content in contents.items()
        if digests.get(id_, content.sha256) != content.sha256
    ]
    if rejections:
        store_rejections(connection, rejections, now)
    if added or changed:
        change_no = next_change_no(connection)
        insert_rows(connection, added, now, change_no)
        left = replace_rows(connection, source, changed, now, change_no)
        mark_left_unread(connection, source, left, change_no)
    finished = [match.kickoff for match in matches if STATUS_RULES[match.status].settles]
    return IngestCounts(
        seen=len(items) - files_passed_over,
        added=len(added),
        changed=len(changed),
        rejected=len(rejections) - files_passed_over - undrawn,
        doubles=len(matches) - len(contents),
        held=len(held),
        twice_a_day=_twice_a_day(by_id.values(), look.played),
        files_passed_over=files_passed_over,
        undrawn=undrawn,
        contradicted=sum(match.other_scores is not msgspec.UNSET for match in by_id.values()),
        newest_result=max(finished, default=None),
    )


def _without_exchanged(matches: Sequence[RawMatch]) -> list[RawMatch]:
    """The matches without second tellings that exchange home and away and agree about the score.

    Of two rows of one day the first counts: a file tells a match of neutral ground twice, once for each side.
    Only for feeds without ids of their own.
    """
    first_scores: dict[tuple[str, dt.date, str, str], tuple[int | None, int | None]] = {}
    kept = []
    for match in matches:
        if match.source_match_id is None:
            home, away, day = fold(match.home_team), fold(match.away_team), match.kickoff.date()
            score = (match.home_goals, match.away_goals)
            mirrored = first_scores.get((match.competition, day, away, home))
            if mirrored is not None and mirrored == score[::-1]:
                continue
            first_scores.setdefault((match.competition, day, home, away), score)
        kept.append(match)
    return kept


def _one_each(
    identified: Iterable[tuple[str, RawMatch]], scores: dict[str, set[tuple[int, int]]]
) -> dict[str, RawMatch]:
    """One row a match, by its id, with the other scores that the pass tells of it.

    Of rows that agree the last one counts, a result before a row without one; where two results contradict
    each other, the one with the least score stands for all, whatever their order.

    Args:
        identified: rows of one batch with their ids.
        scores: the results of the pass by id, of this batch too when this returns.
    """
    by_id: dict[str, RawMatch] = {}
    for id_, match in identified:
        known = by_id.get(id_)
        if known is None or _precedes(match, known):
            by_id[id_] = match
        if (known or match.source_match_id is None) and (score := _result_of(match)) is not None:
            reported = scores.setdefault(id_, set())
            reported.add(score)
            if known is not None and (earlier := _result_of(known)) is not None:
                reported.add(earlier)
    for id_ in by_id.keys() & scores.keys():
        score = _result_of(by_id[id_])
        if score is not None and len(scores[id_]) > 1:
            others = tuple(sorted(scores[id_] - {score}))
            by_id[id_] = msgspec.structs.replace(by_id[id_], other_scores=others)
    return by_id


def _result_of(match: RawMatch) -> tuple[int, int] | None:
    return settled_score(match.status, match.home_goals, match.away_goals)


def _precedes(match: RawMatch, known: RawMatch) -> bool:
    """Whether a later row of a match replaces the earlier one."""
    score, earlier = _result_of(match), _result_of(known)
    if score is None or earlier is None:
        return earlier is None
    return score <= earlier


def _twice_a_day(matches: Iterable[RawMatch], played: defaultdict[tuple[str, dt.date], set[str]]) -> int:
    """Results with a team that is in ``played`` already on that day, where both teams then are."""
    count = 0
    for match in matches:
        if STATUS_RULES[match.status].settles:
            teams = played[match.competition, match.kickoff.date()]
            home, away = fold(match.home_team), fold(match.away_team)
            count += home in teams or away in teams
            teams.add(home)
            teams.add(away)
    return count


def _identify(
    connection: sa.Connection, source: str, matches: Sequence[RawMatch]
) -> list[tuple[str, RawMatch]]:
    identified = [(match.source_match_id, match) for match in matches if match.source_match_id is not None]
    by_meeting: defaultdict[str, list[RawMatch]] = defaultdict(list)
    for match in matches:
        if match.source_match_id is None:
            by_meeting[meeting_of(match)].append(match)
    known = _known_meetings(connection, source, list(by_meeting))
    for meeting, rows in by_meeting.items():
        ids = assign_ids(meeting, [row.kickoff.date() for row in rows], known[meeting])
        identified.extend(zip(ids, rows, strict=True))
    return identified


def _known_meetings(
    connection: sa.Connection, source: str, meetings: Sequence[str]
) -> defaultdict[str, list[KnownMeeting]]:
    known: defaultdict[str, list[KnownMeeting]] = defaultdict(list)
    columns = (match_raw.c.meeting, match_raw.c.source_match_id, match_raw.c.kickoff, match_raw.c.status)
    for keys in batches(meetings, IDS_PER_QUERY):
        query = sa.select(*columns).where(
            match_raw.c.source == source, in_list(connection, match_raw.c.meeting, keys)
        )
        for meeting, source_match_id, kickoff, status in connection.execute(query):
            rule = STATUS_RULES[MatchStatus(status)]
            # An awarded, cancelled or abandoned match is over without a result; its replay is another match.
            is_open = rule.is_served and not rule.settles
            known[meeting].append(KnownMeeting(source_match_id, kickoff.date(), is_open))
    return known


def _known_digests(connection: sa.Connection, source: str, source_match_ids: Sequence[str]) -> dict[str, str]:
    """Digests of the stored rows: all that a pass over unchanged data reads."""
    known: dict[str, str] = {}
    for ids in batches(source_match_ids, IDS_PER_QUERY):
        query = sa.select(match_raw.c.source_match_id, match_raw.c.sha256).where(
            match_raw.c.source == source, in_list(connection, match_raw.c.source_match_id, ids)
        )
        known.update((id_, digest) for id_, digest in connection.execute(query).all())
    return known
