"""Queries of the history for pages: seasons, teams, meetings, days, and the record of scored forecasts.

`History.reading` gives a view of one index: all its answers are of the same state, also while a newer index
is being written. All calls block for milliseconds: call them in threads. Not here: how the copy is filled
(``history_loader.py``), and structs (``history_rows.py``).
"""

import contextlib
import datetime as dt
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from serving.release.history_match import MatchRow, past_match, standing_rows, strength_of
from serving.release.history_rows import (
    FoundTeam,
    PastForecast,
    PastMatch,
    PastSeason,
    PastTeam,
    RecordSum,
    ReliabilityBin,
    SeasonLink,
    SettledFilter,
    SettledPage,
    StandingRow,
    StrengthPoint,
)
from serving.release.history_search import search_spellings
from serving.release.history_tables import BINS, PartFacts, held_index
from soccer_assets.contract.history_parts import HistoryMatch
from soccer_assets.contract.release import OUTCOMES, Team

# Points of a curve: more are not told apart on a screen, where it is at most 640 wide.
MOST_POINTS = 200
_MORE_FOUND = 3
_COLUMNS = (
    "match.id, match.kickoff, match.log_loss, match.row, match.part, part.competition, part.season,"
    " home.team, home.name, away.team, away.name, part.facts"
)
_FROM = (
    " FROM match JOIN part ON part.id = match.part JOIN team AS home ON home.id = match.home"
    " JOIN team AS away ON away.id = match.away "
)
_P = ("match.p_home", "match.p_draw", "(1.0 - match.p_home - match.p_draw)")


# What a query of a damaged file raises: SQLite sees most of it, and the rest is no row that can be read.
_BROKEN = (sqlite3.Error, msgspec.DecodeError)


