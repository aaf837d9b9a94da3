"""Running sums over settled matches, on both engines: bit for bit equal to recomputed sums."""

import datetime as dt

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from soccer_assets.clock import isoformat
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import KickoffPrecision, MatchStatus
from soccer_assets.football.records import RawMatch
from soccer_assets.modelling.exact_sums import ExactSums
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.running_sums import read_comparison, read_excess_loss
from soccer_assets.stores.ledger.shadows import record_shadows
from soccer_assets.tables import settled_tally
from tests.builders import NOW, finished
from tests.stores.ledger.test_record import MONDAY, feed, record, rows_of

CHAMPION, SHADOW = "c" * 64, "s" * 64
_RNG = np.random.default_rng(5)
_SAID = {model: _RNG.dirichlet([4, 3, 3], 12).tolist() for model in (CHAMPION, SHADOW)}


def _kickoff(number: int) -> dt.datetime:
    return NOW + dt.timedelta(hours=2 + number)


def _entry(number: int, model: str) -> Entry:
    p_home, p_draw, p_away = _SAID[model][number]
    return Entry(
        match_id=mint_match_id("fake", f"m{number}"),
        kickoff=_kickoff(number),
        kickoff_precision=KickoffPrecision.MINUTE,
        model_sha256=model,
        p_home=p_home,
        p_draw=p_draw,
        p_away=p_away,
        recorded_at=NOW,
    )


def _played(number: int, score: str, status: MatchStatus = MatchStatus.FINISHED) -> RawMatch:
    return finished(
        score,
        isoformat(_kickoff(number)),
        source_match_id=f"m{number}",
        home_team=f"home {number}",
        away_team=f"away {number}",
        status=status,
    )


@pytest.fixture
def predicted(database: Database) -> Database:
    """Twelve matches that both models predicted."""
    record(database, *[_entry(number, CHAMPION) for number in range(12)])
    record_shadows(database, [_entry(number, SHADOW) for number in range(12)])
    return database


def _settle(database: Database, *matches: RawMatch) -> None:
    feed(database, *matches)
    record(database, now=MONDAY)


def _sums(database: Database) -> list[ExactSums]:
    """Excess loss over the own expectation, and the comparison with the shadow."""
    return [read_excess_loss(database, CHAMPION), read_comparison(database, CHAMPION, SHADOW)]


def _anew(database: Database) -> list[ExactSums]:
    """The same sums recomputed from the ledger, with the stored ones removed meanwhile."""
    kept = rows_of(database, settled_tally)
    with database.writing() as connection:
        connection.execute(sa.delete(settled_tally))
    made = _sums(database)
    with database.writing() as connection:
        connection.execute(sa.insert(settled_tally), [dict(row._mapping) for row in kept])
    return made


def test_sums_that_are_carried_on_equal_those_made_anew(predicted: Database) -> None:
    """They agree after each result, including a corrected and an awarded one."""
    for number, score in enumerate(["2-1", "0-0", "1-3", "4-0", "1-1"]):
        _settle(predicted, _played(number, score))
        assert _sums(predicted) == _anew(predicted)
    five = _sums(predicted)
    _settle(predicted, _played(3, "0-4"))
    corrected = _sums(predicted)
    _settle(
        predicted, _played(4, "3-0", MatchStatus.AWARDED), *[_played(number, "2-2") for number in range(5, 9)]
    )

    eight = _sums(predicted)
    assert [[total.matches for total in sums] for sums in (five, corrected, eight)] == [
        [5, 5],
        [5, 5],
        [8, 8],
    ]
    assert all(before.sums != after.sums for before, after in zip(corrected, five, strict=True))
    assert eight == _anew(predicted)
    stored = [msgspec.json.decode(row.tally, type=ExactSums) for row in rows_of(predicted, settled_tally)]
    assert stored == eight


def test_a_home_without_sums_makes_them_from_its_ledger(predicted: Database) -> None:
    """They are available at once, and updated from the next result on."""
    _settle(predicted, _played(0, "2-1"), _played(1, "0-2"))
    two = _sums(predicted)
    with predicted.writing() as connection:
        connection.execute(sa.delete(settled_tally))

    assert _sums(predicted) == two
    _settle(predicted, _played(2, "1-0"))
    assert len(rows_of(predicted, settled_tally)) == 2
    assert _sums(predicted) == _anew(predicted)


def test_a_shadow_that_a_score_was_compared_with_stays(predicted: Database) -> None:
    """A result reported before the kickoff does not let the shadow change."""
    _settle(predicted, _played(0, "2-1"))
    other = msgspec.structs.replace(_entry(0, SHADOW), p_home=0.1, p_draw=0.1, p_away=0.8)

    assert record_shadows(predicted, [other, _entry(1, SHADOW)]) == 0
    _settle(predicted, _played(0, "1-2"))
    assert _sums(predicted) == _anew(predicted)
