"""Settled matches with forecasts and baselines: aligned rows, and nothing from the future."""

import datetime as dt
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.matches import KickoffPrecision, Window
from soccer_assets.modelling.dataset import Boundaries, Split, TrainingData
from soccer_assets.modelling.ledger_rules import Entry
from soccer_assets.modelling.odds import devig_shin
from soccer_assets.modelling.quality import overall
from soccer_assets.modelling.training import fit_elo_textbook
from soccer_assets.resources.database import Database
from soccer_assets.stores.ledger.record import record_and_score
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.stores.monitoring.settled import read_settled
from soccer_assets.tables import match
from tests.builders import COMPETITIONS, NOW, finished, raw_match

HISTORY, PLAYED = 300, 20
LATER = NOW + dt.timedelta(days=3)


LAG = dt.timedelta(hours=1)


def _data(match_ids: list[str], kickoffs: list[int], outcomes: np.ndarray) -> TrainingData:
    """Random features of some matches; every other one has prices."""
    count = len(match_ids)
    rows = np.ones(count, np.bool_)
    values = np.random.default_rng(0).normal(size=(count, len(FEATURE_NAMES)))
    values[:, FEATURE_NAMES.index("elo_textbook_gap")] *= 100
    odds = np.full((count, 3), np.nan)
    odds[::2] = [2.0, 3.5, 4.0]
    matches = MatchTable.from_columns(
        match_id=match_ids,
        kickoff=kickoffs,
        is_day_precision=~rows,
        competition=["TST-1"] * count,
        season=["s"] * count,
        tier=rows,
        home_team=["a"] * count,
        away_team=["b"] * count,
        home_goals=rows,
        away_goals=rows,
        is_neutral=~rows,
        moves_ratings=rows,
        trains=rows,
    )
    split = Split(rows, rows, rows)
    return TrainingData(matches, values, outcomes, odds, split, Boundaries(0, 0, 0, 0), FEATURE_NAMES, "s")


