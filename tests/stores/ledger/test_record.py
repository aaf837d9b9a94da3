"""The ledger in the database: chained, never rewritten, scored when results arrive."""

import datetime as dt
import math
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from soccer_assets.clock import parse_instant
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import RawMatch
from soccer_assets.modelling.ledger_rules import GENESIS, Entry, chain_hash
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.chain import entry_of
from soccer_assets.stores.ledger.record import LedgerCounts, ledger_head, record_and_score
from soccer_assets.stores.ledger.running_sums import read_excess_loss
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import ledger_entry, ledger_score
from tests.builders import COMPETITIONS, NOW, finished, raw_match

KICKOFF = parse_instant("2025-04-26T14:00:00Z")
MONDAY = parse_instant("2025-04-28T09:00:00Z")
SEASON = Window(dt.date(2024, 7, 1), dt.date(2025, 7, 1))


def feed(database: Database, *items: RawMatch, now: dt.datetime = NOW) -> None:
    """Store the feed's matches and normalise them."""
    store_raw(database, items, asset="a", source="fake", window=SEASON, now=now)
    update_matches(database, COMPETITIONS, now)


def played(score: str, **changes: Any) -> RawMatch:
    """The predicted match played on its day."""
    return finished(score, "2025-04-26T14:00:00Z", **changes)


def entry(**changes: Any) -> Entry:
    """The champion on match m1, a day before its kickoff, with the given changes."""
    made = Entry(
        match_id=mint_match_id("fake", "m1"),
        kickoff=KICKOFF,
        kickoff_precision=KickoffPrecision.MINUTE,
        model_sha256="a" * 64,
        p_home=0.5,
        p_draw=0.25,
        p_away=0.25,
        recorded_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def record(database: Database, *entries: Entry, now: dt.datetime = NOW) -> LedgerCounts:
    """Record predictions of the first test league, and score."""
    return record_and_score(database, [("TST-1", prediction) for prediction in entries], now)


def rows_of(database: Database, table: sa.Table) -> list[Any]:
    """All rows of a table, by primary key."""
    with database.reading() as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)))


def hashes(rows: list[Any]) -> list[str]:
    """The chain of hashes that these entries must have."""
    chain = [GENESIS]
    for row in rows:
        chain.append(chain_hash(chain[-1], entry_of(row)))
    return chain


@pytest.fixture
def ledger(database: Database) -> Database:
    """A database with the upcoming match m1 and one prediction of it."""
    feed(database, raw_match())
    record(database, entry())
    return database


def test_an_empty_ledger_has_no_head(database):
    """Before the first entry there is no head; recording no prediction changes nothing."""
    assert record(database) == LedgerCounts(recorded=0, scored=0, void=0, entries=0, head=GENESIS)
    assert ledger_head(database) is None


def test_entries_are_chained(ledger):
    """Each entry has the previous entry's hash, and the newest hash is the head."""
    others = [entry(match_id=f"x{number}", kickoff=KICKOFF) for number in range(3)]
    counts = record(ledger, *others)
    rows = rows_of(ledger, ledger_entry)

    assert [row.sequence for row in rows] == [1, 2, 3, 4]
    assert [row.previous_hash for row in rows] + [rows[-1].hash] == hashes(rows)
    assert counts == LedgerCounts(recorded=3, scored=0, void=0, entries=4, head=rows[-1].hash)
    assert ledger_head(ledger) == rows[-1].hash
    assert rows[0].competition == "TST-1"


def test_entries_stand_in_the_order_of_kickoffs(database):
    """One run's entries are sorted by kickoff and id, so that the same history gives the same chain."""
    early, late = entry(match_id="z"), entry(match_id="a", kickoff=KICKOFF + dt.timedelta(hours=2))
    record(database, late, entry(match_id="y"), early)

    assert [row.match_id for row in rows_of(database, ledger_entry)] == ["y", "z", "a"]


def test_saying_the_same_again_adds_nothing(ledger):
    """An entry is added only when model, kickoff or a probability changed, not when only its time did."""
    assert record(ledger, entry(recorded_at=NOW + dt.timedelta(hours=1))).recorded == 0
    before = rows_of(ledger, ledger_entry)
    changes = [
        {"model_sha256": "b" * 64},
        {"p_home": math.nextafter(0.5, 1), "model_sha256": "b" * 64},
        {"kickoff": KICKOFF + dt.timedelta(hours=1), "model_sha256": "b" * 64},
    ]

    assert [record(ledger, entry(**change)).recorded for change in changes] == [1, 1, 1]
    assert rows_of(ledger, ledger_entry)[:1] == before


