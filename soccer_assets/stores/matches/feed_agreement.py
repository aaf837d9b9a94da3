"""Holds the feeds of a home against each other: the table `feed_agreement`, a row a competition and month.

Every refresh compares the months in which a row changed. Where two feeds begin or cease to contradict each
other, the raw rows of that competition and month are marked as unread, so the next pass over `match_raw`
quarantines their results or releases them. Not here: what a person decides (``feed_trust.py``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition
from soccer_assets.football.feed_agreement import (
    ClockOffset,
    Contradiction,
    MonthAgreement,
    ReportedMatch,
    clock_offsets,
    compare,
    pair_exchanged,
    pair_reports,
)
from soccer_assets.football.neutral_grounds import is_one_leg, is_tournament
from soccer_assets.resources.bulk_rows import in_list, insert
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.matches.feed_reports import read_reports, runs_of_months, touched_scopes
from soccer_assets.stores.matches.feed_trust import Scope, decisions, is_decided, mark_scopes_unread
from soccer_assets.tables import feed_agreement, team

_COMPARED_SO_FAR = "match_raw compared between feeds"


class FeedAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """What two feeds have in common in one competition and month.

    Attributes:
        first: the feed that provides the competition's matches unless a person decides otherwise.
    """

    competition: str
    first: str
    second: str
    found: MonthAgreement


class FeedOffset(msgspec.Struct, frozen=True, kw_only=True):
    """A systematic difference of two feeds' kickoffs in one competition."""

    competition: str
    first: str
    second: str
    found: ClockOffset


def described(agreement: FeedAgreement) -> str:
    """One sentence about a month."""
    found = agreement.found
    return (
        f"{agreement.first} and {agreement.second} report the same score in {found.share:.0%} of "
        f"{found.compared} results of {agreement.competition} in {found.month}"
    )


def offset_described(offset: FeedOffset) -> str:
    """One sentence about a systematic difference of kickoffs."""
    found = offset.found
    hours, side = abs(found.minutes) / 60, "early" if found.minutes < 0 else "late"
    months = found.months[0] if len(found.months) == 1 else f"{found.months[0]} to {found.months[-1]}"
    return (
        f"kickoffs of {offset.second} are {hours:g} h {side} against {offset.first} in {found.matches} of "
        f"{found.timed} matches of {offset.competition}, {months}"
    )


def compare_feeds(
    database: Database, competitions: Mapping[str, Competition], owners: Mapping[str, str], now: dt.datetime
) -> int:
    """Compare the months in which raw rows changed since the last comparison; returns how many.

    Args:
        database: where the tables are.
        competitions: the whole catalogue, by code.
        owners: by competition, the home's first feed that has it.
        now: time stamp of the comparison.
    """
    with database.reading() as connection:
        read_to = read_watermark(connection, "change_no")
        touched = touched_scopes(connection, owners, read_watermark(connection, _COMPARED_SO_FAR))
        found = [
            FeedAgreement(competition=code, first=owners[code], second=second, found=month)
            for months in runs_of_months({month for _, month in touched})
            for code, by_source in read_reports(
                connection, competitions, owners, {code for code, _ in touched}, months
            ).items()
            for second in sorted(by_source.keys() - {owners[code]})
            for month in _compared(code, by_source[owners[code]], by_source[second])
            if month.month in months and (code, month.month) in touched
        ]
    if not touched:
        return 0
    with database.writing() as connection:
        stored = _disputed(connection)
        _replace(connection, touched, found, now)
        if changed := stored ^ _disputed(connection):
            mark_scopes_unread(connection, changed)
        set_watermark(connection, _COMPARED_SO_FAR, read_to)
    return len({(agreement.competition, agreement.found.month) for agreement in found})


def _compared(
    code: str, first: Sequence[ReportedMatch], second: Sequence[ReportedMatch]
) -> Iterable[MonthAgreement]:
    """The months of a competition; on neutral ground either side may be named first."""
    pairs = pair_reports(first, second)
    exchanged = [
        pair
        for pair in ([] if is_tournament(code) else pair_exchanged(first, second, pairs))
        if not is_one_leg(code, pair[0].kickoff.date(), "")
    ]
    return compare(pairs, exchanged).values()


