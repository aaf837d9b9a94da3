"""Alembic revisions, one file per schema change. Not here: the current tables (``tables.py``)."""
