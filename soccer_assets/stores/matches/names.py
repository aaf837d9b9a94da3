"""Places the spellings of a feed without team ids on clubs before its rows are stored.

A spelling that was decided once costs one look-up. A new one is decided on the evidence of all rows of its
pool (``football/team_resolution.py``). Rows of a spelling that stays open are held back in `held_match`, and
every later pass looks at them again. Not here: ids of teams (``teams.py``) and names of two feeds
(``team_aliases.py``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import INTERNATIONAL, Competition, club_and_pool, load_competitions
from soccer_assets.football.identity import Pool
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.football.spellings import Decided, Held, Sighting, Spellings, Why
from soccer_assets.football.team_resolution import resolve
from soccer_assets.football.text_folding import fold
from soccer_assets.football.written_names import written_names
from soccer_assets.resources.bulk_rows import in_list, upsert
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.held_rows import digest_of, drop_rows, unresolved_names
from soccer_assets.stores.store_error import StoreError
from soccer_assets.tables import held_match, match_raw, team_spelling, vanished_match

_Name = tuple[str, str]  # pool, folded spelling


class OneClub(msgspec.Struct, frozen=True, kw_only=True):
    """Two names of one feed that stand as two clubs and are one.

    Attributes:
        club: the name that stays.
        name: the other name.
        why: what decides it.
    """

    source: str
    pool: Pool
    club: str
    name: str
    why: str


class UnknownNameError(StoreError):
    """A name is not held back, or no club has it; the message says which."""


class _Side(NamedTuple):
    """A team as one row names it: its pool, its name without a country's code, and that code."""

    pool: str
    name: str
    suffix: str

    @property
    def key(self) -> _Name:
        """The spelling within its pool."""
        return self.pool, fold(self.name)


def place_names(
    connection: sa.Connection, source: str, matches: Sequence[RawMatch], now: dt.datetime, window: Window
) -> tuple[list[RawMatch], list[RawMatch]]:
    """The rows to store, teams by the names of their clubs, and those of ``matches`` that are held back.

    Rows that carry the provider's own id of the match pass unchanged. Rows that were held back before and can
    be placed now come along.

    Args:
        connection: a transaction that writes.
        source: name of the feed.
        matches: rows of one batch.
        now: what new rows are stamped with.
        window: what the pass reads; a row of it that waits and that the pass does not have proves nothing.
    """
    named = [row for row in matches if _has_no_ids(row)]
    if not named:
        return list(matches), []
    others = [row for row in matches if not _has_no_ids(row)]
    clubs = _known_spellings(connection, source, now)
    open_pools = _decided_pools(connection, source, clubs) | {
        side.pool for row in named for side in _sides(row) if side.key not in clubs
    }
    waiting = _held_rows(connection, source, open_pools) if open_pools else []
    if waiting:
        reported = {digest_of(row) for row in named}
        waiting = [row for row in waiting if row.kickoff.date() not in window or digest_of(row) in reported]
    if open_pools:
        evidence = [*_stored_rows(connection, source, open_pools), *waiting, *named]
        found = _decide(evidence, clubs, open_pools)
        shown = {side.key: side.name for row in evidence for side in _sides(row)}
        _store_decisions(connection, source, found, clubs, shown, now)
        _hold_back(connection, source, waiting, named, found, clubs, now)
        _release(connection, source, waiting, clubs)
    placed = [_renamed(row, clubs) for row in [*waiting, *named] if _is_placed(row, clubs)]
    held = [row for row in named if not _is_placed(row, clubs)]
    return [*others, *placed], held


def decide_by_hand(
    database: Database, *, name: str, club: str | None, now: dt.datetime, pool: str = ""
) -> int:
    """Say which club a held-back name means, or that it is a club of its own (None).

    Returns how many rows waited for it; the next pass over any window stores them.

    Raises:
        UnknownNameError: the name is not held back, is held back in several pools, or there is no such club.
    """
    held = [
        found
        for found in unresolved_names(database)
        if fold(found.name) == fold(name) and found.pool == (pool or found.pool)
    ]
    if not held:
        raise UnknownNameError(f"no match waits for {name!r}; `soccer teams unresolved` lists the open names")
    if len({(found.source, found.pool) for found in held}) > 1:
        pools = ", ".join(sorted({found.pool for found in held}))
        raise UnknownNameError(f"{name!r} is open in several pools: add --pool, one of {pools}")
    source, pool = held[0].source, held[0].pool
    with database.writing() as connection:
        target, shown = fold(name), held[0].name
        if club is not None:
            known = _known_spellings(connection, source, now).get((pool, fold(club)))
            if known is None:
                raise UnknownNameError(
                    f"{source} names no club {club!r} in {pool}; `soccer teams list --search` finds its name"
                )
            target, shown = known
        decided = _spelling(source, (pool, fold(name)), Decided(target, Why.BY_HAND), shown, now)
        upsert(connection, team_spelling, [decided])
    return sum(found.matches for found in held)


