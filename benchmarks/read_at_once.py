"""Files read once into an empty home: what was merged, withdrawn or quarantined, and clubs by season.

Usage: ``python -m benchmarks.read_at_once NAME=URL [--competition CODE]``, where NAME is a feed and URL a
copy of its files. Two tables and one line of JSON:

- by competition: rows, ordered pairs with several rows in a season, and rows that do not count as a match of
  their own, each held against the other rows that the file has: what has no proof among them is listed;
- seasons whose number of clubs ``seasons.toml`` tells, and complete ones in which it is another number. A
  season is complete where its rows end before the file does, and nothing is left to be played.
"""

import argparse
import datetime as dt
import itertools
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from benchmarks.daily_looks import open_addresses
from benchmarks.ingest import read_in_windows
from soccer_assets.clock import FixedClock, midnight
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.football.records import RawMatch
from soccer_assets.football.season_formats import season_format
from soccer_assets.football.validity import CONTRADICTED, TOLD_TWICE, TWICE_ON_A_DAY
from soccer_assets.resources.database import Database
from soccer_assets.tables import held_match, match, match_raw, match_source_id, rejected_row, team

_DAY = dt.timedelta(days=1)
_RESULTS = [status.value for status, rule in STATUS_RULES.items() if rule.settles]
_LONGEST_CORRECTION = dt.timedelta(days=3)
# Files of a season under way end with the last day that was played.
_SEASON_IS_OVER_AFTER = dt.timedelta(days=45)
_SHOWN = 40


