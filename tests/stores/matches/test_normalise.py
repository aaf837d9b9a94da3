"""Raw rows become matches: teams resolved, ids stable, every replaced version in history."""

import datetime as dt
import itertools
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.football.identity import mint_team_id
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, GoalOdds, MatchOdds, MatchStats, RawMatch
from soccer_assets.football.validity import (
    NOT_LISTED,
    TOLD_TWICE,
    TWICE_ON_A_DAY,
    Result,
    contradiction,
    twice_on_a_day,
)
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches import normalise as match_store
from soccer_assets.stores.matches import raw as raw_store
from soccer_assets.stores.matches.match_columns import GOAL_PRICE_COLUMNS, PRICE_COLUMNS
from soccer_assets.stores.matches.normalise import MatchCounts, update_matches
from soccer_assets.stores.matches.quarantine import _marks_of
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import (
    competition,
    match,
    match_history,
    match_source_id,
    odds,
    rejected_row,
    team,
    vanished_match,
)
from tests.builders import COMPETITIONS, NOW, finished, raw_match

LATER = NOW + dt.timedelta(hours=1)
APRIL = Window(dt.date(2025, 4, 1), dt.date(2025, 5, 1))


def update(database: Database, items: Iterable[RawMatch], now: dt.datetime = NOW) -> MatchCounts:
    """Store a pass of the feed and normalise it."""
    store_raw(database, items, asset="livescores/recent", source="fake", window=APRIL, now=now)
    return update_matches(database, COMPETITIONS, now)


def rows_of(database: Database, table: sa.Table) -> list[Any]:
    """All rows of a table, by primary key."""
    with database.reading() as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)))


def test_a_raw_row_becomes_a_match(database):
    """Every column of a played match comes from the raw row and its competition."""
    stats = MatchStats(5, 3, home_shots=12, away_shots=9, home_corners=4, away_corners=0)
    half_time = {"home_goals_half_time": 1, "away_goals_half_time": 0}
    counts = update(database, [finished("2-1", round="34", neutral=True, stats=stats, **half_time)])

    assert counts == MatchCounts(read=1, added=1, teams_added=2)
    (row,) = rows_of(database, match)
    teams = {row.name: row.team_id for row in rows_of(database, team)}
    assert row._asdict() == {
        "match_id": row.match_id,
        "kickoff": dt.datetime(2025, 4, 20, 14, tzinfo=dt.UTC),
        "kickoff_precision": "minute",
        "competition": "TST-1",
        "season": "2024/2025",
        "round": "34",
        "tier": 1,
        "sex": "men",
        "age_group": "senior",
        "squad": "first",
        "home_team_id": teams["Leeds"],
        "away_team_id": teams["Derby"],
        "home_goals": 2,
        "away_goals": 1,
        **half_time,
        "decided_by": "regular",
        **dict.fromkeys(("home_goals_et", "away_goals_et", "home_pens", "away_pens")),
        "home_shots_on_target": 5,
        "away_shots_on_target": 3,
        "home_shots": 12,
        "away_shots": 9,
        "home_corners": 4,
        "away_corners": 0,
        **dict.fromkeys((*PRICE_COLUMNS, *GOAL_PRICE_COLUMNS)),
        "status": "finished",
        "neutral": True,
        "away_is_host": False,
        "ground": None,
        "ground_rule": "the feed's own flag",
        "source": "fake",
        "source_match_id": "m1",
        "version": 1,
        "updated_at": NOW,
        "quarantine": None,
        "change_no": row.change_no,
    }
    (stored,) = rows_of(database, competition)
    assert (stored.competition, stored.name, stored.country) == ("TST-1", "Division 1", "Testland")


def test_a_match_of_national_teams_says_so(database):
    """A competition's squad is written to each of its matches: ratings use it for internationals."""
    nations = {"TST-N": like(COMPETITIONS["TST-1"], code="TST-N", squad="national")}
    items = [raw_match(competition="TST-N")]
    store_raw(database, items, asset="a", source="fake", window=APRIL, now=NOW)
    update_matches(database, nations, NOW)

    assert [row.squad for row in rows_of(database, match)] == ["national"]
    assert [row.squad for row in rows_of(database, competition)] == ["national"]


