"""Two feeds of one home held against each other, and what a person decides about them, on both engines."""

import datetime as dt
from collections.abc import Sequence

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from soccer_assets.cli import main
from soccer_assets.football.feed_agreement import FEEDS_DISAGREE, NEITHER_IS_TRUSTED, NOT_TOLD
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.feed_agreement import (
    agreements,
    compare_feeds,
    described,
    offset_described,
    undecided,
    undecided_offsets,
)
from soccer_assets.stores.matches.feed_trust import (
    EVERY_MONTH,
    NEITHER,
    TrustError,
    decide,
    decisions,
    withdraw,
)
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.quarantine import count_disputed, count_same_day
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.matches.team_aliases import learn_team_aliases
from soccer_assets.tables import match, match_history
from tests.builders import COMPETITIONS, NOW, finished, raw_match

OWNERS = {"TST-1": "first", "TST-2": "first"}
WINDOW = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
MARCH = dt.datetime(2025, 3, 1, 15, tzinfo=dt.UTC)
APRIL = dt.datetime(2025, 4, 1, 15, tzinfo=dt.UTC)
TEAMS = ("Derby", "Hull", "York", "Bury", "Leeds", "Stoke")


def month_of_rows(
    source: str, start: dt.datetime = MARCH, score: str = "2-1", shift: dt.timedelta = dt.timedelta()
) -> list[RawMatch]:
    """Fifteen results of six teams, one a day; the second feed writes FC behind every name."""
    suffix = " FC" if source == "second" else ""
    pairs = [(home, away) for home in TEAMS for away in TEAMS if home < away]
    return [
        finished(
            score,
            (start + dt.timedelta(days=number) + shift).isoformat(),
            source=source,
            source_match_id=f"{source}-{start:%m}-{number}",
            home_team=f"{home}{suffix}",
            away_team=f"{away}{suffix}",
        )
        for number, (home, away) in enumerate(pairs)
    ]


# What the aliases are learned from: a team of the second feed that is spelled as the first one's.
def known_rows(source: str) -> list[RawMatch]:
    """Three results of each team against one that both feeds spell alike."""
    suffix = " FC" if source == "second" else ""
    return [
        finished(
            "1-0",
            (dt.datetime(2025, 1, 1 + number, 15, tzinfo=dt.UTC) + dt.timedelta(days=7 * week)).isoformat(),
            source=source,
            source_match_id=f"{source}-known-{week}-{number}",
            home_team="Reading" if number % 2 else f"{team}{suffix}",
            away_team=f"{team}{suffix}" if number % 2 else "Reading",
        )
        for week in range(3)
        for number, team in enumerate(TEAMS)
    ]


def refresh(database: Database, *rows: RawMatch) -> None:
    """What a run of the graph does with new rows of both feeds."""
    for source in ("first", "second"):
        of_source = [row for row in rows if row.source == source]
        store_raw(database, of_source, asset="a", source=source, window=WINDOW, now=NOW)
    update_matches(database, COMPETITIONS, NOW, OWNERS)
    learn_team_aliases(database, COMPETITIONS, OWNERS, NOW)
    compare_feeds(database, COMPETITIONS, OWNERS, NOW)
    update_matches(database, COMPETITIONS, NOW, OWNERS)


def known(database: Database) -> None:
    """Both feeds with the matches that their names are learned from."""
    refresh(database, *known_rows("first"), *known_rows("second"))


def marks(database: Database, month: int = 3) -> list[tuple[str, str, str | None]]:
    """Source, score and quarantine of the matches of a month, each once."""
    with database.reading() as connection:
        rows = connection.execute(sa.select(match)).all()
    found = {
        (row.source, f"{row.home_goals}-{row.away_goals}", row.quarantine)
        for row in rows
        if row.kickoff.month == month
    }
    return sorted(found, key=str)


def ids(database: Database) -> Sequence[str]:
    """The ids of all matches."""
    with database.reading() as connection:
        return sorted(connection.execute(sa.select(match.c.match_id)).scalars())


@pytest.fixture
def disputed(database: Database) -> Database:
    """March with other scores in both feeds, April with the same."""
    known(database)
    refresh(
        database,
        *month_of_rows("first"),
        *month_of_rows("second", score="0-3"),
        *month_of_rows("first", APRIL),
        *month_of_rows("second", APRIL),
    )
    return database


