"""Alerts as incidents of PagerDuty and Opsgenie: begin and end of a fault have one key, so its end closes it.

Each fault is an event of its own, however many are in one message. Notices are not sent: nothing would ever
close them. Who is called and who has taken over is decided there.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from soccer_assets.alerting.alert import Alert
from soccer_assets.alerting.rendering import facts

_OPSGENIE_PRIORITIES = {"failure": 2, "warning": 3}  # P1 is left to people
_OPSGENIE_DETAIL_CHARACTERS = 1000
_PAGERDUTY_SUMMARY_CHARACTERS = 1024


def send_incidents(receiver: Any, alerts: Sequence[Alert]) -> bool:
    """Open or close the incident of each alert; whether the service took all of them.

    Repeated after a failure for all alerts: the key makes the second event of one that was taken harmless.
    """
    from apprise.plugins.opsgenie import NotifyOpsgenie  # noqa: PLC0415 - 0.3 s that only alerts pay

    send = _to_opsgenie if isinstance(receiver, NotifyOpsgenie) else _to_pagerduty
    receiver.request_rate_per_sec = 0  # by default Apprise waits 5.5 s between two events
    taken = [send(receiver, alert) for alert in alerts if alert.state != "notice"]
    return all(taken)


def _to_pagerduty(receiver: Any, alert: Alert) -> bool:
    receiver.action = "resolve" if alert.state == "resolved" else "trigger"
    receiver.dedup = alert.dedup_key
    receiver.source = alert.host
    receiver.component = alert.subject
    receiver.class_id = receiver.class_id or alert.kind
    receiver.click = alert.links[0].href if alert.links else None
    receiver.details = msgspec.to_builtins(alert)
    return bool(
        receiver.send(
            body=alert.headline[:_PAGERDUTY_SUMMARY_CHARACTERS],
            notify_type=_type_of(alert),
        )
    )


def _to_opsgenie(receiver: Any, alert: Alert) -> bool:
    import requests  # noqa: PLC0415 - Apprise's own client
    from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP  # noqa: PLC0415

    text = "\n".join(f"{label}: {value}" for label, value in facts(alert))
    if alert.state == "resolved":
        # By its alias: Apprise closes by request ids, which only the process that opened it knows.
        address = OPSGENIE_API_LOOKUP[receiver.region_name]
        url = f"{address}/{_alias(alert)}/close"
        note = {"source": alert.host, "note": text}
        is_taken, _ = receiver._fetch(requests.post, url, note, {"identifierType": "alias"})  # noqa: SLF001
        return bool(is_taken)
    receiver.action = "new"
    receiver.alias = _alias(alert)
    receiver.priority = _OPSGENIE_PRIORITIES[alert.severity]
    receiver.details = {
        name: ("" if value is None else str(value))[:_OPSGENIE_DETAIL_CHARACTERS]
        for name, value in msgspec.to_builtins(alert).items()
        if name != "links"
    } | {f"link_{link.name}": link.href for link in alert.links}
    return bool(receiver.send(body=text, title=alert.headline, notify_type=_type_of(alert)))


def _alias(alert: Alert) -> str:
    """The key as part of a path: servers take ``%2F`` for a slash."""
    return re.sub(r"[^A-Za-z0-9_.:-]", ".", alert.dedup_key)


def _type_of(alert: Alert) -> Any:
    from apprise import NotifyType  # noqa: PLC0415

    if alert.state == "resolved":
        return NotifyType.SUCCESS
    return NotifyType.FAILURE if alert.severity == "failure" else NotifyType.WARNING
