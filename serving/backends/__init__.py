"""Clients of what stands beside the sidecar: Redis, Dagster, the match table.

Not here: what a route makes of their answers (``routes``).
"""
