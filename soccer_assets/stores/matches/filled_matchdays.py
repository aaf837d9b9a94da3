"""Matchdays whose results are all one score: a provider filled them in before it knew them.

No result of such a day counts until a person trusts the feed in that month (``feed_trust.py``) or another
score comes: then all of the day count. Not here: the bounds (``football/validity.py``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.football.validity import FILLED_IN, Goals, is_filled_in
from soccer_assets.resources.bulk_rows import in_list
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.feed_trust import decided_feeds, trusted_feed
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.stores.matches.quarantine import mark_stored
from soccer_assets.tables import match

_MONTH = dt.timedelta(days=31)  # from its first day into the next
_Matchday = tuple[str, dt.date]  # competition, UTC day
FILLED_REMEDY = "list them with `soccer matches doubtful`; decide with `soccer feeds trust`"


class FilledMatchday(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A matchday (UTC) whose results are in quarantine because all are one score."""

    day: dt.date
    competition: str
    source: str
    matches: int
    score: str

    @property
    def command(self) -> str:
        """What makes them count."""
        return f"soccer feeds trust {self.competition} {self.source} --month {self.day:%Y-%m}"

    def __str__(self) -> str:
        """One line of text."""
        return f"{self.competition} {self.day}: {self.matches} results, all {self.score} ({self.source})"


def mark_filled_matchdays(
    connection: sa.Connection,
    batch: MatchBatch,
    known: dict[str, sa.Row[Any]],
    removed: Iterable[sa.Row[Any]] = (),
) -> None:
    """Set ``quarantine`` of rows that are about to be written and of stored ones of the same matchdays.

    Marks of another kind stay. The arguments are those of ``quarantine.mark_same_day``.
    """
    new = _new_goals(batch)
    touched = {*new, *((row.competition, row.kickoff.date()) for row in (*known.values(), *removed))}
    # A day with two scores among its new rows is not filled in, whatever else is stored.
    unclear = {
        day: dict(new.get(day, ())) for day in touched if len({goals for _, goals in new.get(day, ())}) <= 1
    }
    beside = {row.match_id: row for row in _stored_results(connection, unclear) if row.match_id not in batch}
    for stored in beside.values():
        day = stored.competition, stored.kickoff.date()
        unclear[day][stored.match_id] = stored.home_goals, stored.away_goals
    trust = decided_feeds(connection)
    filled = {
        match_id
        for (competition, day), scores in unclear.items()
        if is_filled_in(scores.values()) and not trusted_feed(trust, competition, midnight(day))
        for match_id in scores
    }
    for match_id in filled:
        batch.mark(match_id, FILLED_IN)
    changed: dict[str, str | None] = {
        id_: FILLED_IN for id_, found in beside.items() if id_ in filled and found.quarantine is None
    }
    for stored in _marked(connection, {competition for competition, _ in touched}):
        is_touched = (stored.competition, stored.kickoff.date()) in touched
        if is_touched and stored.match_id not in filled and stored.match_id not in batch:
            changed[stored.match_id] = None
    mark_stored(connection, batch, known, changed)


def _new_goals(batch: MatchBatch) -> dict[_Matchday, list[tuple[str, Goals]]]:
    """Match id and goals of each result that is about to be written, by matchday."""
    found: defaultdict[_Matchday, list[tuple[str, Goals]]] = defaultdict(list)
    cells = batch.results(("competition", "match_id", "home_goals", "away_goals"))
    for day, competition, match_id, home_goals, away_goals in cells:
        if home_goals is not None and away_goals is not None:
            found[competition, day].append((match_id, (home_goals, away_goals)))
    return found


def filled_matchdays(database: Database) -> list[FilledMatchday]:
    """The matchdays that are in quarantine for it, by day."""
    with database.reading() as connection:
        days: defaultdict[tuple[str, dt.date], list[sa.Row[Any]]] = defaultdict(list)
        for row in _marked(connection):
            days[row.competition, row.kickoff.date()].append(row)
    return sorted(
        FilledMatchday(
            day=day,
            competition=competition,
            source=rows[0].source,
            matches=len(rows),
            score=f"{rows[0].home_goals}-{rows[0].away_goals}",
        )
        for (competition, day), rows in days.items()
    )


def _marked(connection: sa.Connection, competitions: Iterable[str] | None = None) -> Iterator[sa.Row[Any]]:
    # The first condition is that of an index.
    query = _results().where(match.c.quarantine.is_not(None), match.c.quarantine == FILLED_IN)
    if competitions is not None:
        query = query.where(in_list(connection, match.c.competition, sorted(competitions)))
    yield from connection.execute(query)


def _stored_results(connection: sa.Connection, days: Collection[_Matchday]) -> Iterator[sa.Row[Any]]:
    """The stored results of matchdays, a query a month: a condition a day is slow to compile."""
    of_months = defaultdict[dt.date, set[str]](set)
    for competition, day in days:
        of_months[day.replace(day=1)].add(competition)
    for month, competitions in sorted(of_months.items()):
        query = _results().where(
            in_list(connection, match.c.competition, sorted(competitions)),
            match.c.kickoff >= midnight(month),
            match.c.kickoff < midnight((month + _MONTH).replace(day=1)),
            match.c.status.in_(SETTLED_STATUSES),
            match.c.home_goals.is_not(None),
        )
        for row in connection.execute(query):
            if (row.competition, row.kickoff.date()) in days:
                yield row


def _results() -> sa.Select[Any]:
    return sa.select(
        match.c.match_id,
        match.c.competition,
        match.c.kickoff,
        match.c.source,
        match.c.home_goals,
        match.c.away_goals,
        match.c.quarantine,
    )
