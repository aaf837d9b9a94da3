"""Reads the stored rows of several feeds as reports of matches whose teams have the same keys."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition, club_and_pool
from soccer_assets.football.feed_agreement import ReportedMatch, end_of, month_of, start_of
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, settled_score
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import in_list
from soccer_assets.stores.matches.feed_trust import Scope, stored_feeds
from soccer_assets.stores.matches.teams import redirects
from soccer_assets.tables import match_raw, team_alias

_MONTHS_A_READING = 12
_DAY = dt.timedelta(days=1)
Reports = defaultdict[str, defaultdict[str, list[ReportedMatch]]]  # by competition and source


def touched_scopes(connection: sa.Connection, owners: Mapping[str, str], read_so_far: int) -> set[Scope]:
    """Competitions and months with a row that changed; also the month next to a day at its end."""
    query = sa.select(match_raw.c.competition, match_raw.c.kickoff).where(
        match_raw.c.change_no > read_so_far, in_list(connection, match_raw.c.competition, sorted(owners))
    )
    return {
        (code, month_of(kickoff + shift))
        for code, kickoff in connection.execute(query)
        for shift in (-_DAY, dt.timedelta(), _DAY)
    }


def runs_of_months(months: Collection[str]) -> Iterator[list[str]]:
    """Consecutive months, at most a year of them at once."""
    run: list[str] = []
    for month in sorted(months):
        if run and (len(run) == _MONTHS_A_READING or month != month_of(end_of(run[-1]))):
            yield run
            run = []
        run.append(month)
    if run:
        yield run


def read_reports(
    connection: sa.Connection,
    competitions: Mapping[str, Competition],
    owners: Mapping[str, str],
    codes: Collection[str],
    months: list[str],
) -> Reports:
    """The stored matches of some competitions and months, a day on both sides included."""
    decoder = msgspec.json.Decoder(_Row)
    sources = stored_feeds(connection)
    keys = _TeamKeys(connection, sources)
    query = sa.select(
        match_raw.c.source, match_raw.c.source_match_id, match_raw.c.competition, match_raw.c.record
    ).where(
        in_list(connection, match_raw.c.source, sources),
        in_list(connection, match_raw.c.competition, sorted(set(codes) & competitions.keys())),
        match_raw.c.kickoff >= start_of(months[0]) - _DAY,
        match_raw.c.kickoff < end_of(months[-1]) + _DAY,
    )
    found: Reports = defaultdict(lambda: defaultdict(list))
    for source, row_id, code, record in connection.execute(query):
        row, place = decoder.decode(record), competitions[code]
        found[code][source].append(
            ReportedMatch(
                row_id=row_id,
                kickoff=row.kickoff,
                is_timed=row.kickoff_precision is KickoffPrecision.MINUTE,
                home=keys.key(source, owners[code], row.home_team, place),
                away=keys.key(source, owners[code], row.away_team, place),
                score=settled_score(row.status, row.home_goals, row.away_goals),
            )
        )
    return found


class _Row(msgspec.Struct, frozen=True):
    """The fields of a stored record that are compared."""

    kickoff: dt.datetime
    kickoff_precision: KickoffPrecision
    home_team: str
    away_team: str
    status: MatchStatus
    home_goals: int | None = None
    away_goals: int | None = None


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
            club, pool = club_and_pool(name, place)
            alias = f"{pool}|{fold(club)}"
            team_id = (
                self._aliases.get((source, alias)) or self._aliases.get((owner, alias)) or pool.team_id(club)
            )
            self._known[asked] = self._merged_into.get(team_id, team_id)
        return self._known[asked]