def clubs_under_two_names(database: Database) -> list[OneClub]:
    """Names that stand as clubs of their own and are another name of one, by all that is stored.

    A home from before spellings were resolved has such clubs.
    """
    found: list[OneClub] = []
    with database.reading() as connection:
        sources = connection.execute(sa.select(match_raw.c.source).distinct().order_by(match_raw.c.source))
        for source in list(sources.scalars()):
            evidence = list(_stored_rows(connection, source, None))
            shown = {side.key: side.name for row in evidence for side in _sides(row)}
            own = sa.select(team_spelling).where(team_spelling.c.source == source)
            decided = {(row.pool, row.spelling): row for row in connection.execute(own)}
            decisions = _decide(evidence, {}, {pool for pool, _ in shown})
            for (pool, spelling), decision in sorted(decisions.items()):
                if isinstance(decision, Held) or decision.club == spelling or spelling.startswith(_ELSEWHERE):
                    continue
                own_row = decided.get((pool, spelling))
                is_settled = own_row is not None and (
                    own_row.why == Why.BY_HAND.value or own_row.club == decision.club
                )
                if is_settled or (pool, decision.club) not in shown:
                    continue
                found.append(
                    OneClub(
                        source=source,
                        pool=Pool(*pool.split("|")),
                        club=shown[pool, decision.club],
                        name=shown[pool, spelling],
                        why=decision.why.value,
                    )
                )
    return found


def write_one_clubs(database: Database, found: Sequence[OneClub], now: dt.datetime) -> None:
    """From now on rows under the other name are the club's."""
    rows = [
        _spelling(
            one.source, (str(one.pool), fold(one.name)), Decided(fold(one.club), Why.HEALED), one.club, now
        )
        for one in found
    ]
    with database.writing() as connection:
        for source in sorted({one.source for one in found}):
            _known_spellings(connection, source, now)  # writes down what was stored before
        upsert(connection, team_spelling, rows)


def healed_clubs(database: Database) -> list[OneClub]:
    """What `write_one_clubs` has written."""
    query = sa.select(team_spelling).where(team_spelling.c.why == Why.HEALED.value)
    with database.reading() as connection:
        return [
            OneClub(
                source=row.source,
                pool=Pool(*row.pool.split("|")),
                club=row.name,
                name=row.spelling,
                why=row.why,
            )
            for row in connection.execute(query.order_by(team_spelling.c.pool, team_spelling.c.spelling))
        ]


def forget_healed(database: Database, now: dt.datetime) -> None:
    """Take back what `write_one_clubs` has written: the names are clubs of their own."""
    rows = [
        _spelling(one.source, (str(one.pool), one.name), Decided(one.name, Why.BY_HAND), one.name, now)
        for one in healed_clubs(database)
    ]
    with database.writing() as connection:
        upsert(connection, team_spelling, rows)


def _has_no_ids(row: RawMatch) -> bool:
    return row.source_match_id is None and row.competition in load_competitions()


def _sides(row: RawMatch) -> tuple[_Side, _Side]:
    place = load_competitions()[row.competition]
    return _side(row.home_team, place), _side(row.away_team, place)


def _side(name: str, place: Competition) -> _Side:
    club, pool = club_and_pool(name, place)
    return _Side(str(pool), club, name[len(club) :])


def _is_placed(row: RawMatch, clubs: Mapping[_Name, tuple[str, str]]) -> bool:
    return all(side.key in clubs for side in _sides(row))


def _renamed(row: RawMatch, clubs: Mapping[_Name, tuple[str, str]]) -> RawMatch:
    """The row with its teams by the names of their clubs; what the provider wrote is kept beside them."""
    home, away = _sides(row)
    home_team, away_team = (_shown(side, *clubs[side.key]) + side.suffix for side in (home, away))
    if (home_team, away_team) == (row.home_team, row.away_team):
        return row
    return msgspec.structs.replace(
        row, home_team=home_team, away_team=away_team, spelled=(row.home_team, row.away_team)
    )


