"""When declarative automation rebuilds an asset, and the sensor that evaluates it.

The hourly job guarantees that everything is brought up to date; these conditions only follow up on what is
started by hand (a backfill, one asset from its page). An update that lands between two ticks may be missed by
Dagster 1.13's ``eager``: the next hourly run picks it up.
"""

import dagster as dg

from soccer_assets.resources.dagster_runs import PUBLISHES, at_most

# Plain eager() below 300 monthly partitions waits until every partition is materialised.
FOLLOW_UPSTREAM = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .with_label("follow_upstream")
)

# Without this sensor Dagster adds a default one that is switched off.
follow_upstream_sensor = dg.AutomationConditionSensorDefinition(
    "follow_upstream_sensor",
    target=dg.AssetSelection.groups(
        *("matches", "exports", "features", "predictions", "releases"),
        *("projections", "history", "downloads"),
    ),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    run_tags=PUBLISHES | at_most(hours=6),
    description="Starts a run of the stages behind what was materialised by hand, such as a backfill or one "
    "asset from "
    "its page.",
)
