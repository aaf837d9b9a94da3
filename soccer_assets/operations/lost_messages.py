"""Messages that a broker lost, sent again: a run waits for a worker, and no message of it waits for one.

A server that starts again without its file loses them, and so does a worker that is cut off in the moment in
which it takes one. Every worker looks. That a message is sent twice does no harm: the second finds a lease,
or a run that is over.
"""

import datetime as dt
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.launcher.base import LaunchRunContext

from soccer_assets.clock import SystemClock
from soccer_assets.resources.dagster_runs import BACKFILL, QUEUE_TAG

if TYPE_CHECKING:
    from soccer_assets.resources.fleet_launcher import FleetRunLauncher

LOOK_SECONDS = 15.0
# From the message to the first sign of life of the run's process, on a machine of a third of a core.
_STARTS_WITHIN = dt.timedelta(seconds=15)


def send_lost_messages(instance: dg.DagsterInstance, say: Callable[[str], object], is_over: Event) -> None:
    """Look every 15 seconds until the worker ends; a look that fails is made again."""
    while not is_over.wait(LOOK_SECONDS):
        try:
            for run_id in send_again(instance, SystemClock().now() - _STARTS_WITHIN):
                say(f"run {run_id} is sent again: its message is lost")
        except Exception as error:  # noqa: BLE001 - a database or broker that is away, by any driver
            say(f"cannot look for lost messages: {type(error).__name__}")


def send_again(instance: dg.DagsterInstance, before: dt.datetime) -> list[str]:
    """Send the runs again that wait since an instant without a message and a worker; returns their ids."""
    launcher: FleetRunLauncher = instance.run_launcher  # type: ignore[assignment]  # a fleet's
    waiting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING], updated_before=before)
    lost = [
        run
        for run in instance.get_runs(waiting)
        if not launcher.leases.waiting(run.tags.get(QUEUE_TAG, BACKFILL))
        and launcher.leases.holder(run.run_id) is None
    ]
    workspace: Any = None  # that of the daemon, which our launcher does not ask
    for run in lost:
        launcher.launch_run(LaunchRunContext(run, workspace))
    return [run.run_id for run in lost]
