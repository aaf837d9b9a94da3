"""The names under which the rows of one meeting may stand: of merged teams, and of one id of the provider's.

Not here: how a spelling is placed on a club (``names.py``), and which rows of a meeting are one match.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition
from soccer_assets.football.identity import Pool, meeting_key
from soccer_assets.football.records import RawMatch
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.stores.matches.source_teams import SourceTeams
from soccer_assets.stores.matches.teams import redirects
from soccer_assets.tables import match_raw, match_source_id, team, team_alias

_OwnId = tuple[str, Pool, str]  # source, country and kind of team, the provider's id


def meeting_of(record: RawMatch) -> str:
    """The meeting of a row, by the names that stand in it."""
    return meeting_key(record.competition, record.season, record.home_team, record.away_team)


class TeamNames(NamedTuple):
    """The names that one team goes by: of merged teams, and of one id of the provider's own."""

    of_teams: dict[tuple[Pool, str], list[str]]
    of_own_ids: dict[_OwnId, list[str]]
    competitions: Mapping[str, Competition]

    @property
    def are_plain(self) -> bool:
        """Whether each team goes by one name."""
        return not self.of_teams and not self.of_own_ids

    def meetings(self, record: RawMatch) -> list[str]:
        """A row's meeting under every name of its two teams, that of the kept names first."""
        if self.are_plain:  # 4.3 of 12 s of a pass over 170,986 rows
            return [meeting_of(record)]
        homes, aways = (
            list(
                dict.fromkeys(
                    name
                    for one in self.of_own_ids.get(own_id, [fold(shown)])
                    for name in self.of_teams.get((self.competitions[record.competition].pool, one), [one])
                )
            )
            for own_id, shown in _own_ids(record, self.competitions)
        )
        return [
            meeting_key(record.competition, record.season, home, away) for home in homes for away in aways
        ]


def read_team_names(
    connection: sa.Connection, records: Sequence[RawMatch], competitions: Mapping[str, Competition]
) -> TeamNames:
    """The names of merged teams, and of the teams of some rows that go by several under one id.

    Args:
        connection: reads teams and aliases.
        records: raw rows of one batch, from any feeds.
        competitions: of these rows, by code.
    """
    of_teams = _names_of_merged_teams(connection)
    return TeamNames(of_teams, _names_of_own_ids(connection, records, competitions), competitions)


def _own_ids(record: RawMatch, competitions: Mapping[str, Competition]) -> list[tuple[_OwnId, str]]:
    """The provider's own id of home and of away, empty where it has none, and the name beside it."""
    pool = competitions[record.competition].pool
    ids = ("", "") if record.team_ids is msgspec.UNSET else record.team_ids
    names = (record.home_team, record.away_team)
    return [((record.source, pool, id_), name) for id_, name in zip(ids, names, strict=True)]


def _names_of_own_ids(
    connection: sa.Connection, records: Sequence[RawMatch], competitions: Mapping[str, Competition]
) -> dict[_OwnId, list[str]]:
    """All names of teams that go by several under one id of their provider."""
    with_ids = [record for record in records if record.team_ids is not msgspec.UNSET]
    if not with_ids:
        return {}
    teams = SourceTeams(connection, {record.source for record in with_ids})
    names: defaultdict[_OwnId, set[str]] = defaultdict(set)
    for record in with_ids:
        for key, name in _own_ids(record, competitions):
            source, pool, own_id = key
            if own_id:
                names[key].add(fold(name))
                teams.see(source, own_id, pool, name, record.kickoff.date())
    # No alias is stored of a name that stands in no match.
    others = _of_the_same_matches(connection, with_ids, competitions)
    for key, name in itertools.chain.from_iterable(_own_ids(record, competitions) for record in others):
        if key in names:
            names[key].add(fold(name))
    owners = {key: teams.known(*key) for key in names}
    for source in {source for source, _, _ in names}:
        stored = _aliases(connection, source, {team_id for team_id in owners.values() if team_id})
        for key, team_id in owners.items():
            if team_id is not None and key[0] == source:
                names[key] |= stored[team_id]
    return {
        key: sorted(of_id) for key, of_id in names.items() if len(of_id) > 1 and not teams.is_shared(*key)
    }


def _of_the_same_matches(
    connection: sa.Connection, records: Sequence[RawMatch], competitions: Mapping[str, Competition]
) -> Iterator[RawMatch]:
    """Rows that are stored as one match with one of the records, under another meeting."""
    decoder = msgspec.json.Decoder(RawMatch)
    of_record, its_match = match_raw.alias(), match_source_id.alias()
    query = (
        sa.select(match_raw.c.record)
        .join(match_source_id, _is_its_id(match_source_id, match_raw))
        .join(its_match, its_match.c.match_id == match_source_id.c.match_id)
        .join(of_record, _is_its_id(its_match, of_record))
        .where(match_raw.c.source == of_record.c.source, match_raw.c.meeting != of_record.c.meeting)
    )
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        ids[record.source].append(record.source_match_id or "")
    for source, of_source in ids.items():
        for part in batches(of_source, IDS_PER_QUERY):
            theirs = (of_record.c.source == source) & in_list(connection, of_record.c.source_match_id, part)
            found = map(decoder.decode, connection.execute(query.where(theirs)).scalars())
            yield from (record for record in found if record.competition in competitions)


def _is_its_id(ids: sa.FromClause, rows: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(ids.c.source == rows.c.source, ids.c.source_match_id == rows.c.source_match_id)


def _aliases(connection: sa.Connection, source: str, team_ids: set[str]) -> defaultdict[str, set[str]]:
    """Folded names under which a source names teams."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    query = sa.select(team_alias.c.team_id, team_alias.c.alias).where(team_alias.c.source == source)
    for team_id, alias in connection.execute(query):
        if team_id in team_ids:
            found[team_id].add(alias.rpartition("|")[2])
    return found


def _names_of_merged_teams(connection: sa.Connection) -> dict[tuple[Pool, str], list[str]]:
    """By pool and each folded name of a merged team, all names of that team, the kept one first."""
    merged_into = redirects(connection)
    if not merged_into:
        return {}
    query = sa.select(team).where(
        in_list(connection, team.c.team_id, sorted({*merged_into, *merged_into.values()}))
    )
    by_team: defaultdict[tuple[str, Pool], list[str]] = defaultdict(list)
    for row in connection.execute(query):
        keep = merged_into.get(row.team_id, row.team_id)
        names = by_team[keep, Pool(row.country, row.sex, row.age_group, row.squad)]
        names.insert(0 if keep == row.team_id else len(names), row.folded_name)
    return {(pool, name): names for (_, pool), names in by_team.items() for name in names}
