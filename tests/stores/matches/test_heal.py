"""An older home: clubs that stand under two names become one, and can be given back."""

import datetime as dt

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import Window
from soccer_assets.football.spellings import Why
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.heal import heal, undo
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import held_match, match, match_raw, team, team_spelling
from tests.builders import NOW, raw_match
from tests.stores.matches.test_meetings import look, result, row, stored
from tests.stores.matches.test_names import played, store

SPELLED = "Atl. Trollo"
DAY = dt.timedelta(days=1)


@pytest.fixture
def older(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A season of twenty clubs and a fixture that spells one otherwise, stored as an older version did."""
    monkeypatch.setattr(
        "soccer_assets.stores.matches.raw.place_names", lambda _connection, _source, rows, *_: (rows, [])
    )
    rows = played(20)
    store(database, rows)
    last = max(row.kickoff for row in rows)
    fixture = {"source_match_id": None, "competition": "ENG-1", "season": "2024/2025", "away_team": "Quarry"}
    ahead = raw_match(kickoff=last + dt.timedelta(days=3), home_team=SPELLED, **fixture)
    store_raw(
        database,
        [ahead],
        asset="livescores/upcoming",
        source="fake",
        window=Window(ahead.kickoff.date(), ahead.kickoff.date() + dt.timedelta(days=15)),
        now=NOW,
    )
    update_matches(database, load_competitions(), NOW)
    monkeypatch.undo()
    return database


def clubs_of_matches(database: Database) -> set[str]:
    """The names of all teams with a match."""
    both = sa.union(sa.select(match.c.home_team_id), sa.select(match.c.away_team_id)).scalar_subquery()
    with database.reading() as connection:
        return set(connection.execute(sa.select(team.c.name).where(team.c.team_id.in_(both))).scalars())


def test_a_healed_home_has_one_club_and_an_undone_one_has_two(older: Database) -> None:
    """Every match stays; the fixture is the known club's, also when the feed lists it again."""
    assert SPELLED in clubs_of_matches(older)
    report = heal(older, NOW, is_trial=True)
    assert [(one.name, one.club) for one in report.merged] == [(SPELLED, "Ath Trollo")]
    assert SPELLED in clubs_of_matches(older)

    report = heal(older, NOW)
    assert [(one.name, one.club) for one in report.merged] == [(SPELLED, "Ath Trollo")]
    update_matches(older, load_competitions(), NOW)
    assert SPELLED not in clubs_of_matches(older)
    with older.reading() as connection:
        counts = [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            for table in (match, match_raw, held_match)
        ]
    assert counts == [201, 201, 0]
    store(older, played(20))
    with older.reading() as connection:
        assert list(connection.execute(sa.select(held_match))) == []
        assert set(connection.execute(sa.select(team_spelling.c.why)).scalars()) == {Why.BEFORE, Why.HEALED}
    again = heal(older, NOW)
    assert (again.merged, again.refused) == ((), ())

    assert len(undo(older, NOW).merged) == 1
    update_matches(older, load_competitions(), NOW)
    assert SPELLED in clubs_of_matches(older)
    assert heal(older, NOW).merged == ()


def test_a_result_that_an_older_version_lost_comes_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two matches of a pair were one for a while: the one that left was never made again."""
    monkeypatch.setattr("soccer_assets.stores.matches.raw.mark_left_unread", lambda *_: None)
    early, late = NOW - 100 * DAY, NOW - 20 * DAY
    ids, exchanged = {"team_ids": ("t1", "t2")}, {"team_ids": ("t2", "t1")}
    derby = {"home_team": "Derby", "away_team": "Leeds Utd"}
    look(database, row("m1", early, **ids), row("m2", late, home="Leeds Utd", **ids), now=early)
    for found in (
        result("m2", "2-2", late, home_team="Leeds Utd", away_team="Derby", **ids),
        result("m1", "1-0", early, **derby, **exchanged),
    ):
        day = found.kickoff.date()
        look(database, found, window=Window(day, day + DAY), now=NOW)
    monkeypatch.undo()
    assert len(stored(database)) == 1

    assert heal(database, NOW, is_trial=True).lost == 1
    assert heal(database, NOW).lost == 1
    update_matches(database, load_competitions(), NOW)

    assert stored(database) == [("finished", f"{early:%m-%d}", "m1"), ("finished", f"{late:%m-%d}", "m2")]
    assert heal(database, NOW).lost == 0


def test_a_match_that_waits_while_its_row_has_a_result_is_read_again(database: Database) -> None:
    """Whatever an older version did: the raw row decides."""
    look(database, result("m1", "1-0", NOW - DAY))
    waiting = {"status": "scheduled", "home_goals": None, "away_goals": None}
    with database.writing() as connection:
        connection.execute(sa.update(match).values(waiting))

    assert heal(database, NOW).lost == 1
    update_matches(database, load_competitions(), NOW)

    assert [status for status, *_ in stored(database)] == ["finished"]


def test_heal_says_what_it_did(older: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a club, and what to do next."""
    url = older.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SOCCER_DATABASE_URL", url)
    for option, line in (("--trial", "Atl. Trollo is Ath Trollo"), ("--undo", "0 clubs, 0 matches")):
        shown = CliRunner().invoke(main, ["teams", "heal", option])
        assert shown.exit_code == 0, shown.output
        assert line in shown.output
    assert CliRunner().invoke(main, ["teams", "heal", "--trial", "--undo"]).exit_code == 1
    with older.reading() as connection:
        assert "healed" not in list(connection.execute(sa.select(team_spelling.c.why)).scalars())
