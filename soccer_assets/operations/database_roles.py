"""One role a program in a deployment's PostgreSQL, made anew at each `migrate`.

The owner makes them: `python -m soccer_assets.operations.database_roles graph=FILE ...`, with a file for each
password. None may create or change a table; the sidecar's reads the tables of matches and teams only.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from psycopg2 import sql

from soccer_assets.settings import Settings
from soccer_assets.tables import match, team

# By role and database, beside the right to connect: ALL on every table, or SELECT on those named.
_EVERYTHING = ("ALL",)
_MAY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "graph": {"soccer": _EVERYTHING, "dagster": _EVERYTHING},
    "mlflow": {"mlflow": _EVERYTHING},
    "serving": {"soccer": (match.name, team.name)},
}


def make_roles(owner: sa.URL, passwords: Mapping[str, str], databases: Mapping[str, str]) -> None:
    """Make the roles, or give them these passwords and rights.

    Args:
        owner: address of a database of the server, as the owner of all.
        passwords: by role: graph, mlflow, serving.
        databases: the real name of each of soccer, dagster and mlflow.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the server refused.
    """
    for role, password in passwords.items():
        _run(owner, [_role_statement(owner, role, password)])
    for usual, database in databases.items():
        statements = [sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))]
        for role in passwords:
            if allowed := _MAY[role].get(usual):
                statements += _grants(role, database, allowed)
        _run(owner.set(database=database), statements)


def _role_statement(owner: sa.URL, role: str, password: str) -> sql.Composable:
    engine = sa.create_engine(owner, poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
        verb = "ALTER" if found.first() else "CREATE"
    return sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
        sql.Identifier(role), sql.Literal(password)
    )


def _grants(role: str, database: str, allowed: tuple[str, ...]) -> list[sql.Composable]:
    named = {"role": sql.Identifier(role), "database": sql.Identifier(database)}
    grants = [
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
    ]
    if allowed == _EVERYTHING:
        grants += [
            f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {{role}}" for kind in ("TABLES", "SEQUENCES")
        ]
    else:
        grants.append("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        named |= {table: sql.Identifier(table) for table in allowed}
        grants += [f"GRANT SELECT ON {{{table}}} TO {{role}}" for table in allowed]
    return [sql.SQL(grant).format(**named) for grant in grants]


def _run(address: sa.URL, statements: list[sql.Composable]) -> None:
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        for statement in statements:
            cursor.execute(statement)


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    make_roles(
        sa.make_url(Settings.from_env().database_url),
        {role: Path(file).read_text(encoding="utf-8").strip() for role, file in given.items()},
        {name: name for name in ("soccer", "dagster", "mlflow")},
    )
