"""The sidecar's copy of the history: one SQLite file, filled from parts, a part in one transaction.

A match is a row with the columns that queries filter by, and its JSON as the part has it. What is written
together becomes visible together: `meta.index_sha256` names the index that the file holds.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from math import log
from pathlib import Path

import msgspec

from soccer_assets.contract.history_parts import HistoryMatch, SeasonPart, SeasonTable, TeamsPart
from soccer_assets.football.text_folding import fold

# Rises with the tables: a file of another version is not read.
FILE_VERSION = 1

TABLES = """
CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), index_sha256 TEXT NOT NULL);
CREATE TABLE part (
    id INTEGER PRIMARY KEY,
    competition TEXT NOT NULL,
    season TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    facts BLOB NOT NULL,
    UNIQUE (competition, season)
);
CREATE TABLE country (country TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TABLE team (
    id INTEGER PRIMARY KEY,
    team TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    country TEXT,
    sex TEXT,
    age_group TEXT,
    squad TEXT,
    aliases TEXT
);
CREATE TABLE redirect (gone TEXT PRIMARY KEY, keep TEXT NOT NULL, country TEXT NOT NULL);
CREATE VIRTUAL TABLE spelling USING fts5(folded, team UNINDEXED, tokenize = 'trigram');
CREATE TABLE match (
    id INTEGER PRIMARY KEY,
    match TEXT NOT NULL,
    part INTEGER NOT NULL,
    competition TEXT NOT NULL,
    kickoff INTEGER NOT NULL,
    home INTEGER NOT NULL,
    away INTEGER NOT NULL,
    is_over INTEGER NOT NULL,
    p_home REAL,
    p_draw REAL,
    outcome INTEGER,
    log_loss REAL,
    price_log_loss REAL,
    row BLOB NOT NULL
);
CREATE TABLE record_sum (
    kind TEXT NOT NULL, competition TEXT NOT NULL, month TEXT NOT NULL, matches INTEGER, loss REAL,
    priced INTEGER, price_loss REAL, own_loss REAL, PRIMARY KEY (kind, competition, month)
);
CREATE TABLE reliability (
    competition TEXT NOT NULL, outcome INTEGER NOT NULL, bin INTEGER NOT NULL, matches INTEGER, p REAL,
    happened INTEGER, PRIMARY KEY (competition, outcome, bin)
);
"""
# Made after the first load, which is faster.
INDEXES = """
CREATE INDEX IF NOT EXISTS match_by_id ON match (match);
CREATE INDEX IF NOT EXISTS match_by_part ON match (part, kickoff);
CREATE INDEX IF NOT EXISTS match_by_home ON match (home, kickoff, away, part, log_loss);
CREATE INDEX IF NOT EXISTS match_by_away ON match (away, kickoff, home, part, log_loss);
CREATE INDEX IF NOT EXISTS match_by_kickoff ON match (kickoff);
CREATE INDEX IF NOT EXISTS match_scored ON match (kickoff, p_home, p_draw) WHERE log_loss IS NOT NULL;
CREATE INDEX IF NOT EXISTS match_scored_by_competition ON match (competition, kickoff, p_home, p_draw)
    WHERE log_loss IS NOT NULL;
"""
# Bins of the reliability diagram: twenty of equal width.
BINS = 20

_INSERT = f"INSERT INTO match VALUES (NULL{', ?' * 13})"  # noqa: S608 - question marks
_SCORED = "scored"


class PartFacts(msgspec.Struct, frozen=True, array_like=True):
    """What rows of a part refer to by place: numbers of the table `team`, and models; and the table."""

    teams: tuple[int, ...]
    models: tuple[str, ...]
    table: SeasonTable | None


def create(path: Path) -> None:
    """Make an empty file; its tables have no indexes yet."""
    connection = sqlite3.connect(path)
    # Rows of two hundred bytes: pages of 8 kB hold more of them than they waste.
    connection.executescript(f"PRAGMA page_size = 8192; PRAGMA user_version = {FILE_VERSION}; {TABLES}")
    connection.close()


def held_index(connection: sqlite3.Connection) -> str | None:
    """The index that the file holds; None of a file of another version, or one that is not complete."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        row = (
            connection.execute("SELECT index_sha256 FROM meta").fetchone()
            if version == FILE_VERSION
            else None
        )
    except sqlite3.DatabaseError:
        return None
    return None if row is None else str(row[0])


