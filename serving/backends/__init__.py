"""Clients of the systems beside the sidecar: Redis, Dagster, the match table.

Each has short timeouts and raises its own ``...UnavailableError``. Not here: how a route answers then
(``routes``), and the object store (``release/reader.py``).
"""
