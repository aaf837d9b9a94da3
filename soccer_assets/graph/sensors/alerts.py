"""The alert sensor: checks the graph every 30 seconds and notifies the subscribers of what changed."""

from functools import partial

import dagster as dg

from soccer_assets.alerting.detection import graph_conditions, healing_run, store_conditions
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.subscribers import SubscriberError
from soccer_assets.clock import SystemClock
from soccer_assets.graph import freshness
from soccer_assets.graph.assets.model import GATE_CHECKS
from soccer_assets.resources.object_store import ObjectStore


@dg.sensor(
    description="Checks runs, checks, freshness and the store for faults, and notifies each subscriber once "
    "when a "
    "fault begins and once when it recovers. Followers of teams and matches hear of their forecasts.",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def alert_sensor(
    context: dg.SensorEvaluationContext,
    alert_notifier: dg.ResourceParam[AlertNotifier],
    object_store: dg.ResourceParam[ObjectStore],
) -> dg.SkipReason:
    """Notifies each subscriber once when a fault begins, and once when it recovers."""
    graph = context.repository_def.asset_graph if context.repository_def else None
    checks = graph.asset_check_keys - GATE_CHECKS if graph else ()
    now = SystemClock().now()
    folder = object_store.root if object_store.is_local else ""
    conditions = [
        *graph_conditions(context.instance, freshness.PROMISES, checks, now, folder),
        *store_conditions(object_store, now),
    ]
    try:
        counts = alert_notifier.report("graph", conditions, partial(healing_run, context.instance))
        alert_notifier.tell_followers(object_store)
    except SubscriberError as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason(
        f"open faults and notices: {counts.conditions}; new notifications: {counts.notifications}; messages "
        f"delivered: {counts.sent}, failed and to be retried: {counts.failed}"
    )
