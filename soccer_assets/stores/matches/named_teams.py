"""The teams that rows name: their ids, and new teams and spellings.

Where the source has an id of its own for the team, that decides; a name is placed within its pool.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import INTERNATIONAL, Competition, club_and_pool
from soccer_assets.football.records import RawMatch
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list, insert, upsert
from soccer_assets.stores.matches.source_teams import SourceTeams
from soccer_assets.stores.matches.teams import redirects
from soccer_assets.tables import team, team_alias

_TeamKey = tuple[str, str, str, str]  # source, competition, name as the source spells it, its own id or ""
_NO_IDS = ("", "")


def place_teams(
    connection: sa.Connection,
    records: Sequence[RawMatch],
    competitions: Mapping[str, Competition],
    now: dt.datetime,
) -> tuple[list[tuple[str, str]], int]:
    """Ids of home and away of each record, and how many teams are new."""
    placed: dict[_TeamKey, str] = {}
    teams: dict[str, dict[str, Any]] = {}
    aliases: dict[tuple[str, str], str] = {}
    merged_into = redirects(connection)
    own_ids = SourceTeams(connection, {record.source for record in records})
    keys = _keys(records)
    for key in _in_order(records, keys, competitions, own_ids):
        source, code, name, own_id = key
        place = competitions[code]
        club, pool = club_and_pool(name, place)
        minted = pool.team_id(club)
        team_id = own_ids.place(source, own_id, pool, minted, club) if own_id else minted
        placed[key] = merged_into.get(team_id, team_id)
        if team_id == minted and team_id not in teams:
            teams[team_id] = {
                "team_id": team_id,
                "name": club,
                "folded_name": fold(club),
                "country": pool.country,
                "sex": place.sex,
                "age_group": place.age_group,
                "first_seen_at": now,
                "squad": place.squad,
            }
        alias = f"{pool}|{fold(club)}"
        aliases[source, alias] = placed[key]
    known: set[str] = set()
    for ids in batches(teams, IDS_PER_QUERY):
        known.update(
            connection.execute(
                sa.select(team.c.team_id).where(in_list(connection, team.c.team_id, ids))
            ).scalars()
        )
    new = [row for team_id, row in teams.items() if team_id not in known]
    insert(connection, team, new)
    _store_aliases(connection, aliases)
    own_ids.write(now)
    return [(placed[home], placed[away]) for home, away in keys], len(new)


def _store_aliases(connection: sa.Connection, team_ids: Mapping[tuple[str, str], str]) -> None:
    """Store the team of each source and alias; most are stored already."""
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for source, alias in team_ids:
        by_source[source].append(alias)
    known: dict[tuple[str, str], str] = {}
    for source, names in by_source.items():
        for part in batches(names, IDS_PER_QUERY):
            query = sa.select(team_alias.c.alias, team_alias.c.team_id).where(
                team_alias.c.source == source, in_list(connection, team_alias.c.alias, part)
            )
            known.update({(source, alias): team_id for alias, team_id in connection.execute(query)})
    changed = [
        {"source": source, "alias": alias, "team_id": team_id}
        for (source, alias), team_id in team_ids.items()
        if known.get((source, alias)) != team_id
    ]
    upsert(connection, team_alias, changed)


def _keys(records: Sequence[RawMatch]) -> list[tuple[_TeamKey, _TeamKey]]:
    """Home and away of each record."""
    found = []
    for record in records:
        source, code = record.source, record.competition
        home_id, away_id = _NO_IDS if record.team_ids is msgspec.UNSET else record.team_ids
        found.append(((source, code, record.home_team, home_id), (source, code, record.away_team, away_id)))
    return found


def _in_order(
    records: Sequence[RawMatch],
    keys: Sequence[tuple[_TeamKey, _TeamKey]],
    competitions: Mapping[str, Competition],
    own_ids: SourceTeams,
) -> Iterable[_TeamKey]:
    """Each team once, in the order in which they are placed; a batch of 10,000 rows names 2,000."""
    # Leagues first: they tell the country of a club that an international cup only names.
    cups = {code for code, place in competitions.items() if place.country == INTERNATIONAL}
    is_cup = [record.competition in cups for record in records]
    in_order = [place for place, later in enumerate(is_cup) if not later]
    in_order += [place for place, later in enumerate(is_cup) if later]
    for place in in_order:
        record = records[place]
        if record.team_ids is msgspec.UNSET:
            continue
        for _, _, name, own_id in keys[place]:
            if own_id:
                club, pool = club_and_pool(name, competitions[record.competition])
                own_ids.see(record.source, own_id, pool, club, record.kickoff.date())
    return dict.fromkeys(chain.from_iterable(keys[place] for place in in_order))
