"""Delivery of pending messages to mail, incident services, webhooks and all else that Apprise reaches."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from soccer_assets.alerting.alert import SCHEMA_VERSION, UNSUBSCRIBE, Alert
from soccer_assets.alerting.incidents import send_incidents
from soccer_assets.alerting.mail import send_mail
from soccer_assets.alerting.outbox import Delivery, Outbox
from soccer_assets.alerting.subscribers import Subscriber, SubscriberError
from soccer_assets.masking import MASK, mask

if TYPE_CHECKING:
    from apprise import NotifyBase

_REJECTED = "the receiver rejected it"


def deliver(
    outbox: Outbox, subscribers: Sequence[Subscriber], environ: Mapping[str, str], now: dt.datetime
) -> tuple[int, int]:
    """Send every due message; returns how many were delivered and how many failed."""
    by_id = {subscriber.id: subscriber for subscriber in subscribers}
    sent = failed = 0
    while taken := outbox.take_due(now):
        for delivery in taken:
            subscriber = by_id.get(delivery.subscriber)
            if subscriber is None:  # unsubscribed meanwhile
                outbox.delete_subscriber(delivery.subscriber)
            elif error := send(subscriber, delivery, environ):
                outbox.mark_failed(delivery, error, now)
                failed += 1
            else:
                outbox.mark_delivered(delivery, now)
                sent += 1
    return sent, failed


def send(subscriber: Subscriber, delivery: Delivery, environ: Mapping[str, str]) -> str:
    """Send one message now; returns the error, empty on success."""
    from apprise import Apprise, LogCapture  # noqa: PLC0415 - 0.3 s that only alerts pay

    # Apprise logs addresses, and those hold secrets.
    logging.getLogger("apprise").propagate = False
    try:
        address = subscriber.address(environ)
        receiver = Apprise.instantiate(address)
    except SubscriberError as error:
        return str(error)
    if receiver is None:
        return f"subscriber {subscriber.id}: its address is not valid"
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
        try:
            failure = _send_to(receiver, subscriber, delivery)
        except Exception as raised:  # noqa: BLE001 - a fault of any receiver must leave the message pending
            return _redacted(f"{type(raised).__name__}: {raised}", subscriber, environ)
        reason = captured.getvalue().strip()
    if not failure:
        return ""
    return _redacted(reason.splitlines()[-1] if reason else failure, subscriber, environ)


def _send_to(receiver: "NotifyBase", subscriber: Subscriber, delivery: Delivery) -> str:
    """Send one message in the receiver's own form; returns the error, empty on success."""
    from apprise import NotifyFormat  # noqa: PLC0415
    from apprise.conversion import convert_between  # noqa: PLC0415
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415
    from apprise.plugins.email import NotifyEmail  # noqa: PLC0415
    from apprise.plugins.email.base import PGP_MODE_DEFAULT  # noqa: PLC0415
    from apprise.plugins.opsgenie import NotifyOpsgenie  # noqa: PLC0415
    from apprise.plugins.pagerduty import NotifyPagerDuty  # noqa: PLC0415

    headers = getattr(receiver, "headers", None)
    if headers is not None:
        headers["X-Soccer-Alert-Id"] = delivery.delivery_id
    body = f"{delivery.body}\nAlert:    {delivery.delivery_id}"
    if isinstance(receiver, NotifyEmail):
        # The operator removes subscribers of alerts: `soccer alerts unsubscribe`; followers have a link.
        by_mail = f"<mailto:{receiver.from_addr[1]}?subject=unsubscribe%20{subscriber.id}>"
        links = [link.href for alert in delivery.alerts for link in alert.links if link.name == UNSUBSCRIBE]
        receiver.headers["List-Unsubscribe"] = ", ".join([*(f"<{link}>" for link in links[:1]), by_mail])
        if links and links[0].startswith("https://"):
            receiver.headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        if receiver.pgp_mode == PGP_MODE_DEFAULT:  # what is signed or encrypted Apprise sends, as text
            return send_mail(receiver, delivery.title, body, delivery.alerts, delivery.delivery_id)
    if isinstance(receiver, NotifyPagerDuty | NotifyOpsgenie) and delivery.alerts:
        return "" if send_incidents(receiver, delivery.alerts) else _REJECTED
    kind = _type_of(delivery.alerts)
    if isinstance(receiver, NotifyJSON):
        receiver.payload_extras |= _webhook_fields(delivery)
    # It is text: escaped for receivers that take HTML or Markdown, as is a title that joins the body.
    form = receiver.resolve_format(NotifyFormat.TEXT)
    title = delivery.title
    if receiver.title_maxlen <= 0:
        title = str(convert_between(NotifyFormat.TEXT, form, title))  # type: ignore[no-untyped-call]
    body = str(convert_between(NotifyFormat.TEXT, form, body))  # type: ignore[no-untyped-call]
    is_sent = receiver.notify(title=title, body=body, notify_type=kind, body_format=NotifyFormat.TEXT)
    return "" if is_sent else _REJECTED


def _webhook_fields(delivery: Delivery) -> dict[str, Any]:
    """The fields of `Webhook` that Apprise does not write itself."""
    return {
        "schema_version": SCHEMA_VERSION,
        "alert_id": delivery.delivery_id,
        "alerts": msgspec.to_builtins(delivery.alerts),
    }


def _type_of(alerts: Sequence[Alert]) -> Any:
    """Apprise's word for the worst of a message: failure, warning, info or success."""
    from apprise import NotifyType  # noqa: PLC0415

    found = {"success" if alert.state == "resolved" else alert.severity for alert in alerts}
    for severity, kind in (("failure", NotifyType.FAILURE), ("warning", NotifyType.WARNING)):
        if severity in found:
            return kind
    if not found:  # queued by an older version
        return NotifyType.WARNING
    return NotifyType.SUCCESS if found == {"success"} else NotifyType.INFO


def _redacted(reason: str, subscriber: Subscriber, environ: Mapping[str, str]) -> str:
    """The reason without any part of the address: services put tokens in the path as well as in the user."""
    for part in sorted(subscriber.secrets(environ), key=len, reverse=True):
        reason = reason.replace(part, MASK)
    return mask(reason, environ)
