"""One role a program in a deployment's PostgreSQL, made anew at each `migrate`.

The owner makes them: `python -m soccer_assets.operations.database_roles graph=FILE ...`, with a file for each
password. None may create or change a table; the sidecar's reads the tables of matches and teams only.

Several installations on one server have databases and roles of their own: `graph=FILE:graph_north` names the
role, and the addresses that the programs are given name the databases.
"""

import os
import sys
from collections.abc import Mapping, Sequence
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


def make_roles(
    owner: sa.URL,
    passwords: Mapping[str, str],
    databases: Mapping[str, str],
    names: Mapping[str, str] | None = None,
) -> None:
    """Make the roles, or give them these passwords and rights.

    Args:
        owner: address of a database of the server, as the owner of all.
        passwords: by program: graph, mlflow, serving.
        databases: the real name of each of soccer, dagster and mlflow.
        names: the real name of the role of each program; its own without one.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the server refused.
    """
    roles = {program: (names or {}).get(program, program) for program in passwords}
    for program, password in passwords.items():
        _run(owner, [_role_statement(owner, roles[program], password)])
    for usual, database in databases.items():
        statements = [sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))]
        for program, role in roles.items():
            if allowed := _MAY[program].get(usual):
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


def _name_in(variable: str, usual: str) -> str:
    """The database that an address names; the usual one where there is no address."""
    address = os.environ.get(variable)
    return (sa.make_url(address).database if address else None) or usual


def main(arguments: Sequence[str]) -> None:
    """Make the roles of this environment's databases.

    Args:
        arguments: ``PROGRAM=FILE`` or ``PROGRAM=FILE:ROLE`` for each program.
    """
    given = {program: value.partition(":") for program, value in (one.split("=", 1) for one in arguments)}
    owner = sa.make_url(Settings.from_env().database_url)
    make_roles(
        owner,
        {program: Path(file).read_text(encoding="utf-8").strip() for program, (file, _, _) in given.items()},
        {
            "soccer": str(owner.database),
            "dagster": _name_in("DAGSTER_POSTGRES_URL", "dagster"),
            "mlflow": _name_in("MLFLOW_BACKEND_STORE_URI", "mlflow"),
        },
        {program: role for program, (_, _, role) in given.items() if role},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