def test_a_match_that_went_on_keeps_its_90_minutes_and_how_it_was_decided(database):
    """1-0 after 90 minutes is a home win, an awarded match is marked, and neither becomes a draw."""
    later = AfterNinety(
        decided_by="penalties", home_goals=2, away_goals=1, home_penalties=3, away_penalties=4
    )
    awarded = raw_match(source_match_id="m2", status=MatchStatus.AWARDED, home_team="Hull")
    update(database, [finished("1-0", after_90=later), awarded])

    went_on, by_table = sorted(rows_of(database, match), key=lambda row: row.source_match_id)
    assert (went_on.home_goals, went_on.away_goals, went_on.decided_by) == (1, 0, "penalties")
    assert (went_on.home_goals_et, went_on.away_goals_et) == (2, 1)
    assert (went_on.home_pens, went_on.away_pens) == (3, 4)
    assert (by_table.decided_by, by_table.home_goals) == ("awarded", None)


def test_a_result_without_its_90_minutes_says_so(database):
    """A feed that tells neither the score nor how the match went on: the reason is that nobody knows."""
    update(database, [finished("1-0", home_goals=None, away_goals=None)])

    (row,) = rows_of(database, match)
    assert (row.status, row.home_goals, row.decided_by) == ("finished", None, "unknown")


def test_a_fixture_has_no_goals(database):
    """Unknown values stay empty, and an unknown kickoff time has day precision."""
    update(database, [raw_match(kickoff_precision=KickoffPrecision.DAY)])

    (row,) = rows_of(database, match)
    assert (row.home_goals, row.away_goals, row.status) == (None, None, "scheduled")
    assert row.kickoff_precision == "day"


def test_one_name_is_one_team_in_a_country_and_another_elsewhere(database):
    """Divisions of a country share a team in any spelling; another country, sex or age group does not."""
    leagues = COMPETITIONS | {
        "OTH-1": like(COMPETITIONS["TST-1"], code="OTH-1", country="Otherland"),
        "TST-W": like(COMPETITIONS["TST-1"], code="TST-W", sex="women"),
        "TST-Y": like(COMPETITIONS["TST-1"], code="TST-Y", age_group="u19"),
    }
    spellings = {
        "TST-1": "FC Köln",
        "TST-2": "fc  koln",
        "OTH-1": "FC Köln",
        "TST-W": "FC Köln",
        "TST-Y": "FC Köln",
    }
    items = [
        raw_match(source_match_id=code, competition=code, home_team=name) for code, name in spellings.items()
    ]
    store_raw(database, items, asset="a", source="fake", window=APRIL, now=NOW)
    counts = update_matches(database, leagues, NOW)

    home = {row.competition: row.home_team_id for row in rows_of(database, match)}
    assert home["TST-1"] == home["TST-2"]
    assert len(set(home.values())) == 4
    assert counts.teams_added == 8
    (shown,) = {row.name for row in rows_of(database, team) if row.team_id == home["TST-1"]}
    assert shown == "FC Köln"


def test_a_club_in_an_international_cup_is_its_leagues_club(database):
    """A club with a country code of the catalogue in its name belongs to that country, else to the cup."""
    league = msgspec.structs.replace(COMPETITIONS["TST-1"], country="England")
    cup = msgspec.structs.replace(COMPETITIONS["TST-2"], country="International", tier=0)
    tie = {"competition": "TST-2", "home_team": "Leeds (ENG)", "away_team": "Kyiv (UKR)"}
    rows = [finished("1-0"), finished("2-2", "2025-04-23T19:00:00Z", source_match_id="m2", **tie)]
    store_raw(database, rows, asset="livescores/recent", source="fake", window=APRIL, now=NOW)
    counts = update_matches(database, {"TST-1": league, "TST-2": cup}, NOW)

    assert counts.teams_added == 3
    homes = {row.home_team_id for row in rows_of(database, match)}
    assert homes == {mint_team_id("England", "men", "senior", "Leeds")}
    assert {(row.name, row.country) for row in rows_of(database, team)} == {
        ("Leeds", "England"),
        ("Derby", "England"),
        ("Kyiv (UKR)", "International"),
    }


def like(place: Any, **changes: Any) -> Any:
    """A competition with other fields."""
    return msgspec.structs.replace(place, **changes)


