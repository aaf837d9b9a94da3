"""Matchdays that a provider filled in with one score: quarantined until a person or another score decides."""

import datetime as dt

import msgspec
import pytest
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.football.records import RawMatch
from soccer_assets.football.validity import FILLED_IN, TWICE_ON_A_DAY
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.feed_trust import decide, withdraw
from soccer_assets.stores.matches.filled_matchdays import filled_matchdays
from soccer_assets.stores.matches.quarantine import count_same_day
from soccer_assets.tables import match
from tests.builders import NOW, finished
from tests.stores.matches.test_normalise import marks, rows_of, update

PAIRS = [("Leeds", "Derby"), ("Hull", "Stoke"), ("Luton", "Bury"), ("York", "Wigan"), ("Barnet", "Fulham")]
MORE = ("Walsall", "Millwall")
SATURDAY = "2025-04-12"
SUNDAY = finished(
    "0-0", "2025-04-13T14:00:00Z", source_match_id="sunday", home_team="Crewe", away_team="Rhyl"
)


def matchday(scores: list[str], day: str = SATURDAY) -> list[RawMatch]:
    """A result a pair of clubs, at most six."""
    return [
        finished(score, f"{day}T14:00:00Z", source_match_id=f"{day}-{home}", home_team=home, away_team=away)
        for score, (home, away) in zip(scores, [*PAIRS, MORE], strict=False)
    ]


@pytest.mark.parametrize(
    ("scores", "is_filled"),
    [
        (["0-0"] * 5, True),
        (["0-0"] * 4, False),
        (["0-0"] * 4 + ["1-0"], False),
        (["2-1"] * 6, True),
        (["2-1"] * 5, False),
        (["2-1"] * 5 + ["1-2"], False),
    ],
)
@pytest.mark.parametrize("rows_a_pass", [1, 3, 6])
def test_a_matchday_of_one_score_is_quarantined_however_its_rows_come(
    database: Database, scores: list[str], is_filled: bool, rows_a_pass: int
) -> None:
    """Also a day whose rows come in several passes; the Sunday beside it counts."""
    rows = [*matchday(scores), SUNDAY]
    for start in range(0, len(rows), rows_a_pass):
        update(database, rows[start : start + rows_a_pass])

    found = marks(database)
    assert found.pop("sunday") is None
    assert set(found.values()) == {FILLED_IN if is_filled else None}
    listed = [(str(day.day), day.matches, day.score) for day in filled_matchdays(database)]
    assert listed == ([(SATURDAY, len(scores), scores[0])] if is_filled else [])
    with database.reading() as connection:
        assert count_same_day(connection) == {}


@pytest.mark.parametrize("changed", ["score", "day"])
def test_a_corrected_row_ends_it(database: Database, changed: str) -> None:
    """Another score on that day, or a result that belongs to another one."""
    rows = matchday(["0-0"] * 5)
    update(database, rows)
    moved = msgspec.structs.replace(rows[0], kickoff=rows[0].kickoff + dt.timedelta(days=2))
    corrected = [moved, *rows[1:]] if changed == "day" else matchday(["0-0"] * 4 + ["3-1"])
    update(database, corrected)

    assert set(marks(database).values()) == {None}
    update(database, corrected)
    assert max(row.version for row in rows_of(database, match)) == 2


def test_a_late_goal_elsewhere_proves_nothing(database: Database) -> None:
    """A result of another day or competition says nothing of this matchday."""
    update(database, matchday(["0-0"] * 5))
    elsewhere = finished(
        "4-1", f"{SATURDAY}T16:00:00Z", competition="TST-2", home_team="Rhyl", away_team="Bala"
    )
    update(database, [elsewhere])

    assert [day.matches for day in filled_matchdays(database)] == [5]


def test_the_mark_of_a_team_that_plays_twice_stays(database: Database) -> None:
    """What cannot be true is not made good by the decision about the matchday."""
    again = finished(
        "0-0", f"{SATURDAY}T19:00:00Z", source_match_id="again", home_team="Leeds", away_team="Crewe"
    )
    update(database, [*matchday(["0-0"] * 5), again])

    found = marks(database)
    assert found.pop("again") == found.pop(f"{SATURDAY}-Leeds") == TWICE_ON_A_DAY
    assert set(found.values()) == {FILLED_IN}


def test_one_command_decides(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`soccer matches doubtful` prints it; the decision can be withdrawn."""
    monkeypatch.setenv("SOCCER_DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
    update(database, matchday(["0-0"] * 5))

    printed = CliRunner().invoke(main, ["matches", "doubtful"]).stdout.splitlines()
    assert printed[-3:] == [
        "1 matchdays have one score throughout and are in quarantine",
        "    TST-1 2025-04-12: 5 results, all 0-0 (fake)",
        "        soccer feeds trust TST-1 fake --month 2025-04",
    ]
    done = CliRunner().invoke(main, printed[-1].split()[1:])
    assert done.exit_code == 0, done.output
    update(database, [])
    assert set(marks(database).values()) == {None}

    withdraw(database, competition="TST-1", month="2025-04", now=NOW)
    update(database, [])
    assert set(marks(database).values()) == {FILLED_IN}
    decide(database, competition="TST-1", feed="fake", month="2025-04", now=NOW + dt.timedelta(days=1))
    update(database, [])
    assert filled_matchdays(database) == []
