"""What each status is good for, cell by cell, and what that does to the columns that models read."""

import pyarrow as pa
import pytest

from soccer_assets.football.matches import STATUS_RULES, MatchStatus, Outcome, outcome_of
from soccer_assets.stores.exports import MATCH_SCHEMA
from soccer_assets.stores.features.store import match_table_of

# Design, section 5a. An awarded 3-0 was not played; a replayed match counts through its replay.
TABLE = """
              trains  moves_ratings  is_served  settles
scheduled     no      no             yes        no
tbd           no      no             yes        no
live          no      no             yes        no
finished      yes     yes            yes        yes
postponed     no      no             yes        no
abandoned     no      no             no         no
replayed      no      no             no         no
awarded       no      no             no         no
cancelled     no      no             no         no
withdrawn     no      no             no         no
"""
_HEAD, *_LINES = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (status, question, answer == "yes")
    for status, *answers in _LINES
    for question, answer in zip(_HEAD, answers, strict=True)
]


def exported(status: str, quarantine: str | None = None) -> dict[str, object]:
    """A row of the export with a score of 3-0, whatever its status."""
    row = dict.fromkeys(MATCH_SCHEMA.names) | {"status": status, "home_goals": 3, "away_goals": 0}
    known = {"match_id": "m", "kickoff": 0, "kickoff_precision": "minute", "tier": 1, "neutral": False}
    names = {"competition": "X", "season": "2025", "squad": "first", "home_team_id": "a", "away_team_id": "b"}
    return row | known | names | {"quarantine": quarantine}


@pytest.mark.parametrize(("status", "question", "answer"), CELLS)
def test_each_cell_of_the_status_table(status, question, answer):
    """Whether a match of a status trains, moves ratings, is served and settles."""
    assert getattr(STATUS_RULES[MatchStatus(status)], question) is answer


@pytest.mark.parametrize("status", [status.value for status in MatchStatus])
def test_models_read_the_table_of_statuses(status):
    """A 3-0 of any status reaches training and ratings only as its cells say; in quarantine never."""
    rows = [exported(status), exported(status, quarantine="twice")]
    table = match_table_of(pa.Table.from_pylist(rows, schema=MATCH_SCHEMA))
    rule = STATUS_RULES[MatchStatus(status)]

    assert table.trains.tolist() == [rule.trains, False]
    assert table.moves_ratings.tolist() == [rule.moves_ratings, False]


def test_the_table_knows_every_status():
    """A new status needs a line."""
    assert {status for status, _, _ in CELLS} == {status.value for status in MatchStatus}


@pytest.mark.parametrize(
    ("score", "outcome"), [((1, 0), Outcome.HOME), ((1, 1), Outcome.DRAW), ((0, 2), Outcome.AWAY)]
)
def test_outcome_is_that_of_the_goals(score, outcome):
    """More goals win; as many are a draw."""
    assert outcome_of(*score) is outcome
