"""Databases of a test's PostgreSQL: made from a template, or emptied between the tests that use them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from soccer_assets.resources.database import Database
from soccer_assets.stores.installation import write_id
from tests.builders import INSTALLATION

MIGRATED = "migrated"
# Columns, constraints, indexes, triggers, grants and settings: a database that differs in one is dropped.
_SHAPE = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
  SELECT concat_ws(',', attrelid::regclass, attname, atttypid, atttypmod, attnotnull, relacl, relkind) AS line
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
  UNION ALL SELECT concat_ws(',', conrelid::regclass, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(',', nspname, nspacl) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_t%'
  UNION ALL SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting
    JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()
) AS shape
"""
_KEPT_ROWS = """
SELECT to_json(version)::text FROM alembic_version AS version
UNION ALL SELECT to_json(own)::text FROM installation AS own
"""
# DELETE, not TRUNCATE, which writes a new file for each of some 70 tables and their indexes.
_EMPTY = """
DO $$
DECLARE part record; used boolean;
BEGIN
  SET LOCAL session_replication_role = replica;  -- in any order of foreign keys
  FOR part IN SELECT oid::regclass AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname NOT IN ('alembic_version', 'installation')
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', part.name) INTO used;
    IF used THEN EXECUTE format('DELETE FROM %s', part.name); END IF;
  END LOOP;
  FOR part IN SELECT schemaname, sequencename, start_value FROM pg_sequences WHERE last_value IS NOT NULL LOOP
    PERFORM setval(format('%I.%I', part.schemaname, part.sequencename)::regclass, part.start_value, false);
  END LOOP;
END $$
"""
_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def postgres_database(server: str, template: str) -> Iterator[str]:
    """A database made from a template, for as long as the context lasts."""
    url = _create(server, template)
    yield url
    _drop(server, url)


class MigratedDatabases:
    """Databases with all tables and without rows, on one server.

    To make one from the template and to drop it takes PostgreSQL .1 s of CPU on a quiet machine and half a
    second on a busy one, for its thousand files; to empty it takes 20 ms.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        execute(server, f"CREATE DATABASE {MIGRATED}")
        database = Database(_named(server, MIGRATED))
        database.migrate()
        write_id(database, INSTALLATION)
        database.engine.dispose()
        self._state = _state(_named(server, MIGRATED))
        self._free: list[str] = []

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of one; it is emptied afterwards, and dropped if more than rows was changed."""
        url = self._free.pop() if self._free else _create(self._server, MIGRATED)
        yield url
        execute(url, _END_SESSIONS)
        if _state(url) == self._state:
            execute(url, _EMPTY)
            self._free.append(url)
        else:
            _drop(self._server, url)


def execute(url: str, statement: str) -> list[sa.Row[tuple[object, ...]]]:
    """Run one statement outside a transaction; returns its rows."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        result = connection.execute(sa.text(statement))
        return list(result) if result.returns_rows else []


def _state(url: str) -> list[sa.Row[tuple[object, ...]]]:
    """What every test finds: tables, grants, settings, and the rows of a new installation."""
    return execute(url, _SHAPE) + execute(url, _KEPT_ROWS)


def _create(server: str, template: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return _named(server, name)


def _drop(server: str, url: str) -> None:
    execute(server, f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")


def _named(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)