def test_feeds_that_agree_teach(database: Database) -> None:
    known(database)
    refresh(database, *month_of_rows("first"), *month_of_rows("second"))

    (march,) = (found for found in agreements(database) if found.found.month == "2025-03")
    assert (march.first, march.second, march.found.compared) == ("first", "second", 15)
    assert march.found.contradictions == ()
    assert undecided(database) == []
    assert marks(database) == [("first", "2-1", None)]


def test_years_of_months_are_compared_once_each(database: Database) -> None:
    """Months are read a year at a time, with a day of the months beside them: none is counted twice."""
    days = [dt.datetime(2023 + number // 12, number % 12 + 1, 1, tzinfo=dt.UTC) for number in range(27)]
    rows = [
        finished(
            "2-1",
            (day - dt.timedelta(hours=hours)).isoformat(),
            source=source,
            source_match_id=f"{source}-{day:%Y%m}-{hours}",
            home_team="Derby",
            away_team="Hull",
        )
        for source in ("first", "second")
        for day in days
        for hours in (50, 2)  # the last days of a month
    ]
    refresh(database, *rows)

    found = {agreement.found.month: agreement.found.compared for agreement in agreements(database)}
    assert len(found) == 27
    assert set(found.values()) == {2}


def test_a_feed_that_exchanges_home_and_away_is_held_against_the_other(database: Database) -> None:
    """It has no match in common with the other feed, and neither teaches until a person decides."""
    known(database)
    turned = [
        msgspec.structs.replace(row, home_team=row.away_team, away_team=row.home_team)
        for row in month_of_rows("second")
    ]
    refresh(database, *month_of_rows("first"), *turned)

    (month,) = undecided(database)
    assert (month.found.month, month.found.compared, len(month.found.contradictions)) == ("2025-03", 15, 15)
    assert marks(database) == [("first", "2-1", FEEDS_DISAGREE)]


def test_what_a_feed_alone_reports_teaches_nothing_once_it_is_trusted_no_longer(database: Database) -> None:
    """Matches that were made while it was trusted, and that the home's first feed does not know."""
    known(database)
    turned = [
        msgspec.structs.replace(row, home_team=row.away_team, away_team=row.home_team)
        for row in month_of_rows("second", score="0-3")
    ]
    refresh(database, *month_of_rows("first"), *turned)
    alone = {"competition": "TST-1", "month": "2025-03", "now": NOW}
    decide(database, feed="second", **alone)
    refresh(database)
    assert marks(database) == [("first", "2-1", NOT_TOLD), ("second", "0-3", None)]

    decide(database, feed=NEITHER, **alone)
    refresh(database)
    assert marks(database) == [("first", "2-1", NEITHER_IS_TRUSTED), ("second", "0-3", NEITHER_IS_TRUSTED)]
    decide(database, feed="first", **alone)
    refresh(database)
    assert marks(database) == [("first", "2-1", None), ("second", "0-3", NOT_TOLD)]
    withdraw(database, **alone)
    refresh(database)
    assert marks(database) == [("first", "2-1", FEEDS_DISAGREE), ("second", "0-3", FEEDS_DISAGREE)]


def test_a_disputed_month_teaches_nothing_and_its_neighbours_teach(disputed: Database) -> None:
    """Names are compared after they were learned; the reason is stored with each result."""
    (open_month,) = undecided(disputed)

    assert described(open_month) == (
        "first and second report the same score in 0% of 15 results of TST-1 in 2025-03"
    )
    assert open_month.found.contradictions[0].home == "Derby"
    assert marks(disputed) == [("first", "2-1", FEEDS_DISAGREE)]
    assert marks(disputed, 4) == [("first", "2-1", None)]
    with disputed.reading() as connection:
        assert count_disputed(connection) == 15
        assert count_same_day(connection) == {}


def test_a_correction_of_one_feed_ends_the_dispute(disputed: Database) -> None:
    refresh(disputed, *month_of_rows("second"))

    assert undecided(disputed) == []
    assert marks(disputed) == [("first", "2-1", None)]


def test_what_did_not_change_is_not_written_again(disputed: Database) -> None:
    """A second run over the same rows leaves versions and marks alone."""
    with disputed.reading() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(match_history)).scalar()

    refresh(disputed, *month_of_rows("first"), *month_of_rows("second", score="0-3"))

    with disputed.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(match_history)).scalar() == before


@pytest.mark.parametrize("month", ["2025-03", EVERY_MONTH])
def test_the_first_feed_can_be_trusted(disputed: Database, month: str) -> None:
    decide(disputed, competition="TST-1", feed="first", month=month, now=NOW)
    refresh(disputed)

    assert undecided(disputed) == []
    assert marks(disputed) == [("first", "2-1", None)]