def test_a_result_is_scored_against_the_official_entry(ledger):
    """The last entry before kickoff is scored with hand-worked numbers, the later one is not."""
    record(ledger, entry(p_home=0.2, p_draw=0.3, recorded_at=KICKOFF))
    feed(ledger, played("1-0"))
    counts = record(ledger, now=MONDAY)

    assert (counts.scored, counts.void) == (1, 0)
    (row,) = rows_of(ledger, ledger_score)
    assert (row.verdict, row.outcome, row.sequence, row.revision) == ("scored", "home", 1, 1)
    assert row.scored_at == MONDAY
    assert row.log_loss == pytest.approx(math.log(2))
    assert row.rps == pytest.approx((0.5**2 + 0.25**2) / 2)
    assert row.brier_score == pytest.approx(0.5**2 + 0.25**2 + 0.25**2)


def test_a_score_is_given_once(ledger):
    """A second pass over the same result adds no row."""
    feed(ledger, played("1-0"))
    record(ledger, now=MONDAY)

    assert record(ledger, now=MONDAY + dt.timedelta(hours=1)).scored == 0
    assert len(rows_of(ledger, ledger_score)) == 1


def test_a_corrected_result_adds_a_revision(ledger):
    """A home win corrected to a draw gets a second score; the first stays."""
    feed(ledger, played("1-0"))
    record(ledger, now=MONDAY)
    before = rows_of(ledger, ledger_score)
    feed(ledger, played("1-1"))
    counts = record(ledger, now=MONDAY + dt.timedelta(days=1))

    assert counts.scored == 1
    first, second = rows_of(ledger, ledger_score)
    assert [first] == before
    assert (second.revision, second.outcome, second.log_loss) == (2, "draw", pytest.approx(math.log(4)))


@pytest.mark.parametrize("is_predicted_again", [False, True])
@pytest.mark.parametrize("moves", [0, 1])
def test_a_prediction_of_exchanged_sides_is_not_scored(ledger, moves, is_predicted_again):
    """A feed exchanges home and away under one id: a prediction made before is of another match."""
    exchanged = {"home_team": raw_match().away_team, "away_team": raw_match().home_team}
    changed = NOW + dt.timedelta(hours=1)
    for hours in range(moves + 1):  # a later change that leaves the sides is no exchange
        later = raw_match(kickoff=KICKOFF + dt.timedelta(hours=hours), **exchanged)
        feed(ledger, later, now=changed + dt.timedelta(hours=3 * hours))
    again = [entry(p_home=0.2, p_away=0.55, recorded_at=changed + dt.timedelta(hours=1))]
    record(ledger, *(again if is_predicted_again else []))
    feed(ledger, played("1-0", **exchanged))
    record(ledger, now=MONDAY)

    (row,) = rows_of(ledger, ledger_score)
    assert (row.verdict, row.sequence) == (
        ("scored", 2)
        if is_predicted_again
        else ("home and away were exchanged after its last prediction", -1)
    )


@pytest.mark.parametrize("status", [MatchStatus.SCHEDULED, MatchStatus.POSTPONED])
def test_a_result_that_is_taken_back_counts_no_longer(ledger, status):
    """An emptied score: a revision says so once, the sums lose it, and the next result is scored."""
    verdicts = []
    for row in (played("1-0"), raw_match(status=status), played("0-2")):
        feed(ledger, row)
        record(ledger, now=MONDAY)
        record(ledger, now=MONDAY)
        newest, counted = rows_of(ledger, ledger_score)[-1], read_excess_loss(ledger, "a" * 64).matches
        verdicts.append((newest.revision, newest.verdict, newest.outcome, counted))

    assert verdicts == [
        (1, "scored", "home", 1),
        (2, "its result was taken back by the feed", None, 0),
        (3, "scored", "away", 1),
    ]


