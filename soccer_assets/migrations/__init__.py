"""Schema migrations of the match tables, by Alembic.

Not here: the tables as they are now (``tables.py``).
"""
