"""When declarative automation rebuilds an asset by itself.

The hourly job carries what must be right; these conditions follow up on what is started by hand (a backfill,
one asset from its page). They lean on nothing that Dagster 1.13's ``eager`` may swallow: an update that lands
between two ticks is picked up by the next hourly run.
"""

import dagster as dg

# Plain eager() below 300 monthly partitions waits until every one of them is there.
FOLLOW_UPSTREAM = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .with_label("follow_upstream")
)
