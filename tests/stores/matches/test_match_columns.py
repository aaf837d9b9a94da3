"""The columns of a match are declared once: what cannot be derived is held equal here."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from soccer_assets.feeds.providers.archive.archive_table import STATISTICS
from soccer_assets.football.competitions import Competition
from soccer_assets.football.match_table import MatchTable
from soccer_assets.football.records import MatchStats, RawMatch
from soccer_assets.stores.exports import MATCH_SCHEMA
from soccer_assets.stores.features.store import MATCH_COLUMNS
from soccer_assets.stores.matches.match_columns import (
    FROM_COMPETITION,
    FROM_RECORD,
    GOAL_PRICE_COLUMNS,
    PRICE_COLUMNS,
)
from soccer_assets.tables import match, match_history

ROOT = Path(__file__).parents[3]

# Columns that are computed: ids, how the match was decided, quarantine, and when the row changed.
COMPUTED = {
    *("match_id", "home_team_id", "away_team_id", "quarantine"),
    *("away_is_host", "ground", "ground_rule"),
    *PRICE_COLUMNS,
    *GOAL_PRICE_COLUMNS,
    *("decided_by", "home_goals_et", "away_goals_et", "home_pens", "away_pens"),
    *("version", "updated_at", "change_no"),
}
# Fields of a record that are no column of the same name: stored raw, as teams, in `odds`, or taken apart.
NOT_A_COLUMN = {
    *("payload", "home_team", "away_team", "odds", "stats", "after_90"),
    *("spelled", "team_ids", "other_scores", "venue", "goal_odds"),
}

# Adds a field to the record and a column to the table, in a process of its own, and nothing else.
ADDS_A_COLUMN = """
import sys, types
from importlib.util import find_spec

def load(name, old, new):
    spec = find_spec(name)
    source = open(spec.origin).read()
    assert source.count(old) == 1, (name, source.count(old))
    module = types.ModuleType(name)
    module.__file__, sys.modules[name] = spec.origin, module
    exec(compile(source.replace(old, new), spec.origin, "exec"), module.__dict__)

field = "    neutral: bool = False\\n"
load("soccer_assets.football.records", field, field + "    attendance: int | None = None\\n")
column = '        sa.Column("neutral", sa.Boolean, nullable=False),\\n'
load("soccer_assets.tables", column, column + '        sa.Column("attendance", sa.Integer),\\n')

from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.tables import metadata
from tests.builders import NOW, finished
from tests.stores.test_exports import feed

folder = sys.argv[1]
database = Database(f"sqlite:///{folder}/soccer.db")
metadata.create_all(database.engine)
feed(database, finished("2-1", "2025-02-08T15:00:00Z", source_match_id="feb", attendance=36_217))
exports = Exports(ObjectStore(f"file://{folder}/store"), database)
print(exports.read_matches(exports.update(NOW)[0])["attendance"].to_pylist(), flush=True)
# Threads of the object store may abort an interpreter that ends at once.
import os; os._exit(0)
"""


def test_a_column_of_record_and_table_is_carried_to_the_export(tmp_path):
    """A field of the record and a column of the table are enough: the export has the column and its value."""
    command = [sys.executable, "-c", ADDS_A_COLUMN, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[36217]"


def test_every_column_of_a_match_has_one_source():
    """The record, its competition, its statistics, or a computation; no field of a record is forgotten."""
    sources = [*FROM_RECORD, *FROM_COMPETITION, *MatchStats.__struct_fields__, *COMPUTED]

    assert len(sources) == len(set(sources))
    assert set(sources) == set(match.columns.keys())
    assert set(RawMatch.__struct_fields__) - set(FROM_RECORD) == NOT_A_COLUMN
    assert set(FROM_COMPETITION) <= set(Competition.__struct_fields__)


def test_history_and_export_have_the_columns_of_the_table():
    """The history has every column but its own change number, the export every one and the teams' names."""
    columns = set(match.columns.keys()) - {"change_no"}

    assert set(match_history.columns.keys()) == columns | {"replaced_by_change_no"}
    assert set(MATCH_SCHEMA.names) == columns | {"home_team", "away_team"}
    assert set(MATCH_COLUMNS) <= set(MATCH_SCHEMA.names)


def test_every_statistic_reaches_the_models():
    """The ratings' match table, the columns that features load and the archive's file have all of them."""
    statistics = MatchStats.__struct_fields__

    assert set(statistics) <= {field.name for field in fields(MatchTable)}
    assert set(statistics) <= set(MATCH_COLUMNS)
    assert statistics == STATISTICS