def main() -> None:
    """Read, count, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("feed", metavar="NAME=URL")
    parser.add_argument("--competition", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--from", dest="first", type=dt.date.fromisoformat, default=dt.date(2010, 1, 1))
    parser.add_argument("--to", dest="last", type=dt.date.fromisoformat, default=dt.date(2025, 7, 8))
    parser.add_argument("--all-rows", action="store_true", help="also list what has a proof")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/home.db")
        database.migrate()
        feed, clock = (
            open_addresses([asked.feed], asked.competition, folder),
            FixedClock(midnight(asked.last)),
        )
        read_in_windows(database, feed, clock, asked.first, asked.last)
        outcomes = list(_outcomes(database))
        for line in _by_competition(database, outcomes):
            print(line)
        for found in outcomes:
            if asked.all_rows or not found.proof:
                print(f"{found.what}, {found.proof or 'NO PROOF'}: {found.row}")
        figures, lines = _clubs(database)
        for line in lines:
            print(line)
        counted = Counter(found.what for found in outcomes)
        figures |= {f"{what} rows": counted[what] for what in ("merged", "withdrawn", "quarantined")}
        figures["rows without proof"] = sum(not found.proof for found in outcomes)
        figures["rejected rows"] = _count(database, rejected_row)
        figures["rows held back"] = _count(database, held_match)
        for name, value in figures.items():
            print(f"{name:<52} {value:>12,}")
        print(json.dumps(figures))


class Outcome(NamedTuple):
    """A row that is no match of its own, or does not count.

    Attributes:
        what: ``merged``, ``withdrawn`` or ``quarantined``.
        proof: what the other rows of the file show; empty where they show nothing.
        row: in words.
    """

    competition: str
    what: str
    proof: str
    row: str


def _outcomes(database: Database) -> Iterator[Outcome]:
    """Every row that is merged, withdrawn or quarantined, with its proof."""
    with database.reading() as connection:
        matches = connection.execute(_matches()).all()
        several = (
            sa.select(match_source_id.c.match_id)
            .group_by(match_source_id.c.match_id)
            .having(sa.func.count() > 1)
        )
        records = _records_of(connection, several)
        marked = sa.select(match.c.match_id).where(match.c.quarantine.is_not(None))
        scores = {
            match_id: {
                score
                for record in found
                for score in (
                    (record.home_goals, record.away_goals),
                    *(() if record.other_scores is msgspec.UNSET else record.other_scores),
                )
            }
            for match_id, found in _records_of(connection, marked).items()
        }
    days: defaultdict[tuple[str, dt.date], list[sa.Row[Any]]] = defaultdict(list)
    for row in matches:
        if row.status in _RESULTS:
            for side in (row.home_team_id, row.away_team_id):
                days[side, row.kickoff.date()].append(row)
    for row in matches:
        if rows := records.get(row.match_id):
            shown = "; ".join(sorted(f"{one.kickoff:%Y-%m-%d} {_score(one)}" for one in rows))
            yield Outcome(
                row.competition, "merged", _proof_of_one(rows, row, days), f"{_shown(row)}: {shown}"
            )
        if row.status == MatchStatus.WITHDRAWN.value:
            yield Outcome(row.competition, "withdrawn", "", _shown(row))
        if row.quarantine is not None:
            yield Outcome(
                row.competition, "quarantined", *_proof_of_mark(row, days, scores.get(row.match_id, set()))
            )


def _records_of(
    connection: sa.Connection, match_ids: sa.Select[tuple[str]]
) -> defaultdict[str, list[RawMatch]]:
    """The raw rows of the chosen matches, by match id."""
    query = sa.select(match_source_id.c.match_id, match_raw.c.record).where(
        match_raw.c.source == match_source_id.c.source,
        match_raw.c.source_match_id == match_source_id.c.source_match_id,
        match_source_id.c.match_id.in_(match_ids),
    )
    decoder = msgspec.json.Decoder(RawMatch)
    found: defaultdict[str, list[RawMatch]] = defaultdict(list)
    for match_id, record in connection.execute(query):
        found[match_id].append(decoder.decode(record))
    return found


def _proof_of_one(
    rows: list[RawMatch], stands: sa.Row[Any], days: dict[tuple[str, dt.date], list[sa.Row[Any]]]
) -> str:
    """Why rows are one match: each neighbour of the row that stands must be so."""
    found = set()
    played = sorted({one.kickoff.date() for one in rows})
    if len(played) == 1:
        return "one day"
    for earlier, later in itertools.pairwise(played):
        results = {_score(one) for one in rows if one.home_goals is not None}
        form = season_format(stands.competition, stands.season)
        if len(results) > 1:
            return ""
        if form is not None and form.meets_once_by(later):
            found.add("the pair meets once in this season")
        elif later - earlier <= _DAY:
            found.add("a day apart")
        elif later - earlier <= _LONGEST_CORRECTION and _are_busy(stands, earlier, later, days):
            found.add("neither club could have played both")
        else:
            return ""
    return "; ".join(sorted(found))


def _are_busy(
    stands: sa.Row[Any],
    earlier: dt.date,
    later: dt.date,
    days: dict[tuple[str, dt.date], list[sa.Row[Any]]],
) -> bool:
    """Whether both clubs have another result from the day before the one to the day after the other."""
    near = [earlier + number * _DAY for number in range(-1, (later - earlier).days + 2)]
    return all(
        any(other.match_id != stands.match_id for day in near for other in days.get((club, day), ()))
        for club in (stands.home_team_id, stands.away_team_id)
    )


def _proof_of_mark(
    row: sa.Row[Any],
    days: dict[tuple[str, dt.date], list[sa.Row[Any]]],
    scores: set[tuple[int | None, int | None]],
) -> tuple[str, str]:
    """What shows that a result is not to be believed, and the row with the one beside it."""
    beside = {
        other.match_id: other
        for club in (row.home_team_id, row.away_team_id)
        for other in days.get((club, row.kickoff.date()), ())
        if other.match_id != row.match_id
    }
    shown = f"{_shown(row)} beside {' and '.join(_shown(other) for other in beside.values()) or 'nothing'}"
    if row.quarantine.startswith(CONTRADICTED) and len(scores) > 1:
        return "two scores on one day", shown
    if row.quarantine in (TWICE_ON_A_DAY, TOLD_TWICE) and beside:
        sides = {row.home_team_id, row.away_team_id}
        is_same = any({other.home_team_id, other.away_team_id} == sides for other in beside.values())
        return "the pair twice on one day" if is_same else "a team twice on one day", shown
    return "", shown


def _by_competition(database: Database, outcomes: list[Outcome]) -> Iterator[str]:
    """A line a competition in which a pair has several rows, or a row does not count."""
    pair = (match.c.competition, match.c.season, match.c.home_team_id, match.c.away_team_id)
    count = sa.func.count()
    with database.reading() as connection:
        of_each = sa.select(match_raw.c.competition, count).group_by(match_raw.c.competition)
        rows = Counter(dict(connection.execute(of_each).tuples().all()))
        several = connection.execute(sa.select(*pair, count).group_by(*pair).having(count > 1)).all()
        same = connection.execute(
            sa.select(*pair, match.c.home_goals, match.c.away_goals, count)
            .where(match.c.home_goals.is_not(None))
            .group_by(*pair, match.c.home_goals, match.c.away_goals)
            .having(count > 1)
        ).all()
    pairs, same_score = (Counter(row.competition for row in found) for found in (several, same))
    counted = Counter((found.competition, found.what) for found in outcomes)
    unproven = Counter(found.competition for found in outcomes if not found.proof)
    names = ("rows", "pairs >1", "same score", "merged", "withdrawn", "quarantined", "no proof")
    yield f"{'':<12}" + "".join(f"{name:>12}" for name in names)
    shown = sorted(pairs.keys() | {found.competition for found in outcomes})
    # Competitions outside the catalogue have long codes of their own: together.
    known = [code for code in shown if code in load_competitions()]
    for title, codes in (*((code, [code]) for code in known), ("others", sorted(set(shown) - set(known)))):
        values = [sum(counts[code] for code in codes) for counts in (rows, pairs, same_score)]
        values += [
            sum(counted[code, what] for code in codes) for what in ("merged", "withdrawn", "quarantined")
        ]
        values.append(sum(unproven[code] for code in codes))
        yield f"{title:<12}" + "".join(f"{value:>12,}" for value in values)


def _clubs(database: Database) -> tuple[dict[str, int], list[str]]:
    """How many seasons are told, and in how many complete ones the clubs are another number."""
    clubs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    last: dict[tuple[str, str], dt.date] = {}
    left: Counter[tuple[str, str]] = Counter()
    with database.reading() as connection:
        for row in connection.execute(_matches()):
            place = load_competitions().get(row.competition)
            if place is None or place.tier == 0:
                continue
            key = (row.competition, row.season)
            clubs[key] |= {row.home, row.away}
            last[key] = max(last.get(key, row.kickoff.date()), row.kickoff.date())
            left[key] += row.status in (MatchStatus.SCHEDULED.value, MatchStatus.LIVE.value)
    end = max(last.values(), default=dt.date.min)
    lines, with_format, complete, wrong = [], 0, 0, 0
    for key, names in sorted(clubs.items()):
        form = season_format(*key)
        if form is None:
            lines.append(f"format not told: {key[0]} {key[1]}")
            continue
        with_format += 1
        is_over = last[key] + _SEASON_IS_OVER_AFTER < end or not left[key]
        if len(names) > form.most_clubs or (is_over and len(names) < form.least_clubs):
            wrong += 1
            lines.append(
                f"{len(names)} clubs instead of {form.least_clubs} to {form.most_clubs}: {key[0]} {key[1]}, "
                f"until {last[key]}: {', '.join(sorted(names))}"
            )
        complete += is_over
    return {
        "seasons of leagues": len(clubs),
        "seasons whose format is told": with_format,
        "complete seasons of these": complete,
        "seasons with another number of clubs": wrong,
    }, lines


def _matches() -> sa.Select[Any]:
    home, away = team.alias(), team.alias()
    names = (
        "match_id",
        "competition",
        "season",
        "kickoff",
        "status",
        "quarantine",
        "home_goals",
        "away_goals",
        "home_team_id",
        "away_team_id",
    )
    return (
        sa.select(*(match.c[name] for name in names), home.c.name.label("home"), away.c.name.label("away"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
    )


def _shown(row: sa.Row[Any]) -> str:
    return (
        f"{row.competition} {row.season} {row.kickoff:%Y-%m-%d} {row.home} {row.home_goals}-{row.away_goals} "
        f"{row.away}"
    )


def _score(row: RawMatch) -> str:
    return "-" if row.home_goals is None else f"{row.home_goals}-{row.away_goals}"


def _count(database: Database, table: sa.Table) -> int:
    with database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


if __name__ == "__main__":
    main()
