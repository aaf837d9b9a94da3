"""What an operator reads in Dagster: every object and column has a description and a plain type."""

from collections.abc import Iterator

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from soccer_assets import tables
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.match_table import GOAL_PRICES, HALF_TIME_GOALS
from soccer_assets.graph.build import build_definitions
from soccer_assets.graph.pages.columns import column_schema, feature_schema
from soccer_assets.graph.pages.lineage import LINEAGE, STATISTICS, feature_sources
from soccer_assets.settings import Settings
from soccer_assets.stores.features.store import match_table_of

PLAIN_TYPES = {"string", "integer", "float", "boolean", "date", "timestamp (UTC)"}
# Tables: every other asset holds files of one kind or nothing that has columns.
WITH_COLUMNS = {
    *(f"livescores/{name}" for name in ("recent", "upcoming", "history", "window")),
    *("matches/match", "matches/odds", "exports/match", "exports/match_raw", "features/match_features"),
    *("predictions/upcoming", "predictions/ledger"),
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The graph of a home that was never started."""
    return build_definitions(Settings.from_env({"SOCCER_HOME": str(tmp_path_factory.mktemp("home"))}))


def _descriptions(definitions: dg.Definitions) -> Iterator[tuple[str, str | None]]:
    """Every object that a page of Dagster shows, and its description."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    for spec in definitions.resolve_all_asset_specs():
        yield f"asset {spec.key.to_user_string()}", spec.description
    for key in graph.asset_check_keys:
        yield f"check {key.to_user_string()}", graph.get_check_spec(key).description
    for job in repository.get_all_jobs():
        if not job.name.startswith("__"):
            yield f"job {job.name}", job.description
        for node in job.nodes:
            yield f"op {node.name} of {job.name}", node.definition.description
    for schedule in repository.schedule_defs:
        yield f"schedule {schedule.name}", schedule.description
    for sensor in repository.sensor_defs:
        yield f"sensor {sensor.name}", sensor.description
    for name, resource in repository.get_top_level_resources().items():
        yield f"resource {name}", resource.description


def _columns(definitions: dg.Definitions) -> dict[str, list[dg.TableColumn]]:
    """The columns of every asset that declares some."""
    schemas = {
        spec.key.to_user_string(): spec.metadata["dagster/column_schema"]
        for spec in definitions.resolve_all_asset_specs()
        if "dagster/column_schema" in spec.metadata
    }
    return {
        key: list((schema.value if isinstance(schema, dg.TableSchemaMetadataValue) else schema).columns)
        for key, schema in schemas.items()
    }


def test_every_object_has_a_description(definitions: dg.Definitions) -> None:
    """Assets, checks, jobs, ops, schedules, sensors and resources."""
    described = dict(_descriptions(definitions))

    kinds = {name.split(" ")[0] for name in described}
    assert kinds == {"asset", "check", "job", "op", "schedule", "sensor", "resource"}
    assert [name for name, text in described.items() if len(text or "") < 20] == []


def test_every_column_has_a_description_and_a_plain_type(definitions: dg.Definitions) -> None:
    """No SQL, Arrow or pandas name of a type is shown."""
    columns = _columns(definitions)

    assert set(columns) == WITH_COLUMNS
    every = [(key, column) for key, found in columns.items() for column in found]
    assert [(key, column.name) for key, column in every if not column.description] == []
    assert [(key, column.name, column.type) for key, column in every if column.type not in PLAIN_TYPES] == []


def test_every_column_says_which_columns_it_comes_from(definitions: dg.Definitions) -> None:
    """Each column of each table, and only columns that the tables upstream have."""
    columns = {key: {column.name for column in found} for key, found in _columns(definitions).items()}
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    graph = definitions.resolve_asset_graph()

    assert {key for key, spec in specs.items() if LINEAGE in spec.metadata} == WITH_COLUMNS
    for key in WITH_COLUMNS:
        value = specs[key].metadata[LINEAGE]
        deps = (
            value.value if isinstance(value, dg.TableColumnLineageMetadataValue) else value
        ).deps_by_column
        assert set(deps) == columns[key], key
        upstream = {parent.to_user_string() for parent in graph.get_ancestor_asset_keys(specs[key].key)}
        for sources in deps.values():
            for source in sources:
                assert source.asset_key.to_user_string() in upstream
                assert source.column_name in columns[source.asset_key.to_user_string()]
        if upstream:
            assert any(deps.values()), key


def test_the_lineage_of_features_is_what_their_code_reads() -> None:
    """Every column of a match that the feature code asks for, and statistics where they change a feature."""
    rng = np.random.default_rng(0)
    rows = 60
    counts = {name: rng.integers(1, 9, rows) for name in STATISTICS}
    days = np.datetime64("2025-01-01") + np.arange(rows)
    table = pa.table(
        {
            **{name: [name] * rows for name in ("competition", "season")},
            "match_id": [str(number) for number in range(rows)],
            "kickoff": pa.array(days.astype("datetime64[s]"), pa.timestamp("s", "UTC")),
            "kickoff_precision": ["minute"] * rows,
            "tier": pa.array([1] * rows, pa.int8()),
            "home_team_id": [str(number % 5) for number in range(rows)],
            "away_team_id": [str(5 + number % 7) for number in range(rows)],
            **{name: pa.array(rng.integers(0, 4, rows), pa.int16()) for name in ("home_goals", "away_goals")},
            "quarantine": pa.array([None] * rows, pa.string()),
            "status": ["finished"] * rows,
            "squad": ["first"] * rows,
            **{name: [False] * rows for name in ("neutral", "away_is_host")},
            **{name: pa.array(values, pa.int16()) for name, values in counts.items()},
            **{f"{name}_price": rng.uniform(2.6, 3.2, rows) for name in ("home", "draw", "away")},
            "price_kind": ["avg_closing"] * rows,
            **{name: pa.array([0] * rows, pa.int16()) for name in HALF_TIME_GOALS},
            **{name: pa.array([2.0] * rows) for name in GOAL_PRICES},
            "goal_price_kind": ["avg_closing"] * rows,
        }
    )
    # A table without a column that is read is an error; one with a column more is not noticed.
    of_features = {name for feature in FEATURE_NAMES for name in feature_sources(feature)}
    assert set(table.column_names) == of_features | {*HALF_TIME_GOALS, *GOAL_PRICES, "goal_price_kind"}
    before = compute_features(match_table_of(table))[0].values
    for name, values in counts.items():
        changed = table.set_column(table.column_names.index(name), name, pa.array(values + 3, pa.int16()))
        after = compute_features(match_table_of(changed))[0].values
        moved = {
            feature
            for feature, column, other in zip(FEATURE_NAMES, before.T, after.T, strict=True)
            if not np.array_equal(column, other)
        }
        assert moved
        assert {feature for feature in moved if name not in feature_sources(feature)} == set(), name


def test_a_feature_says_what_it_is_its_unit_and_its_bounds() -> None:
    """All features, in the order of the matrix."""
    columns = feature_schema(FEATURE_NAMES).columns

    assert [column.name for column in columns] == ["match_id", *FEATURE_NAMES]
    assert columns[FEATURE_NAMES.index("home_rest_days") + 1].description == (
        "home side: days since the last known match, 60 at most; days, 0 to 60"
    )
    assert columns[FEATURE_NAMES.index("elo_gap") + 1].description == (
        "tuned Elo, home minus away, plus the league's home advantage; Elo points, unbounded"
    )


def test_types_of_sql_columns_have_plain_names() -> None:
    """Each type that the tables use."""
    types = {column.name: column.type for column in column_schema(tables.match).columns}

    assert (types["match_id"], types["kickoff"], types["tier"]) == ("string", "timestamp (UTC)", "integer")
    assert types["neutral"] == "boolean"
    assert {column.type for column in column_schema(tables.odds).columns} == {
        "string",
        "float",
        "timestamp (UTC)",
    }


def test_an_undescribed_column_and_an_unknown_type_are_refused() -> None:
    """A new column cannot be shown without its description."""
    made = sa.MetaData()
    with pytest.raises(KeyError, match="attendance"):
        column_schema(sa.Table("new", made, sa.Column("attendance", sa.Integer)))
    with pytest.raises(TypeError, match="no plain name"):
        column_schema(sa.Table("odd", made, sa.Column("match_id", sa.LargeBinary)))
