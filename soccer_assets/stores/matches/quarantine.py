"""Quarantines the matches of a team that has two results on one day, in whichever order they were stored.

A match that is reported with several scores, or about which feeds disagree, comes here with its mark and
keeps it. What feeds disagree about puts no other match in quarantine.
"""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.feed_agreement import FEED_MARKS
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.football.validity import (
    CONTRADICTED,
    FILLED_IN,
    MET_TWICE,
    MET_TWICE_NOT_LISTED,
    Result,
    beside_listed,
    twice_on_a_day,
)
from soccer_assets.resources.bulk_rows import batches, in_list
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.tables import WITHOUT_SCORE, match, match_source_id, team, vanished_match

_DAY = dt.timedelta(days=1)
_RUNS_PER_QUERY = 100
# What feeds disagree about, and matchdays that are filled in: other modules count them.
_NOT_OF_A_TEAM = FEED_MARKS | {FILLED_IN}
_PAIR = ("competition", "season", "home_team_id", "away_team_id")


def mark_same_day(
    connection: sa.Connection,
    batch: MatchBatch,
    known: dict[str, sa.Row[Any]],
    removed: Iterable[sa.Row[Any]] = (),
) -> None:
    """Set ``quarantine`` of rows that are about to be written.

    Stored matches whose quarantine changes because of them are added to both arguments.

    Args:
        connection: a transaction that writes.
        batch: the rows to be written; marked where they are reported with several scores.
        known: their stored versions, by match id.
        removed: matches that are gone: those beside them may be good now.
    """
    of_days = _new_results(batch)
    teams = {day: {side for pair in pairs for side in pair[1:]} for day, pairs in of_days.items()}
    # Where every team of a day has one result, no result has a mark.
    doubtful = {day for day, pairs in of_days.items() if len(teams[day]) < 2 * len(pairs)}
    wanted = defaultdict[dt.date, set[str]](set, teams)
    for row in (*known.values(), *removed):
        if row.status in SETTLED_STATUSES:
            wanted[row.kickoff.date()].update((row.home_team_id, row.away_team_id))
    others = _results_beside(connection, wanted, batch)
    beside = [_result(row) for row in others.values() if row.quarantine not in FEED_MARKS]
    doubtful.update(result.day for result in beside)
    results = [_new_result(batch, match_id) for day in doubtful for match_id, _, _ in of_days.get(day, ())]
    marks = _marks_of(connection, [*results, *beside])
    for match_id, mark in marks.items():
        batch.mark(match_id, mark)  # no row has a mark yet but those that depend on no other match
    changed = {
        id_: marks.get(id_)
        for id_, row in others.items()
        if not _is_marked_alone(row.quarantine) and row.quarantine != marks.get(id_)
    }
    mark_stored(connection, batch, known, changed)


def _new_results(batch: MatchBatch) -> dict[dt.date, list[tuple[str, str, str]]]:
    """Match id and teams of each result that feeds do not disagree about, by day."""
    found: defaultdict[dt.date, list[tuple[str, str, str]]] = defaultdict(list)
    cells = batch.results(("quarantine", "match_id", "home_team_id", "away_team_id"))
    for day, mark, match_id, home, away in cells:
        if mark not in FEED_MARKS:
            found[day].append((match_id, home, away))
    return found


def _new_result(batch: MatchBatch, match_id: str) -> Result:
    row = batch.row(match_id, ("kickoff", "home_team_id", "away_team_id", "home_goals", "away_goals"))
    kickoff, home, away, *goals = row.values()
    return Result(match_id, kickoff.date(), home, away, (goals[0], goals[1]))


def _marks_of(connection: sa.Connection, results: Sequence[Result]) -> dict[str, str]:
    """The marks of the results of whole days; one that its feed no longer lists gives way to the others."""
    marks = twice_on_a_day(results)
    if marks and (gone := _not_listed(connection, _sharing_a_day(results, marks))):
        return beside_listed(results, gone)
    return marks


