"""Schema migrations of the match tables, by Alembic.

Not here: the current tables (``tables.py``).
"""