def test_a_match_keeps_its_id_while_everything_else_changes(database):
    """A moved kickoff, a score and another team name change the row, never the id."""
    update(database, [raw_match()])
    before = rows_of(database, match)[0].match_id
    update(database, [finished("1-0", "2025-04-28T19:00:00Z", home_team="Leeds United")], LATER)

    (row,) = rows_of(database, match)
    assert row.match_id == before
    assert [row.match_id for row in rows_of(database, match_source_id)] == [before]


def test_a_changed_match_keeps_every_version(database):
    """Versions 1 and 2 are in history unchanged, each with the change number that replaced it."""
    update(database, [raw_match()])
    update(database, [finished("1-0")], LATER)
    counts = update(database, [finished("1-1")], LATER)

    assert (counts.added, counts.changed) == (0, 1)
    (row,) = rows_of(database, match)
    first, second = rows_of(database, match_history)
    assert (row.version, row.home_goals, row.away_goals) == (3, 1, 1)
    assert (first.version, first.status, first.updated_at) == (1, "scheduled", NOW)
    assert (second.version, second.home_goals, second.away_goals) == (2, 1, 0)
    assert first.replaced_by_change_no < second.replaced_by_change_no == row.change_no


def test_what_does_not_concern_the_match_changes_nothing(database):
    """A changed payload with the same record does not change the match, its version or change number."""
    update(database, [raw_match()])
    before = rows_of(database, match)
    counts = update(database, [raw_match(payload={"id": "m1", "referee": "Oliver"})], LATER)

    assert (counts.read, counts.added, counts.changed) == (1, 0, 0)
    assert rows_of(database, match) == before


def test_nothing_new_is_nothing_done(database):
    """A pass without new raw rows reads none."""
    update(database, [raw_match()])

    assert update(database, [raw_match()], LATER) == MatchCounts()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"competition": "XXX-9"}, "competition 'XXX-9' is not in competitions.toml"),
        ({"home_team": "DERBY "}, "DERBY  cannot play itself"),
        ({"status": MatchStatus.FINISHED, "home_goals": 99, "away_goals": 0}, "the score 99-0 is not"),
        ({"status": MatchStatus.FINISHED, "home_goals": -1, "away_goals": 0}, "the score -1-0 is not"),
    ],
)
def test_a_row_that_is_no_match_is_quarantined(database, changes, reason):
    """It is rejected with the reason, and the other rows are normalised."""
    counts = update(database, [raw_match(**changes), raw_match(source_match_id="m2")])

    assert (counts.read, counts.added, counts.rejected) == (2, 1, 1)
    assert [row.source_match_id for row in rows_of(database, match)] == ["m2"]
    (rejected,) = rows_of(database, rejected_row)
    assert rejected.reason.startswith(reason)
    assert '"source_match_id":"m1"' in rejected.payload


def test_closing_prices_are_replaced_by_newer_ones(database):
    """One row of odds per match, the newest; a match without prices has none."""
    opening = MatchOdds("avg", home=2.0, draw=3.4, away=3.8)
    closing = MatchOdds("avg_closing", home=1.8, draw=3.5, away=4.4)
    update(database, [raw_match(odds=opening), raw_match(source_match_id="m2")])
    counts = update(database, [finished("1-0", odds=closing)], LATER)

    assert counts.odds_written == 1
    (row,) = rows_of(database, odds)
    assert (row.kind, row.home, row.draw, row.away) == ("avg_closing", 1.8, 3.5, 4.4)
    assert row.updated_at == LATER
    (played,) = (row for row in rows_of(database, match) if row.source_match_id == "m1")
    assert (played.price_kind, played.home_price, played.away_price) == ("avg_closing", 1.8, 4.4)
    assert (played.version, played.updated_at) == (2, LATER)  # a late price is replayed as a late result is


def test_prices_of_goals_and_a_handicap_stand_beside_the_result(database):
    """Each in its column; a market without prices is empty."""
    quotes = GoalOdds("avg_closing", 1.8, 2.05, -0.75, 1.9, 1.95)
    update(database, [finished("1-0", goal_odds=quotes)])
    (row,) = rows_of(database, match)
    assert tuple(getattr(row, name) for name in GOAL_PRICE_COLUMNS) == msgspec.structs.astuple(quotes)

    update(database, [finished("1-0", goal_odds=GoalOdds("avg_closing", 1.8, 2.05))], LATER)
    (row,) = rows_of(database, match)
    assert (row.over_price, row.handicap, row.home_handicap_price) == (1.8, None, None)
    assert row.version == 2