def mark_stored(
    connection: sa.Connection,
    batch: MatchBatch,
    known: dict[str, sa.Row[Any]],
    marks: Mapping[str, str | None],
) -> None:
    """Add stored matches with another ``quarantine``, by match id, to the rows that are about to be written.

    The other arguments are those of `mark_same_day`.
    """
    if not marks:
        return
    query = sa.select(match).where(in_list(connection, match.c.match_id, marks))
    for stored in connection.execute(query):
        known[stored.match_id] = stored
        batch.beside[stored.match_id] = stored._asdict() | {"quarantine": marks[stored.match_id]}


def release_lone_results(
    connection: sa.Connection,
    batch: MatchBatch,
    known: dict[str, sa.Row[Any]],
    removed: Iterable[sa.Row[Any]] = (),
) -> None:
    """Take the mark of a second result of a pair from a stored match whose second result is gone.

    The arguments are those of `mark_same_day`. Where the other result is still one of the pair, the meeting's
    own pass has decided; here the other match has another pair, season or competition now, or is gone.
    """
    left = [
        row
        for row in (*known.values(), *removed)
        if _is_beyond_format(row.quarantine)
        and (
            row.match_id not in batch
            or any(value != getattr(row, name) for name, value in batch.row(row.match_id, _PAIR).items())
        )
    ]
    for row in left:
        same_pair = sa.and_(*(match.c[name] == getattr(row, name) for name in _PAIR))
        query = sa.select(match).where(same_pair, match.c.match_id.not_in([row.match_id, *known]))
        alone = [one for one in connection.execute(query) if _is_beyond_format(one.quarantine)]
        if len(alone) == 1:
            known[alone[0].match_id] = alone[0]
            batch.beside[alone[0].match_id] = alone[0]._asdict() | {"quarantine": None}


def _is_beyond_format(mark: str | None) -> bool:
    return mark is not None and mark.startswith((MET_TWICE, MET_TWICE_NOT_LISTED))


def _sharing_a_day(results: Sequence[Result], marked: Container[str]) -> set[str]:
    """The ids of results that share a team and a day with a marked one: the one that counts is among them."""
    taken = {(one.day, team) for one in results if one.match_id in marked for team in (one.home, one.away)}
    return {
        one.match_id for one in results if not taken.isdisjoint({(one.day, one.home), (one.day, one.away)})
    }


def _not_listed(connection: sa.Connection, match_ids: Iterable[str]) -> set[str]:
    """Those of the matches of which no feed lists a row any more."""
    is_gone = sa.and_(
        vanished_match.c.source == match_source_id.c.source,
        vanished_match.c.source_match_id == match_source_id.c.source_match_id,
    )
    query = (
        sa.select(match_source_id.c.match_id)
        .select_from(match_source_id.outerjoin(vanished_match, is_gone))
        .where(in_list(connection, match_source_id.c.match_id, sorted(match_ids)))
        .group_by(match_source_id.c.match_id)
        .having(sa.func.count() == sa.func.count(vanished_match.c.source))
    )
    return set(connection.execute(query).scalars())


def _is_marked_alone(mark: str | None) -> bool:
    """Whether a mark depends on no other match."""
    return mark is not None and (
        mark.startswith(CONTRADICTED) or _is_beyond_format(mark) or mark in _NOT_OF_A_TEAM
    )


