"""Where stored matches are played: by rule and flag, at a finalist's own ground, and healed by new rules."""

import datetime as dt
import itertools
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.clock import parse_instant
from soccer_assets.football import neutral_grounds
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, Venue
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches import grounds
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, match_history, match_raw
from tests.builders import NOW, raw_match

SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 8, 1))
PARK, ELSEWHERE = Venue("Goblin Park", "Goblinford"), Venue("National Stadium", "Capital")


def played_in(code: str, day: str, home: str, away: str, **changes: Any) -> RawMatch:
    """A match that is ahead, told by the feed."""
    number = f"{code}|{day}|{home}"
    kickoff = parse_instant(f"{day}T19:00:00Z")
    fields = {"home_team": home, "away_team": away, "kickoff": kickoff, "competition": code}
    return raw_match(source_match_id=number, payload={"id": number}, **(fields | changes))


def update(database: Database, *rows: RawMatch) -> None:
    """Store a look and normalise it."""
    store_raw(database, rows, asset="livescores/recent", source="fake", window=SEASON, now=NOW)
    update_matches(database, load_competitions(), NOW)


def ground_of(database: Database, number: str) -> tuple[bool, bool]:
    """Whether a match is neutral, and whether the side named second is at home."""
    query = sa.select(match.c.neutral, match.c.away_is_host).where(match.c.source_match_id == number)
    with database.reading() as connection:
        return tuple(connection.execute(query).one())


FINAL = played_in("UEFA-CL", "2025-05-31", "Goblinford", "Dragonia", round="Final")
NEUTRAL, HOME, AWAY = (True, False), (False, False), (False, True)


def test_a_final_is_neutral_and_its_raw_row_is_as_it_was_told(database):
    """The rule decides the match; the provider's row is kept, and no second version follows."""
    update(database, FINAL, played_in("UEFA-CL", "2025-05-06", "Goblinford", "Dragonia", round="Semi-finals"))
    update(database, FINAL)

    assert ground_of(database, "UEFA-CL|2025-05-31|Goblinford") == NEUTRAL
    assert ground_of(database, "UEFA-CL|2025-05-06|Goblinford") == HOME
    with database.reading() as connection:
        records = connection.execute(sa.select(match_raw.c.record)).scalars()
        assert not any(msgspec.json.decode(record, type=RawMatch).neutral for record in records)
        assert connection.execute(sa.select(sa.func.max(match.c.version))).scalar() == 1


def test_a_host_named_second_is_at_home(database):
    """The names stay in the provider's order; the column says who is at home."""
    update(database, played_in("FIFA-WC", "2018-07-01", "Spain", "Russia", round="Round of 16"))

    assert ground_of(database, "FIFA-WC|2018-07-01|Spain") == AWAY


HOME_MATCHES = [
    *(
        played_in("ENG-1", f"2025-0{month}-01", "Goblinford", away, venue=PARK)
        for month, away in enumerate(("Ogreton", "Elfbury", "Trollham"), start=1)
    ),
    played_in("ENG-1", "2025-04-01", "Goblinford", "Dwarfton", venue=ELSEWHERE),
    played_in("ENG-1", "2025-04-05", "Ogreton", "Goblinford", venue=Venue("Ogre Lane", "Ogreton")),
]
# Clubs of one country, so that league and cup mean one team.
CUP_FINAL = played_in("ENG-LC", "2025-03-16", "Goblinford", "Ogreton", round="Final")


@pytest.mark.parametrize(
    ("home", "away", "venue", "at"),
    [
        ("Goblinford", "Ogreton", PARK, HOME),
        ("Ogreton", "Goblinford", PARK, AWAY),
        ("Goblinford", "Ogreton", ELSEWHERE, NEUTRAL),
        ("Elfbury", "Trollham", PARK, NEUTRAL),
    ],
)
def test_a_finalist_at_its_own_ground_is_at_home(database, home, away, venue, at):
    """Its own ground is the one told most often for its home matches, in whatever order rows arrive."""
    final = msgspec.structs.replace(CUP_FINAL, home_team=home, away_team=away, venue=venue)

    update(database, *HOME_MATCHES)
    update(database, final)

    assert ground_of(database, final.source_match_id) == at


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5])
def test_the_order_of_rows_does_not_matter(database, order):
    """A final that came before the season's home matches is looked at again when they come."""
    final = msgspec.structs.replace(CUP_FINAL, venue=PARK)
    parts = list(itertools.permutations([[final], HOME_MATCHES[:3], HOME_MATCHES[3:]]))[order]

    for part in parts:
        update(database, *part)
    with database.reading() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(match_history)).scalar()
    update(database, *itertools.chain(*parts))

    assert ground_of(database, final.source_match_id) == HOME
    with database.reading() as connection:
        after = connection.execute(sa.select(sa.func.count()).select_from(match_history)).scalar()
    assert after == before


def test_a_ground_of_both_finalists_is_at_home_to_neither(database):
    """Two clubs of one stadium meet in it."""
    shared = [
        played_in("ENG-1", "2025-01-01", "Goblinford", "Elfbury", venue=PARK),
        played_in("ENG-1", "2025-01-08", "Ogreton", "Elfbury", venue=PARK),
    ]

    update(database, *shared, msgspec.structs.replace(CUP_FINAL, venue=PARK))

    assert ground_of(database, CUP_FINAL.source_match_id) == NEUTRAL


def test_an_old_home_is_healed_when_rules_change(database, monkeypatch):
    """Rows that were read under other rules are read again, once, and their matches get a new version."""
    monkeypatch.setattr(grounds, "ruled_competitions", frozenset)
    monkeypatch.setattr(grounds, "rules_digest", lambda: 1)
    league = played_in("GER-1", "2025-05-10", "Elfbury", "Trollham")
    update(database, FINAL, league)
    assert ground_of(database, FINAL.source_match_id) == HOME

    monkeypatch.setattr(grounds, "ruled_competitions", neutral_grounds.ruled_competitions)
    monkeypatch.setattr(grounds, "rules_digest", neutral_grounds.rules_digest)
    healed, again = (update_matches(database, load_competitions(), NOW) for _ in range(2))

    assert (healed.read, healed.changed, again.read) == (1, 1, 0)
    assert ground_of(database, FINAL.source_match_id) == NEUTRAL
    with database.reading() as connection:
        (old,) = connection.execute(sa.select(match_history.c.neutral)).scalars()
    assert not old