class TableWriter:
    """Puts parts into the tables; the caller begins and ends transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._teams: dict[str, int] = dict(connection.execute("SELECT team, id FROM team").fetchall())
        self._encoder = msgspec.json.Encoder()

    def put_season(self, part: SeasonPart, sha256: str) -> None:
        """Replace a season."""
        self.remove_season(part.competition, part.season)
        teams = [self._team(team, name) for team, name in part.teams]
        cursor = self._connection.execute(
            "INSERT INTO part (competition, season, sha256, facts) VALUES (?, ?, ?, ?)",
            (
                *(part.competition, part.season, sha256),
                self._encoder.encode(PartFacts(teams=tuple(teams), models=part.models, table=part.table)),
            ),
        )
        number = int(cursor.lastrowid or 0)
        self._connection.executemany(_INSERT, self._rows(part, number, teams))

    def remove_season(self, competition: str, season: str) -> None:
        """Remove a season, if it is there."""
        sql = "SELECT id FROM part WHERE competition = ? AND season = ?"
        found = self._connection.execute(sql, (competition, season)).fetchone()
        if found is not None:
            self._connection.execute("DELETE FROM match WHERE part = ?", found)
            self._connection.execute("DELETE FROM part WHERE id = ?", found)

    def put_teams(self, part: TeamsPart, sha256: str) -> None:
        """Replace the teams of a country; a team that is gone keeps its name, and is not found any more."""
        self.remove_teams(part.country)
        self._connection.execute("INSERT INTO country VALUES (?, ?)", (part.country, sha256))
        for team in part.teams:
            number = self._team(team.id, team.name)
            self._connection.execute(
                "UPDATE team SET name = ?, country = ?, sex = ?, age_group = ?, squad = ?, aliases = ?"
                " WHERE id = ?",
                (
                    *(team.name, part.country, team.sex, team.age_group, team.squad),
                    *(self._encoder.encode(team.aliases).decode(), number),
                ),
            )
            self._connection.executemany(
                "INSERT INTO spelling (folded, team) VALUES (?, ?)",
                [(spelling, number) for spelling in dict.fromkeys((fold(team.name), *team.aliases))],
            )
        self._connection.executemany(
            "INSERT OR REPLACE INTO redirect VALUES (?, ?, ?)",
            [(gone, keep, part.country) for gone, keep in part.redirects.items()],
        )

    def remove_teams(self, country: str) -> None:
        """Forget the spellings and redirects of a country's teams."""
        numbers = self._connection.execute("SELECT id FROM team WHERE country = ?", (country,)).fetchall()
        if numbers:
            listed = ",".join(str(number) for (number,) in numbers)
            self._connection.execute(f"DELETE FROM spelling WHERE team IN ({listed})")  # noqa: S608 - numbers
            self._connection.execute("UPDATE team SET country = NULL WHERE country = ?", (country,))
        for table in ("country", "redirect"):
            self._connection.execute(f"DELETE FROM {table} WHERE country = ?", (country,))  # noqa: S608

    def finish(self, index_sha256: str) -> None:
        """Sum up the scored forecasts, and name the index that the file now holds."""
        self._connection.execute("DELETE FROM record_sum")
        self._connection.execute("DELETE FROM reliability")
        self._connection.execute(
            "INSERT INTO record_sum SELECT 'competition', competition, '', count(*), sum(log_loss),"  # noqa: S608
            f" {_PRICED} FROM match WHERE log_loss IS NOT NULL GROUP BY competition"
        )
        for competition in ("''", "competition"):
            self._connection.execute(
                f"INSERT INTO record_sum SELECT 'month', {competition},"  # noqa: S608 - constants
                f" strftime('%Y-%m', kickoff, 'unixepoch') AS month, count(*), sum(log_loss), {_PRICED}"
                " FROM match WHERE log_loss IS NOT NULL GROUP BY 2, month"
            )
            for outcome, p in enumerate(("p_home", "p_draw", "1.0 - p_home - p_draw")):
                self._connection.execute(
                    f"INSERT INTO reliability SELECT {competition}, {outcome},"  # noqa: S608 - constants
                    f" max(0, min(CAST(({p}) * {BINS} AS INTEGER), {BINS - 1})) AS bin, count(*), sum({p}),"
                    f" sum(outcome = {outcome}) FROM match WHERE log_loss IS NOT NULL GROUP BY 1, bin"
                )
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (1, ?)", (index_sha256,))

    def _team(self, team: str, name: str) -> int:
        number = self._teams.get(team)
        if number is None:
            cursor = self._connection.execute("INSERT INTO team (team, name) VALUES (?, ?)", (team, name))
            number = self._teams[team] = int(cursor.lastrowid or 0)
        return number

    def _rows(self, part: SeasonPart, number: int, teams: list[int]) -> Iterator[tuple[object, ...]]:
        encode = self._encoder.encode
        for one in part.matches:
            scored = _scored(one)
            yield (
                *(one.id, number, part.competition, one.kickoff, teams[one.home], teams[one.away]),
                int(one.goals is not None),
                *scored,
                encode(one),
            )


_PRICED = (
    "count(price_log_loss), sum(price_log_loss), sum(CASE WHEN price_log_loss IS NOT NULL THEN log_loss END)"
)


def _scored(one: HistoryMatch) -> tuple[float | None, float | None, int | None, float | None, float | None]:
    """Probabilities of home and draw, outcome, log loss, and log loss of the prices; None if not scored."""
    if one.official is None or one.verdict != _SCORED or one.goals is None:
        return None, None, None, None, None
    said = one.said[one.official]
    outcome = 0 if one.goals[0] > one.goals[1] else (1 if one.goals[0] == one.goals[1] else 2)
    loss = -log(max((said.home, said.draw, said.away)[outcome], 1e-9))
    return said.home, said.draw, outcome, loss, _price_loss(one.prices, outcome)


def _price_loss(prices: tuple[float, float, float] | None, outcome: int) -> float | None:
    """Log loss of the prices' probabilities, the margin taken off in proportion."""
    if prices is None or min(prices) <= 1.0:
        return None
    return -log(1.0 / prices[outcome] / sum(1.0 / price for price in prices))


def parts_held(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """SHA-256 of each season's part."""
    rows: Iterable[tuple[str, str, str]] = connection.execute("SELECT competition, season, sha256 FROM part")
    return {(competition, season): sha256 for competition, season, sha256 in rows}


def countries_held(connection: sqlite3.Connection) -> dict[str, str]:
    """SHA-256 of each country's part."""
    rows: Iterable[tuple[str, str]] = connection.execute("SELECT country, sha256 FROM country")
    return dict(rows)
