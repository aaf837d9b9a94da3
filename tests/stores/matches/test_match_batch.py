"""Rows of `match` as columns: what one match holds, which are new, which differ from the stored ones."""

from types import SimpleNamespace

import pytest

from soccer_assets.clock import parse_instant
from soccer_assets.football.records import MatchStats
from soccer_assets.stores.matches.match_batch import MatchBatch
from soccer_assets.stores.matches.match_columns import match_batch
from tests.builders import COMPETITIONS, finished, raw_match


@pytest.fixture
def batch() -> MatchBatch:
    """A result with statistics, and a fixture; the result is told twice, and the later row counts."""
    stats = MatchStats(home_shots_on_target=7, away_shots_on_target=2)
    records = [finished("0-0"), raw_match(), finished("2-1", stats=stats)]
    return match_batch(records, ["result", "fixture", "result"], COMPETITIONS, [("h", "a")] * 3)


def test_the_last_record_of_a_match_counts(batch):
    """A match is one row, with the goals and statistics of its last record; what a record lacks is empty."""
    names = ("home_goals", "home_shots_on_target", "home_price", "decided_by")

    assert batch.row("result", names) == dict(zip(names, (2, 7, None, "regular"), strict=True))
    assert batch.row("fixture", names) == dict.fromkeys(names)
    assert [row["match_id"] for row in batch.rows(("match_id",))] == ["result", "fixture"]


def test_a_mark_changes_its_match_alone(batch):
    """A cell that is put is read back, of a row of the batch and of a stored one beside it."""
    batch.beside["stored"] = {"match_id": "stored", "quarantine": None}
    batch.put("result", {"quarantine": "why"})
    batch.put("stored", {"quarantine": "why too"})

    marks = {row["match_id"]: row["quarantine"] for row in batch.rows(("match_id", "quarantine"))}
    assert marks == {"result": "why", "fixture": None, "stored": "why too"}


def test_rows_are_new_or_differ_from_the_stored_ones(batch):
    """What is not stored is new; a stored match differs where one column does, an empty one too."""
    stored = {"result": SimpleNamespace(home_goals=2, home_price=None)}

    assert batch.new(stored)["match_id"] == ["fixture"]
    assert batch.differing(stored, ("home_goals", "home_price")) == []
    stored["result"].home_price = 1.9
    assert batch.differing(stored, ("home_goals", "home_price")) == ["result"]


def test_days_and_results_are_known_by_place():
    """Days are those of UTC; only results are settled."""
    kickoffs = [parse_instant("2025-04-20T23:30:00Z"), parse_instant("2025-04-21T00:30:00Z")]
    columns = {"match_id": ["a", "b"], "kickoff": kickoffs, "status": ["scheduled", "finished"]}
    batch = MatchBatch(columns | {"quarantine": [None, None]})

    assert [day.day for day in batch.days] == [20, 21]
    assert batch.settled == [1]
