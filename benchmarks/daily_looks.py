"""Seasons of real files read day by day from an empty home, against the same files read at once.

Usage: ``python -m benchmarks.daily_looks NAME=URL [NAME=URL] [--from DAY --to DAY] [--every DAYS]``, where
NAME is a feed and URL a copy of its files. Each look reads what the hourly run reads at that instant: the
newest days, older ones that lack something, and fifteen days ahead. Results appear when they were played.

Files of past seasons hold no fixture that was moved or struck off. ``--put-off SHARE`` lists a share of the
matches on an earlier day until they are put off, and ``--struck-off SHARE`` lists matches that are never
played: the home must end as if it had read the files at once, and withdraw what was struck off.
``--names-of NAME=URL`` lists what is not over yet by the names of another feed's clubs.

Prints the figures, what differs, and the figures again as one line of JSON.
"""

import argparse
import datetime as dt
import itertools
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import msgspec
import sqlalchemy as sa

from benchmarks.changing_fixtures import ChangingFixtures, other_names
from soccer_assets.clock import FixedClock, midnight
from soccer_assets.feeds.feed_set import filter_competitions, members_of, owners_of
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.football.text_folding import fold
from soccer_assets.graph.assets.livescores import recent_windows
from soccer_assets.resources.database import Database
from soccer_assets.settings import Settings
from soccer_assets.stores.matches.doubtful import possible_duplicates, withdrawn_matches
from soccer_assets.stores.matches.due import HOLE_AFTER, due_matches
from soccer_assets.stores.matches.feed_agreement import compare_feeds
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.matches.team_aliases import learn_team_aliases
from soccer_assets.tables import (
    AWAITS_RESULT,
    held_match,
    match,
    match_merge,
    match_raw,
    team_alias,
    team_spelling,
)

_DAY = dt.timedelta(days=1)
_AHEAD = 16 * _DAY
_LONGEST_PUT_OFF = 100
_SHOWN = 20

_Spelling = tuple[str, str, str]  # feed, pool, folded spelling


