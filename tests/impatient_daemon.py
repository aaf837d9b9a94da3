"""Dagster's daemon, which looks every 1 or 3 seconds at what it otherwise looks at every 5 or 30 seconds.

Not more often: each look costs a few hundredths of a second, which a machine with busy cores does not have.
"""

from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._daemon import asset_daemon, controller, sensor
from dagster._daemon.cli import main

_SECONDS = 3

QueuedRunCoordinator.dequeue_interval_seconds = 1  # type: ignore[assignment, method-assign]
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = _SECONDS  # of backfills
controller.THREAD_CHECK_INTERVAL = 1  # until it sees a signal
sensor.MIN_INTERVAL_LOOP_TIME = _SECONDS
asset_daemon.MIN_INTERVAL_LOOP_SECONDS = _SECONDS  # of automation sensors

if __name__ == "__main__":
    main()