@pytest.mark.parametrize("month", ["2025-03", EVERY_MONTH])
def test_the_second_feed_can_be_trusted_and_the_match_keeps_its_id(disputed: Database, month: str) -> None:
    """Its scores replace the first feed's in the same matches; withdrawn, everything is as before."""
    before = ids(disputed)
    decide(disputed, competition="TST-1", feed="second", month=month, now=NOW)
    refresh(disputed)
    refresh(disputed)

    assert marks(disputed) == [("second", "0-3", None)]
    assert marks(disputed, 4) == [("second" if month == EVERY_MONTH else "first", "2-1", None)]
    assert ids(disputed) == before

    withdraw(disputed, competition="TST-1", month=month, now=NOW)
    refresh(disputed)

    assert marks(disputed) == [("first", "2-1", FEEDS_DISAGREE)]
    assert marks(disputed, 4) == [("first", "2-1", None)]
    assert ids(disputed) == before
    assert decisions(disputed) == []


def test_what_the_trusted_feed_does_not_report_teaches_nothing(disputed: Database) -> None:
    """A match of the disputed month that only the other feed has stays, in quarantine."""
    extra = finished("4-4", "2025-03-25T15:00:00Z", source="first", source_match_id="extra")
    decide(disputed, competition="TST-1", feed="second", month="2025-03", now=NOW)
    refresh(disputed, extra)

    assert marks(disputed) == [("first", "4-4", NOT_TOLD), ("second", "0-3", None)]


def test_new_fixtures_of_a_trusted_feed_are_one_match(disputed: Database) -> None:
    """A fixture that both feeds report is stored once, in whichever run each row comes."""
    decide(disputed, competition="TST-1", feed="second", month=EVERY_MONTH, now=NOW)
    refresh(disputed)
    before = len(ids(disputed))
    fixtures = [
        raw_match(
            source=source,
            source_match_id=f"{source}-{day}",
            home_team=f"Leeds{suffix}",
            away_team=f"Derby{suffix}",
            kickoff=dt.datetime(2025, 5, day, 15, tzinfo=dt.UTC),
        )
        for day in (10, 20)
        for source, suffix in (("first", ""), ("second", " FC"))
    ]
    refresh(disputed, fixtures[0])
    refresh(disputed, fixtures[1], *fixtures[2:])

    assert len(ids(disputed)) == before + 2
    assert marks(disputed, 5) == [("second", "None-None", None)]


def test_a_promoted_club_with_two_names_is_one_match_of_a_trusted_feed(disputed: Database) -> None:
    """Before its name is learned, the opponent, the ground and the day tell that two rows are one match."""
    decide(disputed, competition="TST-1", feed="second", month=EVERY_MONTH, now=NOW)
    refresh(disputed)
    before = len(ids(disputed))
    kickoff = dt.datetime(2025, 5, 10, 15, tzinfo=dt.UTC)
    fixtures = {
        source: raw_match(
            source=source, source_match_id=source, home_team=home, away_team=away, kickoff=kickoff
        )
        for source, home, away in (
            ("first", "Derby", "Newport"),
            ("second", "Derby FC", "Newport County AFC"),
        )
    }
    refresh(disputed, fixtures["first"])
    refresh(disputed, fixtures["second"])

    assert len(ids(disputed)) == before + 1
    assert marks(disputed, 5) == [("second", "None-None", None)]


def test_neither_feed_can_be_trusted(disputed: Database) -> None:
    """Also in a month without a dispute."""
    decide(disputed, competition="TST-1", feed=NEITHER, month=EVERY_MONTH, now=NOW)
    refresh(disputed)

    assert undecided(disputed) == []
    assert marks(disputed) == [("first", "2-1", NEITHER_IS_TRUSTED)]
    assert marks(disputed, 4) == [("first", "2-1", NEITHER_IS_TRUSTED)]


