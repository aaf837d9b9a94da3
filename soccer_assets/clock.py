"""The clock: the only source of the current time.

It gives real time, or the fixed instant of ``SOCCER_NOW``. Feed, partitions, features, ledger and sidecar use
the same clock, so a past day can be replayed without information from later days.
"""

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the current instant as an aware ``datetime`` in UTC."""

    @property
    def is_fixed(self) -> bool:
        """Whether the clock is fixed, as in a replay."""
        ...

    def now(self) -> dt.datetime:
        """The current instant, aware, in UTC."""
        ...


class SystemClock:
    """Real time."""

    is_fixed = False

    def now(self) -> dt.datetime:
        """The current instant, aware, in UTC."""
        return dt.datetime.now(dt.UTC)


class FixedClock:
    """A fixed instant."""

    is_fixed = True

    def __init__(self, instant: dt.datetime) -> None:
        if instant.tzinfo is None:
            raise ValueError(f"{instant} has no time zone; write it as 2025-04-25T09:00:00Z")
        self._instant = instant.astimezone(dt.UTC)

    def now(self) -> dt.datetime:
        """The current instant, aware, in UTC."""
        return self._instant


class ReplayClock(FixedClock):
    """A fixed instant that a replay moves forward."""

    def advance(self, instant: dt.datetime) -> None:
        """Move to a later instant.

        Raises:
            ValueError: the instant is earlier than the current one.
        """
        if instant < self._instant:
            raise ValueError(f"a replay goes forward: {instant} is before {self._instant}")
        self._instant = instant


def clock_at(instant: dt.datetime | None) -> Clock:
    """A clock fixed at ``instant``, or real time for None."""
    return SystemClock() if instant is None else FixedClock(instant)


def parse_instant(text: str) -> dt.datetime:
    """Read an ISO 8601 instant with a time zone, such as ``2025-04-25T09:00:00Z``.

    Raises:
        ValueError: the text is not an instant, or has no time zone.
    """
    instant = dt.datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it as 2025-04-25T09:00:00Z")
    return instant.astimezone(dt.UTC)


def isoformat(instant: dt.datetime) -> str:
    """The instant as text: UTC, to the second, ending in ``Z``."""
    # Not strftime: it writes the year 999 with three digits, which sorts behind all others.
    return instant.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def midnight(day: dt.date) -> dt.datetime:
    """The first instant of a UTC day."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)