def test_a_correction_without_another_outcome_adds_none(ledger):
    """2-0 instead of 1-0 is the same for a 1x2 prediction."""
    feed(ledger, played("1-0"))
    record(ledger, now=MONDAY)
    feed(ledger, played("2-0"))

    assert record(ledger, now=MONDAY).scored == 0


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (MatchStatus.SCHEDULED, None),
        (MatchStatus.TBD, None),
        (MatchStatus.LIVE, None),
        (MatchStatus.FINISHED, "scored"),
        (MatchStatus.POSTPONED, "moved by more than 36 hours"),
        (MatchStatus.ABANDONED, "abandoned"),
        (MatchStatus.REPLAYED, "replayed"),
        (MatchStatus.AWARDED, "awarded"),
        (MatchStatus.CANCELLED, "cancelled"),
    ],
)
def test_each_status_is_awaited_scored_or_void(ledger, status, verdict):
    """Only a finished match is scored; one that will not be played is void; others stay open."""
    feed(ledger, played("3-0", status=status))
    counts = record(ledger, now=MONDAY)

    rows = rows_of(ledger, ledger_score)
    assert [row.verdict for row in rows] == ([] if verdict is None else [verdict])
    assert (counts.scored, counts.void) == (
        int(verdict == "scored"),
        int(verdict not in (None, "scored")),
    )


@pytest.mark.parametrize(
    ("predicted", "result", "verdict"),
    [
        (entry(), finished("1-0", "2025-04-28T03:00:00Z"), "moved by more than 36 hours"),
        (entry(recorded_at=KICKOFF), played("1-0"), "first predicted after kickoff"),
        (entry(), played("1-0", home_goals=None, away_goals=None), "no 90-minute score"),
        (entry(), played("1-0", away_goals=None), "no 90-minute score"),
    ],
)
def test_a_match_that_cannot_be_scored_is_void(database, predicted, result, verdict):
    """The reason stands in place of a score, and no official entry is named."""
    feed(database, raw_match())
    record(database, predicted)
    feed(database, result)
    counts = record(database, now=MONDAY)

    assert (counts.scored, counts.void) == (0, 1)
    (row,) = rows_of(database, ledger_score)
    assert (row.verdict, row.sequence, row.outcome, row.log_loss) == (verdict, -1, None, None)


def test_a_postponed_match_waits_for_36_hours_and_is_void_once(ledger):
    """Within them it may still be played; then it is void, and a later replay adds nothing."""
    feed(ledger, played("0-0", status=MatchStatus.POSTPONED))
    in_time = record(ledger, now=KICKOFF + dt.timedelta(hours=36))
    too_late = record(ledger, now=KICKOFF + dt.timedelta(hours=36, seconds=1))
    feed(ledger, finished("1-0", "2025-06-20T14:00:00Z"))
    replayed = record(ledger, now=MONDAY + dt.timedelta(days=60))

    assert [counts.void for counts in (in_time, too_late, replayed)] == [0, 1, 0]
    (row,) = rows_of(ledger, ledger_score)
    assert row.verdict == "moved by more than 36 hours"


def test_a_score_that_arrives_late_replaces_the_void(ledger):
    """A finished match without a score is void until it has one: then a revision scores it."""
    feed(ledger, played("1-0", home_goals=None, away_goals=None))
    record(ledger, now=MONDAY)
    feed(ledger, played("1-0"))
    record(ledger, now=MONDAY)

    verdicts = [(row.revision, row.verdict) for row in rows_of(ledger, ledger_score)]
    assert verdicts == [(1, "no 90-minute score"), (2, "scored")]


def test_a_day_without_a_time_is_predicted_until_midnight(database):
    """Where only the day is known, an entry of that day is too late."""
    noon = parse_instant("2025-04-26T12:00:00Z")
    feed(database, raw_match(kickoff=noon, kickoff_precision=KickoffPrecision.DAY))
    day = {"kickoff": noon, "kickoff_precision": KickoffPrecision.DAY}
    record(database, entry(**day, recorded_at=parse_instant("2025-04-25T23:00:00Z")))
    record(database, entry(**day, p_home=0.9, recorded_at=parse_instant("2025-04-26T01:00:00Z")))
    feed(database, played("1-0"))
    record(database, now=MONDAY)

    (row,) = rows_of(database, ledger_score)
    assert (row.sequence, row.log_loss) == (1, pytest.approx(math.log(2)))


def test_a_rewritten_ledger_disagrees_with_an_older_head(ledger):
    """A chain with one changed probability and recomputed hashes is consistent, but has another head."""
    published = ledger_head(ledger)
    record(ledger, entry(match_id="x1"))
    record(ledger, entry(match_id="x2"))
    original = rows_of(ledger, ledger_entry)
    assert hashes(original)[1] == published

    forged = [entry_of(row) for row in original]
    forged[0] = msgspec.structs.replace(forged[0], p_home=0.25, p_away=0.5)
    chain = [GENESIS]
    for link in forged:
        chain.append(chain_hash(chain[-1], link))

    assert published not in chain
    assert set(chain) & set(hashes(original)) == {GENESIS}
