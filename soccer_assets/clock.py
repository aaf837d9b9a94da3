"""Now: the one place where the time of day enters the system.

Real time, or the instant of ``SOCCER_NOW``, which does not tick. Feed, partitions, features, ledger and
sidecar ask the same clock, so a past day can be replayed without anyone peeking ahead.
"""

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the current instant as an aware ``datetime`` in UTC."""

    @property
    def is_fixed(self) -> bool:
        """Whether the clock stands still, as in a replay."""
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
    """One instant that does not tick."""

    is_fixed = True

    def __init__(self, instant: dt.datetime) -> None:
        if instant.tzinfo is None:
            raise ValueError(f"{instant} has no time zone; write it as 2025-04-25T09:00:00Z")
        self._instant = instant.astimezone(dt.UTC)

    def now(self) -> dt.datetime:
        """The current instant, aware, in UTC."""
        return self._instant


class ReplayClock(FixedClock):
    """An instant that a replay moves forward, step by step."""

    def advance(self, instant: dt.datetime) -> None:
        """Move to a later instant.

        Raises:
            ValueError: time would run backwards.
        """
        if instant < self._instant:
            raise ValueError(f"a replay goes forward: {instant} lies before {self._instant}")
        self._instant = instant


def clock_at(instant: dt.datetime | None) -> Clock:
    """The fixed clock of ``instant``, or real time where there is none."""
    return SystemClock() if instant is None else FixedClock(instant)


def parse_instant(text: str) -> dt.datetime:
    """Read an ISO 8601 instant with a time zone, such as ``2025-04-25T09:00:00Z``.

    Raises:
        ValueError: the text is no instant, or names no time zone.
    """
    instant = dt.datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it as 2025-04-25T09:00:00Z")
    return instant.astimezone(dt.UTC)


def isoformat(instant: dt.datetime) -> str:
    """The instant as text: UTC, to the second, ending in ``Z``."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
