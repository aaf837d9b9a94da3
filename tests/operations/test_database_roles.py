"""What each role of a deployment's PostgreSQL may do."""

import contextlib

import pytest
import sqlalchemy as sa

from soccer_assets.operations.database_roles import main, make_roles

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


def test_two_installations_on_one_server_have_roles_of_their_own(
    address, migrated_databases, tmp_path, monkeypatch
):
    """The second's roles do not reach the first's databases, and its passwords are not the first's."""
    with contextlib.ExitStack() as stack:
        urls = [sa.make_url(stack.enter_context(migrated_databases.lent())) for _ in range(3)]
        for variable, url in zip(
            ("SOCCER_DATABASE_URL", "DAGSTER_POSTGRES_URL", "MLFLOW_BACKEND_STORE_URI"), urls, strict=True
        ):
            monkeypatch.setenv(variable, url.render_as_string(hide_password=False))
        (tmp_path / "password").write_text("of-north\n")
        main([f"{program}={tmp_path}/password:{program}_north" for program in ("graph", "mlflow", "serving")])
        monkeypatch.setitem(_PASSWORDS, "graph_north", "of-north")

        for own in urls[:2]:
            execute(own, "graph_north", "TRUNCATE match CASCADE")
        execute(address, "graph", "TRUNCATE match CASCADE")  # by the password that it had
        for role, foreign in (("graph_north", address), ("graph_north", urls[2]), ("graph", urls[0])):
            with pytest.raises(sa.exc.OperationalError, match="permission denied for database"):
                execute(foreign, role, "SELECT 1")