def _shown(side: _Side, club: str, name: str) -> str:
    """The club's name; as the row spells it where case, accents and blanks alone differ."""
    return side.name if club == fold(side.name) else name


def _known_spellings(
    connection: sa.Connection, source: str, now: dt.datetime
) -> dict[_Name, tuple[str, str]]:
    """Folded and shown name of the club by pool and spelling.

    A home from before spellings were resolved has rows and no spellings: each of its names is written down as
    the club it was, once.
    """
    query = sa.select(team_spelling).where(team_spelling.c.source == source)
    found = {(row.pool, row.spelling): (row.club, row.name) for row in connection.execute(query)}
    if found:
        return found
    seen: dict[_Name, str] = {}
    for row in _stored_rows(connection, source, None):
        for side in _sides(row):
            seen.setdefault(side.key, side.name)
    upsert(
        connection,
        team_spelling,
        [_spelling(source, key, Decided(key[1], Why.BEFORE), name, now) for key, name in seen.items()],
    )
    return {key: (key[1], name) for key, name in seen.items()}


def _stored_rows(connection: sa.Connection, source: str, pools: set[str] | None) -> Iterable[RawMatch]:
    """Stored rows of competitions whose clubs may be of the pools; of all where None.

    A row that the feed no longer lists is no evidence: its sides or its day may have been corrected.
    """
    decoder = msgspec.json.Decoder(RawMatch)
    codes = [
        code
        for code, place in load_competitions().items()
        if pools is None or any(_reaches(place, pool) for pool in pools)
    ]
    is_gone = sa.exists().where(
        vanished_match.c.source == match_raw.c.source,
        vanished_match.c.source_match_id == match_raw.c.source_match_id,
    )
    query = sa.select(match_raw.c.record).where(
        match_raw.c.source == source, in_list(connection, match_raw.c.competition, codes), ~is_gone
    )
    for (record,) in connection.execute(query):
        row = decoder.decode(record)
        if "|" in (row.source_match_id or ""):  # ids of our own: the provider has none
            yield row


def _reaches(place: Competition, pool: str) -> bool:
    """Whether a competition's entrants may be clubs of a pool: its own country's, or any club's in a cup."""
    country, sex, age_group, *squad = pool.split("|")
    return (
        place.country in (country, INTERNATIONAL)
        and (place.sex, place.age_group) == (sex, age_group)
        and place.squad == (squad[0] if squad else "first")
    )


def _held_rows(connection: sa.Connection, source: str, pools: set[str]) -> list[RawMatch]:
    decoder = msgspec.json.Decoder(RawMatch)
    query = sa.select(held_match.c.record).where(held_match.c.source == source).order_by(held_match.c.kickoff)
    rows = [decoder.decode(record) for (record,) in connection.execute(query)]
    return [row for row in rows if any(side.pool in pools for side in _sides(row))]


def _decided_pools(
    connection: sa.Connection, source: str, clubs: Mapping[_Name, tuple[str, str]]
) -> set[str]:
    """Pools in which a held row can be placed, since a person has decided its name."""
    rows = connection.execute(sa.select(held_match.c.open_names).where(held_match.c.source == source))
    names = {name for (text,) in rows for name in msgspec.json.decode(text, type=dict[str, Any])}
    split = [name.rpartition("|") for name in names]
    return {pool for pool, _, spelling in split if (pool, spelling) in clubs}


def _decide(
    evidence: Iterable[RawMatch], clubs: Mapping[_Name, tuple[str, str]], pools: set[str]
) -> dict[_Name, Decided | Held]:
    """What each open spelling of the pools means, by everything that is stored and what has come now."""
    seen: defaultdict[str, list[Sighting]] = defaultdict(list)
    for row in evidence:
        for pool, sighting in _sightings(row, clubs):
            if pool in pools:
                seen[pool].append(sighting)
    found: dict[_Name, Decided | Held] = {}
    for pool in sorted(pools):
        country = pool.split("|", 1)[0]
        known = {club for (of, _), (club, _) in clubs.items() if of == pool}
        strangers = {
            name for match in seen[pool] for name in (match.home, match.away) if name.startswith(_ELSEWHERE)
        }
        decisions = resolve(seen[pool], known | strangers, written_names().get(country, Spellings()))
        found.update({(pool, name): decision for name, decision in decisions.items()})
    return found


# Marks an opponent of another country in a pool's evidence.
_ELSEWHERE = "@"


