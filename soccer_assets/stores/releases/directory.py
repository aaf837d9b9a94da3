"""The directory of a release: teams and competitions with the names that clients may use."""

from collections import defaultdict

import sqlalchemy as sa

from soccer_assets.contract.release import CompetitionEntry, Directory, TeamEntry
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.first_half import FirstHalfShares
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.teams import unlisted_ids
from soccer_assets.tables import competition, team, team_alias


def read_directory(database: Database, shares: FirstHalfShares) -> Directory:
    """All teams, all competitions, and the ids that lead to another team, by id.

    Teams that were merged into others, or have no match any more, are left out.
    """
    with database.reading() as connection:
        leads, unlisted = unlisted_ids(connection)
        # An alias is stored with its pool in front of the folded name.
        spellings = defaultdict(set)
        for row in connection.execute(sa.select(team_alias.c.alias, team_alias.c.team_id)):
            spellings[leads.get(row.team_id, row.team_id)].add(row.alias.rsplit("|", 1)[1])
        teams = list(connection.execute(sa.select(team).order_by(team.c.team_id)))
        for row in teams:
            spellings[leads.get(row.team_id, row.team_id)].add(row.folded_name)
        competitions = list(connection.execute(sa.select(competition).order_by(competition.c.competition)))
    zones = {code: entry.time_zone for code, entry in load_competitions().items()}
    return Directory(
        teams=tuple(
            TeamEntry(
                id=row.team_id,
                name=row.name,
                country=row.country,
                sex=row.sex,
                age_group=row.age_group,
                aliases=tuple(sorted(spellings[row.team_id] - {row.folded_name})),
            )
            for row in teams
            if row.team_id not in unlisted
        ),
        competitions=tuple(
            CompetitionEntry(
                code=row.competition,
                name=row.name,
                country=row.country,
                tier=row.tier,
                sex=row.sex,
                age_group=row.age_group,
                squad=row.squad,
                first_half_share=shares.of(row.competition),
                time_zone=zones.get(row.competition, "UTC"),
            )
            for row in competitions
        ),
        redirects=dict(sorted(leads.items())),
    )