def test_a_crash_between_batches_loses_nothing(database, monkeypatch):
    """Committed rows are not read again, and the next pass reads the rest."""
    monkeypatch.setattr(raw_store, "ROWS_PER_TRANSACTION", 2)
    monkeypatch.setattr(match_store, "ROWS_PER_TRANSACTION", 2)
    items = [raw_match(source_match_id=f"m{number}", home_team=f"Town {number}") for number in range(7)]
    store_raw(database, items, asset="a", source="fake", window=APRIL, now=NOW)
    real, calls = match_store._update_batch, []

    def dies_in_the_third(*arguments: Any) -> MatchCounts:
        counts = real(*arguments)
        calls.append(counts)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return counts

    with monkeypatch.context() as patched:
        patched.setattr(match_store, "_update_batch", dies_in_the_third)
        with pytest.raises(KeyboardInterrupt):
            update_matches(database, COMPETITIONS, NOW)
    at_the_crash = len(rows_of(database, match))
    counts = update_matches(database, COMPETITIONS, LATER)

    assert at_the_crash == 4
    assert counts == MatchCounts(read=3, added=3, teams_added=3)
    assert {row.source_match_id for row in rows_of(database, match)} == {f"m{number}" for number in range(7)}


DERBY_AT_TWO = finished("1-0", "2025-03-01T14:00:00Z", source_match_id="two")
HULL_AT_TWO = finished("2-0", "2025-03-01T19:00:00Z", source_match_id="seven", away_team="Hull")


@pytest.mark.parametrize("batches", [[[DERBY_AT_TWO, HULL_AT_TWO]], [[DERBY_AT_TWO], [HULL_AT_TWO]]])
@pytest.mark.parametrize("is_turned", [False, True])
def test_two_results_of_a_team_on_one_day_are_quarantined_until_one_moves(database, batches, is_turned):
    """Both are quarantined in either order; a corrected date releases both, with a new version."""
    for batch in reversed(batches) if is_turned else batches:
        update(database, batch[::-1] if is_turned else batch)

    assert set(marks(database).values()) == {TWICE_ON_A_DAY}

    moved = msgspec.structs.replace(HULL_AT_TWO, kickoff=HULL_AT_TWO.kickoff + dt.timedelta(days=1))
    update(database, [moved])

    assert marks(database) == {"two": None, "seven": None}
    with database.reading() as connection:
        kept = connection.execute(sa.select(match_history.c.source_match_id, match_history.c.quarantine))
        assert ("two", TWICE_ON_A_DAY) in {tuple(row) for row in kept}


@pytest.mark.parametrize("seed", range(4))
def test_marks_are_those_of_whole_days_whatever_came_before(database, seed):
    """Chains of clubs that share days, moved and corrected in passes: the marks are those of all results."""
    random = Random(seed)  # noqa: S311 - matches, no secrets
    pairs = list(itertools.permutations(["Leeds", "Derby", "Hull", "Stoke", "Luton", "Bury"], 2))
    listed: dict[str, RawMatch] = {}
    for _ in range(6):
        corrected = [_result_on_a_day(random, *pair) for pair in random.sample(pairs, 6)]
        listed |= {str(row.source_match_id): row for row in corrected}
        update(database, listed.values())

        stored = rows_of(database, match)
        results = [
            Result(
                row.match_id,
                row.kickoff.date(),
                row.home_team_id,
                row.away_team_id,
                (row.home_goals, row.away_goals),
            )
            for row in stored
        ]
        assert {row.match_id: row.quarantine for row in stored if row.quarantine} == twice_on_a_day(results)


def _result_on_a_day(random: Random, home: str, away: str) -> RawMatch:
    score = f"{random.randint(0, 1)}-{random.randint(0, 1)}"
    kickoff = f"2025-04-{random.randint(1, 9):02}T14:00:00Z"
    return finished(score, kickoff, source_match_id=f"{home}-{away}", home_team=home, away_team=away)


