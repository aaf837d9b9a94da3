"""Column schemas for the pages of assets."""

import dagster as dg
import pyarrow as pa
import sqlalchemy as sa


def column_schema(table: sa.Table | pa.Schema) -> dg.TableSchema:
    """The columns of a SQL table or a parquet schema, as Dagster's page shows them."""
    if isinstance(table, sa.Table):
        return dg.TableSchema(
            columns=[
                dg.TableColumn(
                    column.name,
                    str(column.type),
                    description=column.comment,
                    constraints=dg.TableColumnConstraints(
                        nullable=bool(column.nullable), unique=column.primary_key
                    ),
                )
                for column in table.columns
            ]
        )
    return dg.TableSchema(columns=[dg.TableColumn(field.name, str(field.type)) for field in table])
