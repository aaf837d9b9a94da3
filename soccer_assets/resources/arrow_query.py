"""Query results as Arrow tables, without a Python object per value: exports read a million matches.

Both databases write CSV themselves, PostgreSQL by COPY and SQLite by ``printf``, and Arrow reads it. That
takes half the time of fetching rows.
"""

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa

from soccer_assets.tables import UtcDateTime

_BLOCK_BYTES = 16 * 2**20


def read_arrow(connection: sa.Connection, query: sa.Select[Any], schema: pa.Schema) -> pa.Table:
    """The rows of a query as one table, with a column for each field of ``schema``, in that order.

    Instants are truncated to the schema's unit. The whole result is in memory: query in parts.
    """
    cursor = connection.connection.cursor()
    try:
        if connection.dialect.name == "sqlite":
            lines = query.with_only_columns(_csv_line(query), maintain_column_froms=True)
            rows = cursor.execute(_sql_of(connection, lines)).fetchall()
            return _of_csv("\n".join([line for (line,) in rows]).encode(), schema)
        copied = io.BytesIO()
        cursor.copy_expert(f"COPY ({_sql_of(connection, query)}) TO STDOUT (FORMAT csv)", copied)
        return _of_csv(copied.getvalue(), schema)
    finally:
        cursor.close()


def _sql_of(connection: sa.Connection, query: sa.Select[Any]) -> str:
    text = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    return text if connection.dialect.name == "sqlite" else text.replace("%%", "%")


def _csv_line(query: sa.Select[Any]) -> sa.ColumnElement[str]:
    """A row as COPY writes it: texts quoted, NULL empty, instants with their zone."""
    formats: list[str] = []
    cells: list[sa.ColumnElement[Any]] = []
    for column in query.selected_columns:
        stored = column.element if isinstance(column, sa.Label) else column
        is_nullable = getattr(stored, "nullable", True)
        if isinstance(stored.type, sa.String) and is_nullable:
            formats.append("%s")
            quoted = sa.literal('"') + sa.func.replace(stored, '"', '""') + sa.literal('"')
            cells.append(sa.func.coalesce(quoted, ""))
        elif isinstance(stored.type, sa.String):
            formats.append('"%w"')  # doubles quotation marks
            cells.append(stored)
        else:
            is_instant = isinstance(stored.type, UtcDateTime)
            formats.append("%sZ" if is_instant else "%s")
            cells.append(sa.func.coalesce(stored, "") if is_nullable else stored)
    return sa.func.printf(",".join(formats), *cells)


def _of_csv(data: bytes, schema: pa.Schema) -> pa.Table:
    if not data:
        return schema.empty_table()
    kinds = {
        field.name: pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(field.type) else field.type
        for field in schema
    }
    table = pa_csv.read_csv(
        pa.py_buffer(data),
        read_options=pa_csv.ReadOptions(column_names=schema.names, block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=kinds,
            true_values=["t", "1"],
            false_values=["f", "0"],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return table.cast(schema, safe=False)
