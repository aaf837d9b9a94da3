"""Lists teams, merges two ids of one team, and splits them again.

A merge is one row of `team_merge`: every id stays valid and redirects to the team that is kept. The raw rows
of the duplicate's matches are marked as unread, so the next pass over `match_raw` moves the matches to the
kept team, with a version and a history like any other change.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import in_list, upsert
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.unread import mark_rows_unread
from soccer_assets.stores.store_error import StoreError
from soccer_assets.tables import match, match_history, match_source_id, team, team_merge, team_split


class TeamError(StoreError):
    """The teams cannot be merged or split; the message says why."""


class TeamRow(msgspec.Struct, frozen=True, kw_only=True):
    """A team as `soccer teams list` shows it."""

    team_id: str
    name: str
    country: str
    sex: str
    age_group: str
    squad: str
    matches: int
    merged_into: str | None

    @property
    def side(self) -> str:
        """Sex and age group, and the squad where it is not the first."""
        return _side(self.sex, self.age_group, self.squad)


def redirects(connection: sa.Connection) -> dict[str, str]:
    """By the id of each merged team, the id of the team that is kept, through every further merge."""
    merged_into = {row.gone: row.keep for row in connection.execute(sa.select(team_merge))}
    for duplicate, keep in list(merged_into.items()):
        last = keep
        while last in merged_into:
            last = merged_into[last]
        merged_into[duplicate] = last
    return merged_into


def ended_ids(connection: sa.Connection) -> dict[str, str | None]:
    """Ids of teams that were not merged and have no match any more, as after a change of the rules of names.

    Returns:
        By each such id the team that its matches have now; None where they are gone, or have several.
    """
    merged = sa.select(team_merge.c.gone).where(team_merge.c.gone == team.c.team_id).exists()
    plays = [
        sa.select(match.c.match_id).where(side == team.c.team_id).exists()
        for side in (match.c.home_team_id, match.c.away_team_id)
    ]
    query = sa.select(team.c.team_id).where(~merged, *(~side for side in plays))
    ended = list(connection.execute(query).scalars())
    heirs: dict[str, set[str]] = {team_id: set() for team_id in ended}
    for name in ("home_team_id", "away_team_id") if ended else ():
        then, now = match_history.c[name], match.c[name]
        moved = (
            sa.select(then, now)
            .join(match, match.c.match_id == match_history.c.match_id)
            .where(in_list(connection, then, ended))
            .distinct()
        )
        for before, after in connection.execute(moved):
            heirs[before].add(after)
    return {team_id: next(iter(found)) if len(found) == 1 else None for team_id, found in heirs.items()}


def unlisted_ids(connection: sa.Connection) -> tuple[dict[str, str], set[str]]:
    """The ids that lead to a team, with its id; and all ids under which no team is listed, these included."""
    ended = ended_ids(connection)
    merged = redirects(connection)
    leads = {old: ended.get(new, new) for old, new in (merged | ended).items() if new is not None}
    return {old: new for old, new in leads.items() if new is not None}, {*merged, *ended}


def list_teams(
    database: Database, *, competition: str = "", country: str = "", search: str = ""
) -> list[TeamRow]:
    """The teams that match all filters, by country and name, without ids that no match has any more.

    Args:
        database: where they are.
        competition: code of a competition that they played in.
        country: their country, ignoring case and accents.
        search: part of the name, ignoring case and accents.
    """
    played = sa.union_all(
        sa.select(match.c.home_team_id.label("team_id"), match.c.competition),
        sa.select(match.c.away_team_id.label("team_id"), match.c.competition),
    ).subquery()
    counts = sa.select(played.c.team_id, sa.func.count().label("matches")).group_by(played.c.team_id)
    if competition:
        counts = counts.where(played.c.competition == competition)
    counted = counts.subquery()
    query = (
        sa.select(team, sa.func.coalesce(counted.c.matches, 0).label("matches"), team_merge.c.keep)
        .join(counted, counted.c.team_id == team.c.team_id, isouter=not competition)
        .join(team_merge, team_merge.c.gone == team.c.team_id, isouter=True)
        .order_by(team.c.country, team.c.name, team.c.team_id)
    )
    if search:
        query = query.where(team.c.folded_name.contains(fold(search), autoescape=True))
    with database.reading() as connection:
        ended = ended_ids(connection)
        return [
            TeamRow(
                team_id=row.team_id,
                name=row.name,
                country=row.country,
                sex=row.sex,
                age_group=row.age_group,
                squad=row.squad,
                matches=row.matches,
                merged_into=row.keep,
            )
            for row in connection.execute(query)
            # Not in SQL: SQLite lowers ASCII alone, PostgreSQL as its server's locale does.
            if row.team_id not in ended and (not country or fold(row.country) == fold(country))
        ]


def team_id_of(database: Database, text: str) -> str:
    """The id of a team that a person named by its id or its name; case and accents do not matter.

    Raises:
        TeamError: there is no such team, or several.
    """
    query = sa.select(team).where(sa.or_(team.c.team_id == text, team.c.folded_name == fold(text)))
    with database.reading() as connection:
        merged = redirects(connection)
        found = {merged.get(row.team_id, row.team_id): row for row in connection.execute(query)}
    if not found:
        raise TeamError(f"there is no team {text!r}; `soccer teams list --search NAME` lists the ids")
    if len(found) > 1:
        listed = " or ".join(
            f"{one} ({row.country}, {_side(row.sex, row.age_group, row.squad)})" for one, row in found.items()
        )
        raise TeamError(f"{text!r} may be {listed}; name the id")
    return str(next(iter(found)))


def merge_teams(database: Database, keep: str, duplicate: str, now: dt.datetime) -> int:
    """Merge ``duplicate`` into ``keep``; returns how many matches the next refresh moves.

    Raises:
        TeamError: one is unknown or merged already, they are of different pools, or they have met.
    """
    with database.writing() as connection:
        merged_into = redirects(connection)
        both = [keep, duplicate]
        stored = sa.select(team).where(team.c.team_id.in_(both))
        rows = {row.team_id: row for row in connection.execute(stored)}
        for team_id in both:
            if team_id not in rows:
                raise TeamError(
                    f"there is no team {team_id!r}; `soccer teams list --search NAME` lists the ids"
                )
            if team_id in merged_into:
                raise TeamError(f"{rows[team_id].name} is merged into {merged_into[team_id]}; split it first")
        if keep == duplicate:
            raise TeamError(f"{rows[keep].name} cannot be merged into itself")
        if _pool(rows[keep]) != _pool(rows[duplicate]):
            raise TeamError(
                f"{rows[keep].name} and {rows[duplicate].name} differ in country, sex, age group or squad"
            )
        meeting = sa.select(match.c.kickoff).where(
            match.c.home_team_id.in_(both), match.c.away_team_id.in_(both)
        )
        if (met := connection.execute(meeting.limit(1)).scalar()) is not None:
            raise TeamError(
                f"{rows[keep].name} and {rows[duplicate].name} met on {met:%Y-%m-%d}: they are two teams"
            )
        connection.execute(sa.insert(team_merge).values(gone=duplicate, keep=keep, merged_at=now))
        return mark_unread(connection, [duplicate])


def split_team(database: Database, merged: str, now: dt.datetime) -> int:
    """Undo a merge for good; returns how many matches the next refresh reads again.

    Args:
        database: where the teams are.
        merged: id of the team that was merged into another one.
        now: time stamp of the split.

    Raises:
        TeamError: it is not merged.
    """
    with database.writing() as connection:
        keep = connection.execute(sa.select(team_merge.c.keep).where(team_merge.c.gone == merged)).scalar()
        if keep is None:
            raise TeamError(
                f"{merged!r} is not merged into another team; `soccer teams list` shows which are"
            )
        holder = redirects(connection)[merged]
        connection.execute(sa.delete(team_merge).where(team_merge.c.gone == merged))
        upsert(connection, team_split, [{"gone": merged, "keep": keep, "split_at": now}])
        return mark_unread(connection, [holder])


def _side(sex: str, age_group: str, squad: str) -> str:
    return ", ".join((sex, age_group) if squad == "first" else (sex, age_group, squad))


def _pool(row: sa.Row[tuple[object, ...]]) -> tuple[str, str, str, str]:
    return (row.country, row.sex, row.age_group, row.squad)


def mark_unread(connection: sa.Connection, team_ids: Sequence[str]) -> int:
    """Mark the raw rows of these teams' matches as unread."""
    theirs = sa.or_(
        in_list(connection, match.c.home_team_id, team_ids),
        in_list(connection, match.c.away_team_id, team_ids),
    )
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for source, source_match_id in connection.execute(
        sa.select(match_source_id.c.source, match_source_id.c.source_match_id)
        .join(match, match.c.match_id == match_source_id.c.match_id)
        .where(theirs)
    ):
        by_source[source].append(source_match_id)
    return mark_rows_unread(connection, by_source)
