"""Sends what waits, through Apprise: mail, Slack, Teams, webhooks and a hundred others by address."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

from soccer_assets.alerting.book import Book, Delivery
from soccer_assets.alerting.message import scrub
from soccer_assets.alerting.subscribers import Subscriber, SubscriberError


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
        receiver = Apprise.instantiate(subscriber.address(environ))
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
            return scrub(f"{type(error).__name__}: {error}", environ)
        reason = captured.getvalue().strip()
    return "" if is_sent else scrub(reason.splitlines()[-1] if reason else "the receiver refused it", environ)
