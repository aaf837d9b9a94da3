"""Teams by the ids that a provider gives them: `team_source_id`.

A provider's id means one team in all its competitions, however the name is spelled. A club that was seen
first in an international cup, where its country is not known, becomes the club of its league when that comes:
the team of the cup is merged into it, and its matches are read again.

An id under which two clubs play on one day identifies nobody: there the id and the name together do.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from soccer_assets.football.club_names import Likeness, likeness
from soccer_assets.football.competitions import INTERNATIONAL, NATIONAL
from soccer_assets.football.identity import Pool
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import in_list, upsert
from soccer_assets.stores.matches.teams import mark_unread
from soccer_assets.tables import team_merge, team_source_id

_AND = "|"


def _key(source: str, own_id: str, pool: Pool) -> tuple[str, str, str]:
    return source, f"{pool.sex}|{pool.age_group}|{pool.squad}", own_id


class SourceTeams:
    """The ids of some sources, read once; `write` stores what was learnt."""

    def __init__(self, connection: sa.Connection, sources: set[str]) -> None:
        self._connection = connection
        query = sa.select(team_source_id).where(in_list(connection, team_source_id.c.source, sorted(sources)))
        self._teams: dict[tuple[str, str, str], tuple[str, bool]] = {
            (row.source, row.pool, row.source_team_id): (row.team_id, row.is_placed)
            for row in connection.execute(query)
        }
        # Written with a name behind the id: the id is shared.
        self._shared = {
            (source, pool, own_id.partition(_AND)[0])
            for source, pool, own_id in self._teams
            if _AND in own_id
        }
        self._days: dict[tuple[tuple[str, str, str], dt.date], str] = {}
        self._new: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._merged: dict[str, str] = {}

    def see(self, source: str, own_id: str, pool: Pool, name: str, day: dt.date) -> None:
        """Take note of a match under an id, before any of its batch is placed."""
        key = _key(source, own_id, pool)
        other = self._days.setdefault((key, day), name)
        if other != name and likeness(other, name) is Likeness.NONE:
            self._shared.add(key)

    def is_shared(self, source: str, pool: Pool, own_id: str) -> bool:
        """Whether an id, by all that was seen, identifies nobody."""
        return _key(source, own_id, pool) in self._shared

    def known(self, source: str, pool: Pool, own_id: str) -> str | None:
        """The stored team of an id; None where the id is new."""
        found = self._teams.get(_key(source, own_id, pool))
        return None if found is None else found[0]

    def place(self, source: str, own_id: str, pool: Pool, by_name: str, name: str) -> str:
        """The team that an id means; ``by_name`` where the id is new, or its country becomes known."""
        key = _key(source, own_id, pool)
        if key in self._shared:
            key = _key(source, f"{own_id}{_AND}{fold(name)}", pool)
        is_placed = pool.country != INTERNATIONAL or pool.squad == NATIONAL
        known = self._teams.get(key)
        if known is not None and (known[1] or not is_placed):
            return known[0]
        if known is not None and known[0] != by_name:
            self._merged[known[0]] = by_name
        self._teams[key] = (by_name, is_placed)
        self._new[key] = {
            "source": source,
            "pool": key[1],
            "source_team_id": key[2],
            "team_id": by_name,
            "is_placed": is_placed,
        }
        return by_name

    def write(self, now: dt.datetime) -> None:
        """Store new ids, and merge the teams whose country became known."""
        upsert(self._connection, team_source_id, list(self._new.values()))
        rows = [{"gone": gone, "keep": keep, "merged_at": now} for gone, keep in self._merged.items()]
        upsert(self._connection, team_merge, rows)
        if self._merged:
            mark_unread(self._connection, sorted(self._merged))
