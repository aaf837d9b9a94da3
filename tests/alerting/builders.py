"""Conditions for the tests of alerts."""

import datetime as dt

import msgspec

from soccer_assets.alerting.conditions import FAILURE, Condition

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)

STALE = Condition(
    kind="freshness",
    subject="releases/current",
    severity=FAILURE,
    since="2026-11-24T08:07:00Z",
    what="is stale",
    promise="fails after 3 hours",
    cause="livescores/recent: https://feed.example.org did not answer within 30 s",
    path="/assets/releases/current",
)


def condition(subject: str, **changes: str) -> Condition:
    """A stale asset, but for ``changes``."""
    return msgspec.structs.replace(STALE, subject=subject, **changes)
