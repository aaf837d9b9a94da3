"""Column schemas for the pages of assets: plain types, and a description for every column."""

from typing import Any

import dagster as dg
import pyarrow as pa
import sqlalchemy as sa

from soccer_assets.football.feature_descriptions import FEATURE_DESCRIPTIONS
from soccer_assets.graph.pages.column_descriptions import COLUMN_DESCRIPTIONS
from soccer_assets.tables import UtcDateTime

_SQL_TYPES: tuple[tuple[Any, str], ...] = (
    (UtcDateTime, "timestamp (UTC)"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Float, "float"),
    (sa.Date, "date"),
    (sa.String, "string"),
)


def column_schema(table: sa.Table | pa.Schema) -> dg.TableSchema:
    """The columns of a SQL table or a parquet schema, with types that any reader knows.

    Raises:
        KeyError: a column has no description.
        TypeError: a column has a type without a plain name.
    """
    if isinstance(table, sa.Table):
        columns = [
            dg.TableColumn(
                column.name,
                _sql_type(column),
                description=COLUMN_DESCRIPTIONS[column.name],
                constraints=dg.TableColumnConstraints(
                    nullable=bool(column.nullable), unique=column.primary_key
                ),
            )
            for column in table.columns
        ]
    else:
        columns = [
            dg.TableColumn(field.name, _arrow_type(field), description=COLUMN_DESCRIPTIONS[field.name])
            for field in table
        ]
    return dg.TableSchema(columns=columns)


def column_names(table: sa.Table | pa.Schema) -> tuple[str, ...]:
    """The columns of a SQL table or a parquet schema, in their order."""
    return tuple(table.columns.keys()) if isinstance(table, sa.Table) else tuple(table.names)


def feature_schema(feature_names: tuple[str, ...]) -> dg.TableSchema:
    """The columns of the feature table: the match's id, then every feature with unit and bounds."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn("match_id", "string", description=COLUMN_DESCRIPTIONS["match_id"]),
            *(
                dg.TableColumn(name, "float", description=str(FEATURE_DESCRIPTIONS[name]))
                for name in feature_names
            ),
        ]
    )


def _sql_type(column: sa.Column[object]) -> str:
    for kind, name in _SQL_TYPES:
        if isinstance(column.type, kind):
            return name
    raise TypeError(f"column {column.name} has the type {column.type}, which has no plain name")


def _arrow_type(field: pa.Field) -> str:
    kind = field.type
    tests = (
        (pa.types.is_timestamp(kind) and kind.tz == "UTC", "timestamp (UTC)"),
        (pa.types.is_boolean(kind), "boolean"),
        (pa.types.is_integer(kind), "integer"),
        (pa.types.is_floating(kind), "float"),
        (pa.types.is_date(kind), "date"),
        (pa.types.is_string(kind), "string"),
    )
    for holds, name in tests:
        if holds:
            return name
    raise TypeError(f"column {field.name} has the type {kind}, which has no plain name")
