"""One id for a match that two feeds report, in competitions about which a person decided (``feed_trust.py``).

A trusted feed's row so takes the place of the other's, and the match keeps its id, history and prediction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from soccer_assets.football.competitions import Competition
from soccer_assets.football.feed_agreement import ReportedMatch, pair_by_one_team, pair_reports
from soccer_assets.football.identity import mint_match_id
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list, upsert
from soccer_assets.stores.matches.feed_reports import read_reports, runs_of_months, touched_scopes
from soccer_assets.stores.matches.feed_trust import decided_competitions
from soccer_assets.tables import match_source_id, shared_match_id

RowKey = tuple[str, str]  # source, source_match_id


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
    touched = touched_scopes(connection, dict.fromkeys(decided, ""), read_so_far)
    for months in runs_of_months({month for _, month in touched}):
        reports = read_reports(connection, competitions, owners, {code for code, _ in touched}, months)
        for code, by_source in reports.items():
            for second in sorted(by_source.keys() - {owners[code]}):
                _share(connection, _same_matches(owners[code], second, by_source))


def stored_match_ids(connection: sa.Connection, rows: Iterable[RowKey]) -> dict[RowKey, str]:
    """The id of the match of each row that a pass has normalised."""
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for source, row_id in rows:
        by_source[source].append(row_id)
    found: dict[RowKey, str] = {}
    for source, row_ids in by_source.items():
        for part in batches(row_ids, IDS_PER_QUERY):
            query = sa.select(match_source_id.c.source_match_id, match_source_id.c.match_id).where(
                match_source_id.c.source == source,
                in_list(connection, match_source_id.c.source_match_id, part),
            )
            found.update({(source, row_id): match_id for row_id, match_id in connection.execute(query).all()})
    return found


def by_shared_id(connection: sa.Connection, ids: Mapping[RowKey, str]) -> dict[RowKey, str]:
    """The ids that rows alone would give, each replaced by the id that it shares with another feed's row."""
    if connection.execute(sa.select(shared_match_id.c.match_id).limit(1)).scalar() is None:
        return dict(ids)
    keep: dict[str, str] = {}
    for part in batches(sorted(set(ids.values())), IDS_PER_QUERY):
        query = sa.select(shared_match_id).where(in_list(connection, shared_match_id.c.match_id, part))
        keep.update({row.match_id: row.keep for row in connection.execute(query)})
    return {row: keep.get(match_id, match_id) for row, match_id in ids.items()}


def _same_matches(
    owner: str, second: str, by_source: Mapping[str, Sequence[ReportedMatch]]
) -> dict[RowKey, RowKey]:
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


def _share(connection: sa.Connection, pairs: Mapping[RowKey, RowKey]) -> None:
    """Store one match id for both rows of each pair: the first row's, else the second's."""
    known = stored_match_ids(connection, {*pairs, *pairs.values()})
    shared: dict[str, str] = {}
    new: dict[RowKey, str] = {}
    for one, other in pairs.items():
        keep = known.get(one) or known.get(other) or mint_match_id(*one)
        own_ids = {mint_match_id(*one), mint_match_id(*other), known.get(one, keep), known.get(other, keep)}
        shared.update(dict.fromkeys(own_ids - {keep}, keep))
        new.update({row: keep for row in (one, other) if row not in known})
    upsert(connection, shared_match_id, [{"match_id": id_, "keep": keep} for id_, keep in shared.items()])
    upsert(
        connection,
        match_source_id,
        [
            {"source": source, "source_match_id": id_, "match_id": match_id}
            for (source, id_), match_id in sorted(new.items())
        ],
    )
