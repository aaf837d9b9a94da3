"""The status sensor: rewrites the status beside the release pointer every minute."""

from functools import partial

import dagster as dg
import msgspec

from soccer_assets.alerting.open_alerts import open_alerts
from soccer_assets.clock import Clock, SystemClock
from soccer_assets.contract.pipeline import PIPELINE_KEY
from soccer_assets.contract.status import Status
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.graph.jobs import JOB_NAMES
from soccer_assets.graph.planned_runs import planned_runs
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.monitoring.pipeline import pipeline_state
from soccer_assets.stores.releases.current_status import current_status
from soccer_assets.stores.releases.origin import inspect
from soccer_assets.stores.releases.publish import Releases


@dg.sensor(
    description="Rewrites the status beside the release pointer, so that the sidecar's clients see a stale "
    "asset within a minute, and the state of the runs for its metrics.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def status_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[Database],
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Rewrites the status beside the release pointer, so that clients see a stale asset within a minute."""
    wall = SystemClock().now()
    state = pipeline_state(
        context.instance,
        JOB_NAMES,
        database,
        feed,
        clock.now(),
        wall,
        planned=planned_runs(context.instance, wall),
        alerts=open_alerts(database),
    )
    object_store.write(PIPELINE_KEY, msgspec.json.encode(state))
    if releases.pointer() is None:
        return dg.SkipReason("no release yet: there is no status to update; run build_everything")
    if refused := inspect(database, object_store, is_simulated=feed.is_simulated).text:
        return dg.SkipReason(f"status not updated: {refused}")
    status = releases.write_status(
        partial(current_status, database, feed, clock, context.instance, freshness.WATCHED), clock.now()
    )
    return dg.SkipReason(_sentence(status))


def _sentence(status: Status) -> str:
    """The numbers of the status: assets by state, the newest result and when the next one is due."""
    keys: dict[str, list[str]] = {}
    for asset in status.assets:
        keys.setdefault(asset.state, []).append(asset.key)
    states = "; ".join(f"{len(names)} {state} ({', '.join(names)})" for state, names in sorted(keys.items()))
    newest, due = status.data_as_of or "none", status.next_expected_at or "none"
    return f"status updated: {states or 'no watched asset'}; newest result {newest}, next result due {due}"
