"""Decides where each match is played as it is normalised: by flag, by rule, or on a finalist's own ground.

A finalist's own ground is the one reported most often for its home matches of a year before and after.
The raw row stays as the provider reported it. Not here: the rules (``football/neutral_grounds.py``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition
from soccer_assets.football.neutral_grounds import (
    AT_HOME,
    FLAG,
    Ground,
    ground_of,
    may_be_ruled,
    ruled_competitions,
    rules_digest,
    stage_of,
    titles_of,
)
from soccer_assets.football.records import RawMatch
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, ROWS_PER_TRANSACTION, batches, in_list
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.stores.matches.unread import mark_rows_unread
from soccer_assets.tables import match

_RULES = "rules of neutral ground of the last pass"  # a stored watermark's name
_OWN = ": own ground of a finalist"
_YEAR = dt.timedelta(days=400)


def _columns(found: Ground, venue: str | None) -> dict[str, Any]:
    return {
        "neutral": found.is_neutral,
        "away_is_host": found.away_is_host,
        "ground": venue,
        "ground_rule": found.rule,
    }


PLAYED_AT_HOME = _columns(AT_HOME, None)


def ground_columns(record: RawMatch, place: Competition) -> Mapping[str, Any]:
    """The columns of a match that say where it is played, before finalists' own grounds are looked up."""
    is_plain = not record.neutral and place.code not in ruled_competitions()
    if is_plain and record.venue is msgspec.UNSET:
        return PLAYED_AT_HOME
    venue = None if record.venue is msgspec.UNSET else record.venue
    found = AT_HOME
    if not is_plain:
        found = ground_of(
            place,
            record.kickoff.date(),
            record.home_team,
            record.away_team,
            stage=stage_of(*titles_of(record.round, record.payload)),
            flag=flag_of(record),
            country=venue.country if venue else None,
        )
    return _columns(found, None if venue is None else venue.text)


def flag_of(record: RawMatch) -> bool | None:
    """Whether the provider says that the ground is neutral; None where it does not say.

    The archive writes both values. Elsewhere false is what a field holds that nobody filled in.
    """
    if record.neutral:
        return True
    return False if str(record.payload.get("neutral")).casefold() == "false" else None


def mark_rows_of_changed_rules(database: Database) -> int:
    """Mark raw rows that a rule may concern as unread, where the rules are not those of the last pass.

    No lock is held for longer than the rows of one transaction take. Killed in between, it starts again.

    Returns:
        How many raw rows were marked.
    """
    digest = rules_digest()
    with database.reading() as connection:
        if digest == read_watermark(connection, _RULES):
            return 0
        columns = (match.c.source, match.c.source_match_id, match.c.competition, match.c.kickoff)
        ruled = in_list(connection, match.c.competition, sorted(ruled_competitions()))
        rows = [
            row
            for row in connection.execute(sa.select(*columns).where(ruled).order_by(match.c.kickoff))
            if may_be_ruled(row.competition, row.kickoff.date())
        ]
    by_source: dict[str, list[str]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row.source_match_id)
    for source, ids in by_source.items():
        for part in batches(ids, ROWS_PER_TRANSACTION):
            with database.writing() as connection:
                mark_rows_unread(connection, {source: part})
    with database.writing() as connection:
        set_watermark(connection, _RULES, digest)
    return len(rows)


def put_finalists_at_home(connection: sa.Connection, batch: MatchBatch) -> None:
    """Change the rows on neutral ground by rule that are played on the own ground of one of their sides.

    Args:
        connection: reads the matches stored so far; those of ``batch`` count as they are there.
        batch: matches to be written.
    """
    if not batch.has_value("ground"):
        return
    rows = {row["match_id"]: row for row in batch.rows(("match_id", *_FINAL))}
    finals = {match_id: row for match_id, row in rows.items() if _is_by_rule(row) and row["neutral"]}
    if not finals:
        return
    grounds = _HomeGrounds(connection, _teams(finals.values()), rows)
    for match_id, row in finals.items():
        batch.put(match_id, grounds.settle(row))


def mark_finals_with_another_host(connection: sa.Connection, batch: MatchBatch) -> int:
    """Mark as unread the raw rows of finals for which the rows just written tell another own ground.

    Returns:
        How many raw rows were marked.
    """
    if not batch.has_value("ground"):
        return 0
    of_rows = batch.rows(("home_team_id", "ground", "ground_rule"))
    teams = {row["home_team_id"] for row in of_rows if row["ground"] and not row["ground_rule"]}
    if not teams:
        return 0
    columns = [match.c[name] for name in (*_FINAL, "source", "source_match_id")]
    query = sa.select(*columns).where(match.c.ground_rule.is_not(None), match.c.ground.is_not(None))
    finals = [
        row
        for row in map(dict, connection.execute(query).mappings())
        if _is_by_rule(row) and (row["home_team_id"] in teams or row["away_team_id"] in teams)
    ]
    if not finals:
        return 0
    grounds = _HomeGrounds(connection, _teams(finals), {})
    marked = 0
    for row in finals:
        if any(row[name] != value for name, value in grounds.settle(row).items()):
            marked += mark_rows_unread(connection, {row["source"]: [row["source_match_id"]]})
    return marked


_FINAL = ("home_team_id", "away_team_id", "kickoff", "neutral", "away_is_host", "ground", "ground_rule")


def _is_by_rule(row: Mapping[str, Any]) -> bool:
    """Whether the ground is known, and a rule says that it is neutral, or did before its host was found."""
    rule = row["ground_rule"]
    return row["ground"] is not None and rule not in (None, FLAG) and (row["neutral"] or rule.endswith(_OWN))


def _teams(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    return {row[name] for row in rows for name in ("home_team_id", "away_team_id")}


class _HomeGrounds:
    """The grounds of some teams' home matches."""

    def __init__(
        self, connection: sa.Connection, teams: Collection[str], new: Mapping[str, dict[str, Any]]
    ) -> None:
        """Read the stored home matches of ``teams``; ``new`` rows replace the stored ones of their ids."""
        self._played: dict[str, list[tuple[dt.datetime, str]]] = {}
        for ids in batches(sorted(teams), IDS_PER_QUERY):
            query = sa.select(match.c.match_id, match.c.home_team_id, match.c.kickoff, match.c.ground).where(
                in_list(connection, match.c.home_team_id, ids),
                match.c.ground.is_not(None),
                match.c.ground_rule.is_(None),
            )
            for row in connection.execute(query):
                if row.match_id not in new:
                    self._played.setdefault(row.home_team_id, []).append((row.kickoff, row.ground))
        for new_row in new.values():
            if new_row["ground"] and not new_row["ground_rule"] and new_row["home_team_id"] in teams:
                self._played.setdefault(new_row["home_team_id"], []).append(
                    (new_row["kickoff"], new_row["ground"])
                )

    def settle(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a final by the own grounds of its sides; on that of both it stays neutral."""
        rule = row["ground_rule"].removesuffix(_OWN)
        first, second = (self._is_own(row[name], row) for name in ("home_team_id", "away_team_id"))
        if first == second:
            return {"neutral": True, "away_is_host": False, "ground_rule": rule}
        return {"neutral": False, "away_is_host": second, "ground_rule": rule + _OWN}

    def _is_own(self, team_id: str, row: Mapping[str, Any]) -> bool:
        counts = Counter(
            fold(ground)
            for kickoff, ground in self._played.get(team_id, ())
            if abs(kickoff - row["kickoff"]) <= _YEAR
        )
        return bool(counts) and counts[fold(row["ground"])] == max(counts.values())
