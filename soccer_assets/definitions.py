"""The code location: the graph of the home that the environment names, built when Dagster asks for it."""

import functools

import dagster as dg

from soccer_assets.garbage import uncollected

with uncollected():
    from soccer_assets.graph.build import build_definitions
    from soccer_assets.settings import Settings


# Cached: a code server of Dagster 1.13 calls it twice.
@dg.definitions
@functools.cache
def defs() -> dg.Definitions:
    """Build the graph from the environment's settings, once in a process."""
    return build_definitions(Settings.from_env())
