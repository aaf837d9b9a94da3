"""Sends what waits, through Apprise: mail, Slack, Teams, webhooks and a hundred others by address."""

import datetime as dt
import logging
import re
from collections.abc import Mapping, Sequence

from soccer_assets.alerting.outbox import Book, Delivery
from soccer_assets.alerting.rendering import scrub
from soccer_assets.alerting.subscribers import Subscriber, SubscriberError

# Shorter parts are words such as `to` and `hook`.
_ADDRESS_PART = re.compile(r"[^/:@?&=]{8,}")


def deliver(
    book: Book, subscribers: Sequence[Subscriber], environ: Mapping[str, str], now: dt.datetime
) -> tuple[int, int]:
    """Send everything that is due; returns how many messages left and how many must wait."""
    by_id = {one.id: one for one in subscribers}
    sent = failed = 0
    while taken := book.take_due(now):
        for delivery in taken:
            subscriber = by_id.get(delivery.subscriber)
            if subscriber is None:  # left meanwhile
                book.forget(delivery.subscriber)
            elif error := send(subscriber, delivery, environ):
                book.failed(delivery, error, now)
                failed += 1
            else:
                book.delivered(delivery, now)
                sent += 1
    return sent, failed


def send(subscriber: Subscriber, delivery: Delivery, environ: Mapping[str, str]) -> str:
    """Send one message now; returns why it did not leave, or nothing."""
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
        return f"subscriber {subscriber.id}: its address cannot be understood"
    headers = getattr(receiver, "headers", None)
    if headers is not None:
        headers["X-Soccer-Alert-Id"] = delivery.delivery_id
    if isinstance(receiver, NotifyEmail):
        # The operator of this home takes people off: `soccer alerts unsubscribe`.
        receiver.headers["List-Unsubscribe"] = (
            f"<mailto:{receiver.from_addr[1]}?subject=unsubscribe%20{subscriber.id}>"
        )
    body = f"{delivery.body}\nAlert:   {delivery.delivery_id}"
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
        try:
            is_sent = receiver.notify(title=delivery.title, body=body, notify_type="warning")
        except Exception as error:  # noqa: BLE001 - any receiver's fault must leave the message waiting
            return _hidden(f"{type(error).__name__}: {error}", address, environ)
        reason = captured.getvalue().strip()
    if is_sent:
        return ""
    return _hidden(reason.splitlines()[-1] if reason else "the receiver refused it", address, environ)


def _hidden(reason: str, address: str, environ: Mapping[str, str]) -> str:
    """The reason without what the address holds: tokens stand in its path as often as in its user."""
    for part in sorted(_ADDRESS_PART.findall(address), key=len, reverse=True):
        reason = reason.replace(part, "***")
    return scrub(reason, environ)