def _sightings(row: RawMatch, clubs: Mapping[_Name, tuple[str, str]]) -> Iterable[tuple[str, Sighting]]:
    """A row as evidence of each pool that it touches."""
    place = load_competitions()[row.competition]
    sides = _sides(row)
    names = [clubs.get(side.key, (fold(side.name), ""))[0] for side in sides]
    score = None
    if row.home_goals is not None and row.away_goals is not None:
        score = (row.home_goals, row.away_goals)
    for pool in {side.pool for side in sides}:
        home, away = (
            name if side.pool == pool else f"{_ELSEWHERE}{side.pool}|{name}"
            for side, name in zip(sides, names, strict=True)
        )
        yield (
            pool,
            Sighting(row.competition, row.season, row.kickoff.date(), home, away, place.tier > 0, score),
        )


def _store_decisions(
    connection: sa.Connection,
    source: str,
    found: Mapping[_Name, Decided | Held],
    clubs: dict[_Name, tuple[str, str]],
    shown: Mapping[_Name, str],
    now: dt.datetime,
) -> None:
    """Write what was decided, and add it to ``clubs``."""
    rows = []
    for (pool, spelling), decision in sorted(found.items()):
        if isinstance(decision, Held) or spelling.startswith(_ELSEWHERE):
            continue
        club = (pool, decision.club)
        name = clubs[club][1] if club in clubs else shown[club]
        clubs[pool, spelling] = (decision.club, name)
        rows.append(_spelling(source, (pool, spelling), decision, name, now))
    upsert(connection, team_spelling, rows)


def _spelling(source: str, key: _Name, decision: Decided, name: str, now: dt.datetime) -> dict[str, Any]:
    """A row of `team_spelling`."""
    return {
        "source": source,
        "pool": key[0],
        "spelling": key[1],
        "club": decision.club,
        "name": name,
        "why": decision.why.value,
        "decided_at": now,
    }


def _hold_back(
    connection: sa.Connection,
    source: str,
    waiting: Sequence[RawMatch],
    named: Sequence[RawMatch],
    found: Mapping[_Name, Decided | Held],
    clubs: Mapping[_Name, tuple[str, str]],
    now: dt.datetime,
) -> None:
    """Keep the rows that cannot be placed, each with its open names, the best guess, and since when it waits.

    Args:
        connection: a transaction that writes.
        source: name of the feed.
        waiting: rows that were held back before.
        named: rows that the pass has.
        found: what was decided about each name.
        clubs: names that have a club.
        now: of the pass.
    """
    held = {}
    seen = _seen_at(connection, source, [digest_of(row) for row in waiting])
    for row, is_listed in [*((row, False) for row in waiting), *((row, True) for row in named)]:
        if _is_placed(row, clubs):
            continue
        names = {
            "|".join(side.key): {
                "name": side.name,
                "guess": _shown_name(side.pool, decision.guess, clubs),
                "reason": decision.reason,
            }
            for side in _sides(row)
            if isinstance(decision := found.get(side.key), Held)
        }
        digest = digest_of(row)
        first_seen_at, last_seen_at = seen.get(digest, (now, now))
        held[digest] = {
            "source": source,
            "sha256": digest,
            "competition": row.competition,
            "season": row.season,
            "kickoff": row.kickoff,
            "open_names": msgspec.json.encode(names, order="deterministic").decode(),
            "record": msgspec.json.encode(row).decode(),
            "first_seen_at": first_seen_at,
            "last_seen_at": now if is_listed else last_seen_at,
        }
    upsert(connection, held_match, list(held.values()))


def _shown_name(pool: str, club: str | None, clubs: Mapping[_Name, tuple[str, str]]) -> str | None:
    """A club's name as it is shown, where it is known by more than its folded name."""
    return None if club is None else clubs.get((pool, club), (club, club))[1]


def _seen_at(
    connection: sa.Connection, source: str, digests: Sequence[str]
) -> dict[str, tuple[dt.datetime, dt.datetime]]:
    """When rows that are held back were first and last seen."""
    query = sa.select(held_match.c.sha256, held_match.c.first_seen_at, held_match.c.last_seen_at).where(
        held_match.c.source == source, in_list(connection, held_match.c.sha256, digests)
    )
    return {digest: (first, last) for digest, first, last in connection.execute(query)}


def _release(
    connection: sa.Connection,
    source: str,
    waiting: Sequence[RawMatch],
    clubs: Mapping[_Name, tuple[str, str]],
) -> None:
    """Rows that waited and are placed now wait no more."""
    drop_rows(connection, source, [digest_of(row) for row in waiting if _is_placed(row, clubs)])