def test_the_only_feed_of_a_home_can_be_distrusted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command, in one month; withdrawing it makes its results count again."""
    monkeypatch.setenv("SOCCER_DATABASE_URL", database.engine.url.render_as_string(hide_password=False))
    rows = [*month_of_rows("first"), *month_of_rows("first", APRIL)]
    store_raw(database, rows, asset="a", source="first", window=WINDOW, now=NOW)
    update_matches(database, COMPETITIONS, NOW)

    command = ["feeds", "trust", "TST-1", "--month", "2025-03"]
    assert CliRunner().invoke(main, [*command, "--neither"]).exit_code == 0
    update_matches(database, COMPETITIONS, NOW)
    assert marks(database) == [("first", "2-1", NEITHER_IS_TRUSTED)]
    assert marks(database, 4) == [("first", "2-1", None)]

    assert CliRunner().invoke(main, [*command, "--withdraw"]).exit_code == 0
    update_matches(database, COMPETITIONS, NOW)
    assert marks(database) == [("first", "2-1", None)]


@pytest.mark.parametrize(
    ("competition", "feed", "month", "message"),
    [
        (
            "TST-1",
            "third",
            "2025-03",
            "third reports no match of TST-1 in 2025-03; first and second report some",
        ),
        ("TST-1", "first", "2024-03", "no feed reports a match of TST-1 in 2024-03"),
        ("TST-9", NEITHER, EVERY_MONTH, "no feed reports a match of TST-9"),
    ],
)
def test_a_decision_needs_rows(
    disputed: Database, competition: str, feed: str, month: str, message: str
) -> None:
    with pytest.raises(TrustError, match=message):
        decide(disputed, competition=competition, feed=feed, month=month, now=NOW)


def test_only_what_was_decided_is_withdrawn(disputed: Database) -> None:
    with pytest.raises(TrustError, match="nothing was decided about TST-1 in 2025-03"):
        withdraw(disputed, competition="TST-1", month="2025-03", now=NOW)


def test_kickoffs_that_are_an_hour_early_are_found(database: Database) -> None:
    """A month of one feed an hour early; a decision about the competition settles it."""
    known(database)
    hour_early = dt.timedelta(hours=-1)
    refresh(database, *month_of_rows("first"), *month_of_rows("second", shift=hour_early))

    (offset,) = undecided_offsets(database)
    assert offset_described(offset) == (
        "kickoffs of second are 1 h early against first in 15 of 15 matches of TST-1, 2025-03"
    )
    decide(database, competition="TST-1", feed="first", month="2025-03", now=NOW)
    assert undecided_offsets(database) == []


def test_the_commands_show_and_decide(disputed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`soccer feeds agreement` prints the commands; `soccer feeds trust` decides and withdraws."""
    monkeypatch.setenv("SOCCER_DATABASE_URL", disputed.url)

    def soccer(*words: str) -> str:
        done = CliRunner().invoke(main, ["feeds", *words])
        return f"{done.exit_code} {done.output}"

    shown = soccer("agreement")
    assert "TST-1" in shown
    assert "2025-03-01 Derby - Hull: 2-1, 0-3" in shown
    for choice in ("first", "second", "--neither"):
        assert f"soccer feeds trust TST-1 {choice} --month 2025-03" in shown
        assert soccer("trust", "TST-1", choice, "--month", "2025-03").startswith("0 ")
    shown = soccer("agreement", "--competition", "TST-1")
    assert "undecided" not in shown
    assert "soccer feeds trust TST-1 --month 2025-03 --withdraw" in shown
    assert soccer("trust", "TST-1", "--month", "2025-03", "--withdraw").startswith("0 ")
    assert "undecided" in soccer("agreement")

    assert soccer("trust", "TST-1").startswith("1 ")
    assert soccer("trust", "TST-1", "first", "--neither").startswith("1 ")
    assert "2025-13" in soccer("trust", "TST-1", "first", "--month", "2025-13")
    assert "nothing was decided" in soccer("trust", "TST-1", "--withdraw")


def test_the_command_shows_a_wrong_clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command for either feed, until one is trusted."""
    monkeypatch.setenv("SOCCER_DATABASE_URL", database.url)
    assert "no match in common" in CliRunner().invoke(main, ["feeds", "agreement"]).output
    known(database)
    refresh(database, *month_of_rows("first"), *month_of_rows("second", shift=dt.timedelta(minutes=-30)))

    shown = CliRunner().invoke(main, ["feeds", "agreement"]).output

    assert "kickoffs of second are 0.5 h early against first in 15 of 15 matches of TST-1, 2025-03" in shown
    assert "soccer feeds trust TST-1 second" in shown
    assert "undecided" not in shown
    assert "clock:" not in CliRunner().invoke(main, ["feeds", "agreement", "--competition", "TST-2"]).output
    decide(database, competition="TST-1", feed="second", month="", now=NOW)
    decided = CliRunner().invoke(main, ["feeds", "agreement"]).output
    assert "clock:" not in decided
    assert "TST-1: second" in decided
