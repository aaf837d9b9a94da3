"""Alembic's environment: migrates on the connection that `Database.migrate` passes."""

from alembic import context

from soccer_assets.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
