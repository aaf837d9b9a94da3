"""Conditions and receivers for the tests of alerts."""

import datetime as dt
import email
from email.message import Message
from typing import Any

import msgspec

from soccer_assets.alerting.alert import Origin
from soccer_assets.alerting.faults import FAILURE, Condition

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)

ORIGIN = Origin(
    host="web-1",
    home="/srv/soccer",
    feed="simulated",
    installation="5f0c2a9be1d40377",
    pages="https://soccer.example.org/dagster",
    is_public=True,
)

STALE = Condition(
    kind="freshness",
    subject="releases/current",
    severity=FAILURE,
    since="2026-11-24T08:07:00Z",
    what="is stale",
    promise="fails after 3 hours",
    cause="livescores/recent: https://feed.example.org did not answer within 30 s",
    path="/assets/releases/current",
    asset="releases/current",
)


def condition(subject: str, **changes: str) -> Condition:
    """A stale asset with ``changes``."""
    return msgspec.structs.replace(STALE, subject=subject, **changes)


class Mailbox:
    """The mails that a mail server accepted."""

    def __init__(self) -> None:
        self.mails: list[Message] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        self.mails.append(email.message_from_bytes(envelope.content))
        return "250 OK"
