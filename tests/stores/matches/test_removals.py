"""The balance of played matches: what no longer counts has a row with its reason, and the rest is there."""

import datetime as dt
import random

import pytest
import sqlalchemy as sa

from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.stores.matches.removals import Balance, accept_loss, read_balance
from soccer_assets.tables import NOT_SETTLED, match, match_removal
from tests.builders import NOW, finished
from tests.stores.ledger.test_record import feed
from tests.stores.matches.test_meetings import DAY, look, result, row

SEASON_START = NOW - 60 * DAY


def balance(database: Database) -> Balance:
    """The played matches of a database."""
    with database.reading() as connection:
        return read_balance(connection)


def removals(database: Database) -> list[tuple[int, str, int]]:
    """Number, reason and matches of every removal."""
    with database.reading() as connection:
        found = connection.execute(sa.select(match_removal).order_by(match_removal.c.removal_id))
        return [(one.removal_id, one.reason, one.matches) for one in found]


def test_the_index_leaves_out_what_settles() -> None:
    """Its condition is text: it must name the same statuses as the rules."""
    assert str(NOT_SETTLED) == "status <> 'finished'"
    assert [status for status, rule in STATUS_RULES.items() if rule.settles] == [MatchStatus.FINISHED]


def test_a_result_counts_once(database: Database) -> None:
    """A fixture does not count, its result does, a corrected score does not count again."""
    look(database, row("m1"))
    assert balance(database) == Balance(played=0, settled=0, removed=0)
    look(database, result("m1", "2-1", NOW - DAY))
    assert balance(database) == Balance(played=1, settled=1, removed=0)
    look(database, result("m1", "2-2", NOW - DAY))
    assert balance(database) == Balance(played=1, settled=1, removed=0)


@pytest.mark.parametrize(
    "status",
    [
        status
        for status, rule in STATUS_RULES.items()
        if not rule.settles and status is not MatchStatus.WITHDRAWN  # no provider reports that
    ],
)
def test_a_result_that_a_feed_takes_back_is_a_removal(database: Database, status: MatchStatus) -> None:
    """Its reason is the new status; played again, it counts again."""
    look(database, result("m1", "2-1", NOW - DAY))
    look(database, row("m1", NOW - DAY, status=status))
    (removal,) = removals(database)
    assert removal == (1, stored_status(database), 1)
    assert balance(database) == Balance(played=0, settled=1, removed=1)
    look(database, result("m1", "2-1", NOW - DAY))
    assert balance(database) == Balance(played=1, settled=2, removed=1)


def stored_status(database: Database) -> str:
    """The status of the only match, as the clock gives it."""
    with database.reading() as connection:
        return str(connection.execute(sa.select(match.c.status)).scalar_one())


def test_two_matches_that_are_one_leave_a_removal(database: Database) -> None:
    """A result that was stored twice, and turns out to be one match."""
    look(database, result("m1", "2-1", NOW - 20 * DAY), now=NOW - 19 * DAY)
    look(database, result("m1", "2-1", NOW - 20 * DAY), result("m2", "2-1", NOW - 20 * DAY))
    found = balance(database)
    assert (found.played, found.missing) == (1, 0)


def test_it_balances_whatever_a_feed_tells(sqlite_database: Database) -> None:
    """Seeded looks at a feed that corrects, repeats, takes back, leaves out and lists matches again."""
    draw = random.Random(7)  # noqa: S311 - no secret
    clubs = ("Leeds", "Derby", "Hull", "Stoke", "Cardiff")
    statuses = [status for status in MatchStatus if status is not MatchStatus.WITHDRAWN]
    for number in range(40):
        rows = []
        for id_ in range(draw.randrange(12)):
            home, away = draw.sample(clubs, 2)
            day = SEASON_START + dt.timedelta(days=draw.randrange(55))
            status = draw.choice(statuses)
            names = {"home_team": home, "away_team": away}
            if status is MatchStatus.FINISHED or draw.random() < 0.5:
                rows.append(result(f"m{id_}", f"{draw.randrange(4)}-{draw.randrange(3)}", day, **names))
            else:
                rows.append(row(f"m{id_}", day, home, away, status=status))
        look(sqlite_database, *rows, now=NOW + number * DAY)
        assert balance(sqlite_database).missing == 0, number
    reasons = {reason for _, reason, _ in removals(sqlite_database)}
    assert {"merged", "postponed", "cancelled"} <= reasons


@pytest.mark.parametrize("change", ["deleted", "reopened"])
def test_matches_lost_past_the_program_are_missing(database: Database, change: str) -> None:
    """New results do not hide them, and a person may accept the loss once."""
    look(database, *[result(f"m{day}", "1-0", NOW - day * DAY, home_team=f"H{day}") for day in range(1, 6)])
    two = match.c.kickoff < NOW - 3 * DAY
    with database.writing() as connection:
        connection.execute(
            sa.delete(match).where(two)
            if change == "deleted"
            else sa.update(match).where(two).values(status="scheduled")
        )
    feed(database, *[finished("1-0", source_match_id=f"n{day}", away_team=f"A{day}") for day in range(5)])

    assert balance(database).missing == 2
    with database.writing() as connection:
        accept_loss(connection, 2, NOW, next_change_no(connection))
    assert removals(database) == [(1, "accepted", 2)]
    assert balance(database).missing == 0


def test_matches_added_past_the_program_are_too_many(sqlite_database: Database) -> None:
    """The count is exact in both directions."""
    look(sqlite_database, result("m1", "2-1", NOW - DAY))
    with sqlite_database.writing() as connection:
        names = [column.name for column in match.columns if column.name != "match_id"]
        copied = sa.select(sa.literal("other"), *[match.c[name] for name in names])
        connection.execute(sa.insert(match).from_select(["match_id", *names], copied))

    assert balance(sqlite_database).missing == -1
    with sqlite_database.writing() as connection:
        accept_loss(connection, -1, NOW, next_change_no(connection))
    assert balance(sqlite_database).missing == 0


def test_counting_needs_no_scan(sqlite_database: Database) -> None:
    """Both counts come from indexes: a scan of 836,981 matches takes half a second, every minute."""
    with sqlite_database.reading() as connection:
        count = sa.select(sa.func.count()).select_from(match)
        plans = [
            str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
            for query in (count, count.where(NOT_SETTLED))
        ]
    assert all("USING COVERING INDEX" in plan for plan in plans), plans