@pytest.fixture
def played(database: Database) -> list[str]:
    """Twenty matches of the two days after `NOW`: 18 predicted in time, all finished; their ids in order."""
    window = Window(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
    kickoffs = [NOW + dt.timedelta(hours=2 * number + 1) for number in range(PLAYED)]
    names = [
        {"source_match_id": f"p{number}", "home_team": f"home {number}", "away_team": f"away {number}"}
        for number in range(PLAYED)
    ]
    ahead = [raw_match(**known, kickoff=kickoff) for known, kickoff in zip(names, kickoffs, strict=True)]
    over = [
        finished(f"{1 + number % 2}-0", kickoff.isoformat(), **names[number])  # one score would be filled in
        for number, kickoff in enumerate(kickoffs)
    ]
    for rows in (ahead, over):
        store_raw(database, rows, asset="a", source="fake", window=window, now=NOW)
        update_matches(database, COMPETITIONS, NOW)
    with database.reading() as connection:
        query = sa.select(match.c.match_id).order_by(match.c.kickoff)
        match_ids = list(connection.execute(query).scalars())
    entries = [
        Entry(
            match_id=match_id,
            kickoff=kickoff,
            kickoff_precision=KickoffPrecision.MINUTE,
            model_sha256="m" * 64,
            p_home=0.5,
            p_draw=0.3,
            p_away=0.2,
            recorded_at=NOW,
        )
        for match_id, kickoff in zip(match_ids[:18], kickoffs, strict=False)
    ]
    record_and_score(database, [("TST-1", entry) for entry in entries], LATER)
    return match_ids


def test_every_forecaster_stands_beside_its_own_match(database: Database, played: list[str]) -> None:
    """18 of 20 are scored; forecasts of Elo and bookmakers are on their rows, as the sides are named."""
    rng = np.random.default_rng(1)
    start = int(NOW.timestamp())
    past = [start - 3_600 * (number + 3) for number in range(HISTORY)]
    ids = [*(f"h{number}" for number in range(HISTORY)), *reversed(played)]
    kickoffs = [*past, *(start + 7_200 * number + 3_600 for number in reversed(range(PLAYED)))]
    data = _data(ids, kickoffs, rng.integers(0, 3, HISTORY + PLAYED).astype(np.int8))
    settled = read_settled(database, data, LAG, LATER)

    assert (settled.is_finished.sum(), settled.is_scored.sum(), settled.is_void.sum()) == (20, 18, 0)
    assert (settled.outcomes[settled.is_scored] == 0).all()
    learnt = np.arange(HISTORY + PLAYED) < HISTORY
    elo = fit_elo_textbook(data.values, data.outcomes, learnt, FEATURE_NAMES)
    expected = elo.predict_proba(data.values[HISTORY:][::-1])
    np.testing.assert_allclose(settled.others["elo_textbook"], expected)
    np.testing.assert_allclose(settled.others["book"], devig_shin(data.odds[HISTORY:][::-1]))
    assert np.isfinite(settled.others["book"]).all(axis=1).sum() == PLAYED / 2
    assert set(settled.dimensions["model"]) == {"m" * 64, ""}

    hosts = data.matches.turned_round(np.isin(data.matches.match_id, played[:2]))
    named = read_settled(database, replace(data, matches=hosts), LAG, LATER)
    for name, forecasts in settled.others.items():
        np.testing.assert_array_equal(named.others[name][:2], forecasts[:2, ::-1])
        np.testing.assert_array_equal(named.others[name][2:], forecasts[2:])

    later_outcomes = data.outcomes.copy()
    later_outcomes[HISTORY:] = 2 - later_outcomes[HISTORY:]
    turned = read_settled(database, _data(ids, kickoffs, later_outcomes), LAG, LATER)
    np.testing.assert_array_equal(turned.others["elo_textbook"], settled.others["elo_textbook"])


def test_without_enough_history_elo_has_no_say_and_later_matches_are_out_of_scope(
    database: Database, played: list[str]
) -> None:
    """A report for a day earlier contains the matches of that day only."""
    kickoffs = [int(NOW.timestamp()) + 7_200 * number + 3_600 for number in range(PLAYED)]
    data = _data(played, kickoffs, np.zeros(PLAYED, np.int8))
    settled = read_settled(database, data, LAG, NOW + dt.timedelta(hours=10))

    assert len(settled.kickoff) == 5
    assert np.isnan(settled.others["elo_textbook"]).all()
    assert msgspec.json.encode(settled.dimensions["tier"].tolist()) == b'["1","1","1","1","1"]'


def test_a_result_that_is_due_and_missing_is_in_scope_and_no_other(
    database: Database, played: list[str]
) -> None:
    """Of two fixtures without a result one is due, four hours after kickoff: it lowers the coverage."""
    kickoffs = [int(NOW.timestamp()) + 7_200 * number + 3_600 for number in range(PLAYED)]
    data = _data(played, kickoffs, np.zeros(PLAYED, np.int8))
    at = NOW + dt.timedelta(hours=10)
    rows = [
        raw_match(
            source_match_id=f"late {hours}",
            kickoff=at - dt.timedelta(hours=hours),
            competition="TST-2",
            home_team=f"late {hours}",
        )
        for hours in (5, 3)
    ]
    window = Window(NOW.date(), LATER.date())
    store_raw(database, rows, asset="a", source="fake", window=window, now=NOW)
    update_matches(database, COMPETITIONS, NOW)
    settled = read_settled(database, data, LAG, at)

    assert settled.is_due is not None
    assert len(settled.kickoff) == 6
    assert (settled.is_due.sum(), (settled.is_due & (settled.is_finished | settled.is_void)).sum()) == (1, 0)
    assert settled.dimensions["competition"][settled.is_due].tolist() == ["TST-2"]
    assert overall(settled).coverage == 5 / 6
