"""What each role of a deployment's PostgreSQL may do."""

import pytest
import sqlalchemy as sa

from soccer_assets.operations.database_roles import make_roles

_PASSWORDS = {"graph": "of-graph", "serving": "of-serving"}


@pytest.fixture
def address(migrated_databases):
    """A migrated database whose roles were made twice: `migrate` runs at each start."""
    with migrated_databases.lent() as url:
        owner = sa.make_url(url)
        for _ in range(2):
            make_roles(owner, _PASSWORDS, {"soccer": str(owner.database)})
        yield owner


def execute(address: sa.URL, role: str, statement: str) -> None:
    """Run a statement as a role, and take it back."""
    engine = sa.create_engine(address.set(username=role, password=_PASSWORDS[role]), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def test_the_sidecar_reads_matches_and_teams_and_nothing_else(address):
    """Its role selects from two tables; other tables, writes and new tables are refused."""
    for table in ("match", "team"):
        execute(address, "serving", f"TABLE {table}")
    for refused in (
        "SELECT * FROM installation",
        "TRUNCATE match CASCADE",
        "CREATE TABLE own (number int)",
    ):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            execute(address, "serving", refused)


def test_the_graph_changes_rows_and_no_tables(address):
    """Its role reads, writes and analyses every table; it neither makes nor drops one."""
    for allowed in ("TRUNCATE match CASCADE", "SELECT * FROM installation", "ANALYZE match"):
        execute(address, "graph", allowed)
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        execute(address, "graph", "CREATE TABLE own (number int)")
    with pytest.raises(sa.exc.ProgrammingError, match="must be owner"):
        execute(address, "graph", "DROP TABLE team")
