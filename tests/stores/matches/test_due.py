"""Results that are due, and how far back a look must reach to find them."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.due import DueMatches, due_matches, missing_results
from soccer_assets.stores.matches.look_windows import windows_to_read
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, metadata
from tests.builders import COMPETITIONS, NOW, finished, raw_match

LAG = dt.timedelta(hours=12)


def first_day_to_read(database: Database, source: str, now: dt.datetime, **costs: Any) -> dt.date:
    """The first day that a look must read."""
    return windows_to_read(database, source, now, **costs)[-1].start


def look(
    database: Database,
    *rows: object,
    now: dt.datetime = NOW,
    asset: str = "livescores/recent",
    since: dt.date | None = None,
) -> None:
    """A successful look at the feed, at the last three days unless ``since`` says otherwise."""
    window = Window(since or now.date() - dt.timedelta(days=3), now.date() + dt.timedelta(days=1))
    store_raw(database, iter(rows), asset=asset, source="fake", window=window, now=now)
    update_matches(database, COMPETITIONS, now)


@pytest.mark.parametrize(
    ("days_a_request", "windows"),
    [(None, [(100, 0)]), (1, [(3, 0), (90, 90), (98, 98), (100, 100)]), (10, [(3, 0), (98, 90), (100, 100)])],
)
def test_old_days_are_asked_for_as_the_provider_is_asked(
    database: Database, days_a_request: int | None, windows: list[tuple[int, int]]
) -> None:
    """Results of 100, 98, 90 and 1 days ago are missing: what a request can ask for at once is one window."""
    look(
        database,
        *(
            raw_match(source_match_id=f"m{days}", kickoff=NOW - dt.timedelta(days=days))
            for days in (100, 98, 90, 1)
        ),
        now=NOW - dt.timedelta(hours=10),
    )
    found = windows_to_read(database, "fake", NOW, days_a_request=days_a_request)

    days_ago = [(NOW.date() - window.start, NOW.date() - window.end) for window in found]
    assert [(start.days, end.days + 1) for start, end in days_ago] == windows


def test_a_long_sleep_is_made_up_for_by_a_provider_of_days_in_some_looks(database: Database) -> None:
    """Of 40 days nobody has read each is asked for once, ten a look; a look that fails loses none."""
    look(database, now=NOW - dt.timedelta(days=40))
    asked: list[list[dt.date]] = []
    for hour in range(6):
        now = NOW + dt.timedelta(hours=hour)
        asked.append([])
        for window in windows_to_read(database, "fake", now, days_a_request=1)[1:]:
            if hour == 1 and len(asked[-1]) == 4:
                break  # the quota is used up
            asked[-1].append(window.start)
            store_raw(database, iter(()), asset="livescores/recent", source="fake", window=window, now=now)

    assert [len(days) for days in asked] == [10, 4, 10, 10, 3, 0]
    days = [day for each in asked for day in each]
    assert sorted(days) == [NOW.date() - dt.timedelta(days=back) for back in range(40, 3, -1)]


def test_days_that_no_look_will_reach_are_named_until_their_months_are_read(database: Database) -> None:
    """A home that was off from 300 to 5 days ago: what lies before 120 days has to be read by hand."""
    look(database, now=NOW - dt.timedelta(days=300))
    start = first_day_to_read(database, "fake", NOW - dt.timedelta(days=5))
    look(database, now=NOW - dt.timedelta(days=5), since=start)
    look(database, now=NOW - dt.timedelta(days=200), asset="livescores/upcoming")

    missing = missing_results(database, ["fake"], LAG, NOW)
    gap = [
        NOW.date() - dt.timedelta(days=back) for back in range(300, 125, -1) if back not in (201, 202, 203)
    ]
    assert list(missing.days_never_read) == gap
    assert missing.text == f"{len(gap)} days from {gap[0]} to {gap[-1]} were never read"
    assert missing.remedy == "run `soccer run reload_history --months 2024-06 2024-12`"
    assert missing_results(database, ["another"], LAG, NOW).is_complete

    window = Window(dt.date(2024, 6, 1), dt.date(2025, 1, 1))
    store_raw(database, iter(()), asset="livescores/history", source="fake", window=window, now=NOW)
    assert missing_results(database, ["fake"], LAG, NOW).is_complete


def test_a_home_that_is_on_has_read_every_day(database: Database) -> None:
    """A look a day for half a year leaves no day of it."""
    for days in range(180, -1, -1):
        now = NOW - dt.timedelta(days=days)
        look(database, now=now, since=first_day_to_read(database, "fake", now))

    assert missing_results(database, ["fake"], LAG, NOW).is_complete


def test_a_provider_of_days_is_asked_for_an_old_result_once_a_day(database: Database) -> None:
    """Hourly looks at a feed with a request a day repeat the last days only; those of the next day all."""
    kickoff = NOW - dt.timedelta(days=60)
    look(database, raw_match(kickoff=kickoff), now=NOW - dt.timedelta(days=1))

    def asked(now: dt.datetime) -> int:
        windows = windows_to_read(database, "fake", now, days_a_request=1)
        for window in windows:
            store_raw(database, iter(()), asset="livescores/recent", source="fake", window=window, now=now)
        return sum((window.end - window.start).days for window in windows)

    assert [asked(NOW + dt.timedelta(hours=hour)) for hour in (0, 1, 2, 24, 25)] == [5, 4, 4, 5, 4]


def empty(database: Database) -> None:
    """Remove every row of a home."""
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))


def test_a_fresh_home_reads_three_days(database: Database) -> None:
    """Nothing is known: the last three days."""
    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=3)


@pytest.mark.parametrize(("days", "back"), [(1, 3), (11, 11), (400, 120)])
def test_a_home_that_slept_reads_from_its_last_look(database: Database, days: int, back: int) -> None:
    """However long nobody looked, up to a bound."""
    look(
        database,
        finished("1-0", (NOW - dt.timedelta(days=days + 1)).isoformat()),
        now=NOW - dt.timedelta(days=days),
    )

    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=back)


@pytest.mark.parametrize(
    ("status", "days"), [(MatchStatus.SCHEDULED, 9), (MatchStatus.LIVE, 6), (MatchStatus.TBD, 9)]
)
def test_a_late_result_is_looked_for_until_it_comes(
    database: Database, status: MatchStatus, days: int
) -> None:
    """A match of nine days ago without a result is in the window; with one it is not."""
    kickoff = NOW - dt.timedelta(days=days)
    look(database, raw_match(kickoff=kickoff, status=status))
    assert first_day_to_read(database, "fake", NOW) == kickoff.date()

    look(database, finished("2-1", kickoff.isoformat()))
    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=3)


def test_a_fixture_ahead_and_another_feeds_look_change_nothing(database: Database) -> None:
    """Only what should have been played by now, of this feed, counts."""
    look(database, raw_match(kickoff=NOW + dt.timedelta(days=2)))
    look(database, now=NOW - dt.timedelta(days=40), asset="livescores/history")

    assert first_day_to_read(database, "fake", NOW) == NOW.date() - dt.timedelta(days=3)
    assert first_day_to_read(database, "another", NOW) == NOW.date() - dt.timedelta(days=3)


def test_a_look_reaches_back_by_the_lag_of_its_feed(database: Database) -> None:
    """A lag of seven days: what was played before the last look may have got its result after it."""
    lag = dt.timedelta(days=7)
    assert first_day_to_read(database, "fake", NOW, result_lag=lag) == NOW.date() - lag

    look(database, now=NOW - dt.timedelta(days=20), since=NOW.date() - dt.timedelta(days=27))
    # Of the day 27 days ago every result was there on the day of the look, of the next one not.
    assert first_day_to_read(database, "fake", NOW, result_lag=lag) == NOW.date() - dt.timedelta(days=26)


def test_the_first_look_of_a_day_reads_thirty_days_where_that_is_cheap(database: Database) -> None:
    """Corrections come after weeks: once a day, however often the feed is looked at."""

    def days_back(now: dt.datetime) -> int:
        day = first_day_to_read(database, "fake", now, is_cheap_to_read_again=True)
        look(database, now=now, since=day)
        return (now.date() - day).days

    hours = [NOW + dt.timedelta(hours=hour) for hour in range(0, 48, 6)]
    # 09, 15 and 21 o'clock, then 03.
    assert [days_back(now) for now in hours] == [30, 3, 3, 30, 3, 3, 3, 30]
    assert first_day_to_read(database, "fake", hours[-1]) == hours[-1].date() - dt.timedelta(days=3)


def test_a_correction_after_three_weeks_is_read(database: Database) -> None:
    """A result is awarded otherwise 20 days later: the look of the next day finds it."""
    kickoff = (NOW - dt.timedelta(days=20)).isoformat()
    look(database, finished("1-0", kickoff), now=NOW - dt.timedelta(days=1))
    start = first_day_to_read(database, "fake", NOW, is_cheap_to_read_again=True)
    corrected = finished("3-0", kickoff)
    assert corrected.kickoff.date() in Window(start, NOW.date())
    look(database, corrected, since=start)

    with database.reading() as connection:
        assert connection.execute(sa.select(match.c.home_goals)).scalars().all() == [3]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(COMPETITIONS)),
            st.sampled_from(list(MatchStatus)),
            st.sampled_from(list(KickoffPrecision)),
            st.integers(-4_000, 100),
        ),
        max_size=30,
    ),
    st.integers(0, 240),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_match_is_without_a_result_and_unlisted(
    sqlite_database: Database, facts: list[tuple[str, MatchStatus, KickoffPrecision, int]], lag_hours: int
) -> None:
    """Whatever is stored: open for longer than the lag and 36 hours is listed as due, with its month."""
    empty(sqlite_database)
    rows = [
        raw_match(
            source_match_id=f"m{number}",
            competition=competition,
            status=status,
            kickoff=NOW + dt.timedelta(hours=hours),
            kickoff_precision=precision,
            home_team=f"home {number}",
            away_team=f"away {number}",
            **({"home_goals": 1, "away_goals": 0} if status is MatchStatus.FINISHED else {}),
        )
        for number, (competition, status, precision, hours) in enumerate(facts)
    ]
    look(sqlite_database, *rows)
    lag = dt.timedelta(hours=lag_hours)
    due = {found.competition: found for found in due_matches(sqlite_database, lag, NOW)}

    with sqlite_database.reading() as connection:
        stored = connection.execute(sa.select(match.c.competition, match.c.status, match.c.kickoff)).all()
    assert len(stored) == len(rows)
    open_since = [row for row in stored if row.status in {"scheduled", "tbd", "live"}]
    for code in COMPETITIONS:
        kickoffs = [row.kickoff for row in open_since if row.competition == code]
        overdue = [kickoff for kickoff in kickoffs if kickoff + lag + dt.timedelta(hours=36) < NOW]
        waiting = [kickoff for kickoff in kickoffs if kickoff + lag < NOW]
        listed = due[code].matches if code in due else 0
        assert len(overdue) <= listed <= len(waiting)
        months = due[code].months if code in due else ()
        assert {f"{kickoff:%Y-%m}-01" for kickoff in overdue} <= set(months)
        assert not overdue or due[code].since == min(waiting)


def test_due_matches_are_counted_by_competition_with_their_months(database: Database) -> None:
    """A match is due 3 hours and the feed's lag after kickoff, and named by the month that mends it."""
    late = NOW - dt.timedelta(days=30)
    look(
        database,
        raw_match(kickoff=late),
        raw_match(source_match_id="m2", home_team="Hull", kickoff=NOW - dt.timedelta(hours=16)),
        raw_match(source_match_id="m3", home_team="York", kickoff=NOW - dt.timedelta(hours=14)),
        finished("1-0", (NOW - dt.timedelta(days=4)).isoformat(), source_match_id="m4"),
    )

    assert due_matches(database, LAG, NOW) == [
        DueMatches(competition="TST-1", matches=2, since=late, months=("2025-03-01", "2025-04-01"))
    ]