@pytest.mark.parametrize("is_exchanged", [False, True])
@pytest.mark.parametrize("is_turned", [False, True])
def test_of_two_rows_that_agree_one_counts(database, is_exchanged, is_turned):
    """The same score and day under another id are one match; with home and away exchanged one is marked."""
    again = msgspec.structs.replace(DERBY_AT_TWO, source_match_id="again", kickoff=HULL_AT_TWO.kickoff)
    if is_exchanged:
        again = msgspec.structs.replace(
            again, home_team=again.away_team, away_team=again.home_team, home_goals=0, away_goals=1
        )
    for row in [again, DERBY_AT_TWO] if is_turned else [DERBY_AT_TWO, again]:
        update(database, [row])

    assert sorted(marks(database).values(), key=str) == ([None, TOLD_TWICE] if is_exchanged else [None])

    update(database, [msgspec.structs.replace(again, home_goals=4, away_goals=4)])

    if is_exchanged:
        assert set(marks(database).values()) == {TWICE_ON_A_DAY}
    else:
        assert list(marks(database).values()) == [contradiction([(1, 0), (4, 4)])]


def test_of_two_rows_that_tell_one_match_the_listed_one_counts(sqlite_database):
    """Also where the one that its feed no longer lists has the least id, and counted before."""
    day = dt.date(2025, 4, 12)
    results = [Result("a", day, "x", "y", (1, 0)), Result("b", day, "y", "x", (0, 1))]
    ids = [
        {"source": "fake", "source_match_id": f"row {one.match_id}", "match_id": one.match_id}
        for one in results
    ]
    gone = {"source": "fake", "source_match_id": "row a", "vanished_at": NOW}
    with sqlite_database.writing() as connection:
        connection.execute(sa.insert(match_source_id), ids)
        assert _marks_of(connection, results) == {"b": TOLD_TWICE}
        connection.execute(sa.insert(vanished_match), [gone])
        assert _marks_of(connection, results) == {"a": NOT_LISTED}


def test_a_fixture_beside_a_result_is_not_quarantined(database):
    """Only results are compared: several fixtures may share a provisional day."""
    early = raw_match(source_match_id="ahead", kickoff=DERBY_AT_TWO.kickoff, away_team="Hull")
    update(database, [DERBY_AT_TWO, early])

    assert set(marks(database).values()) == {None}


def test_rows_of_a_competition_that_is_added_later_are_read_again(database):
    """Rows of a competition added to the catalogue become matches in the next pass, without the feed."""
    only_first = {"TST-1": COMPETITIONS["TST-1"]}
    rows = [finished("1-0"), finished("2-0", source_match_id="m2", competition="TST-2", home_team="Hull")]
    store_raw(database, rows, asset="livescores/recent", source="fake", window=APRIL, now=NOW)
    first = update_matches(database, only_first, NOW)
    again = update_matches(database, only_first, NOW)
    later = update_matches(database, COMPETITIONS, NOW)

    assert (first.added, first.rejected, again.read) == (1, 1, 0)
    assert (later.read, later.added) == (1, 1)
    assert update_matches(database, COMPETITIONS, NOW).read == 0


def test_a_competition_that_becomes_another_squads_moves_to_other_teams(database):
    """A corrected competition is normalised again: its teams leave the pool of first teams."""
    other = finished("2-0", "2025-04-21T14:00:00Z", source_match_id="m2", competition="TST-2")
    update(database, [finished("1-0"), other])
    reserve = msgspec.structs.replace(COMPETITIONS["TST-2"], squad="reserve")
    counts = update_matches(database, {**COMPETITIONS, "TST-2": reserve}, NOW)

    assert (counts.read, counts.changed, counts.teams_added) == (1, 1, 2)
    with database.reading() as connection:
        homes = connection.execute(sa.select(match.c.home_team_id).order_by(match.c.competition)).scalars()
        assert list(homes) == [
            mint_team_id("Testland", "men", "senior", "Leeds"),
            mint_team_id("Testland", "men", "senior", "Leeds", "reserve"),
        ]


def marks(database: Database) -> dict[str, str | None]:
    """The quarantine of each match by the source's id."""
    with database.reading() as connection:
        rows = connection.execute(sa.select(match.c.source_match_id, match.c.quarantine))
        return {row[0]: row[1] for row in rows}
