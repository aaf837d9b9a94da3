"""The teams of the history, a part a country: names, other spellings, and merged ids."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from soccer_assets.contract.history_parts import HISTORY_SCHEMA_VERSION, TeamRecord, TeamsPart
from soccer_assets.stores.matches.teams import ended_ids, unlisted_ids
from soccer_assets.tables import team, team_alias, team_merge, team_split


def teams_tag(connection: sa.Connection) -> str:
    """A short text that changes with the teams: rows of their tables, the newest, and ended ids."""
    count = sa.func.count()
    facts = [
        connection.execute(sa.select(count, sa.func.max(team.c.first_seen_at)).select_from(team)).one(),
        connection.execute(sa.select(count).select_from(team_alias)).one(),
        connection.execute(
            sa.select(count, sa.func.max(team_merge.c.merged_at)).select_from(team_merge)
        ).one(),
        connection.execute(sa.select(count).select_from(team_split)).one(),
    ]
    ended = ",".join(f"{old}>{new}" for old, new in sorted(ended_ids(connection).items()))
    return msgspec.json.encode([*(str(value) for row in facts for value in row), ended]).decode()


def read_teams(connection: sa.Connection) -> Iterator[TeamsPart]:
    """Every country's teams, by id, without those that were merged into others or have no match any more."""
    leads, unlisted = unlisted_ids(connection)
    spellings = defaultdict[str, set[str]](set)
    # An alias is stored with its pool in front of the folded name.
    for row in connection.execute(sa.select(team_alias.c.alias, team_alias.c.team_id)):
        spellings[leads.get(row.team_id, row.team_id)].add(row.alias.rsplit("|", 1)[1])
    rows = connection.execute(sa.select(team).order_by(team.c.country, team.c.team_id)).all()
    for row in rows:
        spellings[leads.get(row.team_id, row.team_id)].add(row.folded_name)
    by_country: dict[str, list[TeamRecord]] = {}
    redirected = defaultdict[str, dict[str, str]](dict)
    for row in rows:
        if row.team_id in leads:
            redirected[row.country][row.team_id] = leads[row.team_id]
        if row.team_id in unlisted:
            continue
        aliases = tuple(sorted(spellings[row.team_id] - {row.folded_name}))
        by_country.setdefault(row.country, []).append(
            TeamRecord(row.team_id, row.name, row.sex, row.age_group, row.squad, aliases)
        )
    for country in sorted({*by_country, *redirected}):
        yield TeamsPart(
            schema_version=HISTORY_SCHEMA_VERSION,
            country=country,
            teams=tuple(by_country.get(country, ())),
            redirects=redirected[country],
        )
