"""The status sensor: rewrites the status beside the release pointer every minute."""

import dagster as dg

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.resources.database import Database
from soccer_assets.stores.releases.current_status import current_status
from soccer_assets.stores.releases.publish import Releases


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def status_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Rewrites the status beside the release pointer, so that clients see a stale asset within a minute."""
    if releases.pointer() is None:
        return dg.SkipReason("nothing is released yet")
    status = current_status(database, feed, clock, context.instance, freshness.WATCHED)
    releases.write_status(status, clock.now())
    return dg.SkipReason(", ".join(f"{asset.key} {asset.state}" for asset in status.assets))
