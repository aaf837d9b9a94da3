"""Delivery of pending messages through Apprise: mail, Slack, Teams, webhooks and a hundred other services."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

from soccer_assets.alerting.outbox import Delivery, Outbox
from soccer_assets.alerting.subscribers import Subscriber, SubscriberError
from soccer_assets.masking import MASK, mask


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
    from apprise.plugins.email import NotifyEmail  # noqa: PLC0415

    # Apprise logs addresses, and those hold secrets.
    logging.getLogger("apprise").propagate = False
    try:
        address = subscriber.address(environ)
        receiver = Apprise.instantiate(address)
    except SubscriberError as error:
        return str(error)
    if receiver is None:
        return f"subscriber {subscriber.id}: its address is not valid"
    headers = getattr(receiver, "headers", None)
    if headers is not None:
        headers["X-Soccer-Alert-Id"] = delivery.delivery_id
    if isinstance(receiver, NotifyEmail):
        # The operator of this home removes people: `soccer alerts unsubscribe`.
        receiver.headers["List-Unsubscribe"] = (
            f"<mailto:{receiver.from_addr[1]}?subject=unsubscribe%20{subscriber.id}>"
        )
    body = f"{delivery.body}\nAlert:   {delivery.delivery_id}"
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
        try:
            is_sent = receiver.notify(title=delivery.title, body=body, notify_type="warning")
        except Exception as error:  # noqa: BLE001 - a fault of any receiver must leave the message pending
            return _redacted(f"{type(error).__name__}: {error}", subscriber, environ)
        reason = captured.getvalue().strip()
    if is_sent:
        return ""
    return _redacted(reason.splitlines()[-1] if reason else "the receiver rejected it", subscriber, environ)


def _redacted(reason: str, subscriber: Subscriber, environ: Mapping[str, str]) -> str:
    """The reason without any part of the address: services put tokens in the path as well as in the user."""
    for part in sorted(subscriber.secrets(environ), key=len, reverse=True):
        reason = reason.replace(part, MASK)
    return mask(reason, environ)
