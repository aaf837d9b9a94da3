"""Quarantines the matches of a team that has two results on one day, in whichever order they were stored."""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from soccer_assets.football.matches import STATUS_RULES
from soccer_assets.football.validity import TWICE_ON_A_DAY, twice_on_a_day
from soccer_assets.resources.bulk_rows import in_list
from soccer_assets.tables import match

_RESULTS = [status.value for status, rule in STATUS_RULES.items() if rule.settles]
_DAY = dt.timedelta(days=1)
_RUNS_PER_QUERY = 100


def mark_same_day(
    connection: sa.Connection, rows: dict[str, dict[str, Any]], known: dict[str, sa.Row[Any]]
) -> None:
    """Set ``quarantine`` of rows that are about to be written.

    Stored matches of the same days whose quarantine changes because of them are added to both arguments.

    Args:
        connection: a transaction that writes.
        rows: the rows to be written, by match id.
        known: their stored versions, by match id.
    """
    new_results = {
        id_: (row["kickoff"].date(), row["home_team_id"], row["away_team_id"])
        for id_, row in rows.items()
        if row["status"] in _RESULTS
    }
    before = (row.kickoff.date() for row in known.values() if row.status in _RESULTS)
    days = {day for day, _, _ in new_results.values()}.union(before)
    others = {row.match_id: row for row in _results_of(connection, days) if row.match_id not in rows}
    stored_results = {
        id_: (row.kickoff.date(), row.home_team_id, row.away_team_id) for id_, row in others.items()
    }
    doubtful = twice_on_a_day((id_, *played) for id_, played in (new_results | stored_results).items())
    for id_, row in rows.items():
        row["quarantine"] = TWICE_ON_A_DAY if id_ in doubtful else None
    changed = [id_ for id_, row in others.items() if (id_ in doubtful) != (row.quarantine is not None)]
    if changed:
        query = sa.select(match).where(in_list(connection, match.c.match_id, changed))
        for stored in connection.execute(query):
            known[stored.match_id] = stored
            mark = TWICE_ON_A_DAY if stored.match_id in doubtful else None
            rows[stored.match_id] = stored._asdict() | {"quarantine": mark}


def count_same_day(connection: sa.Connection) -> Mapping[str, int]:
    """The number of quarantined matches by competition, largest first."""
    count = sa.func.count()
    query = (
        sa.select(match.c.competition, count)
        .where(match.c.quarantine.is_not(None))
        .group_by(match.c.competition)
        .order_by(count.desc(), match.c.competition)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _results_of(connection: sa.Connection, days: Iterable[dt.date]) -> Iterator[sa.Row[Any]]:
    """The stored results of some days; one query asks for up to a hundred runs of consecutive days."""
    columns = [
        match.c[name] for name in ("match_id", "kickoff", "home_team_id", "away_team_id", "quarantine")
    ]
    runs = list(_runs(sorted(days)))
    for at in range(0, len(runs), _RUNS_PER_QUERY):
        within = [
            sa.and_(match.c.kickoff >= _midnight(first), match.c.kickoff < _midnight(last + _DAY))
            for first, last in runs[at : at + _RUNS_PER_QUERY]
        ]
        yield from connection.execute(
            sa.select(*columns).where(sa.or_(*within), match.c.status.in_(_RESULTS))
        )


def _runs(days: list[dt.date]) -> Iterator[tuple[dt.date, dt.date]]:
    for _, run in itertools.groupby(enumerate(days), key=lambda item: item[1].toordinal() - item[0]):
        members = [day for _, day in run]
        yield members[0], members[-1]


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