def compare_again(connection: sa.Connection) -> None:
    """Have the next comparison read every month: names were learned, so more matches are in both feeds."""
    set_watermark(connection, _COMPARED_SO_FAR, 0)


def agreements(database: Database) -> list[FeedAgreement]:
    """All comparisons, by competition, feeds and month."""
    query = sa.select(feed_agreement).order_by(
        feed_agreement.c.competition,
        feed_agreement.c.first,
        feed_agreement.c.second,
        feed_agreement.c.month,
    )
    with database.reading() as connection:
        return [
            FeedAgreement(
                competition=row.competition,
                first=row.first,
                second=row.second,
                found=MonthAgreement(
                    month=row.month,
                    compared=row.compared,
                    contradictions=msgspec.json.decode(row.contradictions, type=tuple[Contradiction, ...]),
                    timed=row.timed,
                    offset_minutes=row.offset_minutes,
                    shifted=row.shifted,
                ),
            )
            for row in connection.execute(query)
        ]


def undecided(database: Database) -> list[FeedAgreement]:
    """The disputed months about which nobody has decided, newest first."""
    made = decisions(database)
    found = [
        agreement
        for agreement in agreements(database)
        if agreement.found.is_disputed
        and not is_decided(made, agreement.competition, [agreement.found.month])
    ]
    return sorted(found, key=lambda agreement: agreement.found.month, reverse=True)


def undecided_offsets(database: Database) -> list[FeedOffset]:
    """Systematic differences of kickoffs about whose competitions nobody has decided."""
    made = decisions(database)
    return [
        offset
        for offset in offsets_of(agreements(database))
        if not is_decided(made, offset.competition, offset.found.months)
    ]


def offsets_of(found: Iterable[FeedAgreement]) -> list[FeedOffset]:
    """Systematic differences of kickoffs by competition, in the order of the comparisons."""
    months: defaultdict[tuple[str, str, str], list[MonthAgreement]] = defaultdict(list)
    for agreement in found:
        months[agreement.competition, agreement.first, agreement.second].append(agreement.found)
    return [
        FeedOffset(competition=code, first=first, second=second, found=offset)
        for (code, first, second), of_pair in months.items()
        for offset in clock_offsets(of_pair)
    ]


def _disputed(connection: sa.Connection) -> set[Scope]:
    query = sa.select(feed_agreement.c.competition, feed_agreement.c.month)
    rows = connection.execute(query.where(feed_agreement.c.is_disputed))
    return {(row.competition, row.month) for row in rows}


def _replace(
    connection: sa.Connection, touched: set[Scope], found: Iterable[FeedAgreement], now: dt.datetime
) -> None:
    """Replace the comparisons of the months that were read, with the names of teams in the contradictions."""
    months: defaultdict[str, list[str]] = defaultdict(list)
    for code, month in touched:
        months[code].append(month)
    for code, of_code in months.items():
        connection.execute(
            sa.delete(feed_agreement).where(
                feed_agreement.c.competition == code,
                in_list(connection, feed_agreement.c.month, sorted(of_code)),
            )
        )
    found = list(found)
    shown = _names(connection, found)
    insert(connection, feed_agreement, [_stored(agreement, shown, now) for agreement in found])


def _names(connection: sa.Connection, found: Iterable[FeedAgreement]) -> dict[str, str]:
    ids = {
        team_id
        for agreement in found
        for match in agreement.found.contradictions
        for team_id in (match.home, match.away)
    }
    query = sa.select(team.c.team_id, team.c.name).where(in_list(connection, team.c.team_id, sorted(ids)))
    return {row.team_id: row.name for row in connection.execute(query)}


def _stored(agreement: FeedAgreement, shown: Mapping[str, str], now: dt.datetime) -> dict[str, Any]:
    month = agreement.found
    named = [
        msgspec.structs.replace(
            match, home=shown.get(match.home, match.home), away=shown.get(match.away, match.away)
        )
        for match in month.contradictions
    ]
    return {
        "competition": agreement.competition,
        "month": month.month,
        "first": agreement.first,
        "second": agreement.second,
        "compared": month.compared,
        "contradicted": len(named),
        "is_disputed": month.is_disputed,
        "timed": month.timed,
        "offset_minutes": month.offset_minutes,
        "shifted": month.shifted,
        "contradictions": msgspec.json.encode(named).decode(),
        "compared_at": now,
    }
