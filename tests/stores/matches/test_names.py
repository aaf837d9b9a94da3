"""Spellings of a feed without ids: placed before rows are stored, or held back until they are decided."""

import datetime as dt
import itertools

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.football.matches import MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.held_rows import unresolved_names
from soccer_assets.stores.matches.names import UnknownNameError, decide_by_hand
from soccer_assets.stores.matches.raw import IngestCounts, store_raw
from soccer_assets.tables import held_match, match_raw, team_spelling
from tests.builders import NOW, finished, raw_match

CLUBS = [
    *("Amber", "Birchwood", "Cobalt", "Dunmore", "Elfbury", "Foxley", "Goblinford", "Heathrow", "Ipswell"),
    *("Jadeport", "Kestrel", "Lindale", "Mossend", "Norwick", "Ogreton", "Pinehurst", "Quarry", "Ravensby"),
    *("Stonegate", "Ath Trollo"),
]
FIRST = dt.datetime(2024, 8, 10, 14, tzinfo=dt.UTC)
WINDOW = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))


def played(rounds: int) -> list[RawMatch]:
    """The first rounds of a season of twenty clubs, a week apart."""
    order, rows = list(CLUBS), []
    for week in range(rounds):
        for home, away in zip(order[:10], reversed(order[10:]), strict=True):
            sides = (home, away) if week % 2 else (away, home)
            rows.append(_match(*sides, FIRST + dt.timedelta(weeks=week), "1-0"))
        order = [order[0], order[-1], *order[1:-1]]
    return rows


def _match(home: str, away: str, kickoff: dt.datetime, score: str | None = None) -> RawMatch:
    told = {"source_match_id": None, "competition": "ENG-1", "home_team": home, "away_team": away}
    told["season"] = "2024/2025" if kickoff < FIRST + dt.timedelta(days=330) else "2025/2026"
    if score is None:
        return raw_match(kickoff=kickoff, **told)
    return finished(score, kickoff.isoformat(), **told)


def store(
    database: Database, rows: list[RawMatch], *, window: Window = WINDOW, now: dt.datetime = NOW
) -> IngestCounts:
    """Store rows as a pass over the season."""
    return store_raw(database, iter(rows), asset="livescores/window", source="fake", window=window, now=now)


def teams_of(database: Database) -> set[str]:
    """Names of all teams in the stored rows."""
    with database.reading() as connection:
        meetings = connection.execute(sa.select(match_raw.c.meeting)).scalars()
        return {name for meeting in meetings for name in meeting.split("|")[2:]}


@pytest.mark.parametrize(
    "spelling", ["Atl. Trollo", "Trollo", "Athletic Trollo", "ATH TROLLO", "Ath. Trollo FC"]
)
def test_a_fixture_spelled_otherwise_is_the_club_and_its_result_settles_it(
    database: Database, spelling: str
) -> None:
    """No club without history, and no second row when the result comes under the season file's name."""
    store(database, played(6))
    kickoff = FIRST + dt.timedelta(weeks=7)

    fixture = store(database, [_match(spelling, "Amber", kickoff)])
    result = store(database, [_match("Ath Trollo", "Amber", kickoff, "2-1")])

    assert (fixture.added, result.added, result.changed) == (1, 0, 1)
    assert teams_of(database) == {name.lower() for name in CLUBS}
    with database.reading() as connection:
        statuses = connection.execute(sa.select(match_raw.c.status).where(match_raw.c.kickoff == kickoff))
        assert list(statuses.scalars()) == [MatchStatus.FINISHED.value]


