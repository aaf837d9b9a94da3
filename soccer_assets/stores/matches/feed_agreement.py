"""Holds the feeds of a home against each other: the table `feed_agreement`, a row a competition and month.

Every refresh compares the months in which a row changed. Where two feeds begin or cease to contradict each
other, the raw rows of that competition and month are marked as unread, so the next pass over `match_raw`
quarantines their results or releases them. Here also: one id for a match that two feeds report, where a
person trusts the second (``feed_trust.py``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition, club_of
from soccer_assets.football.feed_agreement import (
    ClockOffset,
    Contradiction,
    MonthAgreement,
    ReportedMatch,
    clock_offsets,
    compare,
    month_of,
    pair_by_one_team,
    pair_reports,
)
from soccer_assets.football.identity import Pool, mint_match_id, mint_team_id
from soccer_assets.football.matches import STATUS_RULES, KickoffPrecision, MatchStatus
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list, insert, upsert
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.matches.feed_trust import (
    Scope,
    decided_competitions,
    decisions,
    is_decided,
    mark_scopes_unread,
)
from soccer_assets.stores.matches.teams import redirects
from soccer_assets.tables import feed_agreement, match_raw, match_source_id, team, team_alias

_COMPARED_SO_FAR = "match_raw compared between feeds"
_MONTHS_A_READING = 12
_DAY = dt.timedelta(days=1)
_Reports = defaultdict[str, defaultdict[str, list[ReportedMatch]]]  # by competition and source


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


class _Row(msgspec.Struct, frozen=True):
    """The fields of a stored record that are compared."""

    kickoff: dt.datetime
    kickoff_precision: KickoffPrecision
    home_team: str
    away_team: str
    status: MatchStatus
    home_goals: int | None = None
    away_goals: int | None = None


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
        touched = _touched(connection, owners, read_watermark(connection, _COMPARED_SO_FAR))
        found = [
            FeedAgreement(competition=code, first=owners[code], second=second, found=month)
            for months in _runs({month for _, month in touched})
            for code, by_source in _reports(
                connection, competitions, owners, {code for code, _ in touched}, months
            ).items()
            for second in sorted(by_source.keys() - {owners[code]})
            for month in compare(pair_reports(by_source[owners[code]], by_source[second])).values()
            if month.month in months and (code, month.month) in touched
        ]
    with database.writing() as connection:
        stored = _disputed(connection)
        _replace(connection, touched, found, now)
        if changed := stored ^ _disputed(connection):
            mark_scopes_unread(connection, changed)
        set_watermark(connection, _COMPARED_SO_FAR, read_to)
    return len({(agreement.competition, agreement.found.month) for agreement in found})


def compare_again(connection: sa.Connection) -> None:
    """Have the next comparison read every month: names were learned, so more matches are in both feeds."""
    set_watermark(connection, _COMPARED_SO_FAR, 0)


def share_match_ids(
    connection: sa.Connection,
    competitions: Mapping[str, Competition],
    owners: Mapping[str, str],
    read_so_far: int,
) -> None:
    """Give the rows of one match the same id, in competitions about which a person decided.

    Args:
        connection: a transaction that writes.
        competitions: the whole catalogue, by code.
        owners: by competition, the home's first feed that has it.
        read_so_far: rows with a higher ``change_no`` are new.
    """
    decided = decided_competitions(connection) & owners.keys() & competitions.keys()
    if not decided:
        return
    touched = _touched(connection, dict.fromkeys(decided, ""), read_so_far)
    for months in _runs({month for _, month in touched}):
        reports = _reports(connection, competitions, owners, {code for code, _ in touched}, months)
        for code, by_source in reports.items():
            for second in sorted(by_source.keys() - {owners[code]}):
                _share(connection, _same_matches(owners[code], second, by_source))


def _same_matches(
    owner: str, second: str, by_source: Mapping[str, Sequence[ReportedMatch]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Rows of the first feed, by source and id, and the row of the second about the same match."""
    firsts, seconds = by_source.get(owner, ()), by_source[second]
    pairs = pair_reports(firsts, seconds)
    shared_teams = _teams_of(firsts) & _teams_of(seconds)
    paired = {
        (source, row.row_id) for pair in pairs for source, row in zip((owner, second), pair, strict=True)
    }
    pairs += pair_by_one_team(
        [row for row in firsts if (owner, row.row_id) not in paired],
        [row for row in seconds if (second, row.row_id) not in paired],
        shared_teams,
    )
    return {(owner, one.row_id): (second, other.row_id) for one, other in pairs}


def _teams_of(rows: Iterable[ReportedMatch]) -> set[str]:
    return {team_id for row in rows for team_id in (row.home, row.away)}


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


