"""The message to a follower: what is new of each match, its page, and the link that ends it.

It names neither host nor folder: a follower need not be an operator.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from soccer_assets.alerting.alert import UNSUBSCRIBE, Alert, Link, Origin, alert_of
from soccer_assets.alerting.faults import Notification
from soccer_assets.alerting.rendering import Message, when


def render_news(
    notifications: Sequence[Notification], *, pages: str, link: str, follower: str, origin: Origin
) -> Message:
    """One message of all news.

    Args:
        notifications: at least one.
        pages: address of the sidecar.
        link: ends the subscription; empty where there are no pages.
        follower: id of the subscriber, for the operator's command where there is no link.
        origin: of the installation.
    """
    seen = msgspec.structs.replace(origin, host="", home="", pages=pages)
    now = dt.datetime.fromisoformat(notifications[0].condition.since)
    alerts = [_with_link(alert_of(each, seen, now), link) for each in notifications]
    more = f"; and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    lines = [line for alert in alerts for line in _lines(alert)]
    end = f"To end it: {link}" if link else f"To end it: soccer alerts unsubscribe {follower}"
    foot = f"You follow these matches or their teams. Probabilities, not advice to bet.\n{end}"
    return Message(f"[soccer] {alerts[0].headline}{more}", "\n".join([*lines, foot]), tuple(alerts))


def _lines(alert: Alert) -> list[str]:
    return [alert.headline, f"said {when(alert.since)}", *(link.href for link in alert.links[:1]), ""]


def _with_link(alert: Alert, link: str) -> Alert:
    return msgspec.structs.replace(alert, links=(*alert.links, Link(UNSUBSCRIBE, link))) if link else alert