def test_a_name_that_stays_open_is_held_back_listed_and_decided_by_one_command(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two seasons nothing proves who `Ogreton Marsh` is: its match waits until a person says so."""
    store(database, played(8))
    later = FIRST + dt.timedelta(days=365)
    fixture = _match("Ogreton Marsh", "Amber", later)

    assert store(database, [fixture]).held == 1
    (held,) = unresolved_names(database)
    assert (held.name, held.guess, held.matches, held.competition) == ("Ogreton Marsh", "Ogreton", 1, "ENG-1")

    monkeypatch.setenv("SOCCER_DATABASE_URL", database.url)
    shown = CliRunner().invoke(main, ["teams", "unresolved"]).output
    assert "1 match waits" in shown
    assert 'soccer teams resolve "Ogreton Marsh" --as "Ogreton"' in shown
    done = CliRunner().invoke(main, ["teams", "resolve", "Ogreton Marsh", "--as", "Ogreton"])
    assert (done.exit_code, done.output) == (0, "Ogreton Marsh is Ogreton; the next refresh stores 1 match\n")
    store(database, played(1))

    assert unresolved_names(database) == []
    assert "ogreton marsh" not in teams_of(database)
    with database.reading() as connection:
        found = connection.execute(
            sa.select(match_raw.c.meeting).where(match_raw.c.kickoff == later)
        ).scalars()
        assert [meeting.split("|")[2] for meeting in found] == ["ogreton"]
        assert connection.execute(sa.select(sa.func.count()).select_from(held_match)).scalar_one() == 0


def test_a_row_that_waits_tells_since_when_and_when_it_was_last_seen(database: Database) -> None:
    """Also a later pass that has it, or that does not read its days, leaves the instant at which it came."""
    store(database, played(8))
    fixture = _match("Ogreton Marsh", "Amber", FIRST + dt.timedelta(days=365))
    days = [NOW + dt.timedelta(days=number) for number in range(3)]

    store(database, [fixture], now=days[0])
    store(database, [fixture], now=days[1])
    store(database, played(8), window=Window(FIRST.date(), dt.date(2025, 1, 1)), now=days[2])

    with database.reading() as connection:
        (row,) = connection.execute(sa.select(held_match))
    assert (row.first_seen_at, row.last_seen_at) == (days[0], days[1])


def test_a_name_can_be_a_new_club_by_hand(database: Database) -> None:
    """The other answer: the club is new, and its match is stored under its own name."""
    store(database, played(8))
    store(database, [_match("Ogreton Marsh", "Amber", FIRST + dt.timedelta(days=365))])

    assert decide_by_hand(database, name="Ogreton Marsh", club=None, now=NOW) == 1
    store(database, played(1))

    assert "ogreton marsh" in teams_of(database)


def test_a_hand_that_names_nobody_is_told_what_to_do(database: Database) -> None:
    """A name that is not open, and a club that nobody knows."""
    store(database, played(8))
    store(database, [_match("Ogreton Marsh", "Amber", FIRST + dt.timedelta(days=365))])

    with pytest.raises(UnknownNameError, match="soccer teams unresolved"):
        decide_by_hand(database, name="Amber", club=None, now=NOW)
    with pytest.raises(UnknownNameError, match="soccer teams list"):
        decide_by_hand(database, name="Ogreton Marsh", club="Nobody", now=NOW)


def test_rows_with_the_providers_ids_pass_unchanged(database: Database) -> None:
    """Where the provider says which match it is, names are only names."""
    store(database, played(8))
    row = _match("Ogreton Marsh", "Amber", FIRST + dt.timedelta(days=365))

    counts = store(database, [raw_match(**{**_fields(row), "source_match_id": "77"})])

    assert (counts.added, counts.held) == (1, 0)


def _fields(row: RawMatch) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def test_a_home_from_before_keeps_its_clubs(database: Database) -> None:
    """Rows without spellings: each of their names stays a club, and new spellings are placed on them."""
    store(database, played(6))
    with database.writing() as connection:
        connection.execute(sa.delete(team_spelling))

    counts = store(database, [_match("Atl. Trollo", "Amber", FIRST + dt.timedelta(weeks=7))])

    assert counts.added == 1
    assert teams_of(database) == {name.lower() for name in CLUBS}


def test_a_home_from_before_keeps_its_clubs_in_every_later_pass(database: Database) -> None:
    """Two spellings that were two clubs stay two in every pass, whatever is decided of a third one."""
    early, late = played(6), [_match("Amber FC", "Cobalt", FIRST + dt.timedelta(weeks=20), "1-0")]
    store(database, [*early, raw_match(**{**_fields(late[0]), "source_match_id": "x|y"})])
    with database.writing() as connection:
        connection.execute(sa.delete(team_spelling))

    store(database, [_match("Atl. Trollo", "Birchwood", FIRST + dt.timedelta(weeks=7))])
    store(database, [_match("Amber FC", "Dunmore", FIRST + dt.timedelta(weeks=21), "2-0")])

    assert teams_of(database) == {name.lower() for name in CLUBS} | {"amber fc"}


def test_names_of_stored_rows_that_nobody_decided_are_decided_with_a_new_one(database: Database) -> None:
    """A competition that the catalogue learns later has rows whose names were never looked at."""
    store(database, played(6))
    with database.writing() as connection:
        connection.execute(sa.delete(team_spelling).where(team_spelling.c.spelling != "amber"))

    store(database, [_match("Birchwood", "Amber", FIRST + dt.timedelta(weeks=7))])

    with database.reading() as connection:
        names = connection.execute(sa.select(team_spelling.c.name).order_by(team_spelling.c.name))
        assert list(names.scalars()) == sorted(CLUBS)


@pytest.mark.parametrize("size", [1, 7, 200])
def test_a_season_in_any_split_ends_in_the_same_clubs(sqlite_database: Database, size: int) -> None:
    """One row a pass or the whole season at once: the same twenty clubs, and nothing is left waiting."""
    rows = played(6)
    spelled = [
        _match("Atl. Trollo" if row.home_team == "Ath Trollo" else row.home_team, row.away_team, row.kickoff)
        for row in played(8)[60:]
    ]
    for part in itertools.chain(_parts(rows, size), _parts(spelled, size), [rows[:1]]):
        store(sqlite_database, part)

    assert teams_of(sqlite_database) == {name.lower() for name in CLUBS}
    assert unresolved_names(sqlite_database) == []


def _parts(rows: list[RawMatch], size: int) -> list[list[RawMatch]]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def test_a_row_that_waits_and_is_no_longer_listed_waits_no_more(database: Database) -> None:
    """The list was corrected before anybody decided the name; a look elsewhere leaves it waiting."""
    store(database, played(8))
    later = FIRST + dt.timedelta(days=365)
    fixture = _match("Ogreton Marsh", "Amber", later)
    next_year = Window(dt.date(2025, 7, 1), dt.date(2026, 7, 1))
    passes = [([fixture], next_year, 1), (played(8), WINDOW, 1), ([], next_year, 0)]

    for rows, window, waiting in passes:
        store_raw(database, iter(rows), asset="livescores/window", source="fake", window=window, now=NOW)
        assert sum(held.matches for held in unresolved_names(database)) == waiting