def _touched(connection: sa.Connection, owners: Mapping[str, str], read_so_far: int) -> set[Scope]:
    """Competitions and months with a row that changed; also the month next to a day at its end."""
    query = sa.select(match_raw.c.competition, match_raw.c.kickoff).where(
        match_raw.c.change_no > read_so_far, in_list(connection, match_raw.c.competition, sorted(owners))
    )
    return {
        (code, month_of(kickoff + shift))
        for code, kickoff in connection.execute(query)
        for shift in (-_DAY, dt.timedelta(), _DAY)
    }


def _runs(months: Collection[str]) -> Iterator[list[str]]:
    """Consecutive months, at most a year of them at once."""
    run: list[str] = []
    for month in sorted(months):
        if run and (len(run) == _MONTHS_A_READING or month != month_of(_end_of(run[-1]))):
            yield run
            run = []
        run.append(month)
    if run:
        yield run


def _start_of(month: str) -> dt.datetime:
    return dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=dt.UTC)


def _end_of(month: str) -> dt.datetime:
    return (_start_of(month) + dt.timedelta(days=31)).replace(day=1)


def _reports(
    connection: sa.Connection,
    competitions: Mapping[str, Competition],
    owners: Mapping[str, str],
    codes: Collection[str],
    months: list[str],
) -> _Reports:
    """The stored matches of some competitions and months, a day on both sides included."""
    decoder = msgspec.json.Decoder(_Row)
    sources = sorted(connection.execute(sa.select(match_raw.c.source).distinct()).scalars())
    keys = _TeamKeys(connection, sources)
    query = sa.select(
        match_raw.c.source, match_raw.c.source_match_id, match_raw.c.competition, match_raw.c.record
    ).where(
        in_list(connection, match_raw.c.source, sources),
        in_list(connection, match_raw.c.competition, sorted(set(codes) & competitions.keys())),
        match_raw.c.kickoff >= _start_of(months[0]) - _DAY,
        match_raw.c.kickoff < _end_of(months[-1]) + _DAY,
    )
    found: _Reports = defaultdict(lambda: defaultdict(list))
    for source, row_id, code, record in connection.execute(query):
        row, place = decoder.decode(record), competitions[code]
        has_score = STATUS_RULES[row.status].settles
        score = (row.home_goals, row.away_goals) if has_score else (None, None)
        found[code][source].append(
            ReportedMatch(
                row_id=row_id,
                kickoff=row.kickoff,
                is_timed=row.kickoff_precision is KickoffPrecision.MINUTE,
                home=keys.key(source, owners[code], row.home_team, place),
                away=keys.key(source, owners[code], row.away_team, place),
                score=None if score[0] is None or score[1] is None else (score[0], score[1]),
            )
        )
    return found


class _TeamKeys:
    """Ids of the teams that the names of feeds mean; read once."""

    def __init__(self, connection: sa.Connection, sources: list[str]) -> None:
        query = sa.select(team_alias).where(in_list(connection, team_alias.c.source, sources))
        self._aliases = {(row.source, row.alias): row.team_id for row in connection.execute(query)}
        self._merged_into = redirects(connection)
        self._known: dict[tuple[str, str, str], str] = {}

    def key(self, source: str, owner: str, name: str, place: Competition) -> str:
        """The team's id; of a name that no pass has placed yet, the id that it would get."""
        asked = (source, place.code, name)
        if asked not in self._known:
            club, country = club_of(name, place)
            pool = Pool(country, place.sex, place.age_group, place.squad)
            alias = f"{pool}|{fold(club)}"
            team_id = (
                self._aliases.get((source, alias))
                or self._aliases.get((owner, alias))
                or mint_team_id(country, place.sex, place.age_group, club, place.squad)
            )
            self._known[asked] = self._merged_into.get(team_id, team_id)
        return self._known[asked]


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


def _share(connection: sa.Connection, pairs: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    """Store one match id for both rows of each pair where at least one of them has none."""
    rows = {*pairs, *pairs.values()}
    known: dict[tuple[str, str], str] = {}
    for source in sorted({source for source, _ in rows}):
        for ids in batches(sorted(id_ for of, id_ in rows if of == source), IDS_PER_QUERY):
            query = sa.select(match_source_id).where(
                match_source_id.c.source == source,
                in_list(connection, match_source_id.c.source_match_id, ids),
            )
            known.update(
                {(row.source, row.source_match_id): row.match_id for row in connection.execute(query)}
            )
    new = {
        row: known.get(one) or known.get(other) or mint_match_id(*one)
        for one, other in pairs.items()
        for row in (one, other)
        if row not in known
    }
    upsert(
        connection,
        match_source_id,
        [
            {"source": source, "source_match_id": id_, "match_id": match_id}
            for (source, id_), match_id in sorted(new.items())
        ],
    )
