"""Dagster's daemon, which looks every second at what it otherwise looks at every 5 or 30."""

from typing import Any

from dagster._daemon import asset_daemon, controller, daemon, sensor
from dagster._daemon.cli import main

_SECONDS = 1
_from_interval = daemon.IntervalDaemon.__init__


def _impatient(self: daemon.IntervalDaemon[Any], interval_seconds: float, **jitter: float) -> None:
    _from_interval(self, min(interval_seconds, _SECONDS), **jitter)


daemon.IntervalDaemon.__init__ = _impatient  # type: ignore[method-assign]
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = _SECONDS  # of backfills
controller.THREAD_CHECK_INTERVAL = _SECONDS  # until it sees a signal
sensor.MIN_INTERVAL_LOOP_TIME = _SECONDS
asset_daemon.MIN_INTERVAL_LOOP_SECONDS = _SECONDS  # of automation sensors

if __name__ == "__main__":
    main()
