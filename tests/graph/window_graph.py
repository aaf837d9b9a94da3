"""A code location of the livescores stage alone, whose history begins in 2025."""

import datetime as dt

import dagster as dg

from soccer_assets.clock import SystemClock
from soccer_assets.graph.assets.livescores import livescore_assets

defs = dg.Definitions(
    assets=livescore_assets(dt.date(2025, 1, 1), SystemClock()),
    resources=dict.fromkeys(("database", "feed", "clock"), dg.ResourceDefinition.hardcoded_resource(None)),
)