def count_same_day(connection: sa.Connection) -> Mapping[str, int]:
    """The number of matches quarantined for a second result or score, by competition, largest first."""
    count = sa.func.count()
    query = (
        sa.select(match.c.competition, count)
        .where(match.c.quarantine.is_not(None), match.c.quarantine.not_in(_NOT_OF_A_TEAM))
        .group_by(match.c.competition)
        .order_by(count.desc(), match.c.competition)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def count_disputed(connection: sa.Connection) -> int:
    """The number of results that are quarantined because feeds disagree or none is trusted."""
    query = sa.select(sa.func.count()).where(
        match.c.quarantine.is_not(None), match.c.quarantine.in_(FEED_MARKS)
    )
    return int(connection.execute(query).scalar_one())


def count_without_score(connection: sa.Connection) -> dict[str, int]:
    """The number of matches that are over and whose score after 90 minutes is not known, by the reason."""
    count = sa.func.count()
    query = sa.select(match.c.decided_by, count).where(WITHOUT_SCORE).group_by(match.c.decided_by)
    return {row[0]: row[1] for row in connection.execute(query)}


def examples_of_quarantine(connection: sa.Connection, most: int) -> list[str]:
    """The newest of the matches that `count_same_day` counts as text, with the reason of each."""
    home, away = team.alias(), team.alias()
    query = (
        sa.select(match, home.c.name.label("home"), away.c.name.label("away"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .where(match.c.quarantine.is_not(None), match.c.quarantine.not_in(_NOT_OF_A_TEAM))
        .order_by(match.c.kickoff.desc(), match.c.match_id)
        .limit(most)
    )
    return [
        f"{row.competition} {row.kickoff:%Y-%m-%d} {row.home} {row.home_goals}-{row.away_goals} {row.away}: "
        f"{row.quarantine}"
        for row in connection.execute(query)
    ]


def _results_beside(
    connection: sa.Connection, begin: Mapping[dt.date, set[str]], without: Container[str]
) -> dict[str, sa.Row[Any]]:
    """The stored results that share a team and a day with some results, or with one of these, and so on.

    Only they can change the marks of one another. After a merge of two clubs the rows lie on 1,200 days: the
    results of the whole days would be 100,000.

    Args:
        connection: to read.
        begin: by day, the teams of the results where it begins.
        without: ids of matches that are passed over.
    """
    found: dict[str, sa.Row[Any]] = {}
    reached: defaultdict[dt.date, set[str]] = defaultdict(set)
    wanted = dict(begin)
    while wanted:
        for day, teams in wanted.items():
            reached[day] |= teams
        new = {
            row.match_id: row
            for row in _results_of(connection, wanted)
            if row.match_id not in found and row.match_id not in without
        }
        found |= new
        beside = _teams_by_day(map(_result, new.values()))
        wanted = {day: rest for day, teams in beside.items() if (rest := teams - reached[day])}
    return found


def _results_of(connection: sa.Connection, teams: Mapping[dt.date, set[str]]) -> Iterator[sa.Row[Any]]:
    """The stored results of some teams on each day; a query asks for up to a hundred runs of days."""
    names = ("match_id", "kickoff", "home_team_id", "away_team_id", "home_goals", "away_goals", "quarantine")
    columns = [match.c[name] for name in names]
    for runs in batches(_runs(sorted(teams)), _RUNS_PER_QUERY):
        within = [
            sa.and_(match.c.kickoff >= midnight(run[0]), match.c.kickoff < midnight(run[-1] + _DAY))
            for run in runs
        ]
        of_runs = sorted(set().union(*(teams[day] for run in runs for day in run)))
        # An expression has no index, so that the index of days is used: SQLite took those of the teams, in
        # 16 times the time.
        is_theirs = sa.or_(
            in_list(connection, match.c.home_team_id.concat(""), of_runs),
            in_list(connection, match.c.away_team_id.concat(""), of_runs),
        )
        query = sa.select(*columns).where(sa.or_(*within), match.c.status.in_(SETTLED_STATUSES), is_theirs)
        for row in connection.execute(query):
            if not {row.home_team_id, row.away_team_id}.isdisjoint(teams[row.kickoff.date()]):
                yield row


def _result(row: sa.Row[Any]) -> Result:
    return Result(
        row.match_id,
        row.kickoff.date(),
        row.home_team_id,
        row.away_team_id,
        (row.home_goals, row.away_goals),
    )


def _teams_by_day(results: Iterable[Result]) -> dict[dt.date, set[str]]:
    teams: defaultdict[dt.date, set[str]] = defaultdict(set)
    for result in results:
        teams[result.day].update((result.home, result.away))
    return teams


def _runs(days: list[dt.date]) -> Iterator[list[dt.date]]:
    """Days in order as runs of consecutive ones."""
    for _, run in itertools.groupby(enumerate(days), key=lambda item: item[1].toordinal() - item[0]):
        yield [day for _, day in run]
