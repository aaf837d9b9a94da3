"""A graph of one asset, for the guard's tests."""

import dagster as dg


@dg.asset
def number() -> None:
    """Materialise nothing."""


defs = dg.Definitions(assets=[number])
