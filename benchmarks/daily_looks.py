"""Seasons of real files read day by day from an empty home, against the same files read at once.

Usage: ``python -m benchmarks.daily_looks NAME=URL [NAME=URL] [--from DAY --to DAY] [--every DAYS]``, where
NAME is a feed and URL a copy of its files. Each look reads what the hourly run reads at that instant: the
newest days, older ones that lack something, and fifteen days ahead. Results appear when they were played.

Files of past seasons hold no fixture that was moved or struck off. ``--put-off SHARE`` lists a share of the
matches on an earlier day until they are put off, and ``--struck-off SHARE`` lists matches that are never
played: the home must end as if it had read the files at once, and withdraw what was struck off.

Prints the figures, what differs, and the figures again as one line of JSON.
"""

import argparse
import datetime as dt
import hashlib
import itertools
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from soccer_assets.clock import Clock, FixedClock, midnight
from soccer_assets.feeds.feed_set import filter_competitions, members_of, owners_of
from soccer_assets.feeds.protocol import Feed, days_a_request, is_cheap_to_read_again
from soccer_assets.feeds.registry import open_feeds
from soccer_assets.feeds.validation import validate_rows
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch, Row
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.database import Database
from soccer_assets.settings import Settings
from soccer_assets.stores.matches.doubtful import possible_duplicates, withdrawn_matches
from soccer_assets.stores.matches.due import HOLE_AFTER, due_matches
from soccer_assets.stores.matches.feed_agreement import compare_feeds
from soccer_assets.stores.matches.look_windows import windows_to_read
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
    parser.add_argument("--every", type=int, default=1, help="days between two looks")
    parser.add_argument("--competition", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--put-off", type=float, default=0.0, help="share of matches")
    parser.add_argument("--struck-off", type=float, default=0.0, help="share of matches")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        by_day, at_once = _database(Path(folder), "by_day"), _database(Path(folder), "at_once")
        feed = open_addresses(asked.feeds, asked.competition, folder)
        every_day = Window(asked.first, asked.last)
        unsettled = Unsettled.of(feed, every_day, asked.put_off, asked.struck_off)
        begin = time.perf_counter()
        watched = _replay(by_day, unsettled, every_day, asked.every * _DAY)
        seconds = time.perf_counter() - begin
        _look(at_once, feed, {one.name: [every_day] for one in members_of(feed)}, _end(every_day))
        figures, lines = _compared(by_day, at_once, watched, unsettled, asked.first)
    figures["seconds"] = round(seconds)
    for line in lines:
        print(line)
    for name, value in figures.items():
        print(f"{name:<52} {value:>12,}")
    print(json.dumps(figures))


class Unsettled:
    """A feed whose fixtures change before they are played; itself a member's worth of `Feed`.

    Args:
        feed: what is really there.
        moved: by the key of a match, the fixture that is listed in its place, and until when.
        phantoms: fixtures that are never played, each with the instant at which it is struck off.
    """

    def __init__(
        self,
        feed: Feed,
        moved: Mapping[str, tuple[RawMatch, dt.datetime]],
        phantoms: Iterable[tuple[RawMatch, dt.datetime]],
    ) -> None:
        self.feed, self.moved, self.phantoms = feed, moved, list(phantoms)

    @classmethod
    def of(cls, feed: Feed, window: Window, put_off: float, struck_off: float) -> "Unsettled":
        """The feed with changes that follow from its matches alone: the same ones in every run."""
        moved: dict[str, tuple[RawMatch, dt.datetime]] = {}
        phantoms: list[tuple[RawMatch, dt.datetime]] = []
        if not put_off + struck_off:
            return cls(feed, moved, phantoms)
        clock = FixedClock(_end(window))
        rows = [row for row in feed.fetch(window, clock) if isinstance(row, RawMatch)]
        busy: defaultdict[tuple[str, str], set[dt.date]] = defaultdict(set)
        for row in rows:
            for name in (row.home_team, row.away_team):
                busy[row.source, name].add(row.kickoff.date())
        for row in rows:
            lot, how_far, when = _lots(row)
            if lot >= put_off + struck_off:
                continue
            days = 2 + int(how_far**2 * _LONGEST_PUT_OFF)
            earlier = row.kickoff - days * _DAY
            near = {earlier.date() + shift * _DAY for shift in (-1, 0, 1)}
            if any(not near.isdisjoint(busy[row.source, name]) for name in (row.home_team, row.away_team)):
                continue
            fixture = _unplayed(row, earlier)
            # Some are put off ten days before, some two days after nobody played.
            told_at = min(earlier + (12 * when - 10) * _DAY, row.kickoff - _DAY)
            if lot < put_off:
                moved[_key(row)] = (fixture, told_at)
            elif row.kickoff > earlier + 14 * _DAY:
                # The pair the other way round: the season has that match elsewhere, or not at all.
                phantoms.append((replace(fixture, home_team=row.away_team, away_team=row.home_team), told_at))
        return cls(feed, moved, phantoms)

    def fetch(self, member: Feed, window: Window, clock: Clock) -> Iterator[Row]:
        """The member's rows with what it lists at the clock's instant."""
        now = clock.now()
        for row in member.fetch(window, clock):
            if isinstance(row, RawMatch) and (found := self.moved.get(_key(row))) and now < found[1]:
                continue
            yield row
        for fixture, until in itertools.chain(self.moved.values(), self.phantoms):
            if fixture.source == member.name and now < until and fixture.kickoff.date() in window:
                yield fixture


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


def _replay(database: Database, unsettled: Unsettled, window: Window, step: dt.timedelta) -> Watched:
    feed, watched = unsettled.feed, Watched()
    now = dt.datetime.combine(window.start, dt.time(6), dt.UTC)
    while now < _end(window):
        windows = {}
        for member in members_of(feed):
            recent = windows_to_read(
                database,
                member.name,
                now,
                result_lag=member.result_lag,
                is_cheap_to_read_again=is_cheap_to_read_again(member),
                days_a_request=days_a_request(member),
            )
            windows[member.name] = [*recent, Window(now.date(), (now + _AHEAD).date())]
        watched.merged += _look(database, feed, windows, now, unsettled)
        watched.looks += 1
        _watch(database, feed, now, watched)
        now += step
    return watched


def _look(
    database: Database,
    feed: Feed,
    windows: Mapping[str, list[Window]],
    now: dt.datetime,
    unsettled: Unsettled | None = None,
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
    by_day: Database, at_once: Database, watched: Watched, unsettled: Unsettled, first: dt.date
) -> tuple[dict[str, int], list[str]]:
    """Figures, and lines about what differs."""
    mine, right = _teams_of(by_day), _teams_of(at_once)
    wrong_merges, wrong_clubs = _differing(mine, right), _differing(right, mine)
    translated = {team: right[spelling] for spelling, team in mine.items() if spelling in right}
    # The first looks of a home read days before it too.
    found, truth = _matches_of(by_day, translated, first), _matches_of(at_once, {}, first)
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


def _pairs_that_change(unsettled: Unsettled, teams: Mapping[_Spelling, str]) -> set[tuple[str, ...]]:
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


def _fixtures_of(unsettled: Unsettled, right: Mapping[_Spelling, str]) -> set[tuple[str, ...]]:
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
    database: Database, translated: Mapping[str, str], first: dt.date
) -> dict[tuple[str, ...], tuple[object, ...]]:
    """Status, score, kickoff and quarantine of each match by competition, season, day and teams.

    Two matches of one key are one of them, and ``2`` in place of the facts: neither home should have any.
    """
    found: dict[tuple[str, ...], tuple[object, ...]] = {}
    counted: Counter[tuple[str, ...]] = Counter()
    with database.reading() as connection:
        for row in connection.execute(sa.select(match).where(match.c.kickoff >= midnight(first))):
            teams = (translated.get(id_, id_) for id_ in (row.home_team_id, row.away_team_id))
            key = (row.competition, row.season, f"{row.kickoff:%Y-%m-%d}", *teams)
            counted[key] += 1
            score = (row.home_goals, row.away_goals)
            found[key] = (row.status, score, f"{row.kickoff:%H:%M}", row.quarantine)
    return found | {key: (count,) for key, count in counted.items() if count > 1}


def _unplayed(row: RawMatch, kickoff: dt.datetime) -> RawMatch:
    """The match as a fixture of another day."""
    return replace(
        row,
        kickoff=kickoff,
        status=MatchStatus.SCHEDULED,
        home_goals=None,
        away_goals=None,
        home_goals_half_time=None,
        away_goals_half_time=None,
        odds=None,
        stats=None,
        payload={"fixture": f"{kickoff:%Y-%m-%d}", "home": row.home_team, "away": row.away_team},
    )


def _key(row: RawMatch) -> str:
    day = f"{row.kickoff:%Y-%m-%d}"
    return f"{row.source}|{row.competition}|{row.season}|{day}|{row.home_team}|{row.away_team}"


def _lots(row: RawMatch) -> tuple[float, float, float]:
    """Three numbers from 0 to 1 that follow from the match."""
    digest = hashlib.blake2b(_key(row).encode(), digest_size=12).digest()
    first, second, third = (int.from_bytes(digest[at : at + 4]) / 2**32 for at in (0, 4, 8))
    return first, second, third


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