def main() -> None:
    """Replay, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("feeds", nargs="+", metavar="NAME=URL")
    parser.add_argument("--from", dest="first", type=dt.date.fromisoformat, default=dt.date(2022, 7, 1))
    parser.add_argument("--to", dest="last", type=dt.date.fromisoformat, default=dt.date(2025, 7, 8))
    parser.add_argument("--history", type=dt.date.fromisoformat, help="days from here on are read at once")
    parser.add_argument("--every", type=int, default=1, help="days between two looks")
    parser.add_argument("--competition", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--put-off", type=float, default=0.0, help="share of matches")
    parser.add_argument("--struck-off", type=float, default=0.0, help="share of matches")
    parser.add_argument("--names-of", default="", metavar="NAME=URL", help="fixtures go by these names")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        by_day, at_once = _database(Path(folder), "by_day"), _database(Path(folder), "at_once")
        feed = open_addresses(asked.feeds, asked.competition, folder)
        every_day = Window(asked.first, asked.last)
        unsettled = ChangingFixtures.of(feed, every_day, asked.put_off, asked.struck_off)
        if asked.names_of:
            other = open_addresses([asked.names_of], [], folder)
            unsettled.names = other_names(feed, other, every_day)
        if asked.history:
            before = Window(asked.history, asked.first)
            for database in (by_day, at_once):
                _look(database, feed, {one.name: [before] for one in members_of(feed)}, midnight(asked.first))
        begin = time.perf_counter()
        watched = _replay(by_day, unsettled, every_day, asked.every * _DAY)
        seconds = time.perf_counter() - begin
        _look(at_once, feed, {one.name: [every_day] for one in members_of(feed)}, _end(every_day))
        figures, lines = _compared(by_day, at_once, watched, unsettled, every_day)
    figures["seconds"] = round(seconds)
    for line in lines:
        print(line)
    for name, value in figures.items():
        print(f"{name:<52} {value:>12,}")
    print(json.dumps(figures))


class Watched(msgspec.Struct):
    """What was seen in passing.

    Attributes:
        held: every row that was held back.
        played_while_held: by feed and spelling, its matches whose kickoff came while they waited.
        withdrawn: ids of matches that were withdrawn at some look.
        doubtful: ids of matches that were listed as possible duplicates at some look.
        merged: matches that turned out to be one with another.
        not_due: matches long without a result that are not listed as due, the most of any look.
    """

    looks: int = 0
    held: set[str] = msgspec.field(default_factory=set)
    played_while_held: defaultdict[tuple[str, str], set[str]] = msgspec.field(
        default_factory=lambda: defaultdict(set)
    )
    withdrawn: dict[str, str] = msgspec.field(default_factory=dict)
    doubtful: dict[str, str] = msgspec.field(default_factory=dict)
    merged: int = 0
    not_due: int = 0


def _replay(database: Database, unsettled: ChangingFixtures, window: Window, step: dt.timedelta) -> Watched:
    feed, watched = unsettled.feed, Watched()
    now = dt.datetime.combine(window.start, dt.time(6), dt.UTC)
    while now <= _end(window):
        ahead = Window(now.date(), (now + _AHEAD).date())
        windows = {name: [*recent, ahead] for name, recent in recent_windows(database, feed, now).items()}
        watched.merged += _look(database, feed, windows, now, unsettled)
        watched.looks += 1
        _watch(database, feed, now, watched)
        # The last look sees what the files read at once have.
        now = min(now + step, _end(window)) if now < _end(window) else now + step
    return watched


def _look(
    database: Database,
    feed: Feed,
    windows: Mapping[str, list[Window]],
    now: dt.datetime,
    unsettled: ChangingFixtures | None = None,
) -> int:
    """Read and normalise as a run does; returns how many matches were merged."""
    clock = FixedClock(now)
    for member in members_of(feed):
        for number, window in enumerate(windows[member.name]):
            rows = unsettled.fetch(member, window, clock) if unsettled else member.fetch(window, clock)
            is_last = number == len(windows[member.name]) - 1
            asset = "livescores/upcoming" if is_last else "livescores/recent"
            store_raw(
                database, validate_rows(rows, now), asset=asset, source=member.name, window=window, now=now
            )
    owners, competitions = owners_of(feed), feed.competitions()
    counts = update_matches(database, competitions, now, owners)
    if owners:
        learn_team_aliases(database, competitions, owners, now)
        compare_feeds(database, competitions, owners, now)
        counts += update_matches(database, competitions, now, owners)
    return counts.merged


def _watch(database: Database, feed: Feed, now: dt.datetime, watched: Watched) -> None:
    season = now - 200 * _DAY
    with database.reading() as connection:
        for row in connection.execute(sa.select(held_match)):
            # The kickoff may move and the result come: the row is held once.
            record = msgspec.json.decode(row.record, type=RawMatch)
            key = f"{row.source}|{row.competition}|{row.season}|{record.home_team}|{record.away_team}"
            watched.held.add(key)
            for name in json.loads(row.open_names):
                played = watched.played_while_held[row.source, name]
                if row.kickoff < now:
                    played.add(f"{key}|{row.kickoff:%Y-%m-%d}")
        old = match.c.kickoff < now - feed.result_lag - HOLE_AFTER
        late = connection.execute(
            sa.select(sa.func.count()).select_from(match).where(AWAITS_RESULT, old)
        ).scalar_one()
    listed = sum(found.matches for found in due_matches(database, feed.result_lag, now))
    watched.not_due = max(watched.not_due, late - listed)
    watched.withdrawn.update((one.match_id, str(one)) for one in withdrawn_matches(database, season))
    watched.doubtful.update((one.match_id, str(one)) for one in possible_duplicates(database, season))


def _compared(
    by_day: Database, at_once: Database, watched: Watched, unsettled: ChangingFixtures, window: Window
) -> tuple[dict[str, int], list[str]]:
    """Figures, and lines about what differs."""
    mine, right = _teams_of(by_day), _teams_of(at_once)
    right |= _teams_by_other_names(mine, right, unsettled)
    wrong_merges, wrong_clubs = _differing(mine, right), _differing(right, mine)
    translated = {team: right[spelling] for spelling, team in mine.items() if spelling in right}
    # Looks read days before and after the window too.
    found, truth = _matches_of(by_day, translated, window), _matches_of(at_once, {}, window)
    clubs = {team: spelling[2] for spelling, team in right.items()}
    lines = [f"spelled otherwise: {line}" for line in _several_names(by_day)]
    lines += [f"wrong merge: {one} and {other}" for one, other in wrong_merges[:_SHOWN]]
    lines += [f"wrong new club: {one} and {other}" for one, other in wrong_clubs[:_SHOWN]]
    phantoms = _fixtures_of(unsettled, right)
    gone = {key for key, facts in found.items() if facts[0] == MatchStatus.WITHDRAWN.value}
    live = found.keys() - gone
    missing, more = truth.keys() - live, live - truth.keys()
    other = {key for key in live & truth.keys() if found[key] != truth[key]}
    unsettled_still = {
        key for key in other if truth[key][0] == MatchStatus.FINISHED.value and found[key][0] != truth[key][0]
    }
    for title, keys in (("missing", missing), ("beside the truth", more), ("otherwise", other)):
        for key in sorted(keys)[:_SHOWN]:
            shown = " ".join(clubs.get(part, part) for part in key)
            lines.append(f"{title}: {shown}: {found.get(key)} instead of {truth.get(key)}")
    changed = _pairs_that_change(unsettled, mine)
    withdrawn, doubtful = (
        sorted(text for id_, text in seen.items() if _pair_of(by_day, id_) not in changed)
        for seen in (watched.withdrawn, watched.doubtful)
    )
    lines += [f"withdrawn at some look: {text}" for text in withdrawn[:_SHOWN]]
    lines += [f"possible duplicate: {text}" for text in doubtful[:_SHOWN]]
    longest = max(map(len, watched.played_while_held.values()), default=0)
    lines += [
        f"held back: {name} ({source}), {len(played)} of its matches were played meanwhile"
        for (source, name), played in sorted(watched.played_while_held.items())
    ]
    with by_day.reading() as connection:
        still_held, merges, rows = (
            int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
            for table in (held_match, match_merge, match_raw)
        )
    return {
        "looks": watched.looks,
        "raw rows": rows,
        "matches": len(truth),
        "spellings": len(right),
        "wrong merges of clubs": len(wrong_merges),
        "wrong new clubs": len(wrong_clubs),
        "rows held back at some look": len(watched.held),
        "rows held back, per 10,000 matches": round(10_000 * len(watched.held) / max(len(truth), 1)),
        "matches of a name played while it was held, most": longest,
        "rows held back at the end": still_held,
        "fixtures put off": len(unsettled.moved),
        "fixtures struck off": len(unsettled.phantoms),
        "of these withdrawn at the end": len(gone & phantoms),
        "withdrawn at the end, others": len(gone - phantoms),
        "wrongly withdrawn at some look": len(withdrawn),
        "merged matches": merges,
        "matches missing": len(missing),
        "matches beside the truth": len(more),
        "open though played": len(unsettled_still),
        "matches that differ": len(other),
        "wrongly listed as possible duplicates at some look": len(doubtful),
        "late and not listed as due, most at a look": watched.not_due,
    }, lines


def _pairs_that_change(unsettled: ChangingFixtures, teams: Mapping[_Spelling, str]) -> set[tuple[str, ...]]:
    """Competition, season and ordered teams of the fixtures that are put off or struck off."""
    by_name = {(source, name): team for (source, _, name), team in teams.items()}
    rows = [row for row, _ in itertools.chain(unsettled.moved.values(), unsettled.phantoms)]
    return {
        (
            row.competition,
            row.season,
            *(by_name.get((row.source, fold(name)), name) for name in (row.home_team, row.away_team)),
        )
        for row in rows
    }


def _pair_of(database: Database, match_id: str) -> tuple[str, ...]:
    """Competition, season and ordered teams of a match; nothing where it is no longer one of its own."""
    columns = (match.c.competition, match.c.season, match.c.home_team_id, match.c.away_team_id)
    with database.reading() as connection:
        row = connection.execute(sa.select(*columns).where(match.c.match_id == match_id)).one_or_none()
    return () if row is None else tuple(row)


def _fixtures_of(unsettled: ChangingFixtures, right: Mapping[_Spelling, str]) -> set[tuple[str, ...]]:
    """The keys of what was struck off."""
    by_name = {(source, name): team for (source, _, name), team in right.items()}
    return {
        (
            row.competition,
            row.season,
            f"{row.kickoff:%Y-%m-%d}",
            by_name.get((row.source, fold(row.home_team)), row.home_team),
            by_name.get((row.source, fold(row.away_team)), row.away_team),
        )
        for row, _ in unsettled.phantoms
    }


def _teams_of(database: Database) -> dict[_Spelling, str]:
    """The team of each spelling of each feed."""
    with database.reading() as connection:
        teams = {
            (row.source, *row.alias.rpartition("|")[::2]): row.team_id
            for row in connection.execute(sa.select(team_alias))
        }
        spelled = {
            (row.source, row.pool, row.spelling): teams[row.source, row.pool, row.club]
            for row in connection.execute(sa.select(team_spelling))
            if (row.source, row.pool, row.club) in teams
        }
    return teams | spelled


def _teams_by_other_names(
    mine: Mapping[_Spelling, str], right: Mapping[_Spelling, str], unsettled: ChangingFixtures
) -> dict[_Spelling, str]:
    """The right team of the names by which fixtures go."""
    by_name = {(source, name): team for (source, _, name), team in right.items()}
    means = {
        (source, fold(other)): by_name[source, fold(name)]
        for (source, _, name), other in unsettled.names.items()
    }
    return {
        spelling: means[spelling[0], spelling[2]]
        for spelling in mine.keys() - right.keys()
        if (spelling[0], spelling[2]) in means
    }


def _several_names(database: Database) -> list[str]:
    """Clubs with several spellings, for a person to read."""
    query = sa.select(team_spelling).where(team_spelling.c.club != team_spelling.c.spelling)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(team_spelling.c.pool, team_spelling.c.spelling))
        return [f"{row.pool} {row.spelling} = {row.club}: {row.why}" for row in rows]


def _differing(mine: Mapping[_Spelling, str], right: Mapping[_Spelling, str]) -> list[tuple[str, str]]:
    """Pairs of spellings that are one team in ``mine`` and two in ``right``."""
    together: defaultdict[str, list[_Spelling]] = defaultdict(list)
    for spelling in sorted(mine.keys() & right.keys()):
        together[mine[spelling]].append(spelling)
    return [
        ("|".join(one), "|".join(other))
        for names in together.values()
        for one, other in itertools.combinations(names, 2)
        if right[one] != right[other]
    ]


def _matches_of(
    database: Database, translated: Mapping[str, str], window: Window
) -> dict[tuple[str, ...], tuple[object, ...]]:
    """Status, score, kickoff and quarantine of each match by competition, season, day and teams.

    Two matches of one key are one of them, and ``2`` in place of the facts: neither home should have any.
    """
    found: dict[tuple[str, ...], tuple[object, ...]] = {}
    counted: Counter[tuple[str, ...]] = Counter()
    with database.reading() as connection:
        in_window = match.c.kickoff.between(midnight(window.start), midnight(window.end))
        for row in connection.execute(sa.select(match).where(in_window)):
            teams = (translated.get(id_, id_) for id_ in (row.home_team_id, row.away_team_id))
            key = (row.competition, row.season, f"{row.kickoff:%Y-%m-%d}", *teams)
            counted[key] += 1
            score = (row.home_goals, row.away_goals)
            found[key] = (row.status, score, f"{row.kickoff:%H:%M}", row.quarantine)
    return found | {key: (count,) for key, count in counted.items() if count > 1}


def _end(window: Window) -> dt.datetime:
    return dt.datetime.combine(window.end, dt.time(6), dt.UTC)


def open_addresses(addresses: list[str], competitions: list[str], home: str) -> Feed:
    """The feeds of ``NAME=URL`` each, reduced to some competitions where there are any."""
    urls = dict(address.split("=", 1) for address in addresses)
    text = ",".join(addresses) if len(urls) > 1 else next(iter(urls.values()))
    settings = Settings.from_env(
        {"SOCCER_HOME": home, "SOCCER_FEED": ",".join(urls), "SOCCER_FEED_URL": text}
    )
    return filter_competitions(open_feeds(settings), competitions)


def _database(folder: Path, name: str) -> Database:
    database = Database(f"sqlite:///{folder}/{name}.db")
    database.migrate()
    return database


if __name__ == "__main__":
    main()
