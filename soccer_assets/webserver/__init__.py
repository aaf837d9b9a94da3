"""Dagster's webserver behind a guard: who may ask it, from which page, and for what.

Here: the ASGI guard, the reading of GraphQL operations, the roles, the process. Not here: the graph that the
pages show (``graph``).
"""