class History:
    """An SQLite file of the history, shared by all workers of a sidecar.

    Attributes:
        file: where it lies; another worker may have put a new one there since.
        is_broken: a query failed, and not because the file is busy: it must be made anew.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.is_broken = False
        self._inode = _inode(file)
        self._is_closed = False
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def reading(self) -> Iterator["HistoryView"]:
        """A view of one index.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?mode=rw",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
            )
            connection.execute("PRAGMA query_only = 1")
        try:
            connection.execute("BEGIN")
            yield HistoryView(connection)
            connection.execute("ROLLBACK")
        except BaseException as error:
            connection.close()
            self.is_broken |= isinstance(error, _BROKEN) and not _is_busy(error)
            raise
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is not in use, and the rest when it is done."""
        with self._lock:
            self._is_closed = True
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def discard(self) -> None:
        """Remove the file, unless it is a new one by now."""
        self.close()
        if self._inode is not None and _inode(self.file) == self._inode:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.file}{suffix}").unlink(missing_ok=True)


class HistoryView:
    """Answers of one index.

    Attributes:
        index_sha256: the index that the answers are of, as `Pointer.history` names it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.index_sha256 = held_index(connection) or ""
        self._facts: dict[int, PartFacts] = {}

    def seasons(self, competition: str) -> list[SeasonLink]:
        """The seasons of a competition, the newest first; empty of an unknown one."""
        sql = (
            "SELECT competition, season, (SELECT count(*) FROM match WHERE match.part = part.id)"
            " FROM part WHERE competition = ? ORDER BY season DESC"
        )
        return [SeasonLink(*row) for row in self._connection.execute(sql, (competition,))]

    def season(self, competition: str, season: str) -> PastSeason | None:
        """A season with its table; None where there is none."""
        sql = "SELECT facts FROM part WHERE competition = ? AND season = ?"
        found = self._connection.execute(sql, (competition, season)).fetchone()
        if found is None:
            return None
        facts = msgspec.json.decode(found[0], type=PartFacts)
        lines: tuple[StandingRow, ...] = ()
        table = facts.table
        if table is not None:
            numbers = [facts.teams[line.team] for line in table.lines]
            lines = standing_rows(table, self._teams(numbers))
        return PastSeason(
            competition=competition,
            season=season,
            standings=lines,
            rules_source=table.source if table else "",
            stages=table.stages if table else 1,
        )

    def match(self, match_id: str) -> PastMatch | None:
        """A match; None where it is unknown."""
        found = self._matches("WHERE match.match = ? LIMIT 1", (match_id,))
        return found[0] if found else None

    def forecast_history(self, match_id: str) -> list[PastForecast]:
        """The forecasts that moved a match's probabilities by half a point or more, oldest first.

        The official one and the last one are always among them.
        """
        sql = "SELECT row, facts FROM match JOIN part ON part.id = match.part WHERE match.match = ? LIMIT 1"
        found = self._connection.execute(sql, (match_id,)).fetchone()
        if found is None:
            return []
        one, facts = (
            msgspec.json.decode(found[0], type=HistoryMatch),
            msgspec.json.decode(found[1], type=PartFacts),
        )
        return [
            PastForecast(
                at=_instant(said.at),
                home=said.home,
                draw=said.draw,
                away=said.away,
                model=facts.models[said.model],
            )
            for said in one.said
        ]

    def day(self, first: dt.date, last: dt.date, competition: str | None = None) -> list[PastMatch]:
        """Matches with a result that kicked off on the UTC days from ``first`` to ``last``, by kickoff."""
        start, end = _start(first), _start(last + dt.timedelta(days=1))
        where = "WHERE match.kickoff >= ? AND match.kickoff < ? AND match.is_over"
        if competition is None:
            return self._matches(f"{where} ORDER BY match.kickoff, match.id", (start, end))
        return self._matches(
            f"{where} AND match.competition = ? ORDER BY match.kickoff, match.id", (start, end, competition)
        )

    def team(self, team_id: str) -> PastTeam | None:
        """A team, by its id or one that was merged into it; None where it is unknown."""
        number = self._number(team_id)
        if number is None:
            return None
        sql = "SELECT team, name, country, sex, age_group, squad, aliases FROM team WHERE id = ?"
        row = self._connection.execute(sql, (number,)).fetchone()
        sides = " UNION ALL ".join(_LOSSES.format(side) for side in _SIDES)
        links = self._connection.execute(
            f"SELECT competition, season, matches FROM (SELECT part, count(*) AS matches FROM ({sides})"  # noqa: S608
            " GROUP BY part) JOIN part ON part.id = part ORDER BY season DESC, matches DESC, competition",
            {"team": number},
        )
        seasons = tuple(SeasonLink(*link) for link in links)
        scored, loss = self._connection.execute(
            f"SELECT count(log_loss), avg(log_loss) FROM ({sides})",  # noqa: S608 - constants
            {"team": number},
        ).fetchone()
        return PastTeam(
            id=row[0],
            name=row[1],
            country=row[2] or "",
            sex=row[3] or "",
            age_group=row[4] or "",
            squad=row[5] or "",
            aliases=tuple(msgspec.json.decode(row[6] or "[]", type=list[str])),
            seasons=seasons,
            scored=scored,
            log_loss=loss,
        )

    def team_matches(
        self, team_id: str, before: dt.datetime | None = None, limit: int = 20, *, is_over: bool = True
    ) -> list[PastMatch]:
        """A team's matches that kicked off before an instant, the newest first.

        Args:
            team_id: the team, or one that was merged into it.
            before: exclusive; all by default.
            limit: at most so many.
            is_over: only those with a result.
        """
        until = int(before.timestamp()) if before else 1 << 62
        over = " AND match.is_over" if is_over else ""
        sides = [
            f"SELECT * FROM (SELECT {_NUMBER} FROM match WHERE match.{side} = :team"  # noqa: S608 - constants
            f" AND match.kickoff < :until{over} ORDER BY match.kickoff DESC LIMIT :limit)"
            for side in _SIDES
        ]
        return self._newest(" UNION ALL ".join(sides), {"team": self._number(team_id), "until": until}, limit)

    def meetings(self, team_a: str, team_b: str, limit: int = 10) -> list[PastMatch]:
        """Matches of two teams with a result, the newest first."""
        sql = (
            f"SELECT {_NUMBER} FROM match WHERE match.home = {{}} AND match.away = {{}}"  # noqa: S608 - constants
            " AND match.is_over"
        )
        both = sql.format(":one", ":other") + " UNION ALL " + sql.format(":other", ":one")
        return self._newest(both, {"one": self._number(team_a), "other": self._number(team_b)}, limit)

    def team_strength(self, team_id: str, most: int = MOST_POINTS) -> list[StrengthPoint]:
        """A team's strength before each match, oldest first; at most so many points, evenly thinned."""
        number = self._number(team_id)
        found: list[tuple[int, int, int]] = []
        for place, side in enumerate(_SIDES):
            sql = f"SELECT kickoff, id, {place} FROM match WHERE {side} = ?"  # noqa: S608 - constants
            found += self._connection.execute(sql, (number,))
        found.sort()
        step = max(-(-len(found) // most), 1)
        # From the end: the newest point is always there.
        picked = found[::-1][::step][::-1]
        listed = ",".join(str(match) for _, match, _ in picked)
        sql = f"SELECT id, row FROM match WHERE id IN ({listed})"  # noqa: S608 - numbers of the file
        rows = dict(self._connection.execute(sql))
        points = []
        for kickoff, match, place in picked:
            strengths = msgspec.json.decode(rows[match], type=HistoryMatch).strengths
            if strengths is not None:
                points.append(StrengthPoint(_instant(kickoff).date(), strength_of(strengths[place])))
        return points

    def settled(self, wanted: SettledFilter, cursor: str | None = None, limit: int = 50) -> SettledPage:
        """Scored forecasts, the newest kickoff first.

        Args:
            wanted: which.
            cursor: of the last page.
            limit: at most so many.

        Raises:
            ValueError: the cursor is none of `SettledPage`.
        """
        where, values = ["match.log_loss IS NOT NULL"], dict[str, Any]()
        if wanted.competition is not None:
            where.append("match.competition = :competition")
            values["competition"] = wanted.competition
        if wanted.team_id is not None:
            where.append("(match.home = :team OR match.away = :team)")
            values["team"] = self._number(wanted.team_id)
        if wanted.first is not None:
            where.append("match.kickoff >= :first")
            values["first"] = _start(wanted.first)
        if wanted.last is not None:
            where.append("match.kickoff < :end")
            values["end"] = _start(wanted.last + dt.timedelta(days=1))
        if wanted.outcome is not None:
            p = _P[OUTCOMES.index(wanted.outcome)]
            where.append(f"{p} >= :p_from AND {p} < :p_before")
            values |= {"p_from": wanted.p_from, "p_before": wanted.p_before}
        if cursor is not None:
            kickoff, _, number = cursor.partition("-")
            where.append("(match.kickoff, match.id) < (:at, :number)")
            values |= {"at": int(kickoff), "number": int(number)}
        sql = f"SELECT match.kickoff, match.id FROM match WHERE {' AND '.join(where)}"  # noqa: S608 - constants
        found = self._connection.execute(
            f"{sql} ORDER BY match.kickoff DESC, match.id DESC LIMIT :limit", values | {"limit": limit + 1}
        ).fetchall()
        matches = self._of_numbers([number for _, number in found[:limit]])
        after = f"{found[limit - 1][0]}-{found[limit - 1][1]}" if len(found) > limit else None
        return SettledPage(tuple(matches), after)

    def record_by_competition(self) -> list[RecordSum]:
        """Sums of the scored forecasts of each competition."""
        sql = f"SELECT competition, {_SUMS} FROM record_sum WHERE kind = 'competition' ORDER BY competition"  # noqa: S608
        return [_sum(row) for row in self._connection.execute(sql)]

    def record_by_month(self, competition: str | None = None) -> list[RecordSum]:
        """Sums of the scored forecasts of each month, oldest first; of all competitions by default."""
        sql = f"SELECT month, {_SUMS} FROM record_sum WHERE kind = 'month' AND competition = ? ORDER BY month"  # noqa: S608
        return [_sum(row) for row in self._connection.execute(sql, (competition or "",))]

    def reliability(self, competition: str | None = None) -> list[ReliabilityBin]:
        """Bins of the reliability diagram that are not empty, by outcome and probability."""
        sql = (
            "SELECT outcome, bin, matches, p, happened FROM reliability WHERE competition = ?"
            " ORDER BY outcome, bin"
        )
        return [
            ReliabilityBin(
                outcome=OUTCOMES[outcome],
                p_from=number / BINS,
                p_before=(number + 1) / BINS,
                matches=matches,
                mean=p / matches,
                happened=happened,
            )
            for outcome, number, matches, p, happened in self._connection.execute(sql, (competition or "",))
        ]

    def search_teams(self, text: str, limit: int = 10) -> list[FoundTeam]:
        """Teams with a name like the text, the likest first; a letter may be wrong, missing or too many.

        Of names that are as like, the team with the most matches comes first.
        """
        found: list[tuple[float, FoundTeam]] = []
        for number, likeness in search_spellings(self._connection, text, _MORE_FOUND * limit):
            sql = (
                "SELECT team, name, country, sex, age_group,"
                " (SELECT count(*) FROM match WHERE home = team.id)"
                " + (SELECT count(*) FROM match WHERE away = team.id) FROM team WHERE id = ?"
            )
            team, name, country, sex, age_group, matches = self._connection.execute(sql, (number,)).fetchone()
            team_found = FoundTeam(
                id=team, name=name, country=country, sex=sex, age_group=age_group, matches=matches
            )
            found.append((likeness, team_found))
        found.sort(key=lambda pair: (-round(pair[0], 2), -pair[1].matches, pair[1].id))
        return [one for _, one in found[:limit]]

    def _number(self, team_id: str) -> int | None:
        sql = "SELECT id FROM team WHERE team = coalesce((SELECT keep FROM redirect WHERE gone = ?1), ?1)"
        row = self._connection.execute(sql, (team_id,)).fetchone()
        return None if row is None else int(row[0])

    def _teams(self, numbers: Sequence[int]) -> list[Team]:
        listed = ",".join(map(str, numbers))
        sql = f"SELECT id, team, name FROM team WHERE id IN ({listed})"  # noqa: S608 - numbers of the file
        found = {number: Team(team, name) for number, team, name in self._connection.execute(sql)}
        return [found[number] for number in numbers]

    def _newest(self, numbers: str, values: dict[str, Any], limit: int) -> list[PastMatch]:
        sql = f"SELECT number FROM ({numbers}) ORDER BY at DESC, number DESC LIMIT :limit"  # noqa: S608 - constants
        return self._of_numbers([row[0] for row in self._connection.execute(sql, values | {"limit": limit})])

    def _of_numbers(self, numbers: Sequence[int]) -> list[PastMatch]:
        """The matches of these rows, the newest first."""
        listed = ",".join(map(str, numbers))
        return self._matches(f"WHERE match.id IN ({listed}) ORDER BY match.kickoff DESC, match.id DESC", ())

    def _matches(self, tail: str, values: Sequence[Any]) -> list[PastMatch]:
        rows = self._connection.execute(f"SELECT {_COLUMNS}{_FROM}{tail}", values)
        return [past_match(MatchRow(*row), self._facts) for row in rows]


_SIDES = ("home", "away")
_LOSSES = "SELECT part, log_loss FROM match WHERE {} = :team"
_NUMBER = "match.id AS number, match.kickoff AS at"
_SUMS = "matches, loss, priced, price_loss, own_loss"


def _sum(row: tuple[str, int, float, int, float | None, float | None]) -> RecordSum:
    key, matches, loss, priced, price_loss, own_loss = row
    return RecordSum(
        key=key,
        matches=matches,
        log_loss=loss / matches,
        priced=priced,
        price_log_loss=None if price_loss is None else price_loss / priced,
        own_log_loss=None if own_loss is None else own_loss / priced,
    )


def _inode(file: Path) -> int | None:
    with contextlib.suppress(OSError):
        return file.stat().st_ino
    return None


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _instant(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _start(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())
